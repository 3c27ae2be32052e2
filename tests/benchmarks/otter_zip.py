"""The same autograder.zip and the same notebooks, by `otter run` and by `grader grade`.

The scores have to be equal, question by question; and what becomes of a notebook that loops, that
exits, and that patches what its tests compare with.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from grader.course import notebooks
from tests.benchmarks.classroom import signed
from tests.benchmarks.process import CommandFailedError, grader_command, run

CASE = Path(__file__).parents[1] / "otter" / "cases" / "13-seven-files"
ANSWER = "y = cube(2.5)\ny"  # of the fourth question, as the right notebook has it
ROUNDED = 1e-4  # otter rounds its scores
CELL_SECONDS = 10
HOSTILE = {
    "loops": "while True:\n    pass",
    "exits": "import os\nos._exit(0)",
    "patches np.isclose": "np.isclose = lambda *values, **options: True\ny = 0",
}
Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of one hostile notebook with one grader."""

    said: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What both graders made of the same class."""

    count: int
    kinds: int
    jobs: int
    otter_version: str
    otter_each: float  # seconds a submission, with all jobs at work
    ours_each: float  # with start-up and outputs
    differing: tuple[str, ...]  # notebooks whose scores are not the same
    hostile: dict[str, tuple[Ended, Ended]]  # what it does: otter's end, ours

    @property
    def ratio(self) -> float:
        """How many times as long otter takes."""
        return self.otter_each / self.ours_each


def measure(
    folder: Path, *, size: int, jobs: int, patience: float, say: Callable[[str], None]
) -> Compared:
    """Grade a class of the case's notebooks with both, then each hostile notebook.

    patience: seconds after which a hostile notebook's `otter run` is stopped; it has no limit.
    """
    folder.mkdir(parents=True)
    path = _packed(folder)
    kinds = sorted(CASE.glob("*.ipynb"))
    handed_in = folder / "class"
    handed_in.mkdir()
    for number in range(size):
        content = signed(kinds[number % len(kinds)].read_bytes(), number)
        (handed_in / f"student-{number:04}.ipynb").write_bytes(content)
    paths = sorted(handed_in.iterdir())
    started = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        theirs = list(pool.map(lambda one: _by_otter(path, one, folder), paths))
    otter_each = (time.perf_counter() - started) / size
    say(f"otter run: {otter_each:.2f} s a submission")
    ours, seconds = _by_us(path, handed_in, folder / "out", jobs)
    say(f"grader grade: {seconds / size:.2f} s a submission")
    differing = [
        one.stem
        for one, scores in zip(paths, theirs, strict=True)
        if not _same(scores, ours[one.stem])
    ]
    hostile = _hostile(path, folder, kinds, patience, say)
    return Compared(
        size, len(kinds), jobs, metadata.version("otter-grader"), otter_each, seconds / size,
        tuple(differing), hostile,
    )  # fmt: skip


def _packed(folder: Path) -> Path:
    root = CASE / "autograder"
    path = folder / "autograder.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(root))
    return path


def _same(theirs: Scores, ours: Scores) -> bool:
    return theirs.keys() == ours.keys() and all(
        abs(theirs[name] - ours[name]) <= ROUNDED for name in theirs
    )


def _by_otter(path: Path, notebook: Path, folder: Path) -> Scores:
    out = folder / f"otter-{notebook.stem}"
    out.mkdir(exist_ok=True)
    run(_otter_command(path, notebook, out), folder=out)
    return _otter_scores(out)


def _otter_command(path: Path, notebook: Path, out: Path) -> list[str]:
    program = Path(sys.executable).with_name("otter")
    return [str(program), "run", "-a", str(path), "-o", str(out), "--no-logo", str(notebook)]


def _otter_scores(out: Path) -> Scores:
    tests = json.loads((out / "results.json").read_text(encoding="utf-8"))["tests"]
    return {test["name"]: test["score"] for test in tests if "max_score" in test}


def _by_us(
    path: Path, handed_in: Path, out: Path, jobs: int, *more: str
) -> tuple[dict[str, Scores], float]:
    shutil.rmtree(out, ignore_errors=True)
    command = [*grader_command(), "grade", str(path), str(handed_in), "-o", str(out), "--jobs",
               str(jobs), *more]  # fmt: skip
    finished = run(command, good=(0, 1))
    found = {
        item["student"]: {one["name"]: one["score"] for one in item["questions"]}
        for item in _results(out)
    }
    return found, finished.seconds


def _results(out: Path) -> list[dict[str, Any]]:
    document = json.loads((out / "results.json").read_text(encoding="utf-8"))
    items: list[dict[str, Any]] = document["submissions"]
    return items


def _hostile(
    path: Path, folder: Path, kinds: list[Path], patience: float, say: Callable[[str], None]
) -> dict[str, tuple[Ended, Ended]]:
    right = next(one for one in kinds if one.stem == "all")
    handed_in = folder / "hostile"
    handed_in.mkdir()
    for number, answer in enumerate(HOSTILE.values()):
        content = _answered(right.read_bytes(), answer)
        (handed_in / f"hostile-{number}.ipynb").write_bytes(content)
    limit = ("--limit", f"cell_seconds={CELL_SECONDS}")  # 60 unless somebody says otherwise
    _by_us(path, handed_in, folder / "hostile-out", 1, *limit)
    ours = {item["student"]: item for item in _results(folder / "hostile-out")}
    ends = {}
    for number, what in enumerate(HOSTILE):
        item = ours[f"hostile-{number}"]
        theirs = _otter_on(path, handed_in / f"hostile-{number}.ipynb", folder, patience)
        ends[what] = theirs, Ended(_said(item), item["seconds"])
        say(f"a notebook that {what}: otter {ends[what][0]}, grader {ends[what][1]}")
    return ends


def _answered(content: bytes, answer: str) -> bytes:
    """Return a notebook with another answer to its fourth question."""
    data = json.loads(content)
    cells = [cell for cell in data["cells"] if "".join(cell["source"]) == ANSWER]
    if len(cells) != 1:
        raise CommandFailedError(f"The right notebook answers {len(cells)} times by {ANSWER!r}.")
    cells[0]["source"] = answer
    return notebooks.dump(data)


def _said(item: dict[str, Any]) -> str:
    lost = [f"{one['name']} {one['status']}" for one in item["questions"]
            if one["score"] < one["max_score"] or one["status"] == "ungraded"]  # fmt: skip
    return f"{item['score']:g} of {item['max_score']:g} points; {', '.join(lost) or 'nothing lost'}"


def _otter_on(path: Path, notebook: Path, folder: Path, patience: float) -> Ended:
    """Return what becomes of a notebook with otter, stopped with its kernel if it does not end."""
    out = folder / f"otter-{notebook.stem}"
    out.mkdir()
    started = time.perf_counter()
    process = subprocess.Popen(
        _otter_command(path, notebook, out), cwd=out, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _, words = process.communicate(timeout=patience)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ended(f"ran on until it was stopped after {patience:g} s", patience)
    seconds = time.perf_counter() - started
    if not (out / "results.json").is_file():
        last = words.strip().splitlines()[-1:] or ["no word"]
        return Ended(f"no result: {last[0][:80]}", seconds)
    scores = _otter_scores(out)
    if not scores:
        return Ended("0 points: no question has a result", seconds)
    return Ended(f"{sum(scores.values()):g} points", seconds)
