"""What a terminal shows: the class in a table, and who lost what and why."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from grader import wording
from grader.model import POINT_TOLERANCE, Status
from grader.renderers.grades_csv import question_names
from grader.renderers.text import (
    GLYPHS,
    isolation_label,
    number,
    shown,
)
from grader.reports import Gradebook, Outcome, QuestionReport, Report

STYLES = {
    Status.PASSED: "green",
    Status.PENDING: "cyan",
    Status.FAILED: "red",
    Status.ERROR: "red",
    Status.TIMEOUT: "yellow",
    Status.KILLED: "magenta",
    Status.UNGRADED: "bold reverse",
}
WIDEST = 10_000
# In terminal cells. A name longer than this is elided before a question loses its column.
ENOUGH_OF_A_NAME = 24
LEAST_OF_A_NAME = 8
LONGEST_NAME = 40
LONGEST_BRACKET = 24
POINTS_WIDTH = 7
LONGEST_LINE = 160
LINE = re.compile(r"\s*\([^()]*, line \d+\)$")  # where a test said it


def render(book: Gradebook) -> RenderableType:
    """Return the class: student, score, pending points, status by glyph and word, questions.

    Where the terminal is too narrow for a column a question, each question is a glyph in a row.
    """
    parts: list[RenderableType] = [_Class(book), _footer(book)]
    if book.causes:
        parts.insert(0, _causes(book))
    for stamp in reversed(book.stamps):
        parts.insert(0, Text(f"{shown(stamp)}.", style="bold red"))
    if book.isolation.is_unsandboxed:
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
        def width_of(rows: list[_Row], name_width: int, *, compact: bool) -> int:
            table = _table(self.book, _widest(rows), name_width, compact=compact)
            # Measured as if there were room enough: within the real width rich shrinks columns.
            return Measurement.get(console, options.update(max_width=WIDEST), table).maximum

        rows = _rows(self.book, compact=False)
        compact = width_of(rows, ENOUGH_OF_A_NAME, compact=False) > options.max_width
        if compact:
            rows = _rows(self.book, compact=True)
        wanted = width_of(rows, LONGEST_NAME, compact=compact)
        longest = max((cell_len(_elided(row.student, LONGEST_NAME)) for row in rows), default=0)
        room = longest - max(0, wanted - options.max_width)
        yield _table(self.book, rows, max(room, LEAST_OF_A_NAME), compact=compact)
        if compact:
            names = "  ".join(shown(name) for name in question_names(self.book))
            yield Text(f"questions in this order: {names}", style="dim")


@dataclass(frozen=True, slots=True)
class _Row:
    """A student's line: the whole name, and what stands behind it."""

    student: str
    cells: list[Text]


def _rows(book: Gradebook, *, compact: bool) -> list[_Row]:
    names = question_names(book)
    rows = []
    for report in book.reports:
        total = [_total(report, book)] if book.has_total else []
        score, *rest = _row(report, names, compact=compact)
        rows.append(_Row(shown(report.student), [score, *total, *rest]))
    return rows


def _widest(rows: list[_Row]) -> list[_Row]:
    """Return a widest row of each column: a table of them is as wide as that of all rows."""
    if not rows:
        return []
    found = [max(rows, key=lambda row: cell_len(row.student))]
    for at in range(len(rows[0].cells)):
        widths = [row.cells[at].cell_len for row in rows]
        found.append(rows[widths.index(max(widths))])
    return found


def _table(book: Gradebook, rows: list[_Row], name_width: int, *, compact: bool) -> Table:
    names = question_names(book)
    table = Table(
        title=Text(shown(book.title), style="bold"),
        title_justify="left",
        header_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("student", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    if book.has_total:
        table.add_column("total", justify="right", no_wrap=True)
    table.add_column("pending", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for name in [] if compact else names:
        table.add_column(Text(shown(name)), justify="right", no_wrap=True)
    if compact:
        table.add_column("questions", overflow="fold")
    for row in rows:
        table.add_row(Text(_elided(row.student, name_width)), *row.cells)
    return table


def _row(report: Report, names: list[str], *, compact: bool) -> list[Text]:
    questions = {question.name: question for question in report.questions}
    score = "?" if report.status is Status.UNGRADED else number(report.score)
    start = [
        Text(f"{score}/{number(report.max_score)}"),
        Text(number(report.pending) if report.pending else "", style="cyan"),
        Text(f"{GLYPHS[report.status]} {report.status.value}", style=STYLES[report.status]),
    ]
    if compact:
        glyphs = [_glyph(questions[name]) if name in questions else Text(" ") for name in names]
        return [*start, Text(" ").join(glyphs)]
    return [*start, *(_cell(questions[name]) if name in questions else Text("") for name in names)]


def _total(report: Report, book: Gradebook) -> Text:
    total = "?" if report.status is Status.UNGRADED else number(book.total(report))
    return Text(f"{total}/{number(book.max_total)}")


def _glyph(question: QuestionReport) -> Text:
    return Text(GLYPHS[question.status], style=STYLES[question.status])


def _cell(question: QuestionReport) -> Text:
    unknown = question.status is Status.PENDING and question.score == 0
    if unknown or question.status is Status.UNGRADED:
        return _glyph(question)
    return Text(f"{number(question.score)} ", style=STYLES[question.status]) + _glyph(question)


def _name(report: Report, width: int) -> str:
    return _elided(shown(report.student), width)


def _elided(text: str, width: int) -> str:
    """Return text within so many terminal cells, without its middle where it is longer."""
    if cell_len(text) <= width:
        return text
    tail = (width - 1) // 2
    start, end = set_cell_size(text, width - 1 - tail), text[-tail:]
    while cell_len(end) > tail:
        end = end[1:]
    return f"{start.rstrip()}…{end.lstrip()}"


def _footer(book: Gradebook) -> Text:
    used = {report.status for report in book.reports}
    used |= {question.status for report in book.reports for question in report.questions}
    legend = "  ".join(f"{GLYPHS[status]} {status.value}" for status in Status if status in used)
    isolation = isolation_label(book.isolation)
    return Text(f"{len(book.reports)} students · isolation {isolation} · {legend}", style="dim")


def losses(book: Gradebook) -> RenderableType:
    """Return who lost what, for staff, with a line of what the judge recorded of each loss.

    What does not fit on the terminal stands in full in the report.
    """
    title = Text("Who lost what, and why (in full in the report)", style="bold")
    parts: list[RenderableType] = [title]
    for report in book.reports:
        lost = [_Loss(*found) for found in _lost(report)]
        if lost:
            parts += [Text(""), Text(_name(report, LONGEST_NAME), style="bold"), *lost]
    return Group(*parts)


@dataclass(frozen=True, slots=True)
class _Loss:
    """One loss: on one line where its reason fits there, else with the reason on a second."""

    where: str
    points: str
    status: Status
    reason: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        line = Text(f"{self.points:>{POINTS_WIDTH}} ", no_wrap=True, overflow="ellipsis")
        line.append(f"{GLYPHS[self.status]} {self.status.value}", style=STYLES[self.status])
        line.append(f" {shown(self.where)}")
        reason, width = _reason(self.reason), min(options.max_width, LONGEST_LINE)
        if line.cell_len + len(": ") + cell_len(reason) <= width:
            yield line.append(f": {reason}" if reason else "")
            return
        yield line
        second = Text(" " * (POINTS_WIDTH + 1) + reason)
        second.truncate(width, overflow="ellipsis")
        yield second


def _lost(report: Report) -> Iterator[tuple[str, str, Status, str]]:
    """Yield where, points, status and reason; cases of a question that say the same are one."""
    if report.error is not None:
        lost = _points(report.status, report.max_score - report.score)
        yield "the whole notebook", lost, report.status, report.error
    for question in report.questions:
        alike: dict[tuple[Status, str], list[Outcome]] = {}
        for case in question.cases:
            if case.max_score - case.score > POINT_TOLERANCE and case.status is not Status.PENDING:
                alike.setdefault((case.status, LINE.sub("", _said(case))), []).append(case)
        for (status, _), cases in alike.items():
            where = cases[0].name if len(cases) == 1 else f"{len(cases)} cases"
            lost = _points(status, sum(case.max_score - case.score for case in cases))
            yield f"{question.name}, {where}", lost, status, _said(cases[0])


def _points(status: Status, lost: float) -> str:
    return "?" if status is Status.UNGRADED else f"-{number(lost)}"


def _said(case: Outcome) -> str:
    return wording.for_staff(case)


def _reason(text: str) -> str:
    line = LINE.sub("", " ".join(text.split()))
    return shown(_without_long_brackets(line))


def _without_long_brackets(text: str) -> str:
    """Return text with long lists and tensors cut after their first values."""
    parts, depth, opened = [], 0, 0
    for place, character in enumerate(text):
        if character == "[":
            opened = place if depth == 0 else opened
            depth += 1
        elif depth == 0:
            parts.append(character)
        elif character == "]":
            depth -= 1
            if depth == 0:
                parts.append(_cut(text[opened : place + 1]))
    return "".join([*parts, _cut(text[opened:])] if depth else parts)


def _cut(brackets: str) -> str:
    if len(brackets) <= LONGEST_BRACKET:
        return brackets
    start = brackets[:LONGEST_BRACKET]
    start = (start.rpartition(" ")[0] or start).rstrip(",")
    return f"{start} …{']' * (start.count('[') - start.count(']'))}"
