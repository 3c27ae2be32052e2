"""Run a doctest as otter does, and keep what ended it: a difference, or an exception as it is.

Otter turns both into a text, by which a fault of ours and a wrong answer look alike.
"""

import contextlib
import doctest
import io
from types import TracebackType
from typing import Any

from grader import wording
from grader.grading import fresh_memory
from grader.sandbox import MissingNameError

TRACEBACK = "Traceback (most recent call last):"
Raised = tuple[type[BaseException], BaseException, TracebackType | None]


class _Runner(doctest.DocTestRunner):
    """Keeps the first example that fails; what follows it runs all the same, as in otter."""

    def __init__(self) -> None:
        super().__init__(verbose=False)
        self.problem: BaseException | None = None
        self.line: int | None = None

    def report_failure(
        self, _out: Any, _test: doctest.DocTest, example: doctest.Example, got: str
    ) -> None:
        if self.problem is None:
            said = wording.doctest_differs(example.source, example.want, _without_frames(got))
            self.problem, self.line = AssertionError(said), example.lineno

    def report_unexpected_exception(
        self, _out: Any, _test: doctest.DocTest, example: doctest.Example, exc_info: Raised
    ) -> None:
        if self.problem is None:
            self.problem, self.line = exc_info[1], example.lineno
            if type(self.problem) is NameError:  # a student's own is of a class of ours
                self.problem = MissingNameError(self.problem.name)


def _without_frames(got: str) -> str:
    """Return what an example gave, of an exception its last lines: the others are the judge's."""
    if not got.startswith(TRACEBACK):
        return got
    lines = got.splitlines()
    frames = [number for number, line in enumerate(lines) if line.startswith("  ")]
    return "\n".join(lines[frames[-1] + 1 if frames else 1 :])


def run(name: str, body: str, names: dict[str, Any]) -> tuple[BaseException | None, int | None]:
    """Return what ended a doctest and in which line of it, from 0; None where it passes."""
    examples = doctest.DocTestParser().parse(body, name)
    only = [one for one in examples if isinstance(one, doctest.Example)]
    test = doctest.DocTest(only, names, name, None, None, body)
    runner = _Runner()
    printed = io.StringIO()
    with (
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        fresh_memory.in_doctests(body),
    ):
        runner.run(test, out=printed.write, clear_globs=False)
    test.globs.clear()  # it would keep a student's values until the collector comes
    return runner.problem, runner.line
