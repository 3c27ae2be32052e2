"""`grader grade --dry-run`: who handed in which file, and why it is that one."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.commands.app import app
from grader.errors import UsageError
from grader.gradebook import outputs
from grader.gradebook.store import Store
from grader.renderers.text import shown
from tests.conftest import notebook_of
from tests.gradebook.test_store import ASSIGNMENT, QUESTIONS, handed_in, question, report
from tests.support.downloads import DOWNLOADS, SLUG, Student, pack, write

CLASS = (Student("Ada", "Lovelace", "ada", 41230), Student("Blaise", "Pascal", "blaise", 41231))
HOSTILE = "x\x1b[2J\x1b]0;you\x07\u202eexe"
OWN = notebook_of("def double(x):\n    return 2 * x")


def dry_run(course: Path, path: Path, *more: str) -> tuple[int, str, str]:
    arguments = ["grade", "small", str(path), "--course", str(course), "--dry-run", *more]
    done = CliRunner(env={"COLUMNS": "200"}).invoke(app, arguments)
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


@pytest.mark.parametrize("name", DOWNLOADS)
def test_it_shows_who_and_which_file_of_each_platform(
    tmp_path: Path, small_course: Path, name: str
) -> None:
    path = write(tmp_path / "class", DOWNLOADS[name][1](CLASS))
    status, out, _ = dry_run(small_course, path)
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("2 students from ")
    rows = [line for line in lines if f"{SLUG}.ipynb" in line or ".ipynb" in line]
    assert len(rows) == 2
    assert sorted(tmp_path.iterdir()) == [path]  # nothing is graded, nothing is written


def test_who_is_missing_and_what_is_nobodys_is_said(tmp_path: Path, small_course: Path) -> None:
    path = write(tmp_path / "class", {**DOWNLOADS["canvas"][1](CLASS), "solution.ipynb": OWN})
    roster = tmp_path / "roster.csv"
    roster.write_text("name,id\nAda Lovelace,1\nBlaise Pascal,2\nEmmy Noether,3\n")
    status, out, err = dry_run(small_course, path, "--roster", str(roster))
    assert status == 1
    assert "1 of the roster handed in nothing." in out
    assert "Emmy Noether" in out
    assert "graded for nobody: solution.ipynb" in err


@pytest.mark.parametrize("out", ["graded", ""])
def test_outputs_that_lie_among_the_submissions_are_nobodys(
    tmp_path: Path, small_course: Path, out: str
) -> None:
    path = write(tmp_path / "class", {"ada/small.ipynb": OWN, "blaise/small.ipynb": OWN})
    with Store(path / out / outputs.STORE_NAME) as store:
        store.bind(ASSIGNMENT, 0)
        store.set_submissions([handed_in("ada")])
        store.add(report("ada", *(question(one.name) for one in QUESTIONS)), QUESTIONS)
        outputs.write(store.gradebook(), path / out)
    (path / out / "gradescope" / "x.ipynb").write_bytes(OWN)
    _, seen, err = dry_run(small_course, path)
    assert not seen.startswith("2 students from ")  # the control: it is not told where they lie
    _, seen, err = dry_run(small_course, path, "-o", str(path / out))
    assert seen.startswith("2 students from folders and files named after them, 0 files skipped.")
    assert not err


def test_a_students_folder_that_only_looks_like_outputs_stays(
    tmp_path: Path, small_course: Path
) -> None:
    files = {"ada/small.ipynb": OWN, "feedback/small.ipynb": OWN, "ada/grades.db": b"x"}
    path = write(tmp_path / "class", files)
    assert dry_run(small_course, path, "-o", str(path))[1].startswith("2 students")


def test_outputs_are_not_written_into_the_assignment(tmp_path: Path, small_course: Path) -> None:
    path = write(tmp_path / "class", {"ada/small.ipynb": OWN})
    for folder in ("assignments", "solutions"):
        with pytest.raises(UsageError, match="which holds the assignment itself"):
            dry_run(small_course, path, "-o", str(small_course / folder / "small" / "graded"))


def test_a_command_that_grades_needs_a_folder_for_it(tmp_path: Path, small_course: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(OWN)
    arguments = ["grade", "small", str(tmp_path), "--course", str(small_course)]
    done = CliRunner().invoke(app, arguments)
    assert isinstance(done.exception, UsageError)
    assert "-o FOLDER" in str(done.exception)


def test_no_name_reaches_the_terminal_as_more_than_text(tmp_path: Path, small_course: Path) -> None:
    members = {
        f"class/{HOSTILE}/small.ipynb": OWN, f"class/ada/{HOSTILE}.zip": pack({HOSTILE: b""}),
        f"class/{HOSTILE}.pdf": b"", "class/ada/small.ipynb": OWN, f"../{HOSTILE}.ipynb": b"",
    }  # fmt: skip
    (tmp_path / f"{HOSTILE[:3]}.zip").write_bytes(pack(members))
    status, out, err = dry_run(small_course, tmp_path / f"{HOSTILE[:3]}.zip")
    assert status == 1
    told = out + err
    assert shown(HOSTILE) in told
    assert not set(told) & set("\x1b\x07\u202e")
