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
        return f"{len(written)} written answers begin with a plain rubric"
    try:
        stated = rubric_file.read(path, assignment.questions)
    except AssignmentError as problem:
        findings.problems.append(str(problem))
        return f"{path.name} cannot be used"
    findings.problems.extend(rubric_file.doubts(path, written, stated))
    own = sum(bool(rubric.items) for rubric in stated.values())
    return f"{own} of {len(written)} written answers have a rubric of their own"
