"""`grader plan` and `grader verify --solution`, for an assignment that was made for otter."""

import ast
import importlib.util
import json
import zipfile
from pathlib import Path

import pytest
import typer

from grader.commands.options import DONE, INCOMPLETE
from grader.commands.plan import plan
from grader.commands.verify import verify
from grader.course import beside
from grader.course.otter import config, keys
from grader.course.otter.keys import Becomes
from grader.errors import UsageError
from grader.model import Submission
from grader.reports import Report
from grader.submissions.autograders import load
from grader.verify import Verification, solution
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.otter.conftest import Room
from tests.support.commands import run

CASES = Path(__file__).with_name("cases")
OK_TEST = """OK_FORMAT = True
test = {{"name": "{name}", "points": 2, "suites": [{{"type": "doctest", "cases": [
    {{"code": r'''
    >>> {public}
    True
    ''', "hidden": False}},
    {{"code": r'''
    >>> {hidden}
    True
    ''', "hidden": True}},
]}}]}}
"""
CHECKED = 'import otter\ngrader = otter.Notebook()\ngrader.check("{}")'


def pack(folder: Path, tests: dict[str, str], **more: object) -> Path:
    """Write an autograder.zip of some tests, a configuration, and files by their names."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = more.pop("settings", {})
    path = folder / "hw-autograder.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("otter_config.json", json.dumps(settings))
        for name, text in tests.items():
            archive.writestr(f"tests/{name}.py", text)
        for name, text in more.items():
            archive.writestr(name, str(text))
    return path


def ok(name: str, public: str, hidden: str) -> str:
    return OK_TEST.format(name=name, public=public, hidden=hidden)


EASY = {"q1": ok("q1", "x > 0", "x == 2")}


def leaves_with(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(typer.Exit) as left:
        plan(assignment=str(path))
    said = capsys.readouterr()
    return left.value.exit_code, " ".join((said.out + said.err).split())


# What is planned


def test_a_plan_says_points_and_what_becomes_of_each_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"seed": 3, "points_possible": 10, "pdf": True, "token": "secret-word", "odd": [1],
                "debug": False, "show_hidden": True}  # fmt: skip
    path = pack(tmp_path, EASY, settings=settings)
    status, said = leaves_with(path, capsys)
    assert status == DONE
    assert "q1 2 1 1 2" in said
    assert "honoured: seed = 3: set for numpy.random and random before every cell" in said
    assert "honoured: points_possible = 10:" in said
    assert "honoured: show_hidden = True:" in said
    assert "ignored: pdf = True: No PDF is made" in said
    assert "ignored: odd = [1]:" in said
    assert "ignored: debug = False:" in said
    assert "Nothing is uploaded to Gradescope" in said
    assert "secret-word" not in said
    assert "It can be graded here" in said


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"plugins": ["my.Plugin"]}, "asks for plugins, which are not run here: my.Plugin"),
        ({"grade_from_log": True}, "a log of otter's is a pickle"),
        ({"lang": "r"}, "only Python is graded here"),
        ({"seed": "three"}, "seed must be a whole number"),
    ],
)
def test_a_plan_names_what_is_refused_beside_all_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], settings: dict[str, object], reason: str
) -> None:
    path = pack(tmp_path, EASY, settings={"points_possible": 4, **settings})
    status, said = leaves_with(path, capsys)
    assert status == INCOMPLETE
    assert reason in said
    assert "honoured: points_possible = 4:" in said
    assert "q1 2 1 1 2" in said
    assert "cannot be graded here" in said


def test_a_plan_names_missing_packages_with_the_line_that_installs_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {"q1": "import no_such_package_here\n" + EASY["q1"]}
    more = {"requirements.txt": "no-such-package-here>=2\n"}
    status, said = leaves_with(pack(tmp_path, tests, **more), capsys)
    assert status == INCOMPLETE
    assert "pip install 'no-such-package-here>=2'" in said


def test_a_plan_says_which_files_are_given_and_which_withheld(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = {"q1": ok("q1", "x > 0", "str(x) == open('answers.txt').read()")}
    more = {"files/answers.txt": "2", "files/data.csv": "a,b"}
    status, said = leaves_with(pack(tmp_path, tests, **more), capsys)
    assert status == DONE
    assert "files beside the notebooks: data.csv" in said
    assert "files withheld, which only hidden cases name: answers.txt" in said


def test_our_own_assignments_have_a_plan_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_small_course(tmp_path)
    plan(assignment="small", course=tmp_path)
    assert "q1 3 1 2 2" in " ".join(capsys.readouterr().out.split())


def keys_of_otter() -> set[str]:
    """Return the keys that the installed otter knows, as its source states them."""
    spec = importlib.util.find_spec("otter")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    (root,) = spec.submodule_search_locations
    source = Path(root, "run", "run_autograder", "autograder_config.py").read_text("utf-8")
    return {
        node.target.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.target, ast.Name)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) == "fica.Key"
    }


def test_every_key_that_otter_knows_is_decided_and_said_in_words() -> None:
    names = keys_of_otter()
    assert {"seed", "plugins", "pdf", "token"} <= names
    decided = (
        set(config.HONOURED) | config.SECRET | config.PDF | config.WITHOUT_MEANING | keys.REFUSED
    )
    assert names <= decided
    assert set(config.HONOURED) <= set(keys.MEANING)


def test_what_is_said_of_a_key_is_what_is_done_with_it() -> None:
    values = {"seed": 1, "plugins": ["a"], "grade_from_log": True, "pdf": True, "lang": "r"}
    found = {one.name: one.becomes for one in keys.read(values)}
    assert found == {
        "seed": Becomes.HONOURED, "plugins": Becomes.REFUSED, "grade_from_log": Becomes.REFUSED,
        "pdf": Becomes.IGNORED, "lang": Becomes.REFUSED,
    }  # fmt: skip


# What is verified


def tried(room: Room, path: Path, *cells: str) -> Verification:
    assignment = load(str(path))
    handed_in = submission_of(notebook_of(*cells), "solution")

    def judge(submission: Submission) -> Report:
        return room.judge(assignment, submission)

    return solution.verify(assignment, handed_in, judge)


def gates(found: Verification) -> dict[str, tuple[str, ...]]:
    return {gate.name: (*gate.problems, *gate.notes) for gate in found.gates}


def test_a_right_solution_has_full_marks(room: Room, tmp_path: Path) -> None:
    path = pack(tmp_path, {**EASY, "q2": ok("q2", "1 == 1", "y")})
    found = tried(room, path, "x = 2", CHECKED.format("q1"), "x = 0\ny = True")
    assert found.passed, gates(found)
    assert list(gates(found)) == ["packages", "files", "solution", "asked", "empty"]
    assert gates(found)["empty"] == ("q2, 'q2 - 1' passes without an answer",)
    assert "4 of 4 points" in found.gates[2].summary


def test_a_solution_that_loses_is_named_with_the_case(room: Room, tmp_path: Path) -> None:
    found = tried(room, pack(tmp_path, EASY), "x = 3")
    assert not found.passed
    (lost,) = gates(found)["solution"]
    assert "q1 - 2" in lost


def test_a_case_that_cannot_be_asked_is_named(room: Room, tmp_path: Path) -> None:
    """To compare a student's object with a value would hand the value over."""
    path = pack(tmp_path, {"q1": ok("q1", "thing is not None", "thing > 41")})
    cells = "class Thing:\n    def __gt__(self, other): return True\n", "thing = Thing()"
    found = tried(room, path, *cells)
    assert not found.passed
    (refused,) = gates(found)["asked"]
    assert "q1 - 2" in refused


def test_a_path_that_leads_nowhere_for_students_is_named(room: Room, tmp_path: Path) -> None:
    test = (
        "import pathlib, tempfile\nfrom otter.test_files import test_case\nOK_FORMAT = False\n"
        "name = 'q1'\nplace = pathlib.Path(tempfile.mkdtemp())\n\n@test_case()\n"
        "def test_reads(read):\n    (place / 'a.txt').write_text('a')\n"
        "    assert read(place / 'a.txt') == 'a'\n"
    )
    found = tried(room, pack(tmp_path, {"q1": test}), "def read(path):\n    return 'a'")
    (refused,) = gates(found)["asked"]
    assert "hands over the path" in refused


def test_a_solution_may_not_need_what_students_do_not_have(room: Room, tmp_path: Path) -> None:
    tests = {"q1": ok("q1", "x > 0", "str(x) == open('answers.txt').read()")}
    path = pack(tmp_path, tests, **{"files/answers.txt": "2"})
    assignment = load(str(path))
    handed_in = submission_of(notebook_of("x = int(open('answers.txt').read())"), "solution")
    (name,) = solution.read_by(assignment, handed_in)
    ruled = beside.ruled(assignment, beside.Access(read=(name,)))
    assert solution.read_by(ruled, handed_in) == ()  # as for a class that reads it
    kept = beside.ruled(assignment, beside.Access(withhold=(name,), read=(name,)))
    found = solution.Findings()
    solution.files_are_given(kept, handed_in, found)
    assert "withheld since you said so" in found.problems[0]
    found = tried(room, path, "x = 2")
    assert "needs --give answers.txt" in gates(found)["files"][0]


def test_the_solution_is_found_where_otter_assign_leaves_it(tmp_path: Path) -> None:
    path = pack(tmp_path / "dist" / "autograder", EASY)
    notebook = path.parent / "hw.ipynb"
    notebook.write_bytes(notebook_of("x = 2"))
    for origin in (tmp_path, tmp_path / "dist" / "autograder", path):
        assert solution.find_solution(origin) == notebook
    notebook.unlink()
    with pytest.raises(UsageError, match=r"--solution SOLUTION\.ipynb"):
        solution.find_solution(path)


def test_a_solution_is_no_option_for_an_assignment_with_a_reference(tmp_path: Path) -> None:
    write_small_course(tmp_path)
    with pytest.raises(UsageError, match=r"reference\.py"):
        verify(assignment="small", course=tmp_path, solution=tmp_path / "sol.ipynb")


@pytest.mark.needs("isolation")
def test_the_command_tries_a_solution_in_the_sandbox(tmp_path: Path) -> None:
    """Its tests write files that the functions read, there as well."""
    case = CASES / "11d-files-of-tests"
    test = (case / "autograder" / "tests" / "q1.py").read_text("utf-8")
    path = pack(tmp_path / "dist" / "autograder", {"q1": test})
    (path.parent / "hw.ipynb").write_bytes((case / "kit.ipynb").read_bytes())
    done = run("verify", tmp_path, "--jobs", "1")
    assert done.returncode == DONE, done.stdout + done.stderr
    assert "hw is ready" in done.stdout
