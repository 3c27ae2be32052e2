"""Expressions of SymPy, both ways, as they stand; and frames that claim to be one."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from grader.sandbox.wire import nodes, sympy_kinds
from tests.support.crossing import crossed, decoded, made

sympy = pytest.importorskip("sympy")
EXPRESSIONS = [
    "x**2*sin(x) + 2*x*cos(x)", "Rational(1, 3)", "3", "-7", "1/x - sqrt(2)", "pi + E - I", "oo",
    "zoo", "nan", "2.5", "Float('0.1', 40)", "exp(-x**2)/2", "Eq(x, 2)", "x < 3", "Abs(x - 1)",
    "Integral(x**2, (x, 0, 1))", "Derivative(f(x), x)", "Sum(x, (x, 1, 10))",
    "Limit(sin(x)/x, x, 0)", "Piecewise((x, x > 0), (0, True))", "FiniteSet(1, 2, x)",
    "Interval(0, 1)", "f(x, 1)",
    "Tuple(x, 1)", "true", "log(x, 10)", "Max(x, 3)", "S.Reals", "Lambda(x, x**2)",
    "Mul(2, x + 1, evaluate=False)", "Pow(2, 3, evaluate=False)", "series(sin(x), x, 0, 5)",
    "And(x > 0, x < 1)", "Or(x > 3, Eq(x, 1))", "Union(Interval(0, 1), FiniteSet(4))",
    "Intersection(FiniteSet(x), Interval(0, 1), evaluate=False)", "Product(x, (x, 1, 3))",
    "ImageSet(Lambda(x, x**2), S.Integers)", "ConditionSet(x, Eq(x**2, 3), S.Reals)",
    "Interval.open(0, oo)", "Min(x, 3, f(x))", "Dict({x: 1})", "Order(x**2)", "0.0", "-0.5",
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


def kept_beside(value: Any) -> dict[str, Any]:
    """Return what an object of SymPy's has beside its arguments."""
    slots = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
    names = {name for found in slots for name in ([found] if isinstance(found, str) else found)}
    own = {name: getattr(value, name, None) for name in names - {"_mhash", "_assumptions"}}
    return own | getattr(value, "__dict__", {})


@pytest.mark.parametrize("text", [text for text in EXPRESSIONS if not text.startswith("series")])
def test_nothing_that_a_class_keeps_beside_its_arguments_is_lost(text: str) -> None:
    assert kept_beside(crossed(parsed(text))) == kept_beside(parsed(text))


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


# Each with what its class itself makes of such arguments.
STANDING = {
    "Interval": ([(1, 1), (1, 0), (0, "false"), (0, "false")], "EmptySet"),
    "Union": ([(1, 1), (5, "FiniteSet", 1)] * 2, "FiniteSet"),
    "And": ([(4, "x", []), (1, 0), (5, "LessThan", 2), (0, "true")], "LessThan"),
    "Max": ([(1, 1), (1, 2)], "Integer"),
    "Order": ([(4, "x", []), (1, 7), (4, "x", []), (5, "Mul", 2), (5, "Add", 2),
               (4, "x", []), (1, 0), (5, "Tuple", 2)], "Order"),
}  # fmt: skip


def counted(steps: list[tuple[Any, ...]]) -> int:
    """Return how many arguments are left for a last step."""
    count = 0
    for step in steps:
        count += 1 - (step[-1] if step[0] in {5, 6} else 0)
    return count


@pytest.mark.parametrize("name", STANDING)
def test_no_class_works_out_anything_of_its_arguments(name: str) -> None:
    steps, _ = STANDING[name]
    count = counted(steps)
    back = decoded(made("SymPy expression", as_node([*steps, (5, name, count)])), [])
    assert type(back).__name__ == name
    assert len(back.args) == count


@pytest.mark.parametrize("name", STANDING)
def test_where_its_own_constructor_is_called_it_is_worked_out(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def construct(kind: Any, arguments: list[Any]) -> Any:
        return kind(*arguments)

    steps, becomes = STANDING[name]
    count = counted(steps)
    before = decoded(made("SymPy expression", as_node([*steps, (5, name, count)])), [])
    monkeypatch.setattr(sympy_kinds, "_standing", construct)
    back = decoded(made("SymPy expression", as_node([*steps, (5, name, count)])), [])
    assert becomes in {kind.__name__ for kind in type(back).__mro__}
    assert kept_beside(back) != kept_beside(before)


COMMAND = "__import__('pathlib').Path({!r}).touch()"
MATRICES = ["SymPy MutableDenseMatrix", "SymPy ImmutableDenseMatrix"]


@pytest.mark.parametrize("kind", MATRICES)
def test_no_text_in_a_matrix_is_evaluated(kind: str, tmp_path: Path) -> None:
    trap = tmp_path / "evaluated"
    entries = nodes.Sequence([COMMAND.format(str(trap))])
    with pytest.raises(nodes.ProtocolViolationError, match="no expression"):
        decoded(made(kind, 1, 1, entries), [])
    assert not trap.exists()


@pytest.mark.parametrize("name", [kind.removeprefix("SymPy ") for kind in MATRICES])
def test_sympy_itself_evaluates_a_text_in_a_matrix(name: str, tmp_path: Path) -> None:
    trap = tmp_path / "evaluated"
    with contextlib.suppress(Exception):  # what came of it is no expression
        getattr(sympy, name)(1, 1, [COMMAND.format(str(trap))])
    assert trap.exists()


def as_node(steps: list[tuple[Any, ...]]) -> Any:
    return nodes.Sequence([nodes.Sequence(list(one), is_tuple=True) for one in steps])


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
        [(3, 0, 1, 0, 2**45, 53)],  # a size that is none, of which arithmetic makes one
        [(3, 0, 2, 0, 2, 53)],  # forms that compare and hash as no number does
        [(3, 0, -1, 0, 1, 53)],
        [(3, 7, 1, 0, 1, 53)],
        [(3, 0, 0, 5, 0, 53)],
        [(1, 1), (5, "Interval", 1)],
        [(4, "x", "ab")],
    ],
)
def test_a_frame_that_is_no_expression_breaks_the_protocol(steps: list[tuple[Any, ...]]) -> None:
    with pytest.raises(nodes.ProtocolViolationError):
        decoded(made("SymPy expression", as_node(steps)), [])


def test_a_large_expression_stays_where_it_is() -> None:
    x = sympy.Symbol("x")
    many = sympy.Add(*(x**power for power in range(3, 3_000)), evaluate=False)
    assert not isinstance(crossed(many), sympy.Basic)
