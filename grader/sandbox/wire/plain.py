"""The kinds whose values travel, by name, and the objects whose class derives from one of them.

Such an object can do more than what it holds: a list with a method of its own, a named tuple. Where
a case may ask objects it stays with the child, and what it holds is told when it is compared.
"""

# Of Python's own.
PLAIN = frozenset({
    bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, range,
    slice, type(None), type(Ellipsis),
})  # fmt: skip
# Of libraries, by the module in which a class is defined or the library's own name.
PLAIN_OF_LIBRARIES = frozenset({
    "collections.Counter", "collections.OrderedDict", "collections.defaultdict",
    "collections.deque", "datascience.Row", "datascience.Table", "datetime.date",
    "datetime.datetime", "datetime.time", "datetime.timedelta", "decimal.Decimal",
    "fractions.Fraction", "numpy.dtype", "numpy.generic", "numpy.ndarray", "pandas.Categorical",
    "pandas.DataFrame", "pandas.Index", "pandas.Series", "sympy.Basic",
    "sympy.MutableDenseMatrix", "torch.Tensor",
})  # fmt: skip
# What is drawn from one of a notebook's own is drawn for all its uses, so that a copy is no answer.
LIVE = frozenset({"numpy.Generator", "numpy.RandomState", "random.Random"})
# Libraries whose own subclasses travel as well, each as what it is.
CARRIED = frozenset({
    "array", "babypandas", "collections", "datascience", "datetime", "decimal", "fractions",
    "numpy", "pandas", "pathlib", "sympy", "torch", "zoneinfo",
})  # fmt: skip

_mro = type.__dict__["__mro__"].__get__  # a class can lie about its own
_bases: dict[type, str] = {}


def name_of(kind: type) -> str:
    """Return a class by its library and its name."""
    module = type.__dict__["__module__"].__get__(kind)
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return f"{root}.{type.__dict__['__name__'].__get__(kind)}"


def plain_base(kind: type) -> str:
    """Return the name of the nearest class whose objects travel; "" where there is none."""
    if kind not in _bases:
        found = (
            f"builtins.{base.__name__}" if base in PLAIN else name_of(base)
            for base in _mro(kind)
            if base in PLAIN or name_of(base) in PLAIN_OF_LIBRARIES
        )
        _bases[kind] = next(found, "")
    return _bases[kind]


def stays(kind: type) -> bool:
    """Say whether objects of a class are more than the value that they hold."""
    if name_of(kind) in LIVE:
        return True
    if kind in PLAIN or not plain_base(kind):
        return False
    return name_of(kind).partition(".")[0] not in CARRIED
