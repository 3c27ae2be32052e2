"""Functions of libraries that compare, or bring into a form to compare, by which a test decides.

A notebook that says `from math import isclose` has one of them under a name of its own. A test that
calls it means the library's, so the judge calls its own: no expected value goes to a student's
process, and what a student has put in its place decides nothing.
"""

COMPARING = frozenset({
    "cmath.isclose", "math.isclose",
    *(f"numpy.{name}" for name in ("allclose", "array_equal", "array_equiv", "isclose")),
    *(f"numpy.testing.{name}" for name in (
        "assert_allclose", "assert_almost_equal", "assert_array_almost_equal",
        "assert_array_equal", "assert_equal",
    )),
    *(f"pandas.testing.{name}" for name in (
        "assert_frame_equal", "assert_index_equal", "assert_series_equal",
    )),
    *(f"sympy.{name}" for name in ("Eq", "N", "expand", "factor", "nsimplify", "simplify",
                                   "srepr", "trigsimp")),
    "torch.allclose", "torch.equal", "torch.isclose", "torch.testing.assert_close",
})  # fmt: skip

# Methods of values that travel, by which a test decides as well: of an object whose class has its
# own, and is told what is right, it would be the student who decides.
COMPARES = frozenset({
    "allclose", "compare", "dummy_eq", "endswith", "eq", "equal", "equals", "ge", "gt",
    "identical", "is_subset", "is_superset", "isclose", "isdisjoint", "isin", "issubset",
    "issuperset", "le", "lt", "ne", "startswith",
})  # fmt: skip
# Those that find a difference, or a place, which is none where a class says so.
DIFFERS = frozenset({
    "count", "difference", "find", "index", "intersection", "rsub", "sub", "subtract",
    "symmetric_difference", "union",
})  # fmt: skip
