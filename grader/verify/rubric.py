"""The gate that reads the rubric of written answers, as whoever grades them will."""

from grader.errors import AssignmentError
from grader.gradebook import rubric_file
from grader.model import Assignment

from .gates import Findings


def is_usable(assignment: Assignment, findings: Findings) -> str:
    """Read `rubric.toml`, and see that its points add up to each question's."""
    path = rubric_file.path_of(assignment)
    written = [question for question in assignment.questions if question.kind == "manual"]
    if path is None or not path.exists():
        return f"{_answers(len(written))} without a file: whoever reads begins with a plain rubric"
    try:
        stated = rubric_file.read(path, assignment.questions)
    except AssignmentError as problem:
        findings.problems.append(str(problem).removesuffix("."))
        return f"{path.name} cannot be used"
    doubts = rubric_file.doubts(path, written, stated)
    findings.problems.extend(doubt.removesuffix(".") for doubt in doubts)
    own = sum(bool(rubric.items) for rubric in stated.values())
    return f"{own} of {_answers(len(written))} with a rubric of their own"


def _answers(count: int) -> str:
    return f"{count} written answer{'s' if count != 1 else ''}"
