"""Reading, filling and checking notebooks; and the hand-outs themselves."""

import ast
import contextlib
import html
import itertools
import json
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from grader.course import notebooks
from grader.course.assignments import available, load, reference_path
from grader.errors import AssignmentError
from grader.model import Assignment
from tests.conftest import REPOSITORY, notebook_of

pytestmark = pytest.mark.long

STUB = 'def double(x):\n    """Return twice x."""\n    raise NotImplementedError("q1")'


def sources(content: bytes) -> list[str]:
    return [cell.source for cell in notebooks.read(content).cells]


def test_filling_replaces_a_stub_and_brings_what_it_needs() -> None:
    solution = '"""Docs."""\nimport math\nTWO = 2\n\ndef double(x):\n    return TWO * x\n'
    filled = notebooks.fill(notebook_of("x = 1", STUB + "\ny = 2"), solution, ["double"])
    assert sources(filled) == [
        "x = 1",
        "import math\n\nTWO = 2\n\n\ndef double(x):\n    return TWO * x\ny = 2",
    ]


def test_filling_again_replaces_the_earlier_answer() -> None:
    once = notebooks.fill(notebook_of(STUB), "def double(x):\n    return 1", ["double"])
    twice = notebooks.fill(once, "double = lambda x: 2", ["double"])
    assert sources(twice) == ["double = lambda x: 2"]


def test_filling_takes_decorators_along() -> None:
    solution = "import functools\n@functools.cache\ndef double(x):\n    return 2 * x"
    filled = notebooks.fill(notebook_of("@old\n" + STUB), solution, ["double"])
    assert sources(filled)[0].endswith("@functools.cache\ndef double(x):\n    return 2 * x")
    assert "@old" not in sources(filled)[0]


def test_filling_without_a_stub_is_an_error() -> None:
    with pytest.raises(AssignmentError, match=r"has no stub for double of x\.py"):
        notebooks.fill(notebook_of("x = 1"), "def double(x): ...", ["double"], "x.py")


def test_check_cells_are_found_and_comments_are_not() -> None:
    content = notebook_of('grader.check("q1")', '# grader.check("q2")', "grader.check('q1')")
    notebook = notebooks.read(content)
    assert [cell.checks for cell in notebook.cells] == [("q1",), (), ("q1",)]
    assert notebook.check_position("q1") == 3
    assert notebook.check_position("q2") == 3


# The hand-outs.


@pytest.fixture(scope="module", params=available(REPOSITORY), ids="@{}".format)
def assignment(request: pytest.FixtureRequest) -> Assignment:
    return load(request.param, REPOSITORY, need_solutions=True)


def stub_names(assignment: Assignment) -> list[str]:
    return [name for question in assignment.questions for name in question.names]


def test_a_hand_out_is_clean_and_valid(assignment: Assignment) -> None:
    assert notebooks.faults(assignment.notebook.read_bytes()) == []


def test_every_code_question_with_public_tests_has_a_check_cell(assignment: Assignment) -> None:
    notebook = notebooks.read(assignment.notebook.read_bytes())
    checked = {name for cell in notebook.cells for name in cell.checks}
    public = {q.name for q in assignment.questions if any(not case.hidden for case in q.cases)}
    assert public <= checked


def test_manual_questions_have_a_cell_for_the_answer(assignment: Assignment) -> None:
    prose = notebooks.read(assignment.notebook.read_bytes()).prose
    for question in assignment.questions:
        if question.kind == "manual":
            assert f"{question.name}-answer" in prose


def test_a_stub_and_its_reference_agree(assignment: Assignment) -> None:
    path = reference_path(assignment.solutions)
    assert path is not None
    tree = ast.parse(path.read_text(encoding="utf-8"))
    references = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    stubs = notebooks.stub_sources(assignment.notebook.read_bytes(), stub_names(assignment))
    assert set(stubs) == set(stub_names(assignment))
    for name, text in stubs.items():
        stub = ast.parse(text).body[0]
        if isinstance(stub, ast.FunctionDef):
            assert ast.unparse(stub.args) == ast.unparse(references[name].args), name
            assert ast.get_docstring(stub) == ast.get_docstring(references[name]), name


def solved(assignment: Assignment) -> bytes:
    path = reference_path(assignment.solutions)
    assert path is not None
    text = path.read_text(encoding="utf-8")
    content = assignment.notebook.read_bytes()
    return notebooks.fill(content, text, stub_names(assignment), "reference.py")


FORGET = "%reset -f\n%cd -q {}"


def run_in_jupyter(assignment: Assignment, *contents: bytes) -> list[nbformat.NotebookNode]:
    """Run notebooks in a real kernel, each beside its public tests, as a student would.

    The first finds a kernel that has imported nothing; of what it has defined, the next ones find
    nothing, in folders of their own.
    """
    ran = []
    empty = nbformat.v4.new_notebook()
    client = nbclient.NotebookClient(empty, timeout=120, allow_errors=True)
    with tempfile.TemporaryDirectory() as root, client.setup_kernel(cwd=root):
        for number, content in enumerate(contents):
            folder = Path(root, str(number))
            shutil.copytree(assignment.folder / "tests", folder / "tests")
            (folder / assignment.notebook.name).write_bytes(content)
            forget = nbformat.v4.new_code_cell(FORGET.format(folder))
            client.nb = nbformat.v4.new_notebook(cells=[forget])
            assert errors(client.execute(cleanup_kc=False)) == []
            client.nb = nbformat.reads(content.decode(), as_version=4)
            ran.append(client.execute(cleanup_kc=False))
    return ran


@pytest.fixture(scope="module")
def runs(assignment: Assignment) -> list[nbformat.NotebookNode]:
    """What the hand-out comes to in a fresh kernel, and after it the solved notebook."""
    return run_in_jupyter(assignment, assignment.notebook.read_bytes(), solved(assignment))


@pytest.fixture(scope="module")
def empty_run(runs: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    return runs[0]


@pytest.fixture(scope="module")
def solved_run(runs: list[nbformat.NotebookNode]) -> nbformat.NotebookNode:
    return runs[1]


def errors(node: nbformat.NotebookNode) -> list[str]:
    return [
        f"{cell.id}: {output.ename}: {output.evalue}"
        for cell in node.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "error"
    ]


def check_results(node: nbformat.NotebookNode) -> dict[str, str]:
    found = {}
    for cell in node.cells:
        if cell.cell_type == "code":
            for name in notebooks.CHECK.findall(cell.source):
                outputs = [o.data.get("text/plain", "") for o in cell.outputs if "data" in o]
                found[name] = "".join(outputs)
    return found


def test_the_empty_notebook_runs_from_top_to_bottom(empty_run: nbformat.NotebookNode) -> None:
    assert errors(empty_run) == []
    results = check_results(empty_run)
    assert results
    assert not any("All test cases passed" in text for text in results.values())


def test_the_solved_notebook_has_green_checks(solved_run: nbformat.NotebookNode) -> None:
    assert errors(solved_run) == []
    for name, shown in check_results(solved_run).items():
        assert "All test cases passed" in shown, f"{name}: {shown}"
    assert figures_without_words(solved_run) == []


def printed(node: nbformat.NotebookNode, name: str) -> str:
    """Return what one cell of a notebook printed."""
    cell = next(cell for cell in node.cells if cell.id == name)
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_export_cell_says_which_file_it_wrote(
    assignment: Assignment, solved_run: nbformat.NotebookNode
) -> None:
    said = printed(solved_run, "export")
    assert re.match(rf"Written beside this notebook: {assignment.slug}_\w+\.zip\.", said), said


@pytest.mark.parametrize("assignment", ["attention"], indirect=True, ids="@{}".format)
def test_what_attention_asks_to_predict_is_printed_afterwards(
    solved_run: nbformat.NotebookNode,
) -> None:
    rows = printed(solved_run, "row-max-run")
    assert "3 programs, 4 tiles each; of the last tile's 512 lanes 20 are real" in rows
    counted = printed(solved_run, "bytes-kernels")
    ratios = {
        line.split("loaded")[0].strip(): float(line.split("move ")[1].split(" ")[0])
        for line in counted.splitlines()
    }
    assert (ratios["one pass, BLOCK_M = 128"], ratios["one pass, BLOCK_M = 16"]) == (4.8, 0.9)


def figures_without_words(node: nbformat.NotebookNode) -> list[str]:
    """Return the cells whose picture lacks a description, in its metadata or beside it."""
    found = []
    for cell in node.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                words = output.metadata.get("image/png", {}).get("alt", "")
                told = html.escape(words) in output.data.get("text/html", "")
                if len(words) < 40 or not told:
                    found.append(cell.id)
    return found


def test_a_figure_without_words_is_noticed() -> None:
    bare = {"image/png": "iVBORw0KGgo="}
    outputs = [nbformat.v4.new_output("display_data", bare)]
    cell = nbformat.v4.new_code_cell("plt.show()", id="bare", outputs=outputs)
    assert figures_without_words(nbformat.v4.new_notebook(cells=[cell])) == ["bare"]


def test_code_that_only_draws_is_folded_in_each_frontend_that_can(assignment: Assignment) -> None:
    """JupyterLab, Colab, and what follows Jupyter Book's tags; and the fold has a title."""
    drawing = [
        cell
        for cell in nbformat.reads(assignment.notebook.read_text("utf-8"), as_version=4).cells
        if cell.cell_type == "code" and "plt.subplots" in cell.source
    ]
    for cell in drawing:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden")
        assert folded, cell.id
        assert cell.metadata.get("cellView") == "form", cell.id
        assert "hide-input" in cell.metadata.get("tags", []), cell.id
        assert cell.source.startswith("# @title "), cell.id


def test_what_students_get_says_how_many_points_hidden_tests_decide(
    assignment: Assignment,
) -> None:
    text = "\n".join(notebooks.read(assignment.notebook.read_bytes()).prose.values())
    rows = [line.replace("|", " ").split() for line in text.splitlines() if line.startswith("|")]
    for question in assignment.questions:
        if question.kind == "code" and question.public_points:
            row = next(row for row in rows if row[0].strip("`*") == question.name)
            assert f"{question.public_points:g}" in row, row
            assert f"{question.hidden_points:g}" in row, row


MINUTES = re.compile(r"^\| (\d+) \|.*\| (\d+) \| *(?:\d+|\d+ more .*)? *\|$", re.MULTILINE)


def test_the_minutes_of_the_steps_add_up_and_stand_in_their_headings(
    assignment: Assignment,
) -> None:
    prose = notebooks.read(assignment.notebook.read_bytes()).prose.values()
    title, text = next(iter(prose)), "\n".join(prose)
    steps = {int(step): int(minutes) for step, minutes in MINUTES.findall(title)}
    headings = re.findall(r"^## Step (\d+)\..*\((\d+) min\)$", text, re.MULTILINE)
    assert steps == {int(step): int(minutes) for step, minutes in headings}
    assert list(steps) == list(range(1, len(steps) + 1))
    assert f"about {sum(steps.values())} minutes" in title


STEP = re.compile(r"^## Step (\d+)\.", re.MULTILINE)
PLACE = re.compile(r"“(?P<heading>[^”]+)” in step (?P<step>\d+)")


def sections(content: bytes) -> dict[str, list[str]]:
    """Return the headings of each step of a notebook."""
    found: dict[str, list[str]] = {"0": []}
    step = "0"
    for text in notebooks.read(content).prose.values():
        begun = STEP.search(text)
        step = begun[1] if begun else step
        lines = [line.lstrip("# ") for line in text.splitlines() if line.startswith("#")]
        found.setdefault(step, []).extend(line.replace("`", "") for line in lines)
    return found


def test_where_a_promise_says_to_read_again_there_is_such_a_place(assignment: Assignment) -> None:
    headings = sections(assignment.notebook.read_bytes())
    promises = [case.promise for question in assignment.questions for case in question.cases]
    places = [place.groupdict() for promise in promises for place in PLACE.finditer(promise)]
    missing = [
        place
        for place in places
        if not any(place["heading"] in line for line in headings.get(place["step"], []))
    ]
    assert missing == []
    assert all(
        number in headings for text in promises for number in re.findall(r"step (\d+)", text)
    )
    assert len(places) >= 3


ODD = ([], {}, None, True, 1.5, "x", [[]], {"a": []}, "\ud800")
FIELDS = ("cell_type", "source", "metadata", "outputs", "id", "attachments", "execution_count")


def odd_notebooks() -> Iterator[dict[str, Any]]:
    """Notebooks in which one field is of another kind than any reader expects."""
    code = {"cell_type": "code", "source": "x = 1", "metadata": {}, "outputs": [], "id": "a"}
    whole = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [code]}
    for value in ODD:
        yield from ({**whole, name: value} for name in ("nbformat", "metadata", "cells"))
        yield from ({"nbformat": version, "worksheets": value} for version in (3, value))
        for kind, name in itertools.product(("code", "markdown"), FIELDS):
            yield {**whole, "cells": [code, {**code, "cell_type": kind, name: value}]}
        yield {**whole, "cells": [code, value]}
        yield {**whole, "cells": [code, {**code, "metadata": {"tags": value}}]}
        yield {**whole, "cells": [code, {**code, "source": ["a", value]}]}


def test_a_field_of_an_odd_kind_is_read_or_rejected_and_never_stops_the_reader() -> None:
    kept = 0
    for data in odd_notebooks():
        try:
            found = notebooks.read(json.dumps(data).encode())
        except notebooks.NotebookUnreadableError as problem:
            assert str(problem).endswith(".")  # noqa: PT017 - either way is right
            continue
        kept += found.cells[0].source == "x = 1"
        found.seems_to_be()
    assert kept > 100


def once_written(assignment: Assignment) -> Any:
    """Return what the try cells of a notebook run in."""
    cells = nbformat.reads(assignment.notebook.read_text("utf-8"), as_version=4).cells
    source = next(cell.source for cell in cells if "def once_written" in cell.source)
    names: dict[str, Any] = {"contextlib": contextlib, "os": os, "re": re, "traceback": traceback}
    tree = ast.parse(source)
    wanted = {"once_written", "is_a_stub"}
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    exec(compile(tree, "helpers", "exec"), names)  # noqa: S102
    return names["once_written"]


def test_a_try_cell_takes_only_a_stubs_own_error_for_a_stub(
    assignment: Assignment, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = nbformat.reads(assignment.notebook.read_text("utf-8"), as_version=4).cells
    answers = re.findall(r'raise NotImplementedError\("(.*)"\)', "\n".join(c.source for c in cells))
    assert len(answers) >= len(assignment.questions) // 2
    for answer in answers:
        with once_written(assignment)():
            raise NotImplementedError(answer)
        assert capsys.readouterr().out == f"Not yet: {answer}\n"
    with pytest.raises(NotImplementedError), once_written(assignment)():
        raise NotImplementedError("softmax is not implemented for uint8")


FAILING_KERNEL = """
made = {}
exec("\\n" * 40 + "def divide(a, b): return a / b", made)

def kernel():
    return made["divide"](1, 0)

def launch():
    try:
        kernel()
    except ZeroDivisionError as problem:
        raise RuntimeError("the interpreter's own words") from problem
"""


def test_a_try_cell_shows_the_kernels_own_line(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    exec(compile(FAILING_KERNEL, "a cell", "exec"), names)  # noqa: S102
    with once_written(load("attention", REPOSITORY))():
        names["launch"]()
    assert "ZeroDivisionError: division by zero" in (shown := capsys.readouterr().out)
    assert "kernel, line 6 of its cell" in shown
