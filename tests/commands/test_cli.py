"""The commands as a stranger types them: what they print, write, and leave with."""

import json
import keyword
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from grader.commands.app import commands
from tests.conftest import REPOSITORY, notebook_of, write_small_course
from tests.support import requirements
from tests.support.commands import run

RIGHT = (
    "import otter\ngrader = otter.Notebook('small.ipynb')",
    "def double(x):\n    return 2 * x",
    'grader.check("q1")',
    "def square(x):\n    return x * x",
    'grader.check("q2")',
)
WRONG = (*RIGHT[:3], "def square(x):\n    return 4", RIGHT[4])


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_small_course(tmp_path_factory.mktemp("course"))
    settings = root / "assignments" / "small" / "assignment.toml"
    text = settings.read_text(encoding="utf-8")
    assert "cell_seconds = 2" in text  # as long as a class with a cell that never ends would wait
    settings.write_text(text.replace("cell_seconds = 2", "cell_seconds = 0.5"), encoding="utf-8")
    handed_in = root / "handed-in"
    handed_in.mkdir()
    (handed_in / "ada.ipynb").write_bytes(notebook_of(*RIGHT))
    (handed_in / "bob.ipynb").write_bytes(notebook_of(*WRONG))
    (handed_in / "cyd.ipynb").write_bytes(b"not a notebook")
    (handed_in / "=cmd|calc.ipynb").write_bytes(notebook_of("while True: pass", *RIGHT))
    return root


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: item for key, item in value.items() if key not in {"seconds", "phases"}}
        return {key: without_times(item) for key, item in kept.items()}
    return [without_times(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def graded(course: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    requirements.require("isolation")
    out = course / "out"
    words = ["grade", "small", course / "handed-in", "-o", out, "--course", course]
    # As a process of its own, as it is typed; the other commands need no start to be tried.
    done = subprocess.run(
        [sys.executable, "-m", "grader", *map(str, words)], capture_output=True, text=True,
        cwd=REPOSITORY, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, out


def results(out: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((out / "results.json").read_text(encoding="utf-8"))
    return loaded


def test_a_class_is_graded_by_one_command(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    done, out = graded
    scores = {item["student"]: item["score"] for item in results(out)["submissions"]}
    assert scores == {"ada": 6.0, "bob": 4.0, "cyd": 0.0, "=cmd|calc": 6.0}
    assert "ada" in done.stdout


def assert_ends_with_the_report(said: str, out: Path, typed: str = "") -> None:
    heading, uri, rest = said.splitlines()[-3:]
    assert "report" in heading
    assert uri == (out / "report.html").resolve().as_uri()
    place, _, names = rest.removeprefix("Beside it in ").partition(": ")
    assert place == (typed or str(out))
    assert {"results.json", "grades.csv", "grades.db", "feedback/"} <= set(names.split(", "))
    assert all((out / name).exists() for name in names.split(", "))


@pytest.mark.needs("isolation")
def test_each_command_has_a_file_of_its_own() -> None:
    found = commands()
    assert len(found) == 13
    for name, function in found.items():
        module = f"{name}_" if keyword.iskeyword(name) else name
        assert function.__module__ == f"grader.commands.{module}"


def test_every_command_that_writes_a_report_names_it_first(course: Path, tmp_path: Path) -> None:
    out = tmp_path / "a folder"  # which a terminal would not click on if it were not a URI
    lines: list[list[object]] = [
        ["grade", "small", course / "handed-in" / "bob.ipynb", "-o", out, "--course", course,
         "--jobs", "1"],
        ["report", out],
        ["override", "bob", "q2", "3", "-o", out, "--why", "the hint was wrong"],
        ["manual", out],
    ]  # fmt: skip
    for command in lines:
        done = run(*command)
        assert done.returncode == 0, done.stderr
        assert_ends_with_the_report(done.stdout, out)
    # `review` does so when its page is closed, as its own tests show.
    others = {"demo", "review"}
    assert commands_that_render() == {str(command[0]) for command in lines} | others


def commands_that_render() -> set[str]:
    """Return the commands whose code ends with `finish`."""
    found = commands().items()
    return {name for name, function in found if "finish" in function.__code__.co_names}


def test_the_outputs_have_the_designs_shape(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    book = results(graded[1])
    assert {"assignment", "assignment_sha256", "seed", "grader", "isolation", "environment",
            "submissions"} <= set(book)  # fmt: skip
    ada = next(item for item in book["submissions"] if item["student"] == "ada")
    assert {"student", "path", "sha256", "status", "score", "max_score", "pending", "seconds",
            "error", "questions"} <= set(ada)  # fmt: skip
    case = ada["questions"][0]["cases"][1]
    assert {"name", "hidden", "status", "score", "max_score", "message", "staff_message",
            "seconds"} <= set(case)  # fmt: skip


def test_formula_like_names_are_neutralised_in_the_csv(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    lines = (graded[1] / "grades.csv").read_text(encoding="utf-8").splitlines()
    header = "student,path,status,score,max_score,pending,isolation,q1,q2,r1"
    assert lines[0].startswith(header)
    assert not any(line.startswith(("=", '"=')) for line in lines)


def test_grading_the_same_class_twice_gives_equal_results(
    course: Path, graded: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    again = course / "again"
    words = ["grade", "small", course / "handed-in", "-o", again, "--course", course]
    done = run(*words, "--jobs", "1")
    assert done.returncode == 0, done.stderr
    assert without_times(results(again)) == without_times(results(graded[1]))


def test_running_again_grades_nothing_twice(
    course: Path, graded: tuple[subprocess.CompletedProcess[str], Path]
) -> None:
    before = (graded[1] / "results.json").read_text(encoding="utf-8")
    done = run("grade", "small", course / "handed-in", "-o", graded[1], "--course", course)
    assert "nothing to grade" in done.stderr
    assert (graded[1] / "results.json").read_text(encoding="utf-8") == before


def test_report_renders_again_from_the_store(
    graded: tuple[subprocess.CompletedProcess[str], Path],
) -> None:
    path = graded[1] / "results.json"
    before = path.read_text(encoding="utf-8")
    path.unlink()
    assert run("report", graded[1]).returncode == 0
    assert path.read_text(encoding="utf-8") == before


def test_a_canvas_export_is_filled_and_keeps_its_shape(
    graded: tuple[subprocess.CompletedProcess[str], Path], tmp_path: Path
) -> None:
    export = tmp_path / "gradebook.csv"
    header = "Student,ID,SIS User ID,SIS Login ID,Section,Small numbers (77)"
    rows = ["    Points Possible,,,,,7", '"Lovelace, Ada",1,s1,ada,A,', '"Nobody, N",2,s2,nn,A,']
    export.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    done = run("report", graded[1], "--canvas", export)
    assert done.returncode == 0, done.stderr
    lines = (graded[1] / "canvas.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:3] == [header, rows[0], '"Lovelace, Ada",1,s1,ada,A,6']
    assert lines[3] == rows[2]


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["grade", "small", "{empty}", "-o", "{out}"], 2, "{empty}"),
        (["grade", "small", "{course}/nowhere", "-o", "{out}"], 2, "nowhere"),
        (["grade", "large", "{course}/handed-in", "-o", "{out}"], 2, "no assignment 'large'"),
        (
            ["grade", "small", "{course}/handed-in", "-o", "{out}", "--isolation", "some"],
            2,
            "'some' is not one of 'auto', 'none'",
        ),
        (
            ["grade", "small", "{course}/handed-in", "-o", "{out}", "--device", "tpu"],
            2,
            "'tpu' is not one of 'auto', 'cpu', 'cuda'",
        ),
        (["grade", "small", "{course}/handed-in", "-o", "{out}", "--only", "q9"], 2, "q9"),
        (["report", "{empty}"], 2, "There is no grades.db"),
        (["report", "{empty}", "--column", "x"], 2, "give one with --canvas, --moodle or --b"),
        (["check", "{course}/nowhere.ipynb"], 2, "There is no notebook"),
        (["grade"], 2, "Missing argument"),
    ],
)
def test_unusable_input_is_one_sentence_and_status_2(
    course: Path, tmp_path: Path, arguments: list[str], status: int, says: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    places = {"course": course, "empty": empty, "out": tmp_path / "out"}
    filled = [argument.format(**places) for argument in arguments]
    done = run(*filled, cwd=course)
    assert done.returncode == status
    assert says.format(**places) in done.stderr
    assert "Traceback" not in done.stderr


def test_check_tells_a_student_what_hidden_tests_still_decide(course: Path) -> None:
    path = course / "small.ipynb"
    path.write_bytes(notebook_of(*WRONG))
    done = run("check", path, "--course", course)
    assert done.returncode == 0
    assert "✓ q2: 1 of 1 public tests passed; hidden tests decide 2 more points" in done.stdout
    assert "All public tests passed." in done.stdout


def test_check_shows_the_input_that_failed(course: Path) -> None:
    path = course / "small.ipynb"
    path.write_bytes(notebook_of(*RIGHT[:3], "def square(x):\n    return 3", RIGHT[4]))
    done = run("check", path, "-q", "q2", "--course", course)
    assert done.returncode == 1
    assert "for 2 the answer is 4, you have 3" in done.stdout
    assert "q1" not in done.stdout


def test_doctor_fits_on_a_screen() -> None:
    done = run("doctor")
    assert done.returncode in {0, 3}
    assert "isolation: " in done.stdout
    assert len(done.stdout.splitlines()) <= 40
