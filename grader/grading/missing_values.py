"""What NumPy and pandas leave out of a comparison: elements that are masked, or missing.

`numpy.testing` counts a masked element as equal to anything, `(column == right).all()` of pandas
skips a missing one, and so do sums, means and greatest values of a difference. An answer that
leaves out what it does not know would be right. So what a student has left out, and the test has
not, equals nothing; and a case in which a test works it into numbers of its own does not pass.
"""

import contextlib
import functools
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, NamedTuple

from grader.sandbox import origins

NOTHING = "every element of the answer is masked, so that there is nothing to compare"
IN_PART = (
    "the test compares an answer with its own values where elements of the answer are masked or "
    "missing, which NumPy and pandas leave out; have the test look for them first, or compare what "
    ".filled(nan) or .to_numpy() gives"
)
OF_NOTHING = (
    "the test compares an answer of no element with its own values, which NumPy finds true of each "
    "of them; have the test look at its shape first"
)
DOUBTS = frozenset({IN_PART, OF_NOTHING})

Function = Callable[..., Any]


@contextlib.contextmanager
def are_unequal(doubts: list[str], is_theirs: Callable[[Any], bool]) -> Iterator[None]:
    """Have what a student has masked, or left out, equal nothing while a case is judged.

    doubts: where it is noted that it went into numbers which the test may not have looked at.
    is_theirs: says of a list or a plain array whether it has come from the student's process.
    """
    prepare()
    _cases.append(_Case(doubts, is_theirs))
    try:
        yield
    finally:
        _cases.pop()


class _Case(NamedTuple):
    doubts: list[str]
    is_theirs: Callable[[Any], bool]


_cases: list[_Case] = []  # that are judged, innermost last


class _Replaced:
    """What is replaced once in each module that compares, also where a test is first to import it.

    Between two cases it does what it always does.
    """

    def __init__(self) -> None:
        self._is_there = False
        self._made: dict[Function, Function] = {}

    def begin(self) -> None:
        if not self._is_there:
            self._is_there = True
            for module in REPLACED.keys() & sys.modules.keys():
                self._replace_in(sys.modules[module])
            sys.meta_path.insert(0, self)

    def _replace_in(self, module: ModuleType) -> None:
        for kind, name, make in REPLACED[module.__name__]:
            place = getattr(module, kind, None) if kind else module
            if place is None or name not in vars(place):  # not every version has each
                continue
            found = vars(place)[name]
            if found not in self._made.values():  # taken from another module
                if found not in self._made:
                    self._made[found] = make(found)
                setattr(place, name, self._made[found])

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in REPLACED else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            self._replace_in(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


_replaced = _Replaced()
prepare: Callable[[], None] = _replaced.begin  # before any test is loaded


def _doubt(sentence: str = IN_PART) -> None:
    if sentence not in _cases[-1].doubts:
        _cases[-1].doubts.append(sentence)


# --- NumPy's masked arrays -----------------------------------------------------------------------


def _hidden(x: Any, y: Any) -> Any:
    """Return which elements the student alone has masked; None where there are none."""
    numpy = sys.modules["numpy"]
    of_x, of_y = (one is numpy.ma.masked or origins.is_of_a_student(one) for one in (x, y))
    if not _cases or of_x == of_y:
        return None
    theirs, ours = (x, y) if of_x else (y, x)
    hidden = numpy.ma.getmaskarray(theirs) & ~numpy.ma.getmaskarray(ours)
    return hidden if hidden.any() else None


def _is_of_each(value: Any) -> bool:
    """Say whether a value has one for each element, by its class alone: it may be a reference."""
    kind = type(value)
    is_number = hasattr(kind, "ndim") and value.ndim == 0
    return hasattr(kind, "__len__") and not issubclass(kind, str) and not is_number


def _of_masked(compare: Function) -> Function:
    @functools.wraps(compare)
    def compared(comparison: Any, x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        hidden = _hidden_if_alike(x, y)
        if hidden is not None:
            if hidden.all():
                raise AssertionError(NOTHING)
            _doubt()
        return compare(comparison, x, y, *args, **kwargs)

    return compared


def _hidden_if_alike(x: Any, y: Any) -> Any:
    """Return what is hidden of two values; None also where they are not of one shape."""
    with contextlib.suppress(ValueError, TypeError):
        return _hidden(x, y)
    return None


def _of_masked_operator(compare: Function) -> Function:
    @functools.wraps(compare)
    def compared(array: Any, other: Any, op: Any) -> Any:
        found, hidden = compare(array, other, op), _hidden_if_alike(array, other)
        if found is NotImplemented or hidden is None:
            return found
        if not hidden.all():
            if _is_of_each(other):
                _doubt()
            return found
        numpy = sys.modules["numpy"]
        if not numpy.ndim(found):
            return numpy.bool_(op is operator.ne)
        return numpy.ma.array(numpy.full(found.shape, op is operator.ne))

    return compared


def _meeting(first: int) -> Callable[[Function], Function]:
    """Note where something is worked out of two arrays, from an argument on, and one hides some."""

    def made(compute: Function) -> Function:
        @functools.wraps(compute)
        def computed(*args: Any, **kwargs: Any) -> Any:
            _look_at_two(args[first : first + 2])
            return compute(*args, **kwargs)

        return computed

    return made


def _of_wrapped(wrap: Function) -> Function:
    @functools.wraps(wrap)
    def wrapped(array: Any, made: Any, context: Any = None, *more: Any) -> Any:
        if context is not None:
            _look_at_two(context[1][: context[0].nin])
        return wrap(array, made, context, *more)

    return wrapped


def _look_at_two(values: Sequence[Any]) -> None:
    hidden = _hidden_if_alike(*values) if len(values) == 2 else None  # noqa: PLR2004
    if hidden is not None and (hidden.all() or all(map(_is_of_each, values))):
        _doubt()


def _of_close(compare: Function) -> Function:
    """Note where nothing is compared with something, which is true of every element of nothing."""

    @functools.wraps(compare)
    def compared(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        found = compare(a, b, *args, **kwargs)
        if _cases and found is not False:
            empty, other = (a, b) if _size(a) == 0 else (b, a)
            is_of_nothing = _size(empty) == 0 and _size(other) > 0
            if is_of_nothing and (_is_of_each(other) or _cases[-1].is_theirs(empty)):
                _doubt(OF_NOTHING)
        return found

    return compared


def _size(value: Any) -> int:
    """Return how many elements a value has; 1 of all that is no list or array."""
    if isinstance(value, list | tuple):
        return len(value)
    is_array = type(value).__module__.partition(".")[0] in origins.LIBRARIES
    return int(value.size) if is_array and hasattr(value, "size") else 1


# --- pandas --------------------------------------------------------------------------------------

COMPARISONS = frozenset({
    operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
})  # fmt: skip
_of_one: list[bool] = [False]  # whether what is compared is all the test's or all a student's


def _of_columns(compare: Function) -> Function:
    """Have what is missing be left out as ever where nobody compares an answer with a test's."""

    @functools.wraps(compare)
    def compared(left: Any, right: Any, *args: Any, **kwargs: Any) -> Any:
        _of_one.append(bool(_cases) and _is_of_theirs(left) == _is_of_theirs(right))
        try:
            return compare(left, right, *args, **kwargs)
        finally:
            _of_one.pop()

    return compared


def _by_method(compute: Function) -> Function:
    """See to what a column's method does, as `eq` or `sub`, as to what its operator does."""
    compared, computed = _of_columns(compute), _of_two(compute)

    @functools.wraps(compute)
    def done(left: Any, right: Any, op: Any, *args: Any, **kwargs: Any) -> Any:
        by = compared if op in COMPARISONS else computed
        return by(left, right, op, *args, **kwargs)

    return done


def _of_missing(compare: Function) -> Function:
    @functools.wraps(compare)
    def compared(array: Any, other: Any, op: Any) -> Any:
        found = compare(array, other, op)
        if _cases and not _of_one[-1] and getattr(found, "_hasna", False):
            one_sided = array.isna() ^ sys.modules["pandas"].isna(other)
            is_equality = _is_of_each(other) and op in {operator.eq, operator.ne}
            # Of an honest column some may be missing, and be left out where it is asked for more.
            if one_sided.any() and (is_equality or one_sided.all()):
                found[one_sided] = op is operator.ne
        return found

    return compared


def _of_two(compute: Function) -> Function:
    """Note where an operation of two columns, or frames, meets what a student has left out."""

    @functools.wraps(compute)
    def computed(left: Any, right: Any, *args: Any, **kwargs: Any) -> Any:
        found = compute(left, right, *args, **kwargs)
        if _cases and (of_left := _is_of_theirs(left)) != _is_of_theirs(right):
            theirs, ours = (left, right) if of_left else (right, left)
            if _is_left_out(theirs, ours, found):
                _doubt()
        return found

    return computed


def _is_left_out(theirs: Any, ours: Any, found: Any) -> bool:
    """Say whether something is missing in what a student has that is there in what the test has."""
    numpy, pandas = sys.modules["numpy"], sys.modules["pandas"]
    if not hasattr(found, "isna"):  # a number of two columns, or nothing
        found = theirs
    if not (_is_of_each(ours) and _is_of_each(theirs)):
        return len(found) > 0 and bool(numpy.all(pandas.isna(theirs)))
    try:
        missing, there = (_missing(one, found) for one in (theirs, ours))
        return bool(numpy.any(missing & ~there))
    except (ValueError, TypeError):  # not of one form: nobody knows where they meet
        return bool(numpy.any(pandas.isna(theirs)) and not numpy.any(pandas.isna(ours)))


def _missing(value: Any, found: Any) -> Any:
    """Return where a value has no element, with the labels of what was made of it."""
    numpy, pandas = sys.modules["numpy"], sys.modules["pandas"]
    if type(value) is type(found) and hasattr(value, "reindex_like"):
        value = value.reindex_like(found)
    return numpy.asarray(pandas.isna(value))


def _of_made(finalize: Function) -> Function:
    @functools.wraps(finalize)
    def finalized(made: Any, other: Any, *args: Any, **kwargs: Any) -> Any:
        found = finalize(made, other, *args, **kwargs)
        sources = (getattr(other, name, None) for name in ("left", "right"))
        origins.hand_on(found, other, *sources, *getattr(other, "objs", ()))
        return found

    return finalized


def _of_init(init: Function) -> Function:
    @functools.wraps(init)
    def initialized(made: Any, data: Any = None, *args: Any, **kwargs: Any) -> None:
        init(made, data, *args, **kwargs)
        if not _cases:
            return
        if type(data) is not dict:
            if _has_come(data):
                origins.note(made)
        elif theirs := {label for label, one in data.items() if _has_come(one)}:
            origins.note(made, None if len(theirs) == len(data) else theirs)

    return initialized


def _is_of_theirs(data: Any) -> bool:
    """Say whether a value has come, or one in a dict; no test works with a missing number alone."""
    if type(data) is dict:
        return any(map(_is_of_theirs, data.values()))
    is_number = data is not None and not hasattr(type(data), "__len__")
    return (is_number and _is_missing(data)) or _has_come(data)


def _has_come(data: Any) -> bool:
    if type(data).__name__ in {"list", "ndarray"}:
        return _cases[-1].is_theirs(data)
    return origins.is_of_a_student(data)


def _is_missing(number: Any) -> bool:
    return sys.modules["pandas"].isna(number) is True


# By module: the class in it, or "", what compares there, and what stands for that.
Replacement = tuple[str, str, Callable[[Function], Function]]
IN_PLACE = ("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__ipow__")
OF_CLOSE: tuple[Replacement, ...] = (("", "allclose", _of_close), ("", "isclose", _of_close))
REPLACED: dict[str, tuple[Replacement, ...]] = {
    "numpy": OF_CLOSE,
    "numpy._core.numeric": OF_CLOSE,
    "numpy.core.numeric": OF_CLOSE,  # before NumPy 2
    "numpy.ma": (("", "allequal", _meeting(0)),),
    "numpy.ma.core": (
        ("", "allequal", _meeting(0)),
        ("MaskedArray", "_comparison", _of_masked_operator),
        ("MaskedArray", "__array_wrap__", _of_wrapped),
        ("_MaskedBinaryOperation", "__call__", _meeting(1)),
        ("_DomainedBinaryOperation", "__call__", _meeting(1)),
        *(("MaskedArray", name, _meeting(0)) for name in IN_PLACE),
    ),
    "numpy.testing._private.utils": (("", "assert_array_compare", _of_masked),),
    "pandas.core.arrays.arrow.array": (
        ("ArrowExtensionArray", "_cmp_method", _of_missing),
        ("ArrowExtensionArray", "_arith_method", _of_two),
    ),
    "pandas.core.arrays.masked": (
        ("BaseMaskedArray", "_cmp_method", _of_missing),
        ("BaseMaskedArray", "_arith_method", _of_two),
    ),
    "pandas.core.arrays.string_": (("StringArray", "_cmp_method", _of_missing),),
    "pandas.core.frame": (
        ("DataFrame", "_arith_method", _of_two), ("DataFrame", "_flex_arith_method", _of_two),
        ("DataFrame", "_cmp_method", _of_columns), ("DataFrame", "_flex_cmp_method", _of_columns),
        ("DataFrame", "__init__", _of_init),
    ),
    "pandas.core.generic": (("NDFrame", "__finalize__", _of_made),),
    "pandas.core.indexes.base": (("Index", "_arith_method", _of_two),),
    "pandas.core.series": (
        ("Series", "__init__", _of_init), ("Series", "_cmp_method", _of_columns),
        *(("Series", name, _of_two) for name in ("_arith_method", "corr", "cov")),
        ("Series", "_binop", _by_method),
    ),
}  # fmt: skip
