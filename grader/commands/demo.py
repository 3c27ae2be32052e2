"""The command `demo`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from grader.commands.grade import grade_class
from grader.commands.options import CourseFolder, Isolation, IsolationChoice, Jobs
from grader.commands.shown import finish, show


def demo(
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Where the outputs go.")] = None,
    course: CourseFolder = None,
    isolation: Isolation = IsolationChoice.AUTO,
    jobs: Jobs = None,
) -> None:
    """Build a small class, grade it, and show who lost what and why."""
    import tempfile

    from grader.course import demo as demonstration
    from grader.course.assignments import load, own_course
    from grader.submissions.collection import collect

    assignment = load("softmax", course or own_course(), need_solutions=True)
    folder = out or Path(tempfile.mkdtemp(prefix="grader-demo-"))
    students = demonstration.build_class(assignment, folder / "class")
    found = collect([students], limits=assignment.limits, assignment=assignment)
    book = grade_class(
        replace(assignment, limits=demonstration.limits(assignment)), found.submissions, folder,
        isolation=isolation, jobs=jobs,
    )  # fmt: skip
    show(book, losses=True)
    finish(book, folder)
