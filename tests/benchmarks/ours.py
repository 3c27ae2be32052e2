"""Grade a class with the command, and split its time: start-up, steady state, outputs."""

import datetime as dt
import json
import shutil
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
    each: float  # a submission, from when all jobs are at work to the last report
    finish: float  # the outputs and the end
    control: float  # the reference, judged once beside the first submissions
    phases: dict[str, float]  # mean of a submission, as results.json has them
    level: str  # of the isolation
    ended: float  # when the last report was kept, of the epoch
    process: Finished


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
    judged = _judged(out / "grades.db")
    first, last = min(one.began for one in judged), max(one.ended for one in judged)
    return Graded(
        count=len(classroom.notebooks),
        start_up=first - process.began,
        each=steady_seconds(judged, jobs),
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


class Judged(NamedTuple):
    """When one submission was judged, in seconds of the epoch."""

    began: float
    ended: float


def _judged(store: Path) -> list[Judged]:
    database = sqlite3.connect(store)
    try:
        rows = database.execute("SELECT finished, seconds FROM attempt").fetchall()
    finally:
        database.close()
    ends = [dt.datetime.fromisoformat(finished).timestamp() for finished, _ in rows]
    return [Judged(end - seconds, end) for end, (_, seconds) in zip(ends, rows, strict=True)]


def steady_seconds(judged: Sequence[Judged], jobs: int) -> float:
    """Return the seconds a submission from when all jobs are at work; of one begun before, a part.

    One grader process begins before the others are ready, which is start-up.
    """
    wanted = min(jobs, len(judged))
    starts = sorted(one.began for one in judged)
    at_work = next(
        (
            moment
            for moment in starts
            if sum(one.began <= moment < one.ended for one in judged) >= wanted
        ),
        starts[0],
    )
    done = sum(
        (one.ended - max(one.began, at_work)) / (one.ended - one.began)
        for one in judged
        if one.ended > at_work
    )
    return (max(one.ended for one in judged) - at_work) / done


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
