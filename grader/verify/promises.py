"""Whether hidden cases say what they check, and say nothing that a student could steer."""

import ast

from grader.course.assignments import question_files
from grader.course.cases import hints
from grader.model import Assignment, Feedback

from .gates import Findings


def are_stated(assignment: Assignment, findings: Findings) -> str:
    """Look for hidden cases without a promise, and for hints that are no literals."""
    if assignment.feedback is Feedback.NAME:
        return "students see the names of hidden cases and nothing else"
    hidden = [
        (question.name, case)
        for question in assignment.questions
        for case in question.cases
        if case.hidden
    ]
    findings.problems.extend(
        f"{question}, {case.name!r}: a hidden case needs failure_message=…, which tells students "
        "what it checks and where to read of it"
        for question, case in hidden
        if not case.promise
    )
    count = 0
    for path in question_files(
        assignment.folder, assignment.solutions, [q.name for q in assignment.questions]
    ):
        for given in hints(path.read_text(encoding="utf-8")):
            count += 1
            if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
                line = f", line {given.lineno}" if given is not None else ""
                findings.problems.append(
                    f"{path.parent.parent.name}/tests/{path.name}{line}: a hint must be one text "
                    "in quotes, so that no value of an input can travel in it"
                )
    return f"{len(hidden)} hidden cases say what they check, {count} hints are literals"
