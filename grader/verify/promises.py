"""Whether hidden cases say what they check, and say nothing that a student could steer."""

import ast
from collections.abc import Iterator

from grader.course import text_file
from grader.course.assignments import question_files
from grader.course.cases import hints
from grader.model import Assignment, Feedback

from .gates import Findings

CHANCE = frozenset({"default_rng", "SystemRandom", "uuid4"})  # other numbers at each call


def _chances(assignment: Assignment) -> Iterator[str]:
    """Say where a test's inputs differ from one judging to the next, whatever the seed."""
    names = [question.name for question in assignment.questions]
    for path in question_files(assignment.folder, assignment.solutions, names):
        for node in ast.walk(ast.parse(text_file.read(path))):
            if not isinstance(node, ast.Call) or (node.args or node.keywords):
                continue
            called = ast.unparse(node.func).split(".")[-1]
            if called in CHANCE:
                yield (
                    f"{path.parent.parent.name}/tests/{path.name}, line {node.lineno}: {called}() "
                    "gives other inputs each time, so no score would be the same twice; ask "
                    "for rng, which the seed decides"
                )


def are_stated(assignment: Assignment, findings: Findings) -> str:
    """Look for hidden cases without a promise, and for hints that are no literals.

    And for inputs that no seed decides.
    """
    findings.problems.extend(_chances(assignment))
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
        for given in hints(text_file.read(path)):
            count += 1
            if not isinstance(given, ast.Constant) or not isinstance(given.value, str):
                line = f", line {given.lineno}" if given is not None else ""
                findings.problems.append(
                    f"{path.parent.parent.name}/tests/{path.name}{line}: a hint must be one text "
                    "in quotes, so that no value of an input can travel in it"
                )
    return f"{len(hidden)} hidden cases say what they check, {count} hints are literals"
