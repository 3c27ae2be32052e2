"""Values of SymPy: expressions and what else is made of a class and its arguments, and matrices.

An expression travels as a list of steps, the arguments of each before it, so that a deep one is no
deep message. It is built again as it stands, without being simplified: nothing is worked out here
that a student's process asks for, and no text is read as an expression, which SymPy would evaluate.
Both sides run this file; in the child it is executed from source, and SymPy is imported where a
value of it is read or built.
"""

from typing import Any

from .kinds import TABLE, Kind, NotByValueError

MOST_STEPS = 5_000
MOST_BITS = 20_000  # of one number
FARTHEST = 1 << 20  # the exponent of 2 of one number
MOST_ENTRIES = 10_000  # of a matrix
LONGEST_NAME = 200
# What no name has: it could be a call where SymPy writes an expression as a program (`lambdify`).
NOT_IN_NAMES = frozenset('()"@;')
# Built as they stand by `evaluate=False`.
UNEVALUATED = frozenset({
    "Abs", "Add", "Equality", "GreaterThan", "LessThan", "Mul", "Not", "Pow",
    "StrictGreaterThan", "StrictLessThan", "Unequality", "acos", "acosh", "acot",
    "arg", "asin", "asinh", "atan", "atan2", "atanh", "binomial", "ceiling", "conjugate", "cos",
    "cosh", "cot", "coth", "csc", "erf", "exp", "factorial", "floor", "gamma", "im", "log", "re",
    "sec", "sech", "sign", "sin", "sinc", "sinh", "tan", "tanh",
})  # fmt: skip
AS_GIVEN = frozenset({"Dict", "Tuple"})  # with nothing to work out
MANY = MOST_STEPS
# What their own constructors would order, compare or simplify: the least and the most arguments.
AS_IT_STANDS = {
    "And": (0, MANY), "ConditionSet": (3, 3), "Derivative": (2, MANY), "ExprCondPair": (2, 2),
    "FiniteSet": (0, MANY), "ImageSet": (2, MANY), "Integral": (1, MANY), "Intersection": (0, MANY),
    "Interval": (4, 4), "Lambda": (2, 2), "Limit": (4, 4), "Max": (1, MANY), "Min": (1, MANY),
    "Or": (0, MANY), "Order": (1, MANY), "Piecewise": (1, MANY), "Product": (1, MANY),
    "Sum": (1, MANY), "Union": (0, MANY),
}  # fmt: skip
# A step: what it makes, and of what. The number of arguments comes last, where it has some.
CONSTANT, INTEGER, RATIONAL, FLOAT, SYMBOL, NODE, FUNCTION = range(7)


def _steps(value: Any) -> list[tuple[Any, ...]]:
    """Return how an expression is built, step by step."""
    steps: list[tuple[Any, ...]] = []
    waiting = [value]
    while waiting:
        if len(steps) + len(waiting) > MOST_STEPS:
            raise NotByValueError("an expression of many parts")
        one = waiting.pop()
        step = _step(one)
        steps.append(step)
        if step[0] in {NODE, FUNCTION}:
            waiting.extend(one.args)
    # Read backwards it is a step's arguments and then itself.
    return steps[::-1]


def _step(value: Any) -> tuple[Any, ...]:
    import sympy

    kind = type(value)
    name = kind.__name__
    if isinstance(value, sympy.Rational | sympy.Float):
        return _number(value)
    if kind is sympy.Symbol and _is_name(value.name):
        assumed = sorted(value._assumptions_orig.items())  # noqa: SLF001
        return SYMBOL, value.name, [(str(key), bool(holds)) for key, holds in assumed]
    if _constant(name) is value:
        return CONSTANT, name
    if isinstance(value, sympy.core.function.AppliedUndef) and _is_name(name):
        return FUNCTION, name, len(value.args)
    if _class(name) is kind:
        return NODE, name, len(value.args)
    raise NotByValueError("a part of an expression that does not travel")


def _number(value: Any) -> tuple[int, ...]:
    import sympy

    if isinstance(value, sympy.Rational):
        whole = isinstance(value, sympy.Integer)
        return (INTEGER, int(value.p)) if whole else (RATIONAL, int(value.p), int(value.q))
    sign, mantissa, exponent, count = value._mpf_
    if value._prec > MOST_BITS or abs(exponent) > FARTHEST:  # noqa: SLF001
        raise NotByValueError("a number of too many bits")
    return FLOAT, int(sign), int(mantissa), int(exponent), int(count), int(value._prec)  # noqa: SLF001


def _constant(name: str) -> Any:
    import sympy

    return getattr(sympy.S, name, None) if name.isidentifier() else None


def _class(name: str) -> Any:
    import sympy

    if name == "ExprCondPair":
        return sympy.functions.elementary.piecewise.ExprCondPair
    is_known = name in UNEVALUATED or name in AS_GIVEN or name in AS_IT_STANDS
    return getattr(sympy, name, None) if is_known else None


def _made(steps: list[Any]) -> Any:
    if len(steps) > MOST_STEPS:
        raise ValueError("an expression of too many parts")
    held: list[Any] = []
    for step in steps:
        if type(step) is not tuple:
            raise ValueError("a step that is none")
        what, *about = step
        if what in {NODE, FUNCTION}:
            name, count = about
            if type(count) is not int or not 0 <= count <= len(held):
                raise ValueError("more arguments than there are")
            arguments = held[len(held) - count :]
            del held[len(held) - count :]
            held.append(_node(name, arguments) if what == NODE else _applied(name, arguments))
        else:
            held.append(_atom(what, about))
    (value,) = held
    return value


def _atom(what: int, about: list[Any]) -> Any:
    import sympy

    if what == SYMBOL:
        name, assumed = about
        if type(assumed) is not list or not all(type(one) is tuple for one in assumed):
            raise ValueError("no assumptions")
        return sympy.Symbol(_name(name), **{_name(key): bool(holds) for key, holds in assumed})
    if what == CONSTANT:
        (name,) = about
        found = _constant(_name(name))
        if not isinstance(found, sympy.Basic):
            raise ValueError("no constant")
        return found
    if not all(type(one) is int and one.bit_length() <= MOST_BITS for one in about):
        raise ValueError("no number, or a large one")
    if what == INTEGER:
        return sympy.Integer(*about)
    if what == RATIONAL:
        return sympy.Rational(*about)
    return _float(*about)


def _float(sign: int, mantissa: int, exponent: int, count: int, precision: int) -> Any:
    """Return a number of so many bits; `count` is the mantissa's, and the form the only one."""
    import sympy
    from mpmath.libmp import MPZ, from_man_exp

    if not 1 <= precision <= MOST_BITS or abs(exponent) > FARTHEST:
        raise ValueError("a number that nobody can work with")
    signed = -mantissa if sign else mantissa
    made = from_man_exp(MPZ(signed), exponent)
    # What is no such form says of its size what is not so, and takes arithmetic for ever.
    if made != (sign, mantissa, exponent, count):
        raise ValueError("a number of another form than arithmetic takes")
    return sympy.Float._new(made, precision)  # noqa: SLF001


def _is_name(name: Any) -> bool:
    known = type(name) is str and len(name) <= LONGEST_NAME and name.isprintable()
    return known and NOT_IN_NAMES.isdisjoint(name)


def _name(name: Any) -> str:
    if not _is_name(name):
        raise ValueError("no name")
    return str(name)


def _node(name: Any, arguments: list[Any]) -> Any:
    kind = _class(_name(name))
    if kind is None:
        raise ValueError("no class of an expression")
    if name in AS_IT_STANDS:
        return _standing(kind, arguments)
    return kind(*arguments, evaluate=False) if name in UNEVALUATED else kind(*arguments)


def _standing(kind: Any, arguments: list[Any]) -> Any:
    """Return a node of a class with exactly these arguments, and what its class keeps beside."""
    import sympy
    from sympy.core.operations import LatticeOp
    from sympy.logic.boolalg import BooleanFunction

    least, most = AS_IT_STANDS[kind.__name__]
    if not least <= len(arguments) <= most:
        raise ValueError("another number of arguments")
    made = sympy.Basic.__new__(kind, *arguments)
    if issubclass(kind, LatticeOp):
        made._argset = frozenset(arguments)  # noqa: SLF001
    if issubclass(kind, BooleanFunction):
        made.nargs = sympy.S.Naturals0
    if kind is sympy.FiniteSet:
        made._args_set = set(arguments)  # noqa: SLF001
    if kind in {sympy.Integral, sympy.Product, sympy.Sum}:
        made.is_commutative = arguments[0].is_commutative
    return made


def _applied(name: Any, arguments: list[Any]) -> Any:
    import sympy

    return sympy.Function(_name(name))(*arguments)


def _matrix(value: Any) -> list[Any]:
    rows, columns = value.shape
    if rows * columns > MOST_ENTRIES:
        raise NotByValueError("a large matrix")
    return [int(rows), int(columns), list(value.flat())]


def _made_matrix(name: str) -> Any:
    def build(rows: int, columns: int, entries: list[Any]) -> Any:
        import sympy

        if rows < 0 or columns < 0 or rows * columns != len(entries):
            raise ValueError("a matrix of another size")
        # Anything else is read as an expression, and a text evaluated.
        if not all(issubclass(type(entry), sympy.Basic) for entry in entries):
            raise ValueError("a matrix of what is no expression")
        return getattr(sympy, name)(rows, columns, entries)

    return build


def _refill_matrix(target: Any, other: Any) -> None:
    if target.shape != other.shape:
        raise ValueError("a matrix of another shape")
    target[:, :] = other


TABLE.add(
    Kind("SymPy expression", ("Basic",), lambda value: [_steps(value)], _made, (list,),
         module="sympy", weight=2_000),
    Kind("SymPy MutableDenseMatrix", ("MutableDenseMatrix",), _matrix,
         _made_matrix("MutableDenseMatrix"), (int, int, list), module="sympy", weight=5_000,
         refill=_refill_matrix, copy=lambda value: value.copy()),
    Kind("SymPy ImmutableDenseMatrix", ("ImmutableDenseMatrix",), _matrix,
         _made_matrix("ImmutableDenseMatrix"), (int, int, list), module="sympy", weight=5_000),
)  # fmt: skip
