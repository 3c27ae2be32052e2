"""The cells of a notebook of the small course, right and wrong, and what came of judging them."""

from collections.abc import Callable
from dataclasses import replace

from grader import wording
from grader.grading.judge import Engine
from grader.model import Limits, Status
from grader.reports import QuestionReport

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
DOUBLE = "def double(x):\n    return 2 * x"
SQUARE = "def square(x):\n    return x * x"
CHECK1, CHECK2 = 'grader.check("q1")', 'grader.check("q2")'

Judged = Callable[..., dict[str, QuestionReport]]


def briefly(engine: Engine) -> Limits:
    """Return limits for code that never ends, so that nobody waits for it longer than is needed."""
    return replace(engine.assignment.limits, cell_seconds=0.5, call_seconds=0.4)


def statuses(questions: dict[str, QuestionReport]) -> tuple[Status, Status]:
    return questions["q1"].status, questions["q2"].status


def not_passed(function: str) -> str:
    return wording.PROMISED.format(promise=f"{function} is right for large numbers too.")
