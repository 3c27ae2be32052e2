"""Files that are no notebooks of an assignment, and code that no reader takes."""

import pytest

from grader.course.notebooks import stub_sources
from grader.grading.judge import Engine, Request, judge
from grader.model import Limits, Status
from tests.conftest import notebook_of, submission_of
from tests.support.small_notebooks import CHECK1, CHECK2, DOUBLE, SETUP, SQUARE

ERROR = Status.ERROR


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty: hand in"),
        (b"an essay", "The file is not JSON"),
        ("\n Über  die\n Rundung von Zahlen".encode(), "it begins with “Über die Rundung von”"),
        (b"PK\x03\x04....", "it looks like a zip archive"),
        (b'{"cells": [', "cut off or damaged JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no notebook"),
        (b'{"a": 1}', "names no format"),
        (b'{"cells": 3, "nbformat": 4}', "it has no list of cells"),
        (b'{"cells": [], "nbformat": 4}', "no code cell"),
        (b"\xff\xfe\x00", "it is not text (it holds binary data)"),
    ],
)
def test_a_file_that_is_no_notebook_is_rejected_with_what_it_is(
    small_engine: Engine, content: bytes, says: str
) -> None:
    report = judge(Request(submission_of(content)), small_engine)
    assert report.status is ERROR
    assert report.score == 0
    assert says in str(report.error)


# Each is more than some reader of Python's takes: its parser, its symbols, what walks the tree.
UNREADABLE = {
    "minuses": f"y = {'-' * 100_000}1",
    "attributes": f"y = 1{'.real' * 1_500}",
    "called": f"y = 1{'.real' * 900}.bit_length()",
    "sum": f"y = {'+'.join(['1'] * 3_000)}",
    "brackets": f"y = {'(' * 150}1{')' * 150}",
    "calls": f"y = {'abs(' * 90}1{')' * 90}",
    "subscripts": f"y = d{'[0]' * 2_500}",
    "digits": f"y = {'9' * 5_000}",
    "null": "y = '\0'",
    "indents": "\n".join(f"{' ' * depth}if 1:" for depth in range(95)) + f"\n{' ' * 95}pass",
    "lambdas": f"y = {'lambda: ' * 300}1",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_code_that_no_reader_takes_costs_its_cell_at_most(small_engine: Engine, text: str) -> None:
    cells = (SETUP, DOUBLE, CHECK1, text, SQUARE, CHECK2)
    report = judge(Request(submission_of(notebook_of(*cells))), small_engine)
    assert report.score == 6.0, report.questions[0]


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_code_that_no_reader_takes_is_no_stub(text: str) -> None:
    content = notebook_of(text, DOUBLE)
    assert stub_sources(content, ["double"]) == {"double": DOUBLE}


def test_another_assignments_notebook_is_rejected_with_its_name(small_engine: Engine) -> None:
    content = notebook_of("import otter\ngrader = otter.Notebook('other.ipynb')", "x = 1")
    report = judge(Request(submission_of(content)), small_engine)
    assert "it seems to be other.ipynb" in str(report.error)


def test_too_many_cells_and_too_large_files_are_rejected(small_engine: Engine) -> None:
    limits = Limits(notebook_cells=3, notebook_bytes=10_000)
    many = judge(Request(submission_of(notebook_of(*["x = 1"] * 4)), limits=limits), small_engine)
    assert "has 4 cells; the limit is 3" in str(many.error)
    large = judge(Request(submission_of(b" " * 10_001), limits=limits), small_engine)
    assert "the limit is 0 MB" in str(large.error)


def test_format_3_is_converted_and_graded(small_engine: Engine) -> None:
    import json

    cells = [
        {"cell_type": "code", "collapsed": False, "input": text, "language": "python",
         "metadata": {}, "outputs": [], "prompt_number": 1}
        for text in (SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    ]  # fmt: skip
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
           "worksheets": [{"cells": cells, "metadata": {}}]}  # fmt: skip
    report = judge(Request(submission_of(json.dumps(old).encode())), small_engine)
    assert report.score == 6.0


def test_what_trips_our_reader_is_rejected_and_never_ungraded(
    small_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object) -> None:
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr("grader.course.notebooks.read", trip)
    report = judge(Request(submission_of(notebook_of(SETUP))), small_engine)
    assert (report.status, report.score) == (ERROR, 0)
    assert "cannot be read as a notebook (TypeError: unhashable" in str(report.error)


@pytest.mark.parametrize("source", [["def double(x):\n", "    return 2 * x"], 3, None])
def test_a_cells_source_may_be_a_list_and_anything_else_is_empty(
    small_engine: Engine, source: object
) -> None:
    import json

    data = json.loads(notebook_of(SETUP, "", CHECK1, SQUARE, CHECK2))
    data["cells"][1]["source"] = source
    report = judge(Request(submission_of(json.dumps(data).encode())), small_engine)
    assert report.score == (6.0 if isinstance(source, list) else 3.0)
