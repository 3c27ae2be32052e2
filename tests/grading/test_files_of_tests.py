"""The files that tests read: the course's own, and what only the notebook's code has written."""

import contextlib
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from grader.course.beside import Access, named, ruled
from grader.course.otter import load as load_otter
from grader.grading import evaluation, opened_files, test_folder
from grader.grading.assemble import assemble, start_worker
from grader.grading.judge import Request, judge
from grader.grading.test_folder import Places, TestFolder
from grader.model import Status
from grader.reports import QuestionReport
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of

READING_TEST = """OK_FORMAT = True

test = {{
    "name": "q1",
    "points": 1,
    "suites": [{{"cases": [{{"code": {code!r}, "hidden": {hidden}}}], "scored": True,
                "setup": "", "teardown": "", "type": "doctest"}}],
}}
"""


def autograder(root: Path, code: str, *, hidden: bool = True) -> Path:
    """Write an otter assignment of one doctest, with files beside the notebook."""
    (root / "tests").mkdir(parents=True)
    (root / "files" / "data").mkdir(parents=True)
    (root / "otter_config.json").write_text("{}")
    (root / "tests" / "q1.py").write_text(READING_TEST.format(code=code, hidden=hidden))
    (root / "files" / "helpers.py").write_text("def two():\n    return 2\n")
    (root / "files" / "answers.py").write_text("def right():\n    return 4\n")
    (root / "files" / "expected.csv").write_text("n\n4\n")
    (root / "files" / "data" / "words.txt").write_text("alpha")
    return root


def judged_by(
    worker: Worker, root: Path, code: str, *cells: str, hidden: bool = True
) -> QuestionReport:
    assignment = load_otter(autograder(root, code, hidden=hidden), "reading")
    submission = submission_of(notebook_of(*cells))
    report = judge(Request(submission), assemble(assignment, {"cpu": worker}))
    return report.questions[0]


WRITES = """import os
x = 4
open("mine.txt", "w").write("kept")
os.mkdir("sub")
open("sub/own.txt", "w").write("kept")
def f():
    open("late.txt", "w").write("late")
def g():
    os.remove("mine.txt")
def count(path):
    return len(open(path).read().split())
def double(path):
    words = open(path).read()
    open(path, "w").write(words + " " + words)"""
READS = (
    ">>> open('expected.csv').read().split()[1] == str(x)\nTrue",
    ">>> open('data/words.txt').read()\n'alpha'",
    ">>> from answers import right\n>>> right() == x\nTrue",
    ">>> import helpers\n>>> helpers.two() + 2 == x\nTrue",
    ">>> open('mine.txt').read()\n'kept'",
    ">>> import os\n>>> os.path.exists('sub/own.txt'), os.path.exists('none.txt')\n(True, False)",
    ">>> f()\n>>> open('late.txt').read()\n'late'",
    ">>> open('new.txt', 'w').write('a b c')\n5\n>>> count('new.txt')\n3",
    (
        ">>> from pathlib import Path\n>>> path = Path('t.txt')\n>>> path.write_text('a')\n1\n"
        ">>> double(path)\n>>> path.read_text()\n'a a'\n>>> path.write_text('b')\n1\n"
        ">>> double('t.txt')\n>>> open('t.txt').read()\n'b b'"
    ),
    ">>> g()\n>>> import os\n>>> os.path.exists('mine.txt')\nFalse",
    ">>> import os\n>>> sorted(name for name in os.listdir('.') if 'm' in name)\n['mine.txt']",
)


@pytest.mark.parametrize("code", READS)
def test_a_test_reads_the_courses_files_and_what_the_notebook_has_written(
    worker: Worker, tmp_path: Path, code: str
) -> None:
    found = judged_by(worker, tmp_path / "a", code, WRITES)
    assert found.status is Status.PASSED, found.cases[0].staff_message


# As where the file system's clock stands still for some milliseconds.
AT_ONCE = """import os
moments = []
def at_once(path):
    moments.append(os.stat(path).st_mtime_ns)
    os.utime(path, ns=(moments[0], moments[0]))
def save(text):
    with open("out.txt", "w") as file:
        file.write(text)
    at_once("out.txt")
def load(path):
    return open(path).read()"""
REWRITES = {
    "by the student": """
>>> for text in ("one", "two", "six"):
...     save(text)
...     print(open("out.txt").read())
one
two
six""",
    "by the test": """
>>> import os
>>> for text in ("one", "two", "six"):
...     size = open("in.txt", "w").write(text)
...     moment = moment if text != "one" else os.stat("in.txt").st_mtime_ns
...     os.utime("in.txt", ns=(moment, moment))
...     print(load("in.txt"))
one
two
six""",
}


@pytest.mark.parametrize("who", REWRITES)
def test_a_file_that_is_written_twice_at_once_is_read_twice(
    worker: Worker, tmp_path: Path, who: str
) -> None:
    found = judged_by(worker, tmp_path / "a", REWRITES[who].strip() + "\n", AT_ONCE)
    assert found.status is Status.PASSED, found.cases[0].staff_message


def test_what_the_course_has_is_read_from_the_course(worker: Worker, tmp_path: Path) -> None:
    code = ">>> int(open('expected.csv').read().split()[1]) == x\nTrue"
    forged = "x = 5\nopen('expected.csv', 'w').write('n\\n5\\n')"
    assert judged_by(worker, tmp_path / "a", code, forged).status is Status.FAILED


UNPICKLES = (
    ">>> import pickle\n>>> pickle.load(open('mine.txt', 'rb')) and True\nTrue",
    ">>> import pickle\n>>> pickle.load(open('mine.pkl', 'rb')) and True\nTrue",
    ">>> import numpy as np\n>>> np.load('mine.npy', allow_pickle=True).size\n1",
)
# Python's own that nothing has imported, and the course's.
IMPORTS = ">>> import mine, sched\n>>> open('mine.py') and open('sched.py') and True\nTrue"


def unpickled(trap: Path) -> str:
    return f"""
import pickle
import numpy as np

class Trap:
    def __reduce__(self):
        return exec, ("open({str(trap)!r}, 'w').close()",)

for name in ("mine.txt", "mine.pkl"):
    with open(name, "wb") as file:
        pickle.dump(Trap(), file)
np.save("mine.npy", np.array([Trap()], dtype=object), allow_pickle=True)"""


def imported(trap: Path) -> str:
    text = f"import os\nopen({str(trap)!r}, 'w').write(str(os.getpid()))"
    return f"for name in ('mine', 'sched'):\n    open(name + '.py', 'w').write({text!r})"


@pytest.mark.parametrize("code", UNPICKLES)
def test_nothing_that_a_notebook_wrote_is_unpickled(
    worker: Worker, tmp_path: Path, code: str
) -> None:
    trap = tmp_path / "trap"
    found = judged_by(worker, tmp_path / "a", code, unpickled(trap))
    assert not trap.exists()
    assert found.status is not Status.PASSED


def test_nothing_that_a_notebook_wrote_is_imported(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    trap = tmp_path / "trap"
    found = judged_by(worker, tmp_path / "a", IMPORTS, imported(trap))
    assert found.status is Status.PASSED
    assert trap.read_text() != str(os.getpid())  # the student's own process has imported it


@pytest.mark.parametrize(
    ("code", "attack"), [*((code, unpickled) for code in UNPICKLES), (IMPORTS, imported)]
)
def test_the_control_unprotected_the_judge_runs_what_a_notebook_wrote(
    worker: Worker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
    attack: Callable[[Path], str],
) -> None:
    monkeypatch.setattr(test_folder, "RUN", frozenset())
    monkeypatch.setattr(test_folder, "_no_unpickling", Unguarded())
    # The trap is a text that is evaluated, and opens a file: each alone would be refused.
    monkeypatch.setattr(evaluation, "_look_at", lambda *_: None)
    monkeypatch.setattr(opened_files, "for_case", lambda *_: contextlib.nullcontext())
    monkeypatch.setattr(test_folder, "_absolute", lambda places: ("", *places))
    trap = tmp_path / "trap"
    try:
        judged_by(worker, tmp_path / "a", code, attack(trap))
    finally:
        for name in ("mine", "sched"):
            sys.modules.pop(name, None)
    assert trap.read_text() in {"", str(os.getpid())}


class Unguarded:
    """Lets everything be unpickled."""

    @contextlib.contextmanager
    def noted_on(self, _refusals: list[str]) -> Iterator[None]:
        yield


def test_the_folder_is_the_same_whenever_a_case_begins(tmp_path: Path) -> None:
    root = autograder(tmp_path / "a", ">>> 1\n1") / "files"
    folder = TestFolder(named(root))
    text = "open"
    with folder.for_case(text, None, []):
        assert Path("data/words.txt").read_text() == "alpha"
        Path("data/words.txt").write_text("spoil")
        Path("data/new.txt").write_text("new")
        Path("helpers.py").unlink()
    with folder.for_case(text, None, []):
        assert Path("data/words.txt").read_text() == "alpha"
        assert Path("helpers.py").exists()
        assert not Path("data/new.txt").exists()


def test_modules_of_one_assignment_are_not_anothers(tmp_path: Path) -> None:
    one, other = (autograder(tmp_path / name, ">>> 1\n1") / "files" for name in "ab")
    (other / "helpers.py").write_text("def two():\n    return 'other'\n")
    folders = [TestFolder(named(one)), TestFolder(named(other))]
    for folder, wanted in [*zip(folders, (2, "other"), strict=True)] * 2:
        with folder.for_case("", None, []):
            assert importlib.import_module("helpers").two() == wanted
    assert "helpers" not in sys.modules
    assert not [*one.rglob("__pycache__")]


# What only hidden cases read

COMPARES = ">>> x == open('expected.csv').read()\nTrue"
GUESSES = "x = open('expected.csv').read()"


@pytest.mark.parametrize(
    ("access", "status"),
    [
        (Access(), Status.UNGRADED),  # it may have been handed out: nobody loses by a guess of ours
        (Access(withhold=("expected.csv",)), Status.FAILED),
        (Access(give=("expected.csv",)), Status.PASSED),
    ],
)
def test_a_notebook_that_reads_what_hidden_cases_read(
    tmp_path: Path, access: Access, status: Status
) -> None:
    assignment = ruled(load_otter(autograder(tmp_path / "a", COMPARES), "reading"), access)
    with start_worker(assignment) as worker:
        engine = assemble(assignment, {"cpu": worker})
        look = "import os\nassert not os.path.exists('expected.csv')\n"
        found = [
            judge(Request(submission_of(notebook_of(cell))), engine).questions[0]
            for cell in (GUESSES, look + "x = 4")
        ]
    assert found[0].status is status
    if status is Status.UNGRADED:
        assert "--give 'expected.csv'" in found[0].cases[0].staff_message
        assert found[1].status is Status.FAILED
    is_there = status is Status.PASSED
    assert ("x is not defined" in found[1].cases[0].staff_message) is is_there


def test_a_file_that_a_notebook_was_to_write_and_has_not_is_its_loss(
    worker: Worker, tmp_path: Path
) -> None:
    found = judged_by(worker, tmp_path / "a", ">>> open('mine.txt').read()\n'kept'", "x = 1")
    assert found.status is Status.FAILED
    assert "There is no file mine.txt" in found.cases[0].staff_message


def test_a_file_of_the_course_hides_no_module_of_the_judges(tmp_path: Path) -> None:
    root = autograder(tmp_path / "a", ">>> 1\n1") / "files"
    for name in ("numpy.py", "sched.py"):
        (root / name).write_text("raise SystemExit")
    sys.modules.pop("sched", None)
    folder = TestFolder(named(root))
    with folder.for_case("import numpy, sched, helpers", None, []):
        assert importlib.import_module("sched").__file__ != str(root / "sched.py")
        assert hasattr(importlib.import_module("numpy"), "ndarray")
        assert importlib.import_module("helpers").__file__ == str(root / "helpers.py")


MANY = """
for number in range(5):
    with open(f"big{number}.txt", "wb") as file:
        file.truncate(400_000)  # which takes no room in its own folder"""
COUNTS = (
    ">>> import os\n"
    ">>> sum(os.path.getsize(one) for one in os.listdir('.') if one[:3] == 'big')\n2000000"
)


@pytest.mark.parametrize(
    ("most", "status"), [(1_000_000, Status.UNGRADED), (2_000_000, Status.PASSED)]
)
def test_files_that_hold_nothing_do_not_fill_the_judges_disk(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, status: Status
) -> None:
    monkeypatch.setattr(test_folder, "MOST_TOGETHER", most)
    found = judged_by(worker, tmp_path / "a", COUNTS, MANY)
    assert found.status is status
    said = found.cases[0].staff_message
    assert ("big2.txt and others, which are too large together" in said) == (most == 1_000_000)


class _Claims:
    """The files of a child that says of them what it likes."""

    folder_of_test = ""

    def __init__(self) -> None:
        self.said: dict[str, tuple[int, int, int]] = {}
        self.holds = b"x"

    def listed(self) -> dict[str, tuple[int, int, int]]:
        return self.said

    def read(self, _name: str) -> bytes:
        return self.holds


class _Child:
    """A session whose child claims files."""

    first = then = None

    def __init__(self) -> None:
        self.files = _Claims()


def test_no_claim_about_files_trips_the_judge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(test_folder, "MOST_BYTES", 1_000)
    refusals: list[str] = []
    child = _Child()
    written = test_folder._Written(
        Places(tmp_path, frozenset(), frozenset()),
        "os.listdir(place)",
        cast("Any", child),
        refusals,
    )
    for names in (["a", "a/b", "c/d", "c"], ["a/b", "c"], ["a", "c/d"], ["c"], []):
        child.files.said = {name: (1, len(names), 0) for name in names}
        written.fetch()
    assert refusals == []
    child.files.said, child.files.holds = {"large": (1, 1, 0)}, b"x" * 2_000
    written.fetch()
    assert refusals == ["the test reads large, which is larger than a file may be"]
    assert not (tmp_path / "large").exists()
