"""`grader import`: an otter assignment as two folders of ours, which grade as its zip does."""

import json
from pathlib import Path
from typing import Any

import pytest

from grader.commands.import_ import import_
from grader.course import assignments
from grader.course.otter import importing
from grader.course.otter.splitting import split
from grader.errors import UsageError
from grader.model import Assignment
from grader.submissions.autograders import load
from grader.submissions.collection import collect
from grader.verify.solution import has_reference
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.otter.conftest import Room

CASES = Path(__file__).with_name("cases")
# Files in both formats and with all ways to say points; names, seeds, files, totals.
IMPORTED = ("02-points", "02b-points-exception", "03-exception-as-assigned", "03b-exception-more",
            "08-seeds", "10-totals", "11-files", "13-seven-files")  # fmt: skip


def submissions() -> list[tuple[str, str]]:
    """Return the first submission of each case, and all of one."""
    found = []
    for name in IMPORTED:
        stated: dict[str, Any] = json.loads((CASES / name / "expected.json").read_text("utf-8"))
        handed_in = list(stated["submissions"])
        found += [(name, one) for one in (handed_in if name == "10-totals" else handed_in[:1])]
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    for name in IMPORTED:
        importing.write(load(str(CASES / name / "autograder")), root)
    return root


def imported(course: Path, name: str) -> Assignment:
    return assignments.load(f"a-{name}", course, need_solutions=True)


@pytest.mark.parametrize(("name", "handed_in"), submissions())
def test_what_was_imported_grades_as_its_zip_does(
    room: Room, course: Path, name: str, handed_in: str
) -> None:
    results = []
    for assignment in (load(str(CASES / name / "autograder")), imported(course, name)):
        path = CASES / name / handed_in
        found = collect([path], limits=assignment.limits, assignment=assignment)
        report = room.judge(assignment, found.submissions[0])
        scores = {one.name: (one.score, one.max_score) for one in report.questions}
        assert assignment.otter is not None
        total = assignment.otter.total(report.score, report.max_score)
        results.append((scores, total))
    assert results[0] == results[1]


@pytest.mark.parametrize("name", IMPORTED)
def test_no_hidden_case_is_in_what_students_get(course: Path, name: str) -> None:
    loaded = imported(course, name)
    text = "\n".join(
        path.read_text("utf-8", "replace") for path in loaded.folder.rglob("*") if path.is_file()
    )
    for question in loaded.questions:
        for case in question.cases:
            assert (repr(case.name) in text) is not case.hidden


def test_what_only_hidden_cases_need_stays_with_staff(course: Path) -> None:
    path = Path("tests", "q1.py")
    public = (course / "assignments" / "a-03b-exception-more" / path).read_text("utf-8")
    hidden = (course / "solutions" / "a-03b-exception-more" / path).read_text("utf-8")
    assert "TOLERANCE" in hidden
    assert "TOLERANCE" not in public
    assert "class Expected" in public
    assert not (course / "assignments" / "a-11-files" / "expected.csv").exists()
    assert (course / "solutions" / "a-11-files" / "files" / "expected.csv").exists()
    assert (course / "assignments" / "a-11-files" / "data" / "words.txt").exists()


def test_a_file_whose_cases_are_made_by_code_stays_whole_and_hidden(tmp_path: Path) -> None:
    folder = tmp_path / "hw" / "autograder"
    (folder / "tests").mkdir(parents=True)
    (folder / "otter_config.json").write_text("{}")
    (folder / "tests" / "q1.py").write_text(
        "from otter.test_files import test_case\nOK_FORMAT = False\nname = 'q1'\npoints = 4\n\n"
        "def check(n):\n    def test(x):\n        assert x > n\n    return test\n\n"
        "for n in range(2):\n"
        "    globals()[f'test_{n}'] = test_case(name=f'above {n}', hidden=n > 0)(check(n))\n"
    )
    loaded = load(str(folder))
    halves = split(loaded.folder / "tests" / "q1.py", loaded.question("q1"))
    assert halves.whole
    assert not halves.public
    found = importing.write(loaded, tmp_path / "course")
    assert any("made by code" in note for note in found.notes)
    again = assignments.load(found.slug, tmp_path / "course", need_solutions=True)
    assert [case.points for case in again.question("q1").cases] == [2, 2]


def test_the_command_takes_the_hand_out_from_where_otter_assign_leaves_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = CASES / "02-points"
    dist = tmp_path / "hw07" / "dist"
    (dist / "student").mkdir(parents=True)
    (dist / "student" / "hw07.ipynb").write_bytes((case / "ben.ipynb").read_bytes())
    (dist / "autograder" / "tests").mkdir(parents=True)
    for path in (case / "autograder" / "tests").glob("*.py"):
        (dist / "autograder" / "tests" / path.name).write_bytes(path.read_bytes())
    (dist / "autograder" / "otter_config.json").write_text('{"assignment_name": "hw07"}')
    for name in ("secret.py", "data.csv"):
        (dist / "autograder" / "files").mkdir(exist_ok=True)
        (dist / "autograder" / "files" / name).write_text("")
    (dist / "student" / "data.csv").write_text("")
    import_(assignment=str(dist / "autograder"), course=tmp_path / "course")
    said = capsys.readouterr()
    assert "which is what students may see: secret.py. Move what only" in said.err
    assert "grader grade hw07 SUBMISSIONS" in said.out
    made = tmp_path / "course" / "assignments" / "hw07" / "hw07.ipynb"
    assert made.read_bytes() == (case / "ben.ipynb").read_bytes()
    with pytest.raises(UsageError, match="is already there"):
        import_(assignment=str(dist / "autograder"), course=tmp_path / "course")


STUB = 'def double(x):\n    """Return twice x."""\n    raise NotImplementedError'
HARDER = """from otter.test_files import test_case
OK_FORMAT = False
name = "q1"

@test_case(name="any number", points=2, hidden=True)
def test_any(double, rng, reference):
    for x in rng.integers(100, 999, 5):
        assert double(int(x)) == reference.double(int(x))
"""


def test_what_was_imported_can_be_made_harder_with_a_reference(room: Room, tmp_path: Path) -> None:
    test = "OK_FORMAT = True\ntest = {'name': 'q1', 'points': 1, 'suites': [{'type': 'doctest', 'cases': [{'code': '>>> double(2)\\n4', 'hidden': False}]}]}\n"  # noqa: E501
    folder = tmp_path / "hw" / "autograder"
    (folder / "tests").mkdir(parents=True)
    (folder / "otter_config.json").write_text("{}")
    (folder / "tests" / "q1.py").write_text(test)
    handout = tmp_path / "hw.ipynb"
    handout.write_bytes(notebook_of(STUB, 'grader.check("q1")'))
    found = importing.write(load(str(folder)), tmp_path / "course", handout)
    public, staff = (tmp_path / "course" / top / found.slug for top in ("assignments", "solutions"))
    (staff / "reference.py").write_text(STUB.replace("raise NotImplementedError", "return 2 * x"))
    (staff / "tests").mkdir()
    (staff / "tests" / "q1.py").write_text(HARDER)
    settings = public / "assignment.toml"
    stated = settings.read_text("utf-8").replace("points = 1.0", 'points = 3\nnames = ["double"]')
    settings.write_text(stated)
    loaded = assignments.load(found.slug, tmp_path / "course", need_solutions=True)
    assert has_reference(loaded)  # so that `grader verify` tries every gate
    for answer, score in (("return x + x", 3), ("return 4", 1)):
        content = notebook_of(STUB.replace("raise NotImplementedError", answer))
        assert room.judge(loaded, submission_of(content)).score == score


def test_our_own_assignments_are_not_imported(tmp_path: Path) -> None:
    write_small_course(tmp_path)
    folder = str(tmp_path / "assignments" / "small")
    with pytest.raises(UsageError, match="our two folders already"):
        import_(assignment=folder, course=tmp_path / "course")
