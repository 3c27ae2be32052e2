"""Written answers are found whatever the editor made of the cells, and wherever they were put."""

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from grader.course import notebooks
from grader.course.assignments import load, reference_path
from grader.reports import Written
from tests.conftest import REPOSITORY

Data = dict[str, Any]
QUESTIONS = ("r1", "r2", "r3")
PNG = base64.b64encode(
    b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (8).to_bytes(4, "big") + (8).to_bytes(4, "big")
).decode()


@pytest.fixture(scope="module")
def handout() -> notebooks.Notebook:
    return notebooks.read(load("softmax", REPOSITORY).notebook.read_bytes())


@pytest.fixture(scope="module")
def solved() -> bytes:
    assignment = load("softmax", REPOSITORY, need_solutions=True)
    path = reference_path(assignment.solutions)
    assert path is not None
    names = [name for question in assignment.questions for name in question.names]
    return notebooks.fill(assignment.notebook.read_bytes(), path.read_text("utf-8"), names)


@pytest.fixture
def data(solved: bytes) -> Data:
    found: Data = json.loads(solved)
    return found


def cell_of(data: Data, identity: str) -> Data:
    return next(cell for cell in data["cells"] if cell.get("id") == identity)


def prose(text: str, kind: str = "markdown") -> Data:
    cell = {"cell_type": kind, "metadata": {}, "source": text, "id": f"own-{abs(hash(text))}"}
    return cell | ({"outputs": [], "execution_count": None} if kind == "code" else {})


def find(data: Data, handout: notebooks.Notebook, question: str) -> Written:
    mine = notebooks.read(json.dumps(data).encode())
    return notebooks.find_answers(mine, handout, [question])[question]


# Editors, by what they make of a cell's id.


def jupyterlab(_cell: Data, _number: int) -> None:
    """Keep the ids of format 4.5."""


def vs_code(cell: Data, _number: int) -> None:
    cell.pop("id")


def cocalc(cell: Data, number: int) -> None:
    cell["id"] = f"{number * 7919 + 65537:06x}"


def colab(cell: Data, _number: int) -> None:
    cell["metadata"] = {"id": cell.pop("id"), "colab_type": "text"}


def kaggle(cell: Data, number: int) -> None:
    cell.pop("id")
    cell["metadata"] = {"_uuid": f"{number:040x}", "trusted": True}


def deepnote(cell: Data, number: int) -> None:
    cell.pop("id")
    cell["metadata"] = {"cell_id": f"{number:032x}", "deepnote_cell_type": cell["cell_type"]}
    cell["source"] = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])


EDITORS = (jupyterlab, vs_code, cocalc, colab, kaggle, deepnote)

# Habits, by where an answer is put; "A." and "B." are its parts in order.


def in_its_cell(data: Data, question: str) -> None:
    cell_of(data, f"{question}-answer")["source"] = [f"A. {question}\n", "\n", "B."]


def behind_the_placeholder(data: Data, question: str) -> None:
    cell = cell_of(data, f"{question}-answer")
    cell["source"] = "".join(cell["source"]) + f"\nA. {question}\n\nB."


def put(data: Data, question: str, *cells: Data, instead: bool = False) -> None:
    at = data["cells"].index(cell_of(data, f"{question}-answer"))
    data["cells"][at + (not instead) : at + 1] = cells


def in_a_cell_below(data: Data, question: str) -> None:
    put(data, question, prose(f"A. {question}\n\nB."))


def in_two_cells_below(data: Data, question: str) -> None:
    put(data, question, prose(f"A. {question}"), prose("B."))


def in_two_cells_instead(data: Data, question: str) -> None:
    put(data, question, prose(f"A. {question}"), prose("B."), instead=True)


def in_its_cell_and_one_below(data: Data, question: str) -> None:
    cell_of(data, f"{question}-answer")["source"] = f"A. {question}"
    put(data, question, prose("B."))


def in_a_raw_cell(data: Data, question: str) -> None:
    put(data, question, prose(f"A. {question}\n\nB.", "raw"), instead=True)


def in_a_cell_of_code(data: Data, question: str) -> None:
    put(data, question, prose(f"# A. {question}\n# B.", "code"))


def in_the_cell_of_the_question(data: Data, question: str) -> None:
    cell = cell_of(data, question)
    cell["source"] = "".join(cell["source"]) + f"\n\nA. {question}\n\nB."


HABITS = (
    in_its_cell, behind_the_placeholder, in_a_cell_below, in_two_cells_below, in_two_cells_instead,
    in_its_cell_and_one_below, in_a_raw_cell, in_a_cell_of_code, in_the_cell_of_the_question,
)  # fmt: skip


@pytest.mark.parametrize("habit", HABITS, ids=lambda one: one.__name__)
@pytest.mark.parametrize("editor", EDITORS, ids=lambda one: one.__name__)
def test_an_answer_is_found_whole(
    editor: Callable[[Data, int], None],
    habit: Callable[[Data, str], None],
    data: Data,
    handout: notebooks.Notebook,
) -> None:
    for question in QUESTIONS:
        habit(data, question)
    for number, cell in enumerate(data["cells"]):
        editor(cell, number)
    for question in QUESTIONS:
        written = find(data, handout, question)
        assert written.missing == ""
        assert f"A. {question}" in written.text
        assert written.text.index("A.") < written.text.index("B.")
        assert "replace this line" not in written.text
        others = {f"A. {other}" for other in QUESTIONS} - {f"A. {question}"}
        assert not [other for other in others if other in written.text]
        assert len(written.text) < 40  # nothing of the lesson


@pytest.mark.parametrize("editor", EDITORS, ids=lambda one: one.__name__)
def test_no_answer_is_never_an_empty_one(
    editor: Callable[[Data, int], None], data: Data, handout: notebooks.Notebook
) -> None:
    cell_of(data, "r2-answer")["source"] = "  \n"
    data["cells"].remove(cell_of(data, "r3-answer"))
    for number, cell in enumerate(data["cells"]):
        editor(cell, number)
    said = [find(data, handout, question).missing for question in QUESTIONS]
    assert "as it was handed out" in said[0]
    assert "is empty" in said[1]
    assert said[2] == notebooks.NOT_FOUND


def test_an_answer_is_found_where_the_question_was_edited_or_is_gone(
    data: Data, handout: notebooks.Notebook
) -> None:
    for question in QUESTIONS:
        in_its_cell(data, question)
    cell = cell_of(data, "r1")
    cell["source"] = "".join(cell["source"]).replace("Why", "So, why")
    data["cells"].remove(cell_of(data, "r2"))
    for number, cell in enumerate(data["cells"]):
        vs_code(cell, number)
    assert find(data, handout, "r1").text.startswith("A. r1\n\nB.")
    assert "A. r2" in find(data, handout, "r2").text
    assert find(data, handout, "r3").text == "A. r3\n\nB."


def test_answers_side_by_side_are_told_apart_by_their_position() -> None:
    def notebook(*texts: str, with_ids: bool) -> notebooks.Notebook:
        cells = [prose(text) for text in ("# Lesson", *texts, "The end")]
        for cell, identity in zip(cells, ("top", "p-answer", "q-answer", "end"), strict=True):
            cell["id"] = identity if with_ids else f"x{identity}"
        cells.insert(0, prose("x = 1", "code"))
        return notebooks.read(json.dumps({"cells": cells, "nbformat": 4}).encode())

    handout = notebook("Answer here.", "Answer here.", with_ids=True)
    mine = notebook("First", "Second", with_ids=False)
    found = notebooks.find_answers(mine, handout, ["p", "q"])
    assert (found["p"].text, found["q"].text) == ("First", "Second")


@pytest.mark.parametrize(
    "source",
    ["![mine](attachment:image.png)", "", f"![mine](data:image/png;base64,{PNG})",
     f'Look: <img width="9" src="data:image/png;base64,{PNG}"/>',
     f"![][image1]\n\n[image1]: <data:image/png;base64,{PNG}>"],
    ids=["attached", "attached and not shown", "inline", "in HTML", "by reference"],
)  # fmt: skip
def test_an_answer_that_is_a_picture_is_kept(
    source: str, data: Data, handout: notebooks.Notebook
) -> None:
    cell = cell_of(data, "r1-answer")
    cell["source"] = source
    if "base64" not in source:
        cell["attachments"] = {"image.png": {"image/png": PNG}}
    written = find(data, handout, "r1")
    assert [(one.media_type, one.data) for one in written.pictures] == [("image/png", PNG)]
    assert "[picture 1" in written.text
    assert PNG not in written.text


@pytest.mark.parametrize(
    ("link", "name"),
    [("my photo.png", "my photo.png"), ("my%20photo.png", "my photo.png"),
     ("photo (1).png", "photo (1).png"), ('a.png "title"', "a.png")],
)  # fmt: skip
def test_an_attachment_is_found_by_its_name_however_it_is_linked(
    link: str, name: str, data: Data, handout: notebooks.Notebook
) -> None:
    cell = cell_of(data, "r1-answer")
    cell["source"], cell["attachments"] = f"![]( attachment:{link})", {name: {"image/png": PNG}}
    written = find(data, handout, "r1")
    assert len(written.pictures) == 1
    assert "not in the notebook" not in written.text


@pytest.mark.parametrize(
    ("attached", "said"),
    [
        ({"image/png": base64.b64encode(b"<svg onload=x>").decode()}, "neither PNG nor JPEG"),
        ({"image/png": "%%%"}, "damaged"),
        ({"image/png": base64.b64encode(b"\xff\xd8\xff" + bytes(5_000_000)).decode()}, "too large"),
        ({}, "not in the notebook"),
        ("text", "not in the notebook"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_named(
    attached: Any, said: str, data: Data, handout: notebooks.Notebook
) -> None:
    cell = cell_of(data, "r1-answer")
    cell["source"], cell["attachments"] = "![](attachment:a.png)", {"a.png": attached}
    written = find(data, handout, "r1")
    assert written.pictures == ()
    assert said in written.text


def test_a_picture_of_too_many_pixels_is_named(data: Data, handout: notebooks.Notebook) -> None:
    wide = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (99_999).to_bytes(4, "big") * 2
    cell = cell_of(data, "r1-answer")
    cell["attachments"] = {"a.png": {"image/png": base64.b64encode(wide).decode()}}
    assert "too many pixels" in find(data, handout, "r1").text


def test_a_large_notebook_of_strange_cells_is_searched_quickly(
    data: Data, handout: notebooks.Notebook
) -> None:
    data["cells"] = [prose(f"{n} " * 1_500) for n in range(1_999)] + [prose("x = 1", "code")]
    for cell in data["cells"]:
        del cell["id"]
    assert find(copy.deepcopy(data), handout, "r1").missing == notebooks.NOT_FOUND
