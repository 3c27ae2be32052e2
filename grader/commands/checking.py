"""What `grader check` does with a student's own notebook."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from grader import wording
from grader.errors import UsageError
from grader.model import Assignment, Status, Submission
from grader.reports import QuestionReport, Report


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a student reads, and whether every public test passed."""

    lines: list[str]
    all_passed: bool


def check_notebook(
    path: Path, question: str | None, assignment: str | None, course: Path | None
) -> CheckResult:
    """Judge the public cases of a notebook; UsageError where the file or question is unknown."""
    from grader.grading.assemble import assemble, start_worker
    from grader.grading.judge import Request, judge

    if not path.is_file():
        raise UsageError(f"There is no notebook at {path}.")
    content = path.read_bytes()
    loaded = _assignment_of(path, content, assignment, course)
    names = [item.name for item in loaded.questions]
    if question is not None and question not in names:
        raise UsageError(f"{loaded.slug} has no question {question}; it has {', '.join(names)}.")
    beside = [path.parent / name for name in loaded.files]
    files = tuple((file.name, file.read_bytes()) for file in beside if file.is_file())
    digest = hashlib.sha256(content).hexdigest()
    submission = Submission("you", path.name, content, digest, files=files)
    with start_worker(loaded) as worker:
        engine = assemble(loaded, {"cpu": worker})
        report = judge(Request(submission, only=(question,) if question else None), engine)
    return _describe(report, loaded)


def _assignment_of(path: Path, content: bytes, name: str | None, course: Path | None) -> Assignment:
    from grader.course import notebooks
    from grader.course.assignments import available, find_course
    from grader.submissions.autograders import load, load_from_notebook

    if name is not None:
        return load(name, course, public_only=True)
    root = course or find_course(path.resolve().parent)
    known = [load(slug, root, public_only=True) for slug in available(root)]
    try:
        notebook = notebooks.read(content)
    except notebooks.NotebookUnreadableError as problem:
        raise UsageError(f"{path}: {problem}") from problem
    for item in known:
        if item.notebook.name == path.name:
            return item
    for item in known:  # of a notebook that was given another name
        if notebook.binds(name for q in item.questions for name in q.names):
            return item
    own = load_from_notebook(path, content)
    if own is not None:
        return own
    slugs = ", ".join(item.slug for item in known)
    raise UsageError(f"{path} belongs to no assignment here; name one of {slugs} by --assignment.")


def _describe(report: Report, assignment: Assignment) -> CheckResult:
    if (reason := wording.problem(report)) is not None:
        return CheckResult([reason], all_passed=False)
    lines: list[str] = []
    open_points = 0.0
    passed = True
    for item in report.questions:
        question = assignment.question(item.name)
        hidden = question.points - question.public_points
        open_points += hidden
        lines.extend(_lines(item, hidden, manual=question.kind == "manual"))
        passed = passed and item.status in {Status.PASSED, Status.PENDING}
    verdict = "All public tests passed." if passed else "Some public tests did not pass."
    lines.append(_still(verdict, open_points))
    return CheckResult(lines, passed)


def _lines(item: QuestionReport, hidden: float, *, manual: bool) -> list[str]:
    if manual:
        return [f"{item.name}: a person reads your answer ({_points(item.max_score)})"]
    if not item.cases:
        return [f"{item.name}: no public tests; {_points(hidden)} decided later"]
    passed = sum(case.status is Status.PASSED for case in item.cases)
    glyph = "✓" if passed == len(item.cases) else "✗"
    tally = f"{passed} of {len(item.cases)} public tests passed"
    rest = f"; hidden tests decide {_points(hidden, 'more ')}" if hidden else ""
    lines = [f"{glyph} {item.name}: {tally}{rest}"]
    for case in item.cases:
        if case.status is not Status.PASSED:
            message = wording.told(case).text.replace("\n", "\n      ")
            lines.append(f"    {case.name}: {message}")
    return lines


def _still(verdict: str, left: float) -> str:
    """Say what is decided later; of a notebook's own tests nobody knows which others there are."""
    return (
        verdict
        if not left
        else f"{verdict} Hidden tests, a GPU or a person still decide {_points(left)}."
    )


def _points(value: float, before: str = "") -> str:
    return f"{value:g} {before}{'point' if value == 1 else 'points'}"
