"""Which modules the judge takes as its own where a student's notebook has them, and which it knows.

A judging module that a test finds among a notebook's names is the judge's own import of it: what a
student has patched there changes nothing here. The module's name is the student's claim, so that
nothing is imported on its word but what stands below. Others, with their classes and functions,
stay in the child, where a test's objects of them are made.
"""

import builtins
import contextlib
import functools
import importlib
import io
import os
import sys
import types
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from .wire.comparing import COMPARING

TO_STAND_FOR_OTHERS = frozenset({io.StringIO, io.BytesIO, types.SimpleNamespace})
# What a test makes to train a model with.
OF_TRAINING = ("torch.nn.modules.loss", "torch.optim", "torch.utils.data")
OF_PYTHON_CODE = 1 << 9  # in a class's flags, as CPython has them

# Of the standard library what computes; what acts on files and processes is asked in the child,
# whose folder it is that a test means.
STANDARD = frozenset({
    "abc", "array", "base64", "bisect", "calendar", "cmath", "collections", "collections.abc",
    "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum",
    "fractions", "functools", "hashlib", "heapq", "inspect", "io", "itertools", "json", "keyword",
    "math", "numbers", "operator", "pprint", "random", "re", "statistics", "string", "struct",
    "textwrap", "time", "types", "typing", "unicodedata", "uuid", "warnings", "zoneinfo",
})  # fmt: skip
# Of these also what they have imported themselves.
PACKAGES = frozenset({"numpy", "pandas", "scipy", "sympy", "torch", "datascience", "babypandas"})
SUBMODULES = frozenset({
    "numpy.fft", "numpy.lib", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random",
    "numpy.testing", "pandas.api.types", "pandas.testing", "scipy.integrate", "scipy.interpolate",
    "scipy.linalg", "scipy.optimize", "scipy.signal", "scipy.sparse", "scipy.spatial",
    "scipy.special", "scipy.stats", "torch.nn", "torch.nn.functional", "torch.testing",
})  # fmt: skip

# What a name stands for in nearly every notebook. Where an object of the student's has taken such
# a name, a test still means the module, and would ask the object what only the judge may decide.
BY_CONVENTION = {
    "np": "numpy", "numpy": "numpy", "npr": "numpy.random", "npt": "numpy.testing",
    "pd": "pandas", "pandas": "pandas", "math": "math", "cmath": "cmath", "stats": "scipy.stats",
    "scipy": "scipy", "sp": "scipy", "torch": "torch", "statistics": "statistics",
    "itertools": "itertools", "functools": "functools", "operator": "operator", "re": "re",
    "json": "json", "collections": "collections", "datascience": "datascience", "ds": "datascience",
}  # fmt: skip

# Libraries whose classes the judge knows by their names, where it has them: an isinstance check, an
# exception. What a student's process says of a class only chooses among these.
KNOWN = PACKAGES | {
    "PIL", "altair", "bokeh", "bs4", "cvxpy", "folium", "gym", "gymnasium", "h5py", "imblearn",
    "jax", "joblib", "keras", "lightgbm", "lxml", "matplotlib", "networkx", "nltk", "patsy",
    "plotly", "polars", "pyarrow", "requests", "seaborn", "skimage", "sklearn", "spacy",
    "sqlalchemy", "sqlite3", "statsmodels", "sympy", "tensorflow", "torchvision", "transformers",
    "xarray", "xgboost", "asyncio", "concurrent", "configparser", "email", "html", "http",
    "logging", "pathlib", "queue", "shutil", "socket", "ssl", "subprocess", "tempfile", "threading",
    "tokenize", "urllib", "xml", "zipfile", "zlib", *(name.partition(".")[0] for name in STANDARD),
}  # fmt: skip


# Classes of Python's own that only this module names: of functions, generators, …
_NAMELESS = {
    kind: name
    for name, kind in reversed(vars(types).items())
    if isinstance(kind, type) and not hasattr(builtins, kind.__name__) and name.endswith("Type")
}
_NAMELESS_BY_NAME = {kind.__name__: kind for kind in _NAMELESS if kind.__module__ == "builtins"}


def judging_module(name: str) -> types.ModuleType | None:
    """Return the judge's own import of a module that a student's process names; else None."""
    root = name.partition(".")[0]
    if name in STANDARD or name in SUBMODULES or name in PACKAGES:
        return _imported(name)
    if root in PACKAGES and _imported(root) is not None:
        found = sys.modules.get(name)
        is_private = any(part.startswith("_") for part in name.split("."))
        return found if isinstance(found, types.ModuleType) and not is_private else None
    return None


def comparing(name: str) -> Callable[..., Any] | None:
    """Return the judge's own function of those that compare; None for any other name."""
    module, _, function = name.rpartition(".")
    found = judging_module(module) if name in COMPARING else None
    made = getattr(found, function, None)
    return made if callable(made) else None


def meant_to_compare(name: str) -> Callable[..., Any] | None:
    """Return the library's function that a name means which a cell gives a function of its own.

    What it says of two numbers is a bool of Python's, as a student's own would give.
    """
    for module in ("numpy", "numpy.testing", "pandas.testing"):
        real = comparing(f"{module}.{name}")
        if real is not None:
            return _plainly(real)
    return None


def _plainly(compares: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(compares)
    def said(*args: Any, **kwargs: Any) -> Any:
        found = compares(*args, **kwargs)
        return bool(found) if type(found).__name__ in {"bool", "bool_"} else found

    return said


def _imported(name: str) -> types.ModuleType | None:
    """Import a module, and not one that lies where tests run beside a student's files."""
    found = sys.modules.get(name)
    if isinstance(found, types.ModuleType):
        return found
    places, here = sys.path[:], os.path.realpath(os.curdir)
    sys.path[:] = [one for one in places if one and os.path.realpath(one) != here]
    try:
        return importlib.import_module(name)
    except ImportError:
        return None
    finally:
        sys.path[:] = places


def meant_by(name: str, *, is_callable: bool) -> types.ModuleType | None:
    """Return the module that a notebook's name means by convention, if it does."""
    if name in BY_CONVENTION and not (is_callable and name in {"stats", "sp", "ds", "re"}):
        return judging_module(BY_CONVENTION[name])
    return None


_of_course: set[str] = set()  # names of modules that lie beside the notebook


@contextlib.contextmanager
def with_course(modules: Iterable[str]) -> Iterator[None]:
    """Know the classes of a course's own modules meanwhile, which both sides have."""
    before = {*_of_course}
    _of_course.update(modules)
    try:
        yield
    finally:
        _of_course.clear()
        _of_course.update(before)


def _is_on_both_sides(module: str) -> bool:
    return module.partition(".")[0] in _of_course or is_known(module)


def is_known(module: str) -> bool:
    """Say whether a class of this module is one of a library that both sides know."""
    return module.partition(".")[0].lstrip("_") in KNOWN  # `_queue` holds what `queue` shows


def known_class(module: str, name: str) -> type | None:
    """Return a known library's class, where the judge has imported it already."""
    if module == "builtins" and name in _NAMELESS_BY_NAME:
        return _NAMELESS_BY_NAME[name]
    found: Any = sys.modules.get(module) if _is_on_both_sides(module) else None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def is_of_a_test(value: Any) -> bool:
    """Say whether an object is of a class that a test defines, or made to stand for others.

    What student code asks of such an object is done here, so that no other class's is.
    """
    kind = type(value)
    if kind.__module__ == "unittest.mock" or kind in TO_STAND_FOR_OTHERS:
        return True
    if kind.__module__.startswith(OF_TRAINING):
        return True
    if not kind.__flags__ & OF_PYTHON_CODE or issubclass(kind, type | BaseException):
        return False
    if kind.__module__.partition(".")[0] in _of_course:
        return True
    found: Any = sys.modules.get(kind.__module__)
    for part in kind.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is not kind and kind.__module__ in {"builtins", "__main__"}


def is_a_model(value: Any) -> bool:
    """Say whether a value is a module of torch's, which is more than a function."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def public_name(value: Any) -> tuple[str, str] | None:
    """Return the module and the name by which a library's class or function can be had, if any."""
    if isinstance(value, types.ModuleType):
        return (value.__name__, "") if sys.modules.get(value.__name__) is value else None
    if isinstance(value, type) and value in _NAMELESS:
        return "types", _NAMELESS[value]
    module = getattr(value, "__module__", None)
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if module is None and type(value).__name__ == "ufunc":
        module = "numpy"
    if not (isinstance(module, str) and isinstance(name, str)):
        return None
    if module != "builtins" and not _is_on_both_sides(module):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return (module, name) if found is value else None
