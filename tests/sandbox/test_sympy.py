"""Expressions of SymPy, both ways, as they stand; and frames that claim to be one."""

from typing import Any

import pytest

from grader.sandbox.wire import protocol
from tests.sandbox.test_kinds import crossed, decoded, made

sympy = pytest.importorskip("sympy")
EXPRESSIONS = [
    "x**2*sin(x) + 2*x*cos(x)", "Rational(1, 3)", "3", "-7", "1/x - sqrt(2)", "pi + E - I", "oo",
    "zoo", "nan", "2.5", "Float('0.1', 40)", "exp(-x**2)/2", "Eq(x, 2)", "x < 3", "Abs(x - 1)",
    "Integral(x**2, (x, 0, 1))", "Derivative(f(x), x)", "Sum(x, (x, 1, 10))",
    "Limit(sin(x)/x, x, 0)", "Piecewise((x, x > 0), (0, True))", "FiniteSet(1, 2, x)",
    "Interval(0, 1)", "f(x, 1)",
    "Tuple(x, 1)", "true", "log(x, 10)", "Max(x, 3)", "S.Reals", "Lambda(x, x**2)",
    "Mul(2, x + 1, evaluate=False)", "Pow(2, 3, evaluate=False)",
]  # fmt: skip


def parsed(text: str) -> Any:
    names = {name: getattr(sympy, name) for name in dir(sympy)}
    names |= {"x": sympy.Symbol("x"), "f": sympy.Function("f")}
    return eval(text, names)  # noqa: S307 - the texts above


@pytest.mark.parametrize("as_argument", [False, True], ids=["answer", "argument"])
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_crosses_as_it_stands(text: str, as_argument: bool) -> None:
    value = parsed(text)
    back = crossed(value, as_argument=as_argument)
    assert type(back) is type(value)
    assert sympy.srepr(back) == sympy.srepr(value)
    assert str(back) == str(value)


def test_what_a_symbol_is_assumed_to_be_crosses_with_it() -> None:
    n = sympy.Symbol("n", integer=True, positive=True)
    back = crossed(n)
    assert back == n
    assert back != sympy.Symbol("n")
    assert sympy.sqrt(back**2) == n


def test_a_matrix_crosses_as_it_is_and_so_do_dicts_of_expressions() -> None:
    for kind in (sympy.Matrix, sympy.ImmutableMatrix):
        matrix = kind([[1, sympy.Symbol("x")], [sympy.Rational(1, 2), 4]])
        back = crossed(matrix)
        assert type(back) is type(matrix)
        assert back == matrix
    found = {sympy.Integer(2): 1, sympy.sqrt(2): [sympy.Symbol("y")]}
    assert crossed(found) == found


def test_what_is_worked_out_is_worked_out_by_whoever_asks() -> None:
    steps = [(1, 10**6), (5, "factorial", 1)]
    back = decoded(made("SymPy expression", as_node(steps)), [])
    assert str(back) == "factorial(1000000)"  # and no million of digits


def as_node(steps: list[tuple[Any, ...]]) -> Any:
    return protocol.Sequence([protocol.Sequence(list(one), is_tuple=True) for one in steps])


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [(1, 1), (1, 2)],  # two values
        [(1, 1), (5, "Add", 2)],  # more arguments than there are
        [(1, 1), (5, "Add", -1)],
        [(1, 1), (5, "lambdify", 1)],  # no class of an expression
        [(1, 1), (5, "parse_expr", 1)],
        [(0, "__class__")],
        [(0, "register")],
        [(1, "1")],
        [(1, 1.5)],
        [(2, 1, 2.0)],
        [(9, 1)],
        [("a",)],
        [()],
        [(4, 5, [])],
        [(4, "x", [("no_such_thing", 1, 2)])],
        [(3, 0, 1, 0, 1, 10**9)],  # a precision that takes the judge's memory
        [(3, 0, 1, 10**9, 1, 53)],  # an integer of a gigabit, for who asks
        [(3, 0, 1, 0, 1, 0)],
    ],
)
def test_a_frame_that_is_no_expression_breaks_the_protocol(steps: list[tuple[Any, ...]]) -> None:
    with pytest.raises(protocol.ProtocolViolationError):
        decoded(made("SymPy expression", as_node(steps)), [])


def test_a_large_expression_stays_where_it_is() -> None:
    x = sympy.Symbol("x")
    many = sympy.Add(*(x**power for power in range(3, 3_000)), evaluate=False)
    assert not isinstance(crossed(many), sympy.Basic)
