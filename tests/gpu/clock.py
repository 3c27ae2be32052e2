"""The clock of the question that measures time: the reference against itself and a slowed copy."""

import importlib.util
import inspect
import time
from types import ModuleType
from typing import Any

from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.course import notebooks
from grader.course.assignments import question_files
from grader.grading.control import solved
from grader.model import Assignment
from tests.gpu.judging import REFERENCE, Sitting, alone
from tests.gpu.rooms import Rooms
from tests.gpu.setup import Setup, timed_question
from tests.gpu.steps import Log

SLOWED = "reference, called twice"
TWICE = 2
WITHIN = 0.03  # of 1, the reference against itself
SLOWED_WITHIN = 0.05  # of the factor: the second of two calls finds its inputs in the cache
SLOW = """
_once = {name}

def {name}(*args, **kwargs):
    _once(*args, **kwargs)
    return _once(*args, **kwargs)
"""


def examine(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Time the reference against itself and a copy that calls it twice, then judge solutions."""
    for assignment in setup.assignments():
        question = timed_question(assignment)
        if question is None:
            continue
        for name, calls, within in ((REFERENCE, 1, WITHIN), (SLOWED, TWICE, SLOWED_WITHIN)):
            room = rooms.enter(assignment, "cuda", log)
            room.demand_device()
            timings = rooms.ask(room, f"{question}: {name}", log, measure, question, calls)
            log.found.setdefault("timings", []).append({
                "assignment": assignment.slug, "question": question, "name": name,
                "factor": calls, "within": within, "sizes": timings,
            })  # fmt: skip
            for item in timings:
                _compare(name, item, calls, within, log)
        room = rooms.enter(assignment, "cuda", log)
        alone(setup, Sitting(room, rooms, assignment, (question,), log))


def _compare(name: str, item: dict[str, Any], factor: int, within: float, log: Log) -> None:
    pairs = ", ".join(f"{pair:.3f}" for pair in item["pairs"])
    said = f"{name}, {item['size']}: "
    if item["fault"]:
        log.problem(f"{said}{item['fault']}")
        return
    log.say(f"  {said}{item['ratio']:.3f} times the reference (pairs: {pairs})")
    if abs(item["ratio"] / factor - 1.0) > within:
        log.problem(f"{said}{item['ratio']:.3f} is not within {within:.0%} of {factor}")


def measure(settings: ProcessSettings, question: str, calls: int) -> list[dict[str, Any]]:
    """Return what the question's own measurement makes of the reference, or of its slowed copy.

    It runs in a process, and everything is as when the question is judged, but for the points: a
    child, its cells, the reference beside it. `fault` is the sentence of a measurement that cannot
    be believed.
    """
    engine = process.engine(settings)
    module = _test_module(engine.assignment, question)
    device = engine.device_names["cuda"]
    deadline = time.monotonic() + settings.limits.submission_seconds
    with engine.workers["cuda"].session(settings.limits, deadline=deadline) as session:
        cells = notebooks.read(solved(engine.assignment), settings.limits).cells
        sources = [cell.source for cell in cells]
        if calls == TWICE:
            sources.append(SLOW.format(name=_timed_name(module)))
        for number, source in enumerate(sources, 1):
            if source.strip() not in engine.assignment.ignored_cells:
                session.run_cell(source, number)
        function = session.value(_timed_name(module))
        return [_measured(module, function, engine, device, size) for size in module.SIZES]


def _measured(
    module: ModuleType, function: Any, engine: Any, device: str, size: Any
) -> dict[str, Any]:
    started = time.monotonic()
    found: dict[str, Any] = {"size": str(size), "fault": "", "ratio": None, "pairs": []}
    try:
        timing = module.measure(function, engine.suite.reference, device, size)
    except Exception as problem:  # noqa: BLE001 - whatever the question raises is its finding
        return found | {"fault": f"{type(problem).__name__}: {problem}"}
    return found | {
        "ratio": timing.ratio,
        "pairs": [pair.ratio for pair in timing.pairs],
        "student_seconds": timing.student,
        "reference_seconds": timing.reference,
        "seconds": time.monotonic() - started,
    }


def _timed_name(module: ModuleType) -> str:
    """Return the name of the student's function that a question times: what it measures first."""
    return next(iter(inspect.signature(module.measure).parameters))


def _test_module(assignment: Assignment, question: str) -> ModuleType:
    path = question_files(assignment.folder, assignment.solutions, [question])[-1]
    spec = importlib.util.spec_from_file_location(f"timed_{question}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
