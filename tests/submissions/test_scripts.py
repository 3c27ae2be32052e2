"""What else may be handed in for an otter assignment: scripts, and files beside the notebook."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.model import Limits, Submission
from grader.submissions.collection import Collection, collect
from grader.submissions.content import Wanted
from tests.support.downloads import book, pack, write

WANTED = Wanted("hw", questions=("q1", "q2"), takes_scripts=True, takes_files=True)
SCRIPT = b"import otter\ngrader = otter.Notebook()\nx = 1\ngrader.check('q1')\nx = 2; y = 3\n"
BOOK = book("max")
MODULE = b"two = 2\n"


def gather(path: Path, wanted: Wanted = WANTED, limits: Limits | None = None) -> Collection:
    return collect([path], limits=limits or Limits(), assignment=wanted)


def cells_of(submission: Submission) -> list[str]:
    return [cell["source"] for cell in json.loads(submission.content)["cells"]]


def names_of(found: Collection) -> dict[str, list[str]]:
    return {one.student: [name for name, _ in one.files] for one in found.submissions}


def test_a_script_is_a_notebook_of_one_cell(tmp_path: Path) -> None:
    (one,) = gather(write(tmp_path / "class", {"lea/hw.py": SCRIPT})).submissions
    assert cells_of(one) == [SCRIPT.decode()]
    assert one.problem is None


@pytest.mark.parametrize(
    ("content", "source"),
    [
        (b"x = (", "x = ("),
        (b"# coding: latin-1\nx = '\xe9'\n", "# coding: latin-1\nx = '\xe9'\n"),
        (b"\xef\xbb\xbfgrader.check('q1')\r\nx = 1\r\n", "grader.check('q1')\nx = 1\n"),
    ],
)
def test_any_script_is_read_and_none_is_lost(tmp_path: Path, content: bytes, source: str) -> None:
    (one,) = gather(write(tmp_path / "class", {"lea/hw.py": content})).submissions
    assert one.problem is None
    assert cells_of(one) == [source]


def test_a_script_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    (one,) = gather(write(tmp_path / "class", {"lea/hw.py": b"x = '\xff'"})).submissions
    assert "is no text that Python can read" in str(one.problem)


FOLDER = {
    "max/hw.ipynb": BOOK, "max/mine.py": MODULE, "max/data/x.csv": b"1", "max/.OTTER_LOG": b"x",
    "max/report.pdf": b"%PDF", "max/tests/q1.py": b"forged",
    "lea/hw.py": SCRIPT, "lea/helpers.py": MODULE,
}  # fmt: skip


def test_beside_a_notebook_a_script_is_a_module(tmp_path: Path) -> None:
    found = gather(write(tmp_path / "class", FOLDER))
    assert names_of(found) == {"lea": ["helpers.py"], "max": ["data/x.csv", "mine.py"]}
    assert {one.path: one.reason for one in found.skipped}.keys() == {
        "max/.OTTER_LOG", "max/report.pdf", "max/tests/q1.py",
    }  # fmt: skip
    assert not found.lost


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_students_zip_brings_its_files(tmp_path: Path, wrapped: bool) -> None:
    inside = {"hw.ipynb": BOOK, "mine.py": MODULE, "data/x.csv": b"1"}
    content = pack({f"{'hw/' if wrapped else ''}{name}": data for name, data in inside.items()})
    names = ["data/x.csv", "mine.py"]
    alone = write(tmp_path / "alone", {"max.zip": content})
    assert [*names_of(gather(alone)).values()] == [names]
    (direct,) = names_of(gather(alone / "max.zip")).values()
    assert direct == names
    several = write(tmp_path / "class", {"max.zip": content, "lea.ipynb": BOOK})
    assert names_of(gather(several)) == {"lea": [], "max": names}


def test_scripts_of_one_folder_are_a_student_each(tmp_path: Path) -> None:
    flat = write(tmp_path / "class", {"lea.py": SCRIPT, "leo.py": SCRIPT, "max.ipynb": BOOK})
    assert names_of(gather(flat)) == {"lea": [], "leo": [], "max": []}


def test_our_own_assignments_take_neither(tmp_path: Path) -> None:
    found = gather(write(tmp_path / "class", FOLDER), Wanted("hw", questions=("q1", "q2")))
    assert names_of(found) == {"max": [], "lea": []}
    assert all(one.problem for one in found.submissions if one.student == "lea")


def test_what_lies_beside_a_notebook_has_the_room_of_the_scratch(tmp_path: Path) -> None:
    files = {"max/hw.ipynb": BOOK, "max/a.txt": b"x" * 600, "max/b.txt": b"x" * 600}
    found = gather(write(tmp_path / "class", files), limits=replace(Limits(), scratch_bytes=1000))
    assert names_of(found) == {"max": ["a.txt"]}
    assert "more than there is room for" in found.skipped[0].reason


def test_links_out_of_a_folder_and_names_out_of_a_zip_bring_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = write(tmp_path / "class", {"max/hw.ipynb": BOOK})
    (folder / "max" / "link.txt").symlink_to(secret)
    (folder / "max" / "data").symlink_to(tmp_path)
    assert names_of(gather(folder)) == {"max": []}
    slips = pack({"hw.ipynb": BOOK, "../out.txt": b"x", "/abs.txt": b"x"})
    found = gather(write(tmp_path / "zips", {"max.zip": slips, "lea.ipynb": BOOK}))
    assert names_of(found)["max"] == []
