"""A class of an otter assignment by one command: from its zip to grades, and all outputs."""

import csv
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from grader.batch import warm_up
from grader.batch.messages import ProcessSettings
from grader.commands.grade import places_of
from grader.errors import AssignmentError
from grader.model import Limits
from grader.submissions.autograders import load
from tests.conftest import notebook_of
from tests.support import requirements
from tests.support.autograders import EXCEPTION_TEST, OK_TEST, packed, write_autograder
from tests.support.commands import run

TESTS = {
    "q1": OK_TEST.format(name="q1", points=2),
    "q2": EXCEPTION_TEST.format(name="q2", points=4),
    "survey": OK_TEST.format(name="survey", points=0),
}
CONFIG = {
    "assignment_name": "hw03",
    "points_possible": 12,
    "plugins": ["our.plugins.Curve"],
    "token": "s3cret",
    "course_id": 1,
    "pdf": True,
    "colour": "blue",
}
STAMP = "PLUGINS IGNORED: our.plugins.Curve"
RIGHT = ("import otter\ngrader = otter.Notebook('hw03.ipynb')", "x = 3", "grader.check('q1')",
         "def square(a):\n    return a * a", "grader.check('q2')")  # fmt: skip
WRONG = (*RIGHT[:3], "def square(a):\n    return abs(a) * a", RIGHT[4])


def handed_in(cells: tuple[str, ...], name: str | None = "hw03") -> bytes:
    document = json.loads(notebook_of(*cells))
    if name is not None:
        document["metadata"]["otter"] = {"assignment_name": name}
    return json.dumps(document).encode()


@dataclass(frozen=True)
class Graded:
    """A class that one command has graded."""

    root: Path
    done: subprocess.CompletedProcess[str]

    @property
    def archive(self) -> Path:
        return self.root / "autograder.zip"

    @property
    def out(self) -> Path:
        return self.root / "out"

    @property
    def results(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.out / "results.json").read_text("utf-8"))
        return found

    def rows(self, name: str) -> list[dict[str, str]]:
        text = (self.out / name).read_text("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text)))

    def again(self, *more: object, of: Path | None = None) -> subprocess.CompletedProcess[str]:
        return run("grade", of or self.archive, self.root / "in", "-o", self.out, *more)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    requirements.require("isolation")
    root = tmp_path_factory.mktemp("hw03")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        folder = write_autograder(root / "autograder", CONFIG, TESTS)
        archive = packed(folder, root / "autograder.zip")
        students = root / "in"
        students.mkdir()
        (students / "ada.ipynb").write_bytes(handed_in(RIGHT))
        (students / "bob.ipynb").write_bytes(handed_in(WRONG))
        (students / "cyd.ipynb").write_bytes(handed_in(RIGHT, "hw02"))
        (students / "dan.ipynb").write_bytes(handed_in(RIGHT, None))
        with zipfile.ZipFile(students / "eve.zip", "w") as written:
            written.writestr("hw03.ipynb", handed_in(RIGHT))
            written.writestr("hw03.pdf", b"%PDF-1.4 eve's answers")
        done = run("grade", archive, students, "-o", root / "out", "--jobs", "2",
                   "--ignore-plugins")  # fmt: skip
        assert done.returncode == 0, done.stderr
        yield Graded(root, done)


def test_points_and_totals_are_otters(graded: Graded) -> None:
    found = {item["student"]: item for item in graded.results["submissions"]}
    assert {name: (item["score"], item["max_score"]) for name, item in found.items()} == {
        "ada": (6.0, 6.0), "bob": (4.0, 6.0), "cyd": (0.0, 6.0), "dan": (0.0, 6.0),
        "eve": (6.0, 6.0),
    }  # fmt: skip
    assert {name: (item["total"], item["max_total"]) for name, item in found.items()} == {
        "ada": (12.0, 12.0), "bob": (8.0, 12.0), "cyd": (0.0, 12.0), "dan": (0.0, 12.0),
        "eve": (12.0, 12.0),
    }  # fmt: skip
    rows = {row["student"]: row for row in graded.rows("grades.csv")}
    bob = rows["bob"]
    assert (bob["score"], bob["total"], bob["max_total"]) == ("4", "8", "12")
    assert "8/12" in graded.done.stdout
    assert "In the end this counts as 8 of 12 points" in (
        graded.out / "feedback" / "bob.html"
    ).read_text("utf-8")


def test_a_notebook_for_another_assignment_is_an_error_and_the_reason_is_said(
    graded: Graded,
) -> None:
    found = {item["student"]: item for item in graded.results["submissions"]}
    assert "for the assignment 'hw02', and this is 'hw03'" in found["cyd"]["error"]
    assert "for no assignment, and this is 'hw03'" in found["dan"]["error"]
    assert {found[name]["status"] for name in ("cyd", "dan")} == {"error"}
    assert not any(question["cases"] for question in found["cyd"]["questions"])
    page = (graded.out / "feedback" / "cyd.html").read_text("utf-8")
    assert "this is &#39;hw03&#39;" in page


def test_final_grades_have_otters_columns(graded: Graded) -> None:
    text = (graded.out / "final_grades.csv").read_text("utf-8-sig")
    head, points, *rows = text.splitlines()
    assert head == "file,q1,q2,survey,total_points_earned,percent_correct,grading_status"
    assert points == "points-per-question,2,4,0,6,1,--"
    assert rows[0] == f"ada.ipynb,2,4,0,6,1,Completed; {STAMP}"
    assert rows[1] == f"bob.ipynb,2,2,0,4,0.6667,Completed; {STAMP}"
    assert rows[2].startswith('cyd.ipynb,0,0,0,0,0,"This notebook says that it is for')


def test_a_question_of_no_points_is_in_every_table(graded: Graded) -> None:
    rows = graded.rows("grades.csv")
    assert [row["survey"] for row in rows if row["student"] == "ada"] == ["0"]
    assert ">survey<" in (graded.out / "report.html").read_text("utf-8")
    assert "survey" in (graded.out / "feedback" / "ada.html").read_text("utf-8")


def test_every_output_says_that_a_plugin_was_not_run(graded: Graded) -> None:
    for name in ("report.html", "grades.csv", "final_grades.csv", "results.json",
                 "feedback/ada.html", "gradescope/ada/results.json"):  # fmt: skip
        assert STAMP in (graded.out / name).read_text("utf-8-sig"), name
    assert STAMP in graded.done.stdout
    refused = graded.again()
    assert refused.returncode == 2
    assert "our.plugins.Curve. Go on without them by --ignore-plugins" in refused.stderr


def test_what_is_not_done_is_noted_once_in_the_terminal_and_the_report(graded: Graded) -> None:
    report = (graded.out / "report.html").read_text("utf-8")
    for said in ("Nothing is uploaded to Gradescope", "No PDF is made", "has 'colour'"):
        assert graded.done.stderr.count(said) == 1
    assert "Of what the otter configuration asks for" in report
    assert "An otter assignment has no reference" in report
    everything = [path.read_bytes() for path in graded.root.rglob("*")
                  if path.is_file() and path.parent != graded.root / "autograder"
                  and path != graded.archive]  # fmt: skip
    assert not any(b"s3cret" in content for content in everything)


def test_a_pdf_that_was_handed_in_is_copied_where_the_configuration_asks_for_one(
    graded: Graded,
) -> None:
    assert [path.name for path in (graded.out / "pdf").iterdir()] == ["eve.pdf"]
    assert (graded.out / "pdf" / "eve.pdf").read_bytes().startswith(b"%PDF")
    assert "pdf/" in graded.done.stdout


def test_the_folder_is_the_same_assignment_and_nothing_is_graded_twice(graded: Graded) -> None:
    before = (graded.out / "grades.csv").read_bytes()
    done = graded.again("--ignore-plugins", of=graded.root / "autograder")
    assert done.returncode == 0, done.stderr
    assert "nothing to grade" in done.stderr
    assert (graded.out / "grades.csv").read_bytes() == before
    assert graded.results["assignment"] == "hw03"


def test_the_store_renders_the_same_without_the_zip(graded: Graded) -> None:
    names = ("grades.csv", "final_grades.csv", "report.html", "feedback/bob.html")
    before = {name: (graded.out / name).read_bytes() for name in names}
    for name in names:
        (graded.out / name).unlink()
    done = run("report", graded.out)
    assert done.returncode == 0, done.stderr
    assert {name: (graded.out / name).read_bytes() for name in names} == before


def test_a_score_by_hand_counts_in_the_total(graded: Graded) -> None:
    done = run("override", "bob", "q2", "3", "-o", graded.out, "--why", "nearly")
    assert done.returncode == 0, done.stderr
    rows = {row["student"]: row for row in graded.rows("grades.csv")}
    assert (rows["bob"]["score"], rows["bob"]["total"]) == ("5", "10")
    done = run("override", "bob", "q2", "-o", graded.out, "--why", "not so", "--withdraw")
    assert done.returncode == 0, done.stderr


def test_a_machine_without_the_unpacked_folder_unpacks_it_again(graded: Graded) -> None:
    loaded = load(str(graded.archive), ignore_plugins=True)
    elsewhere = ProcessSettings(
        "/nowhere/unpacked", 0, Limits(), "none", "cpu", loaded.sha256, packed=str(graded.archive)
    )
    assert warm_up._load(elsewhere).sha256 == loaded.sha256
    with pytest.raises(AssignmentError, match="is not what the batch began with"):
        warm_up._load(replace(elsewhere, assignment_sha256="another"))


def test_no_student_may_see_the_archive_itself(graded: Graded) -> None:
    loaded = load(str(graded.archive), ignore_plugins=True)
    assert graded.archive.resolve() in places_of(loaded, [graded.out])
