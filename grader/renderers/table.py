"""What a terminal shows: the class in a table, and who lost what and why."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
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


def render(book: Gradebook) -> RenderableType:
    """Return the class: student, score, pending points, status by glyph and word, questions."""
    table = Table(title=Text(shown(book.title)), title_justify="left", header_style="bold")
    table.add_column("student", overflow="fold", max_width=LONGEST_NAME)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("pending", justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    names = question_names(book)
    for name in names:
        table.add_column(Text(shown(name)), justify="right", no_wrap=True)
    for report in book.reports:
        table.add_row(*_row(report, names))
    parts: list[RenderableType] = [table, _footer(book)]
    if book.isolation.level == "none":
        warning = "UNSANDBOXED: student code ran with your own rights on this machine."
        parts.insert(0, Text(warning, style="bold red"))
    return Group(*parts)


def _row(report: Report, names: list[str]) -> list[Text]:
    questions = {question.name: question for question in report.questions}
    score = "?" if report.status is Status.UNGRADED else number(report.score)
    return [
        Text(_short(report.student)),
        Text(f"{score}/{number(report.max_score)}"),
        Text(number(report.pending) if report.pending else "", style="cyan"),
        Text(f"{GLYPHS[report.status]} {report.status.value}", style=STYLES[report.status]),
        *(_cell(questions[name]) if name in questions else Text("") for name in names),
    ]


def _cell(question: QuestionReport) -> Text:
    glyph, style = GLYPHS[question.status], STYLES[question.status]
    unknown = question.status is Status.PENDING and question.score == 0
    if unknown or question.status is Status.UNGRADED:
        return Text(glyph, style=style)
    return Text(f"{number(question.score)} {glyph}", style=style)


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
    """Return who lost what and why, for staff: one row a case, with what the judge recorded."""
    table = Table(title="Who lost what, and why", title_justify="left", header_style="bold")
    table.add_column("student", overflow="fold", max_width=LONGEST_NAME)
    table.add_column("where", overflow="fold")
    table.add_column("lost", justify="right", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=1)
    previous = None
    for report in book.reports:
        for where, lost, status, reason in _lost(report):
            name = Text("") if report.student == previous else Text(_short(report.student))
            previous = report.student
            why = Text(f"{GLYPHS[status]} {status.value}: ", style=STYLES[status])
            table.add_row(name, Text(shown(where)), Text(lost), why + Text(_reason(reason)))
    return table


def _lost(report: Report) -> Iterator[tuple[str, str, Status, str]]:
    if report.error is not None:
        lost = "" if report.status is Status.UNGRADED else number(report.max_score - report.score)
        yield "the whole notebook", lost, report.status, report.error
    for question in report.questions:
        for case in question.cases:
            if case.max_score - case.score > EPSILON and case.status is not Status.PENDING:
                lost = "" if case.status is Status.UNGRADED else number(case.max_score - case.score)
                yield f"{question.name}: {case.name}", lost, case.status, _said(case)


def _said(case: Outcome) -> str:
    return case.staff_message or case.message


def _reason(text: str) -> str:
    line = shown(" ".join(text.split()))
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
