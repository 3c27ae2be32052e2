"""Code beside code: what counts as alike, what is left out, and how it is coloured."""

from grader.review.source import coloured, functions, pairs
from tests.support.reading import notebook_with

HANDOUT = '''
def running_max(values):
    """Return the running maximum of a list of numbers, the first one included.

    The result has as many numbers as the list; an empty list has an empty one.
    """
    if not isinstance(values, list):
        raise TypeError("values must be a list of numbers, and nothing else will do here")
    raise NotImplementedError
'''
BODY = '''
def running_max(values):
    """Return the running maximum of a list of numbers, the first one included.

    The result has as many numbers as the list; an empty list has an empty one.
    """
    if not isinstance(values, list):
        raise TypeError("values must be a list of numbers, and nothing else will do here")
'''
LOOP = """    best = None
    found = []
    for value in values:
        if best is None or best < value:
            best = value
        found.append(best)
    return [one for one in found if one is not None]
"""
RENAMED = """    # my own work
    top = None
    out = []
    for v in values:
        if top is None or top < v:
            top = v
        out.append(top)
    return [x for x in out if x is not None]
"""
LIBRARY = """    import itertools
    return list(itertools.accumulate(values, max))
"""
RECURSION = """    if len(values) < 2:
        return values[:]
    before = running_max(values[:-1])
    return before + [max(before[-1], values[-1])]
"""


def test_another_name_and_a_comment_hide_nothing() -> None:
    found = pairs({"ada": BODY + LOOP, "bob": BODY + RENAMED, "eve": BODY + RECURSION}, HANDOUT)
    assert [pair.students for pair in found] == [("ada", "bob")]
    assert min(found[0].shares) > 0.8
    first, second = (BODY + LOOP).split("\n"), (BODY + RENAMED).split("\n")
    assert "    for value in values:" in {first[number - 1] for number in found[0].lines[0]}
    assert "    for v in values:" in {second[number - 1] for number in found[0].lines[1]}


def test_what_was_handed_out_makes_no_pair() -> None:
    sources = {"ada": BODY + LIBRARY, "bob": BODY + RECURSION}
    assert pairs(sources, HANDOUT) == []
    assert pairs({"ada": HANDOUT, "bob": HANDOUT}, "") != []  # the control
    assert pairs({"ada": HANDOUT, "bob": HANDOUT}, HANDOUT) == []  # who wrote nothing


def test_code_is_coloured_and_stays_text() -> None:
    html = str(coloured('x = "<script>"\nreturn x', frozenset({2})))
    assert "<script>" not in html
    assert '<span class="s">&lt;script&gt;</span>' in html
    assert '<span class="hit"><span class="k">return</span> x</span>' in html
    assert "\\u202e" in str(coloured("x = 1  # \u202e"))


def test_only_the_stubs_own_functions_are_shown() -> None:
    notebook = notebook_with("def halve(x):\n    return x\n\ndef mine(x):\n    return 2", {})
    assert functions(notebook, ["halve"]) == "def halve(x):\n    return x"
    assert functions(notebook, ["other"]) == ""
    assert functions(None, ["halve"]) == ""
