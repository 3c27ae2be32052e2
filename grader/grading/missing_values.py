"""What NumPy and pandas leave out of a comparison: elements that are masked, or missing.

`numpy.testing` counts a masked element as equal to anything, and `(column == right).all()` of
pandas skips a missing one. So an answer of nothing else would be right everywhere.
"""

import contextlib
import functools
import operator
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from grader.errors import CannotJudgeError

NOTHING = "every element of the answer is masked, so that there is nothing to compare"
IN_PART = (
    "the test compares a masked array with one that is masked elsewhere, and NumPy counts what is "
    "masked as equal to anything; have the test compare what .filled(nan) gives"
)


@contextlib.contextmanager
def are_unequal() -> Iterator[None]:
    """Have what is masked or missing on one side alone equal nothing while a case is judged."""
    replaced = _Replaced()
    for module in [*REPLACED]:
        if module in sys.modules:
            replaced.begin(sys.modules[module])
    sys.meta_path.insert(0, replaced)
    try:
        yield
    finally:
        sys.meta_path.remove(replaced)
        replaced.end()


class _Replaced:
    """The functions that are replaced for one case, also of modules which it is first to import."""

    def __init__(self) -> None:
        self._held: list[tuple[Any, str, Any]] = []
        self._made: dict[Any, Any] = {}

    def begin(self, module: ModuleType) -> None:
        for kind, name, make in REPLACED[module.__name__]:
            place = getattr(module, kind, None) if kind else module
            if place is not None and name in vars(place):
                found = vars(place)[name]
                function = self._made.get(found, found)  # where it is taken from another module
                self._held.append((place, name, function))
                setattr(place, name, made := make(function))
                self._made[made] = function

    def end(self) -> None:
        for place, name, function in self._held:
            setattr(place, name, function)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in REPLACED else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            load(module)
            self.begin(module)

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _of_masked(compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def compared(comparison: Any, x: Any, y: Any, *args: Any, **kwargs: Any) -> Any:
        _look_at_masks(x, y)
        return compare(comparison, x, y, *args, **kwargs)

    return compared


def _look_at_masks(x: Any, y: Any) -> None:
    numpy = sys.modules["numpy"]
    of_x, of_y = numpy.ma.getmask(x), numpy.ma.getmask(y)
    if of_x is of_y or (not numpy.any(of_x) and not numpy.any(of_y)):
        return
    if numpy.shape(x) == numpy.shape(y) and numpy.array_equal(*map(numpy.ma.getmaskarray, (x, y))):
        return
    if any(numpy.all(one) for one in (of_x, of_y) if one is not numpy.ma.nomask):
        raise AssertionError(NOTHING)
    raise CannotJudgeError(IN_PART)


def _of_masked_operator(compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def compared(array: Any, other: Any, op: Any) -> Any:
        found, numpy = compare(array, other, op), sys.modules["numpy"]
        one_sided = numpy.ma.getmaskarray(array) ^ numpy.ma.getmaskarray(other)
        if found is NotImplemented or not _is_decided(op, other, one_sided):
            return found
        if not numpy.ndim(found):
            return numpy.bool_(op is operator.ne)
        found[numpy.broadcast_to(one_sided, found.shape)] = op is operator.ne
        return found

    return compared


def _is_decided(op: Any, other: Any, one_sided: Any) -> bool:
    """Say whether what is there on one side alone decides a comparison.

    Of an honest column some may be missing, and be left out where it is asked for more.
    """
    is_of_each = hasattr(other, "__len__") and not isinstance(other, str)
    is_equality = is_of_each and op in {operator.eq, operator.ne}
    return bool(one_sided.any() and (is_equality or one_sided.all()))


def _of_missing(compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def compared(array: Any, other: Any, op: Any) -> Any:
        found = compare(array, other, op)
        if getattr(found, "_hasna", False):
            one_sided = array.isna() ^ sys.modules["pandas"].isna(other)
            if _is_decided(op, other, one_sided):
                found[one_sided] = op is operator.ne
        return found

    return compared


def _of_close(compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def compared(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        found, one_sided = compare(a, b, *args, **kwargs), _masked_on_one_side(a, b)
        if not one_sided.any():
            return found
        numpy = sys.modules["numpy"]
        made = numpy.ma.array(found, copy=True)
        made[numpy.broadcast_to(one_sided, made.shape)] = False
        return made if made.ndim else numpy.bool_(False)

    return compared


def _of_all_masked(compare: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compare)
    def compared(a: Any, b: Any, *args: Any, **kwargs: Any) -> Any:
        return not _masked_on_one_side(a, b).any() and compare(a, b, *args, **kwargs)

    return compared


def _masked_on_one_side(a: Any, b: Any) -> Any:
    numpy = sys.modules["numpy"]
    if not any(isinstance(one, numpy.ma.MaskedArray) for one in (a, b)):
        return numpy.zeros((), bool)
    return numpy.logical_xor(*(numpy.ma.getmaskarray(numpy.ma.asarray(one)) for one in (a, b)))


# By module: the class in it, or "", what compares there, and what stands for that.
Replacement = tuple[str, str, Callable[[Callable[..., Any]], Callable[..., Any]]]
OF_MASKED: tuple[Replacement, ...] = (
    ("", "allclose", _of_all_masked), ("", "allequal", _of_all_masked),
)  # fmt: skip
REPLACED: dict[str, tuple[Replacement, ...]] = {
    "numpy": (("", "isclose", _of_close),),
    "numpy._core.numeric": (("", "isclose", _of_close),),
    "numpy.ma": OF_MASKED,
    "numpy.ma.core": (("MaskedArray", "_comparison", _of_masked_operator), *OF_MASKED),
    "numpy.testing._private.utils": (("", "assert_array_compare", _of_masked),),
    "pandas.core.arrays.arrow.array": (("ArrowExtensionArray", "_cmp_method", _of_missing),),
    "pandas.core.arrays.masked": (("BaseMaskedArray", "_cmp_method", _of_missing),),
    "pandas.core.arrays.string_": (("StringArray", "_cmp_method", _of_missing),),
}
