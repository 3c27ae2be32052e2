"""What a terminal shows: the class in a table, and who lost what and why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from grader.model import Gradebook, Outcome, QuestionReport, Report, Status
from grader.renderers.grades_csv import question_names
from grader.renderers.text import EPSILON, GLYPHS, isolation_label, number, shown

STYLES = {
    Status.PASSED: "green",
    Status.PENDING: "cyan",
    Status.FAILED: "red",
    Status.ERROR: "red",
    Status.TIMEOUT: "yellow",
    Status.KILLED: "magenta",
    Status.UNGRADED: "bold reverse",
}
LONGEST_NAME = 40
LONGEST_REASON = 300
WIDEST = 10_000
LINE = re.compile(r"\s*\([^()]*, line \d+\)$")  # where a test said it


def render(book: Gradebook) -> RenderableType:
    """Return the class: student, score, pending points, status by glyph and word, questions.

    Where the terminal is too narrow for a column a question, each question is a glyph in a row.
    """
    parts: list[RenderableType] = [_Class(book), _footer(book)]
    if book.causes:
        parts.insert(0, _causes(book))
    if book.isolation.level == "none":
        warning = "UNSANDBOXED: student code ran with your own rights on this machine."
        parts.insert(0, Text(warning, style="bold red"))
    return Group(*parts)


def _causes(book: Gradebook) -> Text:
    lines = [
        "The reference does not pass here, so what it fails is ungraded for everybody:",
        *(f"  {shown(cause)}" for cause in book.causes),
    ]
    return Text("\n".join(lines), style="bold red")


@dataclass(frozen=True, slots=True)
class _Class:
    """The table of a class, in the most detailed form that fits the console."""

    book: Gradebook

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        full = _table(self.book, compact=False)
        # Measured as if there were room enough: within the real width rich shrinks columns first.
        wanted = Measurement.get(console, options.update(max_width=WIDEST), full).maximum
        if wanted <= options.max_width:
            yield full
            return
        yield _table(self.book, compact=True)
        names = "  ".join(shown(name) for name in question_names(self.book))
        yield Text(f"questions in this order: {names}", style="dim")


def _table(book: Gradebook, *, compact: bool) -> Table:
    names = question_names(book)
    table = Table(
        title=Text(shown(book.title), style="bold"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("student", overflow="fold", min_width=8)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("pending", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in [] if compact else names:
        table.add_column(Text(shown(name)), justify="right", no_wrap=True)
    if compact:
        table.add_column("questions", overflow="fold")
    for report in book.reports:
        table.add_row(*_row(report, names, compact=compact))
    return table


def _row(report: Report, names: list[str], *, compact: bool) -> list[Text]:
    questions = {question.name: question for question in report.questions}
    score = "?" if report.status is Status.UNGRADED else number(report.score)
    start = [
        Text(_short(report.student)),
        Text(f"{score}/{number(report.max_score)}"),
        Text(number(report.pending) if report.pending else "", style="cyan"),
        Text(f"{GLYPHS[report.status]} {report.status.value}", style=STYLES[report.status]),
    ]
    if compact:
        glyphs = [_glyph(questions[name]) if name in questions else Text(" ") for name in names]
        return [*start, Text(" ").join(glyphs)]
    return [*start, *(_cell(questions[name]) if name in questions else Text("") for name in names)]


def _glyph(question: QuestionReport) -> Text:
    return Text(GLYPHS[question.status], style=STYLES[question.status])


def _cell(question: QuestionReport) -> Text:
    unknown = question.status is Status.PENDING and question.score == 0
    if unknown or question.status is Status.UNGRADED:
        return _glyph(question)
    return Text(f"{number(question.score)} ", style=STYLES[question.status]) + _glyph(question)


def _short(name: str) -> str:
    text = shown(name)
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def _footer(book: Gradebook) -> Text:
    used = {report.status for report in book.reports}
    used |= {question.status for report in book.reports for question in report.questions}
    legend = "  ".join(f"{GLYPHS[status]} {status.value}" for status in Status if status in used)
    isolation = isolation_label(book.isolation)
    return Text(f"{len(book.reports)} students · isolation {isolation} · {legend}", style="dim")


def losses(book: Gradebook) -> RenderableType:
    """Return who lost what and why, for staff: a line a case, with what the judge recorded."""
    parts: list[RenderableType] = [Text("Who lost what, and why", style="bold")]
    for report in book.reports:
        lost = list(_lost(report))
        if not lost:
            continue
        parts.append(Text(f"\n{_short(report.student)}", style="bold"))
        table = Table.grid(padding=(0, 1))
        table.add_column(justify="right", min_width=5, no_wrap=True)
        table.add_column(overflow="fold")
        for where, points, status, reason in lost:
            line = Text(f"{shown(where)}: ")
            line.append(f"{GLYPHS[status]} {status.value}", style=STYLES[status])
            line.append(f": {_reason(reason)}" if reason else "")
            table.add_row(Text(points), line)
        parts.append(table)
    return Group(*parts)


def _lost(report: Report) -> Iterator[tuple[str, str, Status, str]]:
    """Yield where, points, status and reason; cases of a question that say the same are one."""
    if report.error is not None:
        lost = _points(report.status, report.max_score - report.score)
        yield "the whole notebook", lost, report.status, report.error
    for question in report.questions:
        alike: dict[tuple[Status, str], list[Outcome]] = {}
        for case in question.cases:
            if case.max_score - case.score > EPSILON and case.status is not Status.PENDING:
                alike.setdefault((case.status, LINE.sub("", _said(case))), []).append(case)
        for (status, _), cases in alike.items():
            where = cases[0].name if len(cases) == 1 else f"{len(cases)} cases"
            lost = _points(status, sum(case.max_score - case.score for case in cases))
            yield f"{question.name}, {where}", lost, status, _said(cases[0])


def _points(status: Status, lost: float) -> str:
    return "?" if status is Status.UNGRADED else f"-{number(lost)}"


def _said(case: Outcome) -> str:
    return case.staff_message or case.message


def _reason(text: str) -> str:
    line = shown(" ".join(text.split()))
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
