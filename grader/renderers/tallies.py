"""What a class did, counted: scores, pass rates, causes of failures, slow and killed."""

import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from grader import wording
from grader.model import POINT_TOLERANCE, Status
from grader.renderers.grades_csv import question_names
from grader.reports import Gradebook, Outcome, QuestionReport, Report

TENTHS = 10
SLOWEST = 15
CAUSE_LENGTH = 200
NUMBER = re.compile(r"[-+]?(?:\d[\d,_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|0x[0-9a-fA-F]+")
PLACE = re.compile(r"\n\([^\n]*\.py(?:, line \d+)?\)\Z")  # of the test that says it
HANGS_ON_A_CELL = "all that hangs on a cell"
LOST = frozenset({Status.FAILED, Status.ERROR, Status.TIMEOUT, Status.KILLED})


@dataclass(frozen=True, slots=True)
class Bin:
    """How many students earned a share of the points; the last bin holds full marks alone."""

    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The class's scores; `median` and `mean` are points, None for nobody."""

    bins: tuple[Bin, ...]
    median: float | None
    mean: float | None
    counted: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Points:
    """What became of all points of one question, over the whole class."""

    question: str
    earned: float
    lost: float
    pending: float
    ungraded: float

    @property
    def total(self) -> float:
        return self.earned + self.lost + self.pending + self.ungraded

    @property
    def earned_percent(self) -> float:
        return 100 * self.earned / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Rate:
    """How one question, or one case of it, went for everybody who was asked."""

    question: str
    case: str | None
    hidden: bool
    counts: dict[Status, int]
    mean_share: float | None

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def decided(self) -> int:
        """Those whom somebody could judge: pending and ungraded are neither passed nor failed."""
        return self.total - self.counts[Status.PENDING] - self.counts[Status.UNGRADED]

    @property
    def passed_percent(self) -> float | None:
        return 100 * self.counts[Status.PASSED] / self.decided if self.decided else None


@dataclass(frozen=True, slots=True)
class Cause:
    """Failures that say the same but for their numbers; `example` is one of them as it was."""

    question: str
    case: str
    status: Status
    text: str
    example: str
    students: tuple[str, ...]
    lost: float


def distribution(book: Gradebook) -> Distribution:
    """Bin the scores of everybody graded by tenths of the points that each could reach."""
    graded = [report for report in book.reports if report.status is not Status.UNGRADED]
    counts = [0] * (TENTHS + 1)
    for report in graded:
        share = report.score / report.max_score if report.max_score else 0.0
        full = report.max_score > 0 and report.max_score - report.score <= POINT_TOLERANCE
        tenth = TENTHS if full else min(int(share * TENTHS + POINT_TOLERANCE), TENTHS - 1)
        counts[max(tenth, 0)] += 1
    labels = [f"{10 * n}-{10 * n + 9}%" for n in range(TENTHS)] + ["100%"]
    scores = [report.score for report in graded]
    return Distribution(
        tuple(map(Bin, labels, counts)),
        statistics.median(scores) if scores else None,
        statistics.fmean(scores) if scores else None,
        len(graded),
        len(book.reports) - len(graded),
    )


def points(book: Gradebook) -> list[Points]:
    """Return what became of each question's points; those of ungraded cases are not lost."""
    found: dict[str, list[float]] = {name: [0.0] * 4 for name in question_names(book)}
    for report in book.reports:
        for question in report.questions:
            undecided = sum(
                case.max_score - case.score
                for case in question.cases
                if case.status is question.status is Status.UNGRADED
            )
            if question.status is Status.UNGRADED and not question.cases:
                undecided = question.max_score - question.score
            lost = question.max_score - question.score - question.pending - undecided
            for n, value in enumerate((question.score, lost, question.pending, undecided)):
                found[question.name][n] += max(value, 0.0)
    return [Points(name, *values) for name, values in found.items()]


def rates(book: Gradebook) -> list[Rate]:
    """Return each question followed by its cases, in the assignment's order."""
    questions: dict[str, list[QuestionReport]] = defaultdict(list)
    for report in book.reports:
        for question in report.questions:
            questions[question.name].append(question)
    found: list[Rate] = []
    for name in question_names(book):
        if reports := questions[name]:
            counts = Counter(question.status for question in reports)
            found.append(Rate(name, None, hidden=False, counts=counts, mean_share=_share(reports)))
            found.extend(_case_rates(name, reports))
    return found


def _case_rates(name: str, reports: list[QuestionReport]) -> Iterator[Rate]:
    cases: dict[str, list[Outcome]] = defaultdict(list)
    for question in reports:
        for case in question.cases:
            cases[case.name].append(case)
    for case_name, outcomes in cases.items():
        counts = Counter(outcome.status for outcome in outcomes)
        yield Rate(name, case_name, outcomes[0].hidden, counts, _share(outcomes))


def _share(items: list[QuestionReport] | list[Outcome]) -> float | None:
    unknown = {Status.PENDING, Status.UNGRADED}
    known = [item for item in items if item.status not in unknown and item.max_score > 0]
    return statistics.fmean(item.score / item.max_score for item in known) if known else None


def causes(book: Gradebook, statuses: frozenset[Status] = LOST) -> list[Cause]:
    """Group what went wrong by question, case, status and message without its numbers."""
    # What a person took points off for is told with the answers; it is no failure of code.
    by_hand = {question.name for question in book.questions if question.kind == "manual"}
    groups: dict[tuple[str, str, Status, str], list[tuple[str, str, float]]] = defaultdict(list)
    for report in book.reports:
        for question, case, status, message, lost in _failures(report):
            if status in statuses and (question not in by_hand or status is Status.UNGRADED):
                key = (question, case, status, _cause(message))
                groups[key].append((report.student, message, lost))
    found = [
        Cause(
            *key,
            entries[0][1],
            tuple(dict.fromkeys(who for who, _, _ in entries)),
            sum(x[2] for x in entries),
        )
        for key, entries in groups.items()
    ]
    return sorted(found, key=lambda one: (-len(one.students), one.question, one.case, one.text))


def by_question(found: Iterable[Cause]) -> list[Cause]:
    """Gather what several cases of one question say alike, such as that a function is not there."""
    groups: dict[tuple[str, Status, str], list[Cause]] = defaultdict(list)
    for one in found:
        groups[one.question, one.status, one.text].append(one)
    whole = [
        replace(
            some[0],
            case=some[0].case if len(some) == 1 else f"{len(some)} cases",
            students=tuple(dict.fromkeys(who for one in some for who in one.students)),
            lost=sum(one.lost for one in some),
        )
        for some in groups.values()
    ]
    return sorted(whole, key=lambda one: -len(one.students))


def _failures(report: Report) -> Iterator[tuple[str, str, Status, str, float]]:
    cases = [(question, case) for question in report.questions for case in question.cases]
    if report.error is not None and not cases:
        lost = report.max_score - report.score
        yield "", "the whole notebook", report.status, report.error, lost
    for question, case in cases:
        if case.status is Status.UNGRADED and question.status is not Status.UNGRADED:
            continue  # staff have set the question's score since
        message, lost = wording.for_staff(case), case.max_score - case.score
        if case.cause and case.cause in message:  # of many cases in many questions
            yield "", HANGS_ON_A_CELL, Status.ERROR, case.cause, lost
        else:
            yield question.name, case.name, case.status, message, lost


def _cause(message: str) -> str:
    text = NUMBER.sub("#", " ".join(PLACE.sub("", message).split()))
    return text if len(text) <= CAUSE_LENGTH else text[: CAUSE_LENGTH - 1] + "…"


def slow_or_killed(book: Gradebook) -> list[Report]:
    """Return the slowest submissions and all that a limit, an exit or a crash ended."""
    stopped = {Status.TIMEOUT, Status.KILLED}
    slowest = sorted(book.reports, key=lambda report: -report.seconds)[:SLOWEST]
    chosen = {id(report) for report in slowest}
    return slowest + [
        report
        for report in book.reports
        if id(report) not in chosen
        and any(question.status in stopped for question in report.questions)
    ]
