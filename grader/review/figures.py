"""What a class tells about its test cases: who passes one, and whether it agrees with the rest."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from grader.model import Status
from grader.reports import Gradebook, Outcome

UNDECIDED = frozenset({Status.PENDING, Status.UNGRADED})
FEWEST = 8  # students, below which a share says little
BEST = 4  # the best quarter
HALF = 0.5


@dataclass(frozen=True, slots=True)
class CaseFigures:
    """One case over everybody for whom it was decided; None where too few were, or all alike.

    `discrimination` is the correlation with the rest of the score; `seconds` median and largest.
    """

    question: str
    name: str
    hidden: bool
    points: float
    decided: int
    passed: int
    discrimination: float | None
    best_share: float | None  # of the best quarter by the rest of the score that pass it
    seconds: tuple[float, float]

    @property
    def pass_percent(self) -> float | None:
        return 100 * self.passed / self.decided if self.decided else None

    @property
    def doubt(self) -> str:
        """Why somebody should look at the case itself; empty where nothing speaks against it."""
        if self.best_share is not None and self.best_share < HALF:
            percent = 100 * (1 - self.best_share)
            return f"{percent:.0f} % of the best quarter of the class do not pass it"
        # Two standard errors below none at all, so that chance does not mark a sound case.
        if self.discrimination is not None and self.discrimination < -2 / math.sqrt(self.decided):
            return "those who pass it have less of the other points than those who do not"
        return ""


def cases(book: Gradebook) -> list[CaseFigures]:
    """Return the figures of each case, in the assignment's order."""
    found: dict[tuple[str, str], list[tuple[Outcome, float]]] = {}
    for report in book.reports:
        for question in report.questions:
            for case in question.cases:
                if case.status not in UNDECIDED:
                    rest = report.score - case.score
                    found.setdefault((question.name, case.name), []).append((case, rest))
    manual = {question.name for question in book.questions if question.kind == "manual"}
    order = [question.name for question in book.questions if question.name not in manual]
    keys = sorted((key for key in found if key[0] in order), key=lambda key: order.index(key[0]))
    return [_figures(question, found[question, name]) for question, name in keys]


def _figures(question: str, rows: Sequence[tuple[Outcome, float]]) -> CaseFigures:
    first = rows[0][0]
    times = [case.seconds for case, _ in rows]
    return CaseFigures(
        question,
        first.name,
        first.hidden,
        max(case.max_score for case, _ in rows),
        len(rows),
        sum(case.status is Status.PASSED for case, _ in rows),
        _discrimination(rows),
        _best_share(rows),
        (statistics.median(times), max(times)),
    )


def _discrimination(rows: Sequence[tuple[Outcome, float]]) -> float | None:
    if len(rows) < FEWEST:
        return None
    try:
        return statistics.correlation([case.score for case, _ in rows], [rest for _, rest in rows])
    except statistics.StatisticsError:  # all alike
        return None


def _best_share(rows: Sequence[tuple[Outcome, float]]) -> float | None:
    """Return the share of the best that pass; all count who stand equal at the quarter's edge.

    None where these are more than half of the class: then the rest of the score tells nothing.
    """
    if len(rows) < FEWEST:
        return None
    ranked = sorted((rest for _, rest in rows), reverse=True)
    edge = ranked[(len(rows) - 1) // BEST]
    best = [case.status is Status.PASSED for case, rest in rows if rest >= edge]
    return sum(best) / len(best) if len(best) <= HALF * len(rows) else None
