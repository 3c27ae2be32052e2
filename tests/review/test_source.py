"""Code beside code: what counts as alike, what is left out, and how it is coloured."""

from grader.review.source import alike, coloured, functions
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
    sources = {"ada": BODY + LOOP, "bob": BODY + RENAMED, "eve": BODY + RECURSION}
    (found,) = alike(sources, HANDOUT)
    assert (found.students, found.is_whole) == (("ada", "bob"), True)


def test_a_whole_class_that_has_the_same_is_one_line() -> None:
    (found,) = alike({f"s{number}": BODY + LOOP for number in range(60)}, HANDOUT)
    assert len(found.students) == 60


def test_what_agrees_in_part_is_shown_line_by_line() -> None:
    more = LOOP.replace("    return", "    found.reverse()\n    found.sort()\n    return")
    (found,) = alike({"ada": BODY + LOOP, "bob": BODY + more, "eve": BODY + RECURSION}, HANDOUT)
    assert (found.students, found.is_whole) == (("ada", "bob"), False)
    assert min(found.shares) > 0.6
    lines = (BODY + more).split("\n")
    agree = {lines[number - 1] for number in found.lines[1]}
    assert "    for value in values:" in agree
    assert not any("running maximum of a list" in line for line in agree)


def test_what_was_handed_out_makes_no_pair() -> None:
    sources = {"ada": BODY + LIBRARY, "bob": BODY + RECURSION}
    assert alike(sources, HANDOUT) == []
    assert alike({"ada": HANDOUT, "bob": HANDOUT}, "") != []  # the control
    assert alike({"ada": HANDOUT, "bob": HANDOUT}, HANDOUT) == []  # who wrote nothing


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
