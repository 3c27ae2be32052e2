"""Memory that a test asks for without saying what is in it.

It would hold what was there before: by chance what an earlier run of the same test has worked out,
which is what it expects. That would go to the student's process with `out=np.empty(5)`, and an
answer that writes nothing would be right. So it is NaN while a case runs, the same each time.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

NAMES = ("empty", "empty_like", "empty_permuted", "empty_strided")
METHODS = ("new_empty", "new_empty_strided")

Function = Callable[..., Any]

_asking = [""]  # the path of the test that runs, innermost last
_made: dict[Function, Function] = {}  # what stands in for each function


@contextlib.contextmanager
def for_test(path: str, names: dict[str, Any] | None = None) -> Iterator[None]:
    """Have memory that NumPy and torch give a test as it comes be NaN, or the like, meanwhile.

    path: of the test file. names: its own, among them functions that it has imported by name.
    Whoever else calls them meanwhile gets what they always give.
    """
    names = {} if names is None else names
    held = list(_functions())
    ours = {function: _filling(function) for _, _, function in held}
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
    for module in (numpy, torch):
        its_own = {} if module is None else vars(module)
        for name in NAMES:
            if name in its_own:
                yield module, name, its_own[name]
    if torch is not None:
        for name in METHODS:
            yield torch.Tensor, name, getattr(torch.Tensor, name)


def _filling(function: Function) -> Function:
    """Return what stands in for a function, made once: it is wanted again at every case."""
    if function in _made:
        return _made[function]

    @functools.wraps(function, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001 - who asks for it
        if caller == _asking[-1] or caller.startswith("<doctest "):
            with contextlib.suppress(Exception):  # of a kind that cannot be written to
                _fill(found)
        return found

    _made[function] = made
    return made


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
