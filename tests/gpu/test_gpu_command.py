"""The command for a GPU machine, run to its end on a simulated device with a stand-in course."""

import ast
import copy
import json
import math
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch  # noqa: F401 - in the text of a condition

from grader.batch.messages import Facts
from grader.course.assignments import load
from grader.errors import UsageError
from grader.model import Environment, Isolation
from tests.conftest import (
    REPOSITORY,
    SMALL_CELLS,
    SMALL_REFERENCE,
    notebook_of,
)
from tests.gpu import (
    clock,
    machine,
    streaming,
    table,
    throughput,
)
from tests.gpu.__main__ import (
    STEPS,
    _finite,
    main,
    run,
)
from tests.gpu.judging import hear
from tests.gpu.rooms import Asked, Room, Rooms
from tests.gpu.setup import simulated
from tests.gpu.steps import (
    Log,
    OutOfTimeError,
    Step,
    run_all,
)
from tests.support.classes import write_gpu_course

pytestmark = pytest.mark.long

TICK = '''

def tick(counter):
    """Add one to counter[0]."""
    counter[0] += 1
'''
STUB = 'def tick(counter):\n    """Add one to counter[0]."""\n    raise NotImplementedError("g2")'
TIMED_QUESTION = """
[[questions]]
name = "g2"
points = 1
names = ["tick"]
requires = "cuda"
alone = true
"""
# Its clock counts what the timed function adds, so that a ratio is the same on every machine.
TIMED_TEST = """OK_FORMAT = False
name = "g2"
requires = "cuda"

from types import SimpleNamespace

import numpy as np
from otter.test_files import test_case

SIZES = (2, 5)


def measure(tick, reference, device, size):
    counters = np.zeros(1), np.zeros(1)
    for _ in range(size):
        tick(counters[0])
        reference.tick(counters[1])
    student, right = (float(counter[0]) for counter in counters)
    pair = SimpleNamespace(ratio=student / right)
    return SimpleNamespace(ratio=pair.ratio, pairs=(pair,), student=student, reference=right)


@test_case(name="as few ticks as the reference", points=1, hidden=True)
def test_ticks(tick, reference, device):
    assert measure(tick, reference, device, SIZES[0]).ratio <= 1.25
"""
SOLUTIONS = {
    "correct/by_adding.py": "def double(x):\n    return x + x\n",
    "correct/not_quite.py": "def square(x):\n    return 2 * x\n",
    "wrong/nothing.py": "# expect: q1 gpu: g1\ndef double(x):\n    return 0\n",
    "wrong/right_after_all.py": "# expect: gpu: g1\ndef double(x):\n    return x + x\n",
    "wrong/slow.py": "# expect: gpu: g2\ndef tick(counter):\n    counter[0] += 9\n",
}


def write_course(root: Path) -> Path:
    """Write the small course with a GPU question, one that counts as time, and solutions."""
    write_gpu_course(root)
    public, hidden = root / "assignments" / "small", root / "solutions" / "small"
    toml = public / "assignment.toml"
    text = toml.read_text(encoding="utf-8")
    toml.write_text(text.replace("\n[limits]", f"{TIMED_QUESTION}\n[limits]"), encoding="utf-8")
    (public / "small.ipynb").write_bytes(notebook_of(*SMALL_CELLS, STUB))
    (hidden / "reference.py").write_text(SMALL_REFERENCE + TICK, encoding="utf-8")
    (hidden / "tests" / "g2.py").write_text(TIMED_TEST, encoding="utf-8")
    for name, source in SOLUTIONS.items():
        (hidden / name).parent.mkdir(exist_ok=True)
        (hidden / name).write_text(source, encoding="utf-8")
    return root


def breaks(*_: Any) -> None:
    raise ZeroDivisionError("one step breaks")


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def document() -> Any:
    """What the whole command writes, where one step has no time left and one raises."""
    late, broken = (
        Step("late", "what has no time", 0, breaks),
        Step("broken", "a fault", 99, breaks),
    )
    # However busy this machine is, no other step runs out of time.
    steps = [late, *(replace(item, seconds=600) for item in STEPS), broken]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "gpu.json"
        assert not run(simulated(write_course(Path(folder) / "course")), steps, out, seconds=3600)
        return json.loads(out.read_text(encoding="utf-8"))


def step(document: Any, name: str) -> Any:
    return next(item for item in document["steps"] if item["name"] == name)


def test_every_step_runs_to_its_end_on_a_simulated_device(document: Any) -> None:
    statuses = {item["name"]: item["status"] for item in document["steps"]}
    assert statuses == {
        "late": "left out", "doctor": "as expected", "cuda": "as expected", "right": "differs",
        "wrong": "differs", "clock": "as expected", "kernel": "as expected",
        "class": "as expected", "broken": "failed",
    }  # fmt: skip
    assert document["simulated"] is True
    assert document["environment"]["gpu"] == "simulated"
    assert step(document, "broken")["error"] == "ZeroDivisionError: one step breaks"
    assert step(document, "late")["left_out"] == ["what has no time"]


def test_what_differs_is_named_and_nothing_else(document: Any) -> None:
    [loss] = step(document, "right")["problems"][:1]
    assert loss.startswith("small, q1, q2: correct/not_quite.py: loses q2, 'q2 of many' failed")
    assert all("not_quite" in text for text in step(document, "right")["problems"])
    assert step(document, "wrong")["problems"] == [
        "small, g1: wrong/right_after_all.py: should lose g1, loses nothing"
    ]


def test_what_was_judged_is_kept_by_name(document: Any) -> None:
    found = step(document, "right")["found"]
    assert set(found) == {"small cuda", "small cpu"}
    assert found["small cuda"]["questions"] == ["g1"]
    scores = {item["name"]: item["score"] for item in found["small cpu"]["submissions"]}
    assert scores["reference"] == "4 of 4 cases"
    assert scores["correct/by_adding.py"] == "6 of 6"
    wrong = step(document, "wrong")["found"]["small"]["submissions"]
    assert {item["name"] for item in wrong} == {"wrong/nothing.py", "wrong/right_after_all.py"}


def test_the_clock_tells_the_reference_from_a_copy_that_calls_it_twice(document: Any) -> None:
    same, slowed = step(document, "clock")["found"]["timings"]
    assert [size["ratio"] for size in same["sizes"]] == [1.0, 1.0]
    assert [size["ratio"] for size in slowed["sizes"]] == [2.0, 2.0]
    judged = step(document, "clock")["found"]["judged"]["submissions"]
    assert {item["name"]: item["score"] for item in judged} == {
        "reference": "1 of 1 cases", "correct/by_adding.py": "1 of 1", "wrong/slow.py": "0 of 1",
    }  # fmt: skip


def test_the_kernel_and_a_class_are_measured(document: Any) -> None:
    kernel = step(document, "kernel")["found"]
    assert [(row["dtype"], row["d"]) for row in kernel["bounds"]] == [("float16", 16)]
    assert all(0 < row["worst"] < 0.9 for row in kernel["bounds"])
    assert [row["causal"] for row in kernel["speed"]] == [False, True]
    assert all(row["ms"] > 0 and row["FLASH_ATTENTION"] > 0 for row in kernel["speed"])
    measured = step(document, "class")["found"]["small"]
    assert (measured["students"], measured["graded"]) == (2, 2)
    # Nothing can be simulated through the command, so what needs a GPU waits for one.
    assert measured["cases"] == {"passed": 8, "pending": 2}
    assert [part["what"] for part in measured["phases"]] == ["start", "2 on the CPU, 1 at once"]
    assert sum(part["seconds"] for part in measured["phases"]) == pytest.approx(measured["seconds"])


def test_a_simulated_run_never_reaches_the_readme(document: Any, tmp_path: Path) -> None:
    results, readme = tmp_path / "RESULTS.json", tmp_path / "README.md"
    results.write_text(json.dumps(document), encoding="utf-8")
    readme.write_text(f"{table.BEGIN}\nold\n{table.END}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="holds a simulated run"):
        table.refresh(readme, results)
    assert "old" in readme.read_text(encoding="utf-8")
    assert main(["--readme", "-o", str(results)]) == 2


def test_the_table_says_what_was_measured_what_differs_and_what_was_left_out(
    document: Any, tmp_path: Path
) -> None:
    measured = copy.deepcopy(document) | {"simulated": False}
    results, readme = tmp_path / "RESULTS.json", tmp_path / "README.md"
    results.write_text(json.dumps(measured), encoding="utf-8")
    readme.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n", encoding="utf-8")
    table.refresh(readme, results)
    short = readme.read_text(encoding="utf-8")
    assert short.startswith(f"before\n{table.BEGIN}\nOn ")
    assert short.endswith(f"{table.END}\nafter\n")
    assert "2.000 for the reference, called twice (2 is right)" in " ".join(short.split())
    assert "left out: what has no time" in " ".join(short.split())
    text = results.with_suffix(".md").read_text(encoding="utf-8")
    assert text.startswith("`python -m tests.gpu` on ")
    assert "left out for time: what has no time" in text
    assert "ZeroDivisionError: one step breaks" in text
    assert "right_after_all.py: should lose g1, loses nothing" in text
    worst = step(document, "kernel")["found"]["bounds"][0]["worst"]
    assert f"| float16 | 16 | {worst:.3f} |" in text
    assert "| reference, called twice | 2 | 5 | 2.000 (2.000 to 2.000) |" in text


def test_the_readme_says_of_how_many_solutions_nothing_is_known(document: Any) -> None:
    measured = copy.deepcopy(document)
    right, wrong = step(measured, "right"), step(measured, "wrong")
    right |= {"status": "as expected", "left_out": []}
    wrong |= {"status": "as expected", "left_out": ["one", "two"]}
    said = " ".join(table.summary(measured).split())
    assert f"{right['title']}; {wrong['title']} (2 left out for time)" in said


def test_an_error_that_is_no_number_is_a_word_in_the_table() -> None:
    row = {"dtype": "float16", "d": 64, "seeds": 1, "worst": _finite(math.nan)}
    assert "| float16 | 64 | nan |" in "\n".join(table._bounds({"bounds": [row]}))


def test_results_of_another_version_are_not_this_ones(document: Any, tmp_path: Path) -> None:
    results = tmp_path / "RESULTS.json"
    assert table.read(results) is None
    results.write_text(json.dumps(document | {"simulated": False, "grader": "0.0"}))
    assert table.read(results) is None
    assert table.render(None) == table.summary(None) == table.NOTHING


def test_the_page_and_the_readme_hold_what_the_results_say() -> None:
    document = table.read()
    page = table.RESULTS.with_suffix(".md").read_text(encoding="utf-8")
    assert page == table.render(document) + "\n"
    shown = table.block((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    assert shown == table.summary(document)


def test_a_readme_without_markers_is_left_alone(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no markers\n", encoding="utf-8")
    with pytest.raises(UsageError, match="has no <!-- gpu -->"):
        table.refresh(readme, tmp_path / "none.json")


@pytest.mark.skipif("torch.cuda.is_available()", reason="this machine has a GPU")
def test_without_a_gpu_the_command_says_so_in_a_sentence_and_runs_nothing(tmp_path: Path) -> None:
    out = tmp_path / "gpu.json"
    done = subprocess.run(
        [sys.executable, "-m", "tests.gpu", "-o", str(out)], cwd=REPOSITORY, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("This machine has no GPU")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert not out.exists()


def test_a_simulated_run_is_not_kept_as_the_results(
    course: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--simulate", str(course)]) == 2
    assert "name a file with -o" in capsys.readouterr().err


# The parts.


def log_of(seconds: float = 60.0) -> Log:
    return Log("test", time.monotonic() + seconds, lambda _text: None)


def test_time_that_one_step_leaves_is_the_next_ones() -> None:
    left: list[float] = []

    def look(log: Log) -> None:
        left.append(log.seconds_left())

    steps = [Step("a", "a", 10, look), Step("b", "b", 10, look), Step("c", "c", 10, look)]
    run_all(steps, seconds=15, say=lambda _text: None, keep=lambda _records: None)
    assert left == pytest.approx([10, 15, 15], abs=1)


def test_what_is_known_is_kept_after_each_step(tmp_path: Path, course: Path) -> None:
    out, seen = tmp_path / "gpu.json", []

    def look(*_: Any) -> None:
        seen.append(len(json.loads(out.read_text(encoding="utf-8"))["steps"]))

    assert run(
        simulated(course), [Step("a", "a", 9, lambda *_: None), Step("b", "b", 9, look)], out
    )
    assert seen == [1]


def found_by(document: Any) -> dict[str, Any]:
    return {item["name"]: item["found"] for item in document["steps"]}


def test_steps_that_are_not_run_again_stay_as_they_were(tmp_path: Path, course: Path) -> None:
    out, setup = tmp_path / "gpu.json", simulated(course)

    def finds(what: str) -> Any:
        return lambda _setup, _rooms, log: log.found.update(what=what)

    run(setup, [Step("right", "a", 9, finds("old")), Step("clock", "b", 9, finds("old"))], out)
    first = json.loads(out.read_text(encoding="utf-8"))
    run(setup, [Step("right", "a", 9, finds("new"))], out)
    second = json.loads(out.read_text(encoding="utf-8"))
    assert found_by(second) == {"right": {"what": "new"}, "clock": {"what": "old"}}
    assert second["steps"][1] == first["steps"][1]
    out.write_text(json.dumps(second | {"cores": 99}), encoding="utf-8")  # another machine's
    run(setup, [Step("doctor", "c", 9, finds("new"))], out)
    assert found_by(json.loads(out.read_text(encoding="utf-8"))) == {"doctor": {"what": "new"}}


@pytest.mark.parametrize(
    ("ratio", "factor", "within", "is_right"),
    [(1.02, 1, 0.03, True), (1.04, 1, 0.03, False), (0.96, 1, 0.03, False),
     (1.95, 2, 0.1, True), (1.0, 2, 0.1, False)],
)  # fmt: skip
def test_a_ratio_that_is_not_the_known_factor_differs(
    ratio: float, factor: int, within: float, is_right: bool
) -> None:
    log = log_of()
    clock._compare("x", {"size": "1", "fault": "", "ratio": ratio, "pairs": [ratio]}, factor,
                   within, log)  # fmt: skip
    assert (log.problems == []) is is_right


def test_a_measurement_that_cannot_be_believed_differs() -> None:
    log = log_of()
    clock._compare("x", {"size": "1", "fault": "a negative time", "ratio": None, "pairs": []}, 1,
                   0.03, log)  # fmt: skip
    assert log.problems == ["x, 1: a negative time"]


def test_a_command_that_overruns_its_time_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(OutOfTimeError):
        streaming.run([sys.executable, "-c", "import time; time.sleep(60)"], started + 0.5, print)
    assert time.monotonic() - started < 30


class DeadPool:
    """Grader processes that never answer."""

    killed = False

    def kill(self) -> None:
        self.killed = True


def test_what_overruns_its_time_is_left_out_by_name_and_its_grader_processes_end(
    course: Path,
) -> None:
    pool: Any = DeadPool()
    facts = Facts(Isolation("none"), Environment("0", "3", "Linux"), has_cuda=True)
    setup = simulated(course)
    small = load("small", course, need_solutions=True)
    room, log = Room(pool, setup.settings(small, "cuda"), facts), log_of(0.2)
    done: Future[int] = Future()
    done.set_result(7)
    got: list[int] = []
    asked = [Asked("in time", room, done, got.append), Asked("late", room, Future(), got.append)]
    hear(Rooms(setup), log, asked)
    assert got == [7]
    assert log.left_out == ["late"]
    assert pool.killed


def test_a_course_loses_the_timed_question_and_nothing_else(course: Path, tmp_path: Path) -> None:
    before = load("small", course, need_solutions=True)
    throughput.without_question(before, "g2", tmp_path / "course")
    after = load("small", tmp_path / "course", need_solutions=True)
    assert after.questions == tuple(q for q in before.questions if q.name != "g2")
    assert after.limits == before.limits


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("no-such-thing>=1", ["no-such-thing is not installed; pip install no-such-thing."]),
        ("pytest>=1000", [f"pytest {pytest.__version__} is installed, and >=1000 is needed."]),
        ("no-such-thing; sys_platform == 'another'", []),
        ("no-such-thing; extra == 'test'", []),
        ("pytest>=1", []),
    ],
)
def test_a_dependency_that_is_not_met_is_named(
    requirement: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.metadata, "requires", lambda _name: [requirement])
    assert machine.missing_requirements() == said


def test_bytecode_that_an_image_leaves_out_is_written_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(machine, "IMPORTED", ("bare",))
    said: list[str] = []
    machine.compile_once(said.append)
    machine.compile_once(said.append)
    assert said == ["no bytecode of bare: compiling it once"]


def test_more_grader_processes_than_a_gpu_has_room_for_are_never_opened(course: Path) -> None:
    setup = replace(simulated(course), jobs=16, gpu_jobs=None)
    small = load("small", course, need_solutions=True)
    assert setup.processes(small, "cpu") == 16
    assert 1 <= setup.processes(small, "cuda") <= 16


def test_the_command_needs_nothing_but_the_project_and_what_that_needs() -> None:
    allowed = {*sys.stdlib_module_names, "grader", "tests", "torch", "packaging"}
    here = REPOSITORY / "tests" / "gpu"
    files = [path for path in here.glob("*.py") if not path.name.startswith("test_")]
    files.append(REPOSITORY / "tests" / "benchmarks" / "classroom.py")
    assert len(files) > 5
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [str(node.module)]
            assert {name.partition(".")[0] for name in names} <= allowed, path.name
