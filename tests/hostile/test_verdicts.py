"""Attacks that need a judge: on the verdict, on what feedback says, and a class full of them."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attacks
import pytest

from grader.course.assignments import load
from grader.grading.assemble import assemble, start_worker
from grader.grading.judge import Engine, Request, judge
from grader.model import Isolation, Status
from grader.reports import Outcome
from grader.sandbox.inside.usage import below
from tests.conftest import notebook_of, submission_of, write_small_course

pytestmark = pytest.mark.long

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
DOUBLE = "def double(x):\n    return 2 * x"
SQUARE = "def square(x):\n    return x * x"
CHECK1, CHECK2 = 'grader.check("q1")', 'grader.check("q2")'
HONEST = (SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
CANARY = "CANARY-5f0c7d1e9b3a2846"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_small_course(tmp_path_factory.mktemp("course"))
    settings = root / "assignments" / "small" / "assignment.toml"
    text = settings.read_text()
    less = f"cell_seconds = 1\nmemory_bytes = {900 << 20}"
    settings.write_text(text.replace("cell_seconds = 2", less))
    for hidden in (root / "solutions" / "small").rglob("*.py"):
        hidden.write_text(hidden.read_text() + f"\nEXPECTED = {CANARY!r}\n")
    return root


@pytest.fixture(scope="module")
def engine(course: Path, isolation: Isolation) -> Iterator[Engine]:
    os.environ["GRADER_CANARY"] = CANARY
    assignment = load("small", course, need_solutions=True)
    with start_worker(assignment, isolation) as worker:
        yield assemble(assignment, {"cpu": worker})
    del os.environ["GRADER_CANARY"]


def outcomes(engine: Engine, *cells: str) -> dict[str, Outcome]:
    report = judge(Request(submission_of(notebook_of(*cells))), engine)
    return {case.name: case for question in report.questions for case in question.cases}


def test_4_nothing_that_a_notebook_can_walk_to_is_the_judges(engine: Engine) -> None:
    walk = (
        "import gc, sys\n"
        "def double(x):\n"
        "    for item in gc.get_objects():\n"
        "        if isinstance(item, dict) and 'EXPECTED' in item: return item['EXPECTED']\n"
        "    frame = sys._getframe()\n"
        "    while frame:\n"
        "        if 'reference' in frame.f_locals: return frame.f_locals['reference'].double(x)\n"
        "        frame = frame.f_back\n"
        "    return 4"
    )
    found = outcomes(engine, SETUP, walk, CHECK1, SQUARE, CHECK2)
    assert found["q1 of many"].status is Status.FAILED
    assert found["q2 of many"].status is Status.PASSED


@pytest.mark.parametrize(
    "cell",
    [
        "import numpy as np\nnp.testing.assert_array_equal = lambda *a: None",
        "import otter.test_files as t\nt.test_case = lambda **k: (lambda f: f)",
        "from otter.check import Checker\nChecker._test_files = []",
        "import sys\nsys.settrace(lambda *a: None)\nsys.modules['reference'] = sys",
        "import atexit, os\natexit.register(lambda: os._exit(0))",
        "print('{\"score\": 1000}')\nopen('results.json', 'w').write('{\"score\": 1000}')",
    ],
    ids=["numpy.testing", "test_case", "Checker", "tracing", "atexit", "a fake result"],
)
def test_5_and_8_no_patch_and_no_printed_score_changes_a_verdict(engine: Engine, cell: str) -> None:
    wrong = "def double(x):\n    return 4"
    found = outcomes(engine, SETUP, cell, wrong, CHECK1, SQUARE, CHECK2)
    assert (found["q1 of many"].score, found["q2 of many"].score) == (0.0, 2.0)


def test_13_a_table_of_known_inputs_meets_fresh_ones(engine: Engine) -> None:
    known = "seen = {2: 4}\ndef double(x):\n    return seen.setdefault(x, seen[2])"
    found = outcomes(engine, SETUP, known, CHECK1, SQUARE, CHECK2)
    assert (found["q1 of two"].status, found["q1 of many"].status) == (
        Status.PASSED, Status.FAILED,
    )  # fmt: skip


def test_14_a_stored_public_answer_behind_an_exception_fails(engine: Engine) -> None:
    fallback = (
        "def double(x):\n    try:\n        return {2: 4}[x]\n    except KeyError:\n        return 4"
    )
    assert outcomes(engine, SETUP, fallback, CHECK1)["q1 of many"].status is Status.FAILED


@pytest.mark.parametrize(
    "body",
    [
        "print('hidden input', x); return 4",
        "raise ValueError(f'hidden input {x}')",
        "import warnings; warnings.warn(f'hidden input {x}'); return 4",
        "open(f'hidden-input-{x}', 'w').close(); return 4",
        "import matplotlib.pyplot as p; p.title(f'hidden input {x}'); p.show(); return 4",
        "kept.append(x); return 4",
        "import os; os._exit(x % 256)",
        "return f'hidden input {x}'",
    ],
    ids=["print", "raise", "warn", "file name", "plot", "keep for later", "exit", "return"],
)
def test_18_hidden_inputs_stay_out_of_what_a_student_reads(engine: Engine, body: str) -> None:
    double = f"kept = []\ndef double(x):\n    if x == 2: return 4\n    {body}"
    later = "def square(x):\n    raise ValueError(f'kept {kept}')"
    found = outcomes(engine, SETUP, double, CHECK1, later, CHECK2)
    said = " ".join(case.message for case in found.values())
    numbers = [word for word in said.replace("[", " ").replace(",", " ").split() if word.isdigit()]
    assert not [number for number in numbers if int(number) >= 1000], said
    assert found["q1 of many"].score == 0


@pytest.mark.parametrize(
    ("cells", "scores"),
    [
        ((SETUP, CHECK1, SQUARE, CHECK2), (0, 3)),
        ((SETUP, "def twice(x):\n    return 2 * x", CHECK1, SQUARE, CHECK2), (0, 3)),
        ((SETUP, DOUBLE, DOUBLE, CHECK1, SQUARE, CHECK2), (3, 3)),
        ((SETUP, SQUARE, CHECK2, DOUBLE, CHECK1), (3, 3)),
        ((SETUP, DOUBLE, SQUARE), (3, 3)),
        ((SETUP, DOUBLE, CHECK1, "def square(x:", SQUARE, CHECK2), (3, 3)),
        ((SETUP, DOUBLE, CHECK1, SQUARE, "from math import *", CHECK2), (3, 3)),
        ((SETUP, DOUBLE, CHECK1, SQUARE, CHECK2, "def double(x): return 0"), (3, 3)),
    ],
    ids=["deleted", "renamed", "duplicated", "moved", "no checks", "syntax error", "import *",
         "redefined later"],
)  # fmt: skip
def test_36_only_the_question_concerned_is_touched(
    engine: Engine, cells: tuple[str, ...], scores: tuple[float, float]
) -> None:
    report = judge(Request(submission_of(notebook_of(*cells))), engine)
    assert tuple(question.score for question in report.questions[:2]) == scores


def living() -> set[int]:
    """Return every process below this one that is not merely waiting to be counted as ended.

    A browser's processes, which come and go meanwhile, are not counted.
    """
    found, ours = set(), set(below(os.getpid()))
    for pid in tuple(ours):
        with contextlib.suppress(OSError):
            if b"chrom" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                ours -= {pid, *below(pid)}
    for pid in ours:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
    return found


CLASS = (
    "02_array_that_answers_for_itself", "09_exit_in_a_cell", "10_forged_frame",
    "16_read_by_any_path", "17_processes_and_environment", "19_leave_notes", "20_sockets",
    "24_daemon", "24_fork_bomb", "25_memory_in_many_processes", "27_endless_cell",
    "28_endless_output", "31_modules_beside_the_notebook",
)  # fmt: skip


@pytest.mark.needs("isolation")
def test_a_class_of_attackers_costs_two_honest_students_nothing(
    course: Path, tmp_path: Path
) -> None:
    """A canary in the environment, in a file and in the hidden tests shows nowhere."""
    folder, out = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    canary = tmp_path / "canary.txt"
    canary.write_text(CANARY)
    before = canary.stat()
    bait = {"path": str(canary), "folder": str(course), "home": str(tmp_path),
            "judge": os.getpid(), "decoy": os.getppid(), "tcp": 1, "udp": 1,
            "unix": "/run/x", "abstract": "\0x", "patience": 0.3,
            "checkout": str(course / "solutions" / "small" / "reference.py")}  # fmt: skip
    everything = {attack.name: attack for attack in attacks.load_all()}
    for name in CLASS:
        cells = [f"bait = {bait!r}", *everything[name].cells]
        content = notebook_of(SETUP, *cells, "def double(x):\n    return answer(4)", CHECK1)
        (folder / f"{name}.ipynb").write_bytes(content)
    for name in ("ada", "zoe"):
        (folder / f"{name}.ipynb").write_bytes(notebook_of(*HONEST))
    quiet = living()
    done = subprocess.run(
        [sys.executable, "-m", "grader", "grade", str(course / "assignments" / "small"),
         str(folder), "-o", str(out), "--jobs", "2"],
        capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "GRADER_CANARY": CANARY},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads((out / "results.json").read_text())
    scores = {item["student"]: item["score"] for item in results["submissions"]}
    assert (scores["ada"], scores["zoe"]) == (6.0, 6.0)
    assert set(scores) == {*CLASS, "ada", "zoe"}
    for path in [*out.rglob("*.html"), *out.rglob("*.csv"), *(out / "gradescope").rglob("*")]:
        if path.is_file():
            assert CANARY not in path.read_text(encoding="utf-8", errors="replace"), path
    after = canary.stat()
    assert (after.st_mode, after.st_mtime_ns, after.st_size) == (
        before.st_mode, before.st_mtime_ns, before.st_size,
    )  # fmt: skip
    assert living() <= quiet
