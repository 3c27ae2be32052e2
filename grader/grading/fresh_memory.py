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


@contextlib.contextmanager
def for_test(path: str) -> Iterator[None]:
    """Have NumPy's and torch's `empty` and `empty_like` give a test NaN, or the like, meanwhile.

    path: of the test file. Whoever else calls them meanwhile gets what they always give.
    """
    held = [
        (module, name, getattr(module, name))
        for module in map(sys.modules.get, ("numpy", "torch"))
        if module is not None
        for name in ("empty", "empty_like")
    ]
    for module, name, function in held:
        setattr(module, name, _filling(function, path))
    try:
        yield
    finally:
        for module, name, function in held:
            setattr(module, name, function)


def _filling(function: Callable[..., Any], path: str) -> Callable[..., Any]:
    @functools.wraps(function, updated=())
    def made(*args: Any, **kwargs: Any) -> Any:
        found = function(*args, **kwargs)
        caller = sys._getframe(1).f_code.co_filename  # noqa: SLF001 - who asks for it
        if caller == path or caller.startswith("<doctest "):
            with contextlib.suppress(Exception):  # of a kind that cannot be written to
                _fill(found)
        return found

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
