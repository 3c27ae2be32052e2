"""A class with written answers, kept as a graded one is; nothing has to be judged for it."""

import base64
import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

from grader.course.assignments import load
from grader.gradebook.notebooks_kept import NotebookStore
from grader.model import (
    Assignment,
    Environment,
    Isolation,
    IsolationLevel,
    Question,
    Status,
    Submission,
    TestCase,
)
from grader.reports import Outcome, Picture, QuestionReport, Report, Written

WRITTEN = ("r1", "r2", "r3")
TEXT = {
    "r1": "**`r1`.** Why is $\\sqrt{d}$ in the denominator?",
    "r2": "**`r2`.** Which inputs still overflow?",
    "r3": "**`r3`.** What happens to very negative scores?",
}
SHADES = ("because", "since", "as", "for the reason that")
CODE = """def halve(x):
    # {name}
    return x / {divisor}
"""


def questions() -> tuple[Question, ...]:
    cases = (TestCase("half of two", 1.0, hidden=False), TestCase("half of -0.0", 1.0, hidden=True))
    code = Question("q1", "halve", 2.0, names=("halve",), cases=cases, sha256="q1")
    written = (Question(name, f"Why {name}", 2.0, kind="manual", sha256=name) for name in WRITTEN)
    return code, *written


def picture(width: int = 8, height: int = 8, kind: str = "PNG") -> str:
    """Return a picture as base64."""
    stream = io.BytesIO()
    Image.new("1", (width, height)).save(stream, kind)
    return base64.b64encode(stream.getvalue()).decode()


def student_of(number: int) -> str:
    return f"student{number:04}"


def answer_of(number: int, question: str) -> str:
    """Return an answer: some are the same, some nearly, most are their own."""
    if number % 10 == 0:
        return ""
    if number % 10 == 1:
        return f"The scores have variance $d$ in {question}, so that *exp* overflows."
    if number % 10 == 2:
        reason = SHADES[number // 10 % len(SHADES)]
        return f"It must be divided, {reason} the sum of {question} grows with every product."
    words = (hashlib.sha256(f"{number} {question} {at}".encode()).hexdigest() for at in range(8))
    return f"Student {number} says: {' '.join(words)}"


def notebook_with(source: str, answers: dict[str, str]) -> bytes:
    """Return a notebook of one stub and some answers."""
    cells: list[dict[str, object]] = [
        {"cell_type": "code", "id": "q1-stub", "metadata": {}, "outputs": [], "source": source,
         "execution_count": None}
    ]  # fmt: skip
    for name, text in answers.items():
        cell = {"cell_type": "markdown", "id": f"{name}-answer", "metadata": {}, "source": text}
        cells.append(cell)
    moved = "moved elsewhere: <b>not HTML</b>" if "" in answers.values() else ""
    cells.append({"cell_type": "markdown", "id": "own", "metadata": {}, "source": moved})
    data = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(data).encode()


def written_as(text: str, pictures: tuple[Picture, ...] = ()) -> Written:
    return Written(text, pictures) if text else Written(missing="Nothing was written.")


def report_on(
    submission: Submission,
    answers: dict[str, str],
    number: int,
    pictures: tuple[Picture, ...] = (),
) -> Report:
    """Return what judging would have come to: the weaker half fails the hidden case."""
    code, *written = questions()
    fails = number % 2 == 0
    told = f"got {number}, expected -0.0"
    outcomes = (
        Outcome("half of two", hidden=False, status=Status.PASSED, score=1.0, max_score=1.0,
                seconds=0.01),
        Outcome("half of -0.0", hidden=True, status=Status.FAILED if fails else Status.PASSED,
                score=0.0 if fails else 1.0, max_score=1.0, staff_message=told if fails else "",
                seconds=0.02),
    )  # fmt: skip
    items = [QuestionReport.judged(code, outcomes, all_or_nothing=False)]
    items += [
        QuestionReport.waiting(one, written=written_as(answers[one.name], pictures))
        for one in written
    ]
    return Report.of(
        submission, items, seed=0, assignment_sha256="a", limits=ASSIGNMENT.limits, seconds=0.1,
        isolation=Isolation(IsolationLevel.STRONG), environment=Environment("1", "3.11", "Linux"),
    )  # fmt: skip


ASSIGNMENT = Assignment(
    "halves", "Halves", Path("halves"), Path("halves.ipynb"), None, questions(), sha256="a"
)


def write_store(
    out: Path,
    size: int,
    answer: Callable[[int, str], str] = answer_of,
    pictures: tuple[Picture, ...] = (),
) -> Path:
    """Write a graded class whose written answers nobody has read, and return its folder."""
    with NotebookStore(out / "grades.db") as store:
        store.bind(ASSIGNMENT, 0)
        handed_in, reports = [], []
        for number in range(size):
            answers = {name: answer(number, name) for name in WRITTEN}
            source = CODE.format(name=student_of(number), divisor=2 if number % 2 else 2.0)
            content = notebook_with(source, answers)
            digest = hashlib.sha256(content).hexdigest()
            name = student_of(number)
            submission = Submission(name, f"{name}.ipynb", content, digest)
            handed_in.append(submission)
            reports.append(report_on(submission, answers, number, pictures))
        store.set_submissions(handed_in)
        store.keep_notebooks(handed_in)
        for report in reports:
            store.add(report, questions())
    return out


def write_course(root: Path) -> Assignment:
    """Write the two folders of the course, with a rubric for the first question only."""
    folder, solutions = root / "assignments" / "halves", root / "solutions" / "halves"
    source = "def halve(x):\n    raise NotImplementedError"
    code = {"cell_type": "code", "id": "q1-stub", "metadata": {}, "outputs": [], "source": source,
            "execution_count": None}  # fmt: skip
    cells = [
        {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}
        for name, text in TEXT.items()
    ]
    data = {"cells": [code, *cells], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    for path, text in {
        folder / "assignment.toml": SETTINGS,
        folder / "halves.ipynb": json.dumps(data),
        folder / "tests" / "q1.py": file_of_tests("half of two", "halve(2) == 1", hidden=False),
        solutions / "tests" / "q1.py": file_of_tests("half of -0.0", SIGN, hidden=True),
        solutions / "reference.py": "def halve(x):\n    return x / 2\n",
        solutions / "rubric.toml": RUBRIC,
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return load("halves", root)


SIGN = 'str(halve(-0.0)) == "-0.0"'
SETTINGS = """title = "Halves"

[[questions]]
name = "q1"
points = 2
kind = "code"
names = ["halve"]
""" + "".join(
    f'\n[[questions]]\nname = "{name}"\npoints = 2\nkind = "manual"\n' for name in WRITTEN
)


def file_of_tests(name: str, condition: str, *, hidden: bool) -> str:
    """Return an otter test of one case."""
    return f"""OK_FORMAT = False
name = "q1"

from otter.test_files import test_case


@test_case(name={name!r}, points=1, hidden={hidden})
def test_one(halve):
    assert {condition}
"""


RUBRIC = """# Points for why, not for how long.
[r1]
reference = "The variance of a score is $d$."

[[r1.items]]
name = "variance"
points = 1.5
comment = "Names the variance."

[[r1.items]]
name = "overflow"
points = 0.5
comment = "Says what overflows."

[[r1.items]]
name = "vague"
points = -0.5
comment = "Too vague to be checked."
"""
