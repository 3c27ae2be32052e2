"""A class through the whole command: who gets which score, and whose it stays later."""

import csv
import json
import re
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from grader.gradebook.store import Store
from tests.conftest import notebook_of, write_small_course
from tests.support.classes import RIGHT, SETUP, grade_here
from tests.support.commands import run
from tests.support.downloads import pack

WRONG = "def square(x):\n    return x + x"
GRADEBOOK = """\
Student,ID,SIS User ID,SIS Login ID,Section,Small numbers (77)
    Points Possible,,,,,7
"Smith, John",41232,1,jsmith1,S,
"Smith, John",41233,2,jsmith2,S,
"Lovelace, Ada",41230,3,ada,S,
"Evans, Eve",99,4,eve,S,
"""


def solved(*before: str, double: str = RIGHT["double"], square: str = RIGHT["square"]) -> bytes:
    cells = (SETUP, *before, double, "grader.check('q1')", square, "grader.check('q2')")
    return notebook_of(*cells)


def edited(content: bytes, **cell: object) -> bytes:
    """Return a notebook whose first cell after the set-up is changed so."""
    data = json.loads(content)
    data["cells"][1] |= cell
    return json.dumps(data).encode()


HELPED = "from helpers import FACTOR\n\ndef double(x):\n    return FACTOR * x"
FIRST = {
    "lovelaceada_41230_10_small.ipynb": solved(double=HELPED.replace("FACTOR", "MINE")),
    "lovelaceada_41230_11_helpers.py": b"MINE = 2\n",
    "lovelaceada_41230_12_figures.zip": pack({"figure.png": b"\x89PNG"}),
    "lovelaceada_41230_13_scratch.ipynb": notebook_of("2 + 2"),
    "pascalblaise_41231_14_small.ipynb": solved(double=HELPED),
    "smithjohn_41232_15_small.ipynb": solved(square=WRONG),
    "gausscarl_41234_16_small.ipynb": b"<<<<<<< HEAD\n" + solved(),
    "noetheremmy_41235_17_small.ipynb": solved(r"print('\ud83d')").replace(rb"\\ud83d", rb"\ud83d"),
    "turingalan_41236_18_small.ipynb": edited(solved("x = 1"), cell_type=[], metadata=[]),
    "hoppergrace_41237_19_small.ipynb": edited(
        solved("print()"), outputs=[{"output_type": "stream", "text": "x" * 300_000}]
    ),
    "evanseve_99_20_small.ipynb": notebook_of(SETUP, "def double(x):\n    return x"),
}
SECOND = {
    **FIRST,
    "smithjohn_41233_21_small.ipynb": solved(double="def double(x):\n    return x"),
    "keplerjo_41238_22_small.ipynb": b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n",
    "solution.ipynb": solved(),
}


@dataclass(frozen=True)
class Graded:
    """The two runs, and what they left."""

    first: Any
    second: Any
    scores: dict[str, str]
    canvas: dict[str, str]
    results: dict[str, Any]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Graded:
    root = tmp_path_factory.mktemp("graded")
    course = write_small_course(root / "course")
    settings = course / "assignments" / "small" / "assignment.toml"
    text = settings.read_text("utf-8").replace("[limits]", "[limits]\nnotebook_bytes = 200_000")
    settings.write_text(f'files = ["helpers.py"]\n{text}', "utf-8")
    (settings.parent / "helpers.py").write_text("FACTOR = 2\n", "utf-8")
    out = root / "out"
    runs = []
    for number, members in enumerate((FIRST, SECOND)):
        path = root / f"{number}" / "submissions.zip"
        path.parent.mkdir()
        path.write_bytes(pack(members))
        runs.append(grade_here(course, path, out))
        if number == 0:
            with Store(out / "grades.db") as store:
                store.override("smithjohn", "q2", 2.5, "staff", "agreed in the office hour")
    (root / "gradebook.csv").write_text(GRADEBOOK, "utf-8")
    done = run("report", out, "--canvas", root / "gradebook.csv")
    assert done.returncode == 1, done.stderr  # one is ungraded
    with closing((out / "grades.csv").open(encoding="utf-8-sig", newline="")) as file:
        scores = {row["student"]: row["score"] for row in csv.DictReader(file)}
    with closing((out / "canvas.csv").open(encoding="utf-8-sig", newline="")) as file:
        canvas = {row[1]: row[-1] for row in csv.reader(file)}
    data = json.loads((out / "results.json").read_text("utf-8"))
    results = {one["student"]: one for one in data["submissions"]}
    return Graded(runs[0], runs[1], scores, canvas, results)


def test_it_says_how_it_understood_the_download_before_it_grades(graded: Graded) -> None:
    said = graded.first.stdout.splitlines()[0]
    assert said == "8 students from a Canvas download, 2 files skipped.", graded.first.stderr
    skipped = re.findall(r"^skipped (\S+): (.*)$", graded.first.stderr, re.MULTILINE)
    assert [name for name, _ in skipped] == [
        "lovelaceada_41230_12_figures.zip", "lovelaceada_41230_13_scratch.ipynb",
    ]  # fmt: skip
    assert graded.first.returncode == 0, graded.first.stderr


def test_of_whom_nothing_could_be_graded_is_named_last_with_the_reason(graded: Graded) -> None:
    said = re.findall(r"^0 points for (\S+): (.*)$", graded.first.stderr, re.MULTILINE)
    assert [name for name, _ in said] == ["gausscarl"]
    assert "git's marks of a merge conflict" in said[0][1]
    assert "keplerjo" not in re.findall(r"^0 points for (\S+):", graded.second.stderr, re.MULTILINE)


def test_a_notebook_that_is_nobodys_ends_with_one(graded: Graded) -> None:
    assert graded.second.returncode == 1
    assert "graded for nobody: solution.ipynb" in graded.second.stderr


def test_everybody_has_the_score_of_the_assignments_own_notebook(graded: Graded) -> None:
    assert graded.scores == {
        "lovelaceada": "6",
        "pascalblaise": "6",
        "smithjohn": "5.5",  # 4 by the tests: 2 + 2 is 2 times 2
        "smithjohn (41233)": "3",
        "gausscarl": "0",
        "noetheremmy": "6",
        "turingalan": "6",
        "hoppergrace": "6",
        "evanseve": "0",
        "keplerjo": "",
    }
    assert "merge conflict, the first on line 1" in graded.results["gausscarl"]["error"]


def test_what_is_no_students_fault_is_ungraded(graded: Graded) -> None:
    ungraded = [name for name, one in graded.results.items() if one["status"] == "ungraded"]
    assert ungraded == ["keplerjo"]
    assert "`git lfs pull`" in graded.results["keplerjo"]["error"]
    assert "ungraded: keplerjo_41238_22_small.ipynb is a pointer of Git LFS" in graded.second.stderr


def test_canvas_gets_each_score_in_its_own_row(graded: Graded) -> None:
    scores = {number: graded.canvas[number] for number in ("41230", "41232", "41233", "99")}
    assert scores == {"41230": "6", "41232": "5.5", "41233": "3", "99": "0"}
