"""Grade a class with the command, and split its time: start-up, steady state, outputs."""

import datetime as dt
import json
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import (
    CommandFailedError,
    Finished,
    grader_command,
    run,
)


@dataclass(frozen=True, slots=True)
class Graded:
    """One run of `grader grade` over a class; all times in wall seconds."""

    count: int
    start_up: float  # from the command's start to the first submission's
    steady: float  # from there to the last report
    finish: float  # the outputs and the end
    control: float  # the reference, judged once beside the first submissions
    phases: dict[str, float]  # mean of a submission, as results.json has them
    level: str  # of the isolation
    ended: float  # when the last report was kept, of the epoch
    process: Finished

    @property
    def each(self) -> float:
        """Seconds a submission in steady state, with all jobs at work."""
        return self.steady / self.count


def grade(
    classroom: Classroom, out: Path, *, jobs: int, isolation: str = "auto", watch: bool = False
) -> Graded:
    """Grade a whole class afresh into an empty folder."""
    shutil.rmtree(out, ignore_errors=True)
    command = [*grader_command(), *arguments(classroom, out, jobs=jobs, isolation=isolation)]
    process = run(command, watch_memory=watch)
    results = json.loads((out / "results.json").read_text(encoding="utf-8"))
    wrong = [
        item["student"]
        for item in results["submissions"]
        if item["score"] + item["pending"] < item["max_score"]
    ]
    if wrong or len(results["submissions"]) != len(classroom.notebooks):
        raise CommandFailedError(f"Right notebooks lost points: {', '.join(wrong[:5])}")
    first, last = _window(out / "grades.db")
    return Graded(
        count=len(classroom.notebooks),
        start_up=first - process.began,
        steady=last - first,
        finish=process.began + process.seconds - last,
        control=max((item["seconds"] for item in results["control"]), default=0.0),
        phases=_mean_phases(results["submissions"]),
        level=results["isolation"]["level"],
        ended=last,
        process=process,
    )


def arguments(classroom: Classroom, out: Path, *, jobs: int, isolation: str = "auto") -> list[str]:
    """Return what `grader` is called with to grade a class."""
    return [
        "grade", classroom.assignment.slug, str(classroom.folder), "--course",
        str(classroom.course), "-o", str(out), "--jobs", str(jobs), "--isolation", isolation,
    ]  # fmt: skip


def _window(store: Path) -> tuple[float, float]:
    """Return when the first submission began and when the last was kept, of the epoch."""
    database = sqlite3.connect(store)
    try:
        rows = database.execute("SELECT finished, seconds FROM attempt").fetchall()
    finally:
        database.close()
    ends = [dt.datetime.fromisoformat(finished).timestamp() for finished, _ in rows]
    starts = [end - seconds for end, (_, seconds) in zip(ends, rows, strict=True)]
    return min(starts), max(ends)


def _mean_phases(submissions: list[dict[str, object]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for item in submissions:
        phases = item["phases"]
        assert isinstance(phases, dict)
        for name, seconds in phases.items():
            total[name] = total.get(name, 0.0) + seconds
        whole = item["seconds"]
        assert isinstance(whole, float)
        total["whole"] = total.get("whole", 0.0) + whole
    return {name: seconds / len(submissions) for name, seconds in total.items()}
