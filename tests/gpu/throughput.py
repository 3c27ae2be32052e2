"""How long `grader grade` takes over a class of right notebooks, without the timed question."""

import json
import re
import shutil
import tempfile
import time
import tomllib
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from grader.course.assignments import load
from grader.model import Assignment
from tests.benchmarks.classroom import fill_class
from tests.gpu import streaming
from tests.gpu.rooms import Rooms
from tests.gpu.setup import Setup, timed_question
from tests.gpu.steps import Log

GOAL_STUDENTS, GOAL_SECONDS, GOAL_CORES = 50, 300.0, 16
PHASE = re.compile(r"^\d+ on the (?:CPU|GPU), .*|^isolation .*|^ungraded for everybody.*")


def examine(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Grade a class of each assignment that times something, as a person would."""
    rooms.close()  # the class has the machine to itself
    for assignment in setup.assignments():
        question = timed_question(assignment)
        if question is not None:
            with tempfile.TemporaryDirectory(prefix="class-") as folder:
                log.found[assignment.slug] = _grade(setup, assignment, question, Path(folder), log)


def _grade(
    setup: Setup, assignment: Assignment, question: str, folder: Path, log: Log
) -> dict[str, Any]:
    course = without_question(assignment, question, folder / "course")
    smaller = load(assignment.slug, course, need_solutions=True)
    size = setup.sizes.students
    classroom = fill_class(smaller, folder / "class", size)
    phases: list[tuple[float, str]] = []
    last: list[str] = []

    def hear(line: str) -> None:
        last[:] = [line]
        if PHASE.match(line):
            phases.append((time.monotonic(), line))
            log.say(f"  {line}")

    started = time.monotonic()
    status = streaming.run(_command(setup, smaller, classroom.folder, folder), log.deadline, hear)
    ended = time.monotonic()
    if status:
        log.problem(f"grader grade ended with {status}: {' '.join(last)}")
    found = _read(folder / "out" / "results.json", log, may_wait=setup.is_simulated)
    whole = ended - started
    found |= {
        "students": size,
        "jobs": setup.jobs,
        "seconds": whole,
        "phases": _phases(started, phases, ended),
        "seconds_for_50": (
            _start(started, phases) + GOAL_STUDENTS / size * (whole - _start(started, phases))
        ),
    }
    log.say(
        f"  {size} {assignment.slug} notebooks in {whole:.1f} s, which makes "
        f"{found['seconds_for_50']:.0f} s for {GOAL_STUDENTS}"
    )
    can_meet = setup.jobs >= GOAL_CORES and not setup.is_simulated
    if can_meet and found["seconds_for_50"] > GOAL_SECONDS:
        log.problem(f"{GOAL_STUDENTS} notebooks would take more than {GOAL_SECONDS:g} s")
    return found


def _command(setup: Setup, assignment: Assignment, students: Path, folder: Path) -> list[str]:
    shared = [] if setup.gpu_jobs is None else ["--gpu-jobs", str(setup.gpu_jobs)]
    return streaming.grader(
        "grade", assignment.slug, str(students), "-o", str(folder / "out"),
        "--course", str(assignment.folder.parents[1]), "--jobs", str(setup.jobs), *shared,
        "--isolation", setup.isolation, "--device", "cpu" if setup.is_simulated else "cuda",
    )  # fmt: skip


def without_question(assignment: Assignment, question: str, course: Path) -> Path:
    """Write a course with one assignment that lacks one question, and return its folder."""
    assert assignment.solutions is not None
    slug = assignment.slug
    public, hidden = course / "assignments" / slug, course / "solutions" / slug
    shutil.copytree(assignment.folder, public)
    shutil.copytree(assignment.solutions, hidden, ignore=shutil.ignore_patterns("wrong"))
    for tests in (public, hidden):
        (tests / "tests" / f"{question}.py").unlink(missing_ok=True)
    toml = public / "assignment.toml"
    tables = re.split(r"(?m)^(?=\[)", toml.read_text(encoding="utf-8"))
    kept = [text for text in tables if not _is_question(text, question)]
    toml.write_text("".join(kept), encoding="utf-8")
    return course


def _is_question(table: str, name: str) -> bool:
    return any(item["name"] == name for item in tomllib.loads(table).get("questions", ()))


def _start(started: float, phases: list[tuple[float, str]]) -> float:
    """Return the seconds until the processes were ready, which a larger class spends once, too."""
    return next((when - started for when, line in phases if line.startswith("isolation")), 0.0)


def _phases(
    started: float, phases: list[tuple[float, str]], ended: float
) -> list[dict[str, Any]]:  # fmt: skip
    """Return what came one after another, and how many seconds each took."""
    judging = [(when, line) for when, line in phases if not line.startswith("isolation")]
    marks = [(started, "start"), *judging, (ended, "")]
    return [{"what": line, "seconds": end - begun} for (begun, line), (end, _) in pairwise(marks)]


def _read(path: Path, log: Log, *, may_wait: bool) -> dict[str, Any]:
    """Return what became of the class: right notebooks, of which none may lose anything."""
    fine = {"passed", "pending"} if may_wait else {"passed"}
    if not path.is_file():
        log.problem("grader grade wrote no results.json")
        return {}
    document = json.loads(path.read_text(encoding="utf-8"))
    rows = document["submissions"]
    statuses: Counter[str] = Counter()
    for row in rows:
        for question in row["questions"]:
            for case in question["cases"]:
                statuses[case["status"]] += 1
                if case["status"] not in fine:
                    said = (case["staff_message"] or case["message"]).splitlines() or [""]
                    log.problem(
                        f"{row['student']}: {question['name']}, {case['name']!r} "
                        f"{case['status']}: {said[0][:200]}"
                    )
    parts: Counter[str] = Counter()
    for row in rows:
        parts.update(row["phases"])
    return {
        "graded": len(rows),
        "cases": dict(statuses),
        "mean_seconds": {name: total / len(rows) for name, total in parts.items()},
        "isolation": document["isolation"]["level"],
        "gpu": document["environment"]["gpu"],
    }
