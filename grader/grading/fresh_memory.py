"""Memory that a test asks for without saying what is in it.

It would hold what was there before: by chance what an earlier run of the same test has worked out,
which is what it expects. That would go to the student's process with `out=np.empty(5)`, and an
answer that writes nothing would be right. So it is NaN while a case runs, the same each time.
"""

import contextlib
import functools
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

NAMES = ("empty", "empty_like", "empty_permuted", "empty_strided")
METHODS = ("new_empty", "new_empty_strided", "new", "resize_")
# Classes that are asked for memory by a call, where nothing says what is to be in it.
CLASSES = {
    "numpy": ("ndarray", "recarray"),
    "torch": (
        "Tensor", "BFloat16Tensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor",
        "HalfTensor", "IntTensor", "LongTensor", "ShortTensor",
    ),
}  # fmt: skip
WORDS = ("empty", "new", "resize_")  # of which every name of a function or method has one
CALLS = re.compile(rf"\b(?:{'|'.join(name for names in CLASSES.values() for name in names)})\s*\(")

Function = Callable[..., Any]

_asking = [""]  # the path of the test that runs, innermost last
_made: dict[Function, Function] = {}  # what stands in for each function


@contextlib.contextmanager
def for_test(path: str, names: dict[str, Any] | None = None, text: str = "") -> Iterator[None]:
    """Have memory that NumPy and torch give a test as it comes be NaN, or the like, meanwhile.

    path: of the test file. names: its own, among them functions that it has imported by name.
    text: of the test; functions, and the classes of arrays, are replaced only where it names one.
    Where it is not known, functions are. Whoever else calls them meanwhile gets what they always
    give.
    """
    if not _may_ask(text) and not _called_in(text):
        yield
        return
    names = {} if names is None else names
    held = list(_functions()) if _may_ask(text) else []
    ours: dict[Any, Any] = {function: _filling(name, function) for _, name, function in held}
    classes = list(_classes(_called_in(text)))
    ours |= {kind: _Class(kind) for _, _, kind in classes}
    held += classes
    kinds = set(map(type, ours))
    imported = {name: one for name, one in names.items() if type(one) in kinds and one in ours}
    for place, name, function in held:
        setattr(place, name, ours[function])
    names |= {name: ours[one] for name, one in imported.items()}
    _asking.append(path)
    try:
        yield
    finally:
        _asking.pop()
        names |= imported
        for place, name, function in held:
            if name in METHODS:
                delattr(place, name)  # it is a base class's
            else:
                setattr(place, name, function)


def _functions() -> Iterator[tuple[Any, str, Function]]:
    """Yield each function that gives memory as it comes, with its place and name there."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    for module in (numpy, getattr(numpy, "ma", None), torch):
        its_own = {} if module is None else vars(module)
        for name in NAMES:
            if name in its_own:
                yield module, name, its_own[name]
    if torch is not None:
        for name in METHODS:
            yield torch.Tensor, name, getattr(torch.Tensor, name)


@functools.lru_cache(maxsize=1_000)
def _may_ask(text: str) -> bool:
    return not text or any(word in text for word in WORDS)


@functools.lru_cache(maxsize=1_000)
def _called_in(text: str) -> frozenset[str]:
    """Return the names of classes that a test's text calls."""
    return frozenset(one[: one.index("(")].strip() for one in CALLS.findall(text))


def _classes(called: frozenset[str]) -> Iterator[tuple[Any, str, Any]]:
    for module, names in CLASSES.items():
        library = sys.modules.get(module)
        for name in called.intersection(names):
            if hasattr(library, name):
                yield library, name, getattr(library, name)


def _filling(name: str, function: Function) -> Function:
    """Return what stands in for a function, made once: it is wanted again at every case.

    Its name is where it was found: NumPy 1.26 has functions that do not know theirs.
    """
    if function in _made:
        return _made[function]
    is_method = name in METHODS[2:]

    @functools.wraps(function, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        is_asked = _is_of_test(sys._getframe(1))  # noqa: SLF001 - who asks for it
        if is_method and is_asked:
            return _by_method(name, function, *args, **kwargs)
        found = function(*args, **kwargs)
        if is_asked:
            _fill_if_possible(found)
        return found

    _made[function] = made
    return made


def _is_of_test(frame: FrameType) -> bool:
    name = frame.f_code.co_filename
    return name == _asking[-1] or name.startswith("<doctest ")


def _by_method(name: str, method: Function, tensor: Any, *args: Any, **kwargs: Any) -> Any:
    """Call `new` or `resize_`, of which only a part may be memory as it comes."""
    before = tensor.untyped_storage().nbytes()
    found = method(tensor, *args, **kwargs)
    if name == "new":
        if _are_sizes(args):
            _fill_if_possible(found)
    elif found.untyped_storage().nbytes() > before and found.device.type == "cpu":
        storage = found.untyped_storage()
        sys.modules["torch"].empty(0, dtype=sys.modules["torch"].uint8).set_(storage)[
            before:
        ].fill_(255)  # NaN of any size
    return found


def _are_sizes(args: tuple[Any, ...]) -> bool:
    """Say whether an array is asked for by its shape, and not made of values."""
    return bool(args) and all(isinstance(one, int) or type(one).__name__ == "Size" for one in args)


class _Class:
    """Stands for a class of arrays while a test runs, of which it asks for memory."""

    def __init__(self, kind: Any) -> None:
        self._kind = kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        found = self._kind(*args, **kwargs)
        if _is_of_test(sys._getframe(1)):  # noqa: SLF001 - who asks for it
            is_numpys = self._kind.__module__.startswith("numpy")
            has_memory = kwargs.get("buffer", args[2] if len(args) > 2 else None)  # noqa: PLR2004
            if has_memory is None if is_numpys else _are_sizes(args):
                _fill_if_possible(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kind, name)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, self._kind)

    def __subclasscheck__(self, kind: Any) -> bool:
        return kind is self or issubclass(kind, self._kind)

    def __mro_entries__(self, _bases: Any) -> tuple[Any, ...]:
        return (self._kind,)

    def __eq__(self, other: object) -> bool:
        return other is self or other is self._kind

    def __hash__(self) -> int:
        return hash(self._kind)


def _fill_if_possible(array: Any) -> None:
    with contextlib.suppress(Exception):  # of a kind that cannot be written to
        _fill(array)


def _fill(array: Any) -> None:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(array, torch.Tensor):
        with torch.no_grad():
            is_number = array.is_floating_point() or array.is_complex()
            array.fill_(float("nan") if is_number else torch.iinfo(array.dtype).max)
        return
    numpy = sys.modules["numpy"]
    if array.dtype.kind in "fc":
        array.fill(numpy.nan)
    elif array.dtype.kind in "iu":
        array.fill(numpy.iinfo(array.dtype).max)
    elif array.dtype.kind != "O":  # which is None everywhere
        array[...] = numpy.zeros((), array.dtype)
