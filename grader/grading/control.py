"""The control: nobody loses on a case that the reference does not pass in the same place.

The reference notebook is judged once where students are judged: on the same machine, at the same
isolation, on the same device, with the same versions, through the same sandbox. A case that it
does not pass there is `ungraded` for everybody, and the reason is said once.
"""

import hashlib
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from grader import wording
from grader.course import notebooks, text_file
from grader.course.assignments import reference_path
from grader.errors import AssignmentError, GraderError
from grader.grading import outcomes
from grader.model import Assignment, Environment, Status, Submission
from grader.reports import Control, ControlCase, Outcome, QuestionReport, Report

TRIES = 2  # a case that fails once may have met a busy machine
LONGEST_CAUSE = 300
NAME = "the reference"


class Place(Protocol):
    """Where something is judged: a name that is equal where judging is alike, and the versions."""

    @property
    def place(self) -> str: ...

    @property
    def environment(self) -> Environment: ...


def solved(assignment: Assignment) -> bytes:
    """Return the student notebook with every stub filled by the reference.

    AssignmentError where there is no reference, or where it lacks a stub's name.
    """
    path = reference_path(assignment.solutions)
    if path is None:
        raise AssignmentError(
            f"{assignment.slug} has no solutions/{assignment.slug}/reference.py; add it."
        )
    names = [name for question in assignment.questions for name in question.names]
    text = text_file.read(path)
    return notebooks.fill(assignment.notebook.read_bytes(), text, names, path.name)


def judge_reference(
    assignment: Assignment,
    questions: Iterable[str],
    judge: Callable[[Submission, list[str]], Report],
    where: Place,
) -> Control:
    """Judge the reference notebook on some questions, and what fails once more.

    `judge` takes a submission and the names of questions. A fault that keeps the reference from
    being judged stands as the cause of each of its cases. Where an assignment has no reference,
    the control has no cases.
    """
    started = time.monotonic()
    if reference_path(assignment.solutions) is None:  # nobody to compare with
        return Control(where.place, where.environment)
    cases = {(c.question, c.name): c for c in _cases(assignment, questions)}
    try:
        content = solved(assignment)
        digest = hashlib.sha256(content).hexdigest()
        submission = Submission(NAME, assignment.notebook.name, content, digest)
        due = list(dict.fromkeys(case.question for case in cases.values()))
        for _ in range(TRIES):
            found = _found(judge(submission, due))
            cases |= {key: found[key] for key in cases.keys() & found.keys()}
            due = list(dict.fromkeys(c.question for c in cases.values() if c.is_failing))
            if not due:
                break
    except (GraderError, notebooks.NotebookUnreadableError) as problem:
        return not_judged(assignment, questions, where, str(problem))
    explained = tuple(explain(case, where.environment) for case in cases.values())
    return Control(where.place, where.environment, explained, time.monotonic() - started)


def not_judged(
    assignment: Assignment, questions: Iterable[str], where: Place, reason: str
) -> Control:
    """Return the control of a place where the reference could not be judged at all."""
    found = (replace(case, said=reason, cause=reason) for case in _cases(assignment, questions))
    return Control(where.place, where.environment, tuple(found))


def _cases(assignment: Assignment, questions: Iterable[str]) -> list[ControlCase]:
    names = set(questions)
    return [
        ControlCase(question.name, case.name, Status.UNGRADED)
        for question in assignment.questions
        if question.name in names and question.kind == "code"
        for case in question.cases
    ]


def _found(report: Report) -> dict[tuple[str, str], ControlCase]:
    return {
        (question.name, outcome.name): ControlCase(
            question.name,
            outcome.name,
            outcome.status,
            wording.for_staff(outcome),
        )
        for question in report.questions
        for outcome in question.cases
    }


def settle(report: Report, control: Control) -> Report:
    """Return a report in which what the reference does not pass is `ungraded`."""
    failing = control.failing
    if not failing:
        return report
    return replace(
        report, questions=tuple(settle_question(item, control) for item in report.questions)
    )


def settle_question(item: QuestionReport, control: Control) -> QuestionReport:
    """Return a question's report in which what the reference does not pass is `ungraded`."""
    failing = control.failing
    cases = tuple(
        _ungraded(case, failing[item.name, case.name])
        if (item.name, case.name) in failing and case.status is not Status.PENDING
        else case
        for case in item.cases
    )
    if cases == item.cases:
        return item
    return replace(
        item,
        cases=cases,
        status=Status.worst([case.status for case in cases]),
        # A question that is all or nothing has scored nothing, whatever its cases say.
        score=min(item.score, round(sum(case.score for case in cases), 9)),
    )


def _ungraded(case: Outcome, of_reference: ControlCase) -> Outcome:
    said = f"The reference does not pass this here: {of_reference.cause}"
    return outcomes.withdrawn(case, said)


# Why it does not pass, in plain words with the fix.

Explanation = Callable[[str, Environment], str | None]


def explain(case: ControlCase, environment: Environment) -> ControlCase:
    """Return the case with its cause in one sentence: a known one, else what the judge recorded."""
    if not case.is_failing:
        return replace(case, said="")
    if case.cause:
        return case
    known = (explanation(case.said, environment) for explanation in EXPLANATIONS)
    return replace(case, cause=next(filter(None, known), None) or _as_it_is(case))


def _as_it_is(case: ControlCase) -> str:
    said = " ".join(case.said.split()) or f"it ended as {case.status}"
    cut = said if len(said) <= LONGEST_CAUSE else said[: LONGEST_CAUSE - 1] + "…"
    return f"{case.question}, {case.name!r}: the reference does not pass here: {cut}"


def _interpreter_and_numpy(said: str, environment: Environment) -> str | None:
    """Explain that triton before 3.7 cannot interpret kernels under NumPy 2.4 or later."""
    triton, numpy = environment.triton, environment.numpy
    if triton is None or numpy is None or "0-dimensional arrays" not in said:
        return None
    if _version(triton) >= (3, 7) or _version(numpy) < (2, 4):
        return None
    return (
        f"triton {triton} cannot interpret kernels under NumPy {numpy}: "
        "install triton 3.7 or later, or NumPy 2.3."
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:2])


_NO_MODULE = re.compile(r"No module named '([\w.]+)'|cannot import name \S+ from '([\w.]+)'")


def _missing_module(said: str, _environment: Environment) -> str | None:
    found = _NO_MODULE.search(said)
    if found is None:
        return None
    package = (found[1] or found[2]).partition(".")[0]
    return f"The module {package}, which the reference needs, cannot be used here: install it."


_DEVICE = re.compile(r"(?:CUDA error|Error \d{3}:|CUDA driver|no kernel image)[^\n]*")


def _device(said: str, environment: Environment) -> str | None:
    if "CUDA out of memory" in said:
        return (
            f"The GPU ({environment.gpu or 'unknown'}) has too little free memory for the "
            "reference: end what else uses it, or grade with a smaller --gpu-jobs."
        )
    found = _DEVICE.search(said)
    if found is None:
        return None
    return (
        f"The GPU ({environment.gpu or 'unknown'}, driver {environment.driver or 'unknown'}) "
        f"does not work for the reference ({found[0][:120]}): see `grader doctor`."
    )


_OVERRUN = re.compile(
    r"(?:the notebook|cell \d+|one call|looking up \w+) took longer than [^.\n]*", re.IGNORECASE
)


def _too_slow(said: str, _environment: Environment) -> str | None:
    found = _OVERRUN.search(said)
    if found is None:
        return None
    return (
        f"This machine is too slow or too busy for the reference ({found[0]}): "
        "use fewer --jobs, or raise that limit in assignment.toml."
    )


EXPLANATIONS: tuple[Explanation, ...] = (
    _interpreter_and_numpy,
    _missing_module,
    _device,
    _too_slow,
)
