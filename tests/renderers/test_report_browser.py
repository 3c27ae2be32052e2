"""The report and the feedback in a real browser: keyboard, mouse, search, hostile text, readers."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from grader.model import Status
from grader.renderers import feedback, report
from grader.reports import Gradebook, Outcome, QuestionReport, Report
from tests.support.pages import Listeners, Pages

pytestmark = pytest.mark.long

SECONDS = 1_000  # milliseconds
HANGS = 300 * SECONDS
LARGE = 600
ELEMENTS_A_STUDENT, BYTES_A_STUDENT = 100, 4_000  # there are 64 and 2,400


class Trouble:
    """Whatever a page complains about, asks for, or lets a student's text do."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.listeners: Listeners = {
            "console": lambda message: self.seen.append(f"console: {message.text}"),
            "pageerror": lambda error: self.seen.append(f"error: {error}"),
            "dialog": self.dismiss,
            "request": self.asked,
        }

    def dismiss(self, dialog: object) -> None:
        self.seen.append("an alert was shown")
        dialog.dismiss()  # type: ignore[attr-defined]

    def asked(self, request: object) -> None:
        url: str = request.url  # type: ignore[attr-defined]
        if not url.startswith("file://"):
            self.seen.append(f"request: {url}")


@pytest.fixture
def open_page(pages: Pages, tmp_path: Path) -> Iterator[Callable[..., tuple[Page, Trouble]]]:
    with contextlib.ExitStack() as opened:

        def open_it(html: str, scheme: Literal["light", "dark"] = "light") -> tuple[Page, Trouble]:
            path = tmp_path / "report.html"
            path.write_text(html, "utf-8")
            trouble = Trouble()
            page = opened.enter_context(pages.borrowed(trouble.listeners))
            page.emulate_media(color_scheme=scheme)
            page.goto(path.as_uri())
            return page, trouble

        yield open_it


@pytest.fixture(scope="session")
def html(make_book: Callable[..., Gradebook]) -> str:
    return report.render(make_book(40))


@pytest.fixture(scope="session")
def short_html(make_book: Callable[..., Gradebook]) -> str:
    """A class just large enough to have somebody late at the end and every kind of case."""
    return report.render(make_book(10))


VALUES = """const values = ([table, column]) => {
    const element = document.querySelectorAll("table")[table];
    return Array.from(element.tBodies[0].rows, (row) => {
        const cell = row.cells[column];
        return cell.dataset.v !== undefined ? cell.dataset.v : cell.textContent.trim();
    });
};"""
# Everything a table says after each click on each column, so that few messages cross the wires.
SORTED = """(table) => {
    const element = document.querySelectorAll("table")[table];
    const headers = Array.from(element.querySelectorAll("thead th"));
    const found = [];
    headers.forEach((header, column) => {
        for (const up of [true, false]) {
            header.querySelector("button").click();
            const states = headers.map((one) => one.getAttribute("aria-sort"));
            found.push({ column, up, states, values: values([table, column]) });
        }
    });
    return found;
}"""
BY_LETTER = """(words) => {
    const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
    return words.toSorted(collator.compare);
}"""


def values_of(page: Page, table: int, column: int) -> list[str]:
    found: list[str] = page.evaluate(f"(place) => {{ {VALUES} return values(place); }}",
                                     [table, column])  # fmt: skip
    return found


def assert_sorted(page: Page, values: list[str], *, up: bool) -> None:
    """Numbers by size, words by letter, and what is unknown at the end either way."""
    known = [value for value in values if value]
    assert values == known + [""] * (len(values) - len(known))
    try:
        expected = sorted(known, key=float)
    except ValueError:
        expected = page.evaluate(BY_LETTER, known)
    assert [value.casefold() for value in known] == [
        value.casefold() for value in (expected if up else expected[::-1])
    ]


def open_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


def test_the_page_opens_without_a_word_and_fetches_nothing(html: str, open_page: Callable) -> None:
    page, trouble = open_page(html)
    assert page.locator("h1").inner_text() == "The Softmax Problem"
    assert page.locator("#student-table tbody tr").count() == 40
    assert trouble.seen == []


def test_a_page_that_misbehaves_is_noticed(open_page: Callable) -> None:
    """The control of every `trouble.seen == []` here."""
    _, trouble = open_page("<script>console.log(1); alert(1); missing()</script><img src=http://x>")
    assert len(trouble.seen) >= 4


def test_every_table_sorts_by_every_column_with_the_mouse(
    short_html: str, open_page: Callable
) -> None:
    page, trouble = open_page(short_html)
    open_details(page)
    tables = page.locator("table")
    assert tables.count() >= 9
    for table in range(tables.count()):
        before = sorted(values_of(page, table, 0))
        # The mouse's way is long; one column of each table shows that it arrives.
        tables.nth(table).locator("thead button").first.click()
        assert_sorted(page, values_of(page, table, 0), up=True)
        tables.nth(table).locator("thead button").last.click()
        for found in page.evaluate(f"(table) => {{ {VALUES} return ({SORTED})(table); }}", table):
            assert_sorted(page, found["values"], up=found["up"])
            expected: list[str | None] = [None] * len(found["states"])
            expected[found["column"]] = "ascending" if found["up"] else "descending"
            assert found["states"] == expected
        assert sorted(values_of(page, table, 0)) == before  # no row lost or doubled
    assert trouble.seen == []


def test_every_table_is_reached_and_sorted_by_keyboard_alone(
    short_html: str, open_page: Callable
) -> None:
    page, trouble = open_page(short_html)
    reached: dict[str, int] = {}
    where = """() => {
        const header = document.activeElement.closest("th[scope=col]");
        const name = header && header.closest("table").caption.textContent;
        return [document.activeElement.tagName, name];
    }"""
    for _ in range(2_000):
        page.keyboard.press("Tab")
        place, name = page.evaluate(where)
        if place == "SUMMARY":
            page.keyboard.press("Enter")
        if name and name not in reached:
            key = "Enter" if len(reached) % 2 else "Space"
            page.keyboard.press(key)
            reached[name] = 1
            assert (
                page.evaluate("document.activeElement.closest('th').getAttribute('aria-sort')")
                == "ascending"
            )
            assert name in page.locator("#said").inner_text()
        if place == "BODY":
            break
    names = page.locator("table caption").evaluate_all("all => all.map((one) => one.textContent)")
    assert set(reached) == set(names)
    assert trouble.seen == []


def test_the_focus_can_be_seen_wherever_it_is(short_html: str, open_page: Callable) -> None:
    page, _ = open_page(short_html)
    for _ in range(60):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(() => { const style = getComputedStyle(document.activeElement);"
            " return [style.outlineStyle, parseFloat(style.outlineWidth)]; })()"
        )
        assert outline[0] != "none"
        assert outline[1] >= 2


def test_the_first_tab_offers_to_skip_to_the_report(short_html: str, open_page: Callable) -> None:
    page, _ = open_page(short_html)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_search_keeps_what_fits_and_says_how_many(html: str, open_page: Callable) -> None:
    page, trouble = open_page(html)
    kept = {"student0007": 1, "STUDENT000": 10, "late student": None, "alert(1)": 1, "": 40}
    for words, students in kept.items():
        page.locator("#search").fill(words)
        page.keyboard.press("Enter")
        shown = page.locator("#student-table tbody tr:visible").all_inner_texts()
        assert students is None or len(shown) == students, words
        for text in shown:
            assert all(word in text.casefold() for word in words.casefold().split()), words
        said = page.locator("#found").inner_text()
        assert said == (f"{len(shown)} of 40 students" if words else "")
    assert trouble.seen == []


def test_a_search_without_a_hit_says_so_and_can_be_taken_back(
    html: str, open_page: Callable
) -> None:
    page, _ = open_page(html)
    note = page.locator("[data-none='student-table']")
    assert not note.is_visible()
    page.locator("#search").fill("nobody is called this")
    note.wait_for(state="visible", timeout=HANGS)
    page.locator("#search").fill("")
    note.wait_for(state="hidden", timeout=HANGS)
    assert page.locator("#student-table tbody tr:visible").count() == 40


def test_hostile_names_and_messages_are_text(
    make_book: Callable[..., Gradebook], open_page: Callable
) -> None:
    book = make_book(12)
    page, trouble = open_page(report.render(book))
    open_details(page)
    for n in range(len(book.reports)):
        page.locator(f"button[data-student='{n}']").click()
        page.keyboard.press("Escape")
    page.locator("button[data-student='0']").click()
    assert page.locator("#student-name").inner_text() == "<script>alert(1)</script>"
    assert page.locator("img, svg[onload], iframe, object").count() == 0
    assert page.locator("script").count() == 2  # ours, and the data that it reads
    shown = page.locator("#student-table tbody th").all_inner_texts()
    assert shown[0] == "<script>alert(1)</script>"
    assert "\\u202e" in shown[2]
    assert shown[4] == "{{ 7 * 7 }}"
    assert trouble.seen == []


# Where the pieces of a text stand, from the left, in the first element that holds all of it.
PLACES = """([selector, pieces]) => {
    const found = Array.from(document.querySelectorAll(selector));
    const element = found.find((one) => pieces.every((piece) => one.textContent.includes(piece)));
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    const lefts = {};
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
        for (const piece of pieces) {
            const at = node.data.indexOf(piece);
            if (at < 0) continue;
            const range = document.createRange();
            range.setStart(node, at);
            range.setEnd(node, at + piece.length);
            lefts[piece] = range.getBoundingClientRect().left;
        }
    }
    return pieces.map((piece) => lefts[piece]);
}"""
FOLDER, WEEK, FILE = "שיעורים", "أسبوع", "דוח"


def in_order(page: Page, selector: str, *pieces: str) -> bool:
    """Say whether pieces of a text stand from left to right."""
    places = page.evaluate(PLACES, [selector, list(pieces)])
    assert None not in places
    return places == sorted(places)


def test_paths_in_right_to_left_letters_keep_the_order_of_their_parts(
    make_book: Callable[..., Gradebook], open_page: Callable
) -> None:
    book = make_book(8)
    path = f"{FOLDER}/{WEEK}/{FILE}.ipynb"
    refused = f"{FILE}.ipynb cannot be read; it lay in {FOLDER}/{WEEK} of the class."
    problem = replace(
        book.reports[5], student=f"{FILE}, {WEEK}", path=path, questions=(), error=refused
    )
    book = replace(book, reports=(*book.reports[:5], problem))
    page, trouble = open_page(report.render(book))
    assert in_order(page, "#student-table td.file", FOLDER, WEEK, FILE, ".ipynb")
    assert in_order(page, "#cause-table pre", FILE, ".ipynb", "cannot", FOLDER, WEEK, "class")
    page.locator("button[data-student='5']").click()
    assert in_order(page, "#student-body pre", FILE, ".ipynb", "cannot", FOLDER, WEEK, "class")
    page.keyboard.press("Escape")
    # The control: without these marks the parts turn round.
    page.evaluate(
        """(path) => { Array.from(
        document.querySelectorAll("#student-table td.file")).at(-1).innerHTML =
        `<bdi>${path}</bdi>`; }""",
        path,
    )
    assert not in_order(page, "#student-table td.file", FOLDER, WEEK, FILE)
    # What is looked for is what is read.
    page.locator("#search").fill(f"{FOLDER}/{WEEK} of the")
    page.locator("#cause-table tbody tr").first.wait_for(state="hidden", timeout=HANGS)
    assert page.locator("#cause-table tbody tr:not([hidden])").count() == 1
    assert trouble.seen == []
    page, trouble = open_page(feedback.render(problem, book))
    assert in_order(page, "footer code", FOLDER, WEEK, FILE, ".ipynb")
    assert in_order(page, ".banner", FILE, ".ipynb", "cannot", FOLDER, WEEK, "class")
    assert trouble.seen == []


def test_without_escaping_the_policy_still_runs_nothing(
    short_html: str, open_page: Callable
) -> None:
    """The control of the policy: what escaping would have stopped is put in by hand."""
    attack = "<h1><script>alert(1)</script><img src=x onerror=alert(2)></h1>"
    page, trouble = open_page(short_html.replace("</h1>", f"</h1>{attack}", 1))
    page.wait_for_timeout(300)
    assert "an alert was shown" not in trouble.seen
    assert any("Content Security Policy" in line for line in trouble.seen)
    unprotected = short_html.replace("Content-Security-Policy", "x").replace(
        "</h1>", f"</h1>{attack}", 1
    )
    _, trouble = open_page(unprotected)
    assert "an alert was shown" in trouble.seen


def test_details_open_by_keyboard_and_give_the_focus_back(
    short_html: str, open_page: Callable
) -> None:
    page, _ = open_page(short_html)
    button = page.locator("button[data-student='7']")
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog#student")
    assert dialog.is_visible()
    assert dialog.locator(".cases li").count() == 13
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.dataset.student") == "7"


def test_the_theme_follows_the_system_until_somebody_chooses(
    short_html: str, open_page: Callable
) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light, _ = open_page(short_html, "light")
    dark, _ = open_page(short_html, "dark")
    colours = {"light": light.evaluate(paper), "dark": dark.evaluate(paper)}
    assert colours["light"] != colours["dark"]
    for name in ("light", "dark"):
        light.locator("#theme").click()
        assert light.locator("#theme").inner_text() == f"Theme: {name}"
        assert light.evaluate(paper) == colours[name]


def violations(page: Page, where: str | None = None) -> list[str]:
    """Check everything in the light, and in the dark what a theme decides."""
    found = []
    themes: list[tuple[Any, dict[str, Any]]]
    themes = [("light", {}), ("dark", {"runOnly": ["color-contrast", "link-in-text-block"]})]
    for scheme, rules in themes:
        page.emulate_media(color_scheme=scheme)
        options = {"resultTypes": ["violations"], **rules}
        found += Axe().run(page, where, options).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def test_the_report_passes_an_accessibility_check(short_html: str, open_page: Callable) -> None:
    page, _ = open_page(short_html)
    open_details(page)
    page.locator("#student-table thead button").first.click()
    assert violations(page) == []
    page.locator("button[data-student='0']").click()
    assert violations(page, "#student") == []


def kinds(one: Report) -> set[tuple[Status, bool]]:
    """Return what a page of feedback may show differently: how a case ended, and which case."""
    return {(case.status, case.hidden) for item in one.questions for case in item.cases}


def test_feedback_passes_an_accessibility_check(
    make_book: Callable[..., Gradebook], open_page: Callable
) -> None:
    book = make_book(8, "none")
    seen: set[tuple[Status, bool]] = set()
    for one in sorted(book.reports, key=lambda one: -len(kinds(one))):
        if kinds(one) <= seen:
            continue
        seen |= kinds(one)
        page, trouble = open_page(feedback.render(one, book))
        assert violations(page) == []
        assert page.locator("img, script").count() == 0
        assert trouble.seen == []
    assert {status for status, _ in seen} >= {
        Status.PASSED, Status.FAILED, Status.ERROR, Status.TIMEOUT, Status.KILLED, Status.PENDING
    }  # fmt: skip


def test_the_accessibility_check_can_fail(open_page: Callable) -> None:
    style = "<style>@media (prefers-color-scheme: dark) { p { color: #eee } }</style>"
    body = "<body><img src='data:,'><button></button><p>Light on white.</p></body>"
    page, _ = open_page(f"<html>{style}{body}</html>")
    found = violations(page)
    assert len(found) >= 4
    assert violations(page, "p") == found[-1:]
    assert [one for one in found if "contrast" in one] == found[-1:]


def test_nothing_is_cut_off_on_a_narrow_screen(html: str, open_page: Callable) -> None:
    page, _ = open_page(html)
    for width in (768, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_link_of_the_bar_leads_to_a_heading_that_can_be_seen(
    short_html: str, open_page: Callable
) -> None:
    page, _ = open_page(short_html)
    for width in (1300, 1000, 700, 360):
        page.set_viewport_size({"width": width, "height": 800})
        page.locator(".top a[href='#causes']").click()
        covered = "document.elementFromPoint(%s.left + 5, %s.top + 5).closest('.top') !== null"
        box = "document.querySelector('#causes h2').getBoundingClientRect()"
        page.wait_for_function(f"{box}.top < 800")
        assert not page.evaluate(covered % (box, box)), width


def test_feedback_is_read_on_a_narrow_screen(
    make_book: Callable[..., Gradebook], open_page: Callable
) -> None:
    book = make_book(1)
    promise = "A row of harmless exps can still have a sum that the format cannot hold."
    names = ("equal scores, longer and longer rows", "x" * 90)
    lost = Outcome("", True, Status.FAILED, 0.0, 1.0, promise=promise, hint="Sums.")
    cases = [replace(lost, name=name) for name in names]
    question = QuestionReport.judged(book.questions[0], cases, all_or_nothing=False)
    page, _ = open_page(feedback.render(replace(book.reports[0], questions=(question,)), book))
    for width in (768, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        name = page.get_by_text(names[0]).bounding_box()
        assert name is not None
        # Broken between words only: no column of letters beside the points.
        assert name["width"] >= 200
        assert name["height"] <= 60


def test_a_class_of_more_than_a_browser_lays_out_at_once_stays_usable(
    make_book: Callable[..., Gradebook], open_page: Callable
) -> None:
    """How long each step takes is measured by `python -m tests.benchmarks.report_page`."""
    large = report.render(make_book(LARGE))
    page, trouble = open_page(large)
    page.locator("html.ready").wait_for(timeout=HANGS)
    page.locator("#student-table thead button").nth(2).click()
    assert_sorted(page, values_of(page, 3, 2), up=True)
    rows = page.locator("#student-table tbody tr:visible")
    assert rows.count() == 500  # as many as a browser lays out at once
    page.locator("#search").fill("student0543")
    page.locator("#found", has_text="1 of 600").wait_for(timeout=HANGS)
    assert rows.count() == 1
    page.locator("#search").fill("")
    more = page.locator("#students p.more", has_text="The first 500 of 600 are shown.")
    more.wait_for(timeout=HANGS)
    more.get_by_role("button").click()
    assert rows.count() == LARGE
    page.locator("#search").fill("student0543")
    page.locator("#found", has_text="1 of 600").wait_for(timeout=HANGS)
    page.locator("#student-table tbody tr:visible button").click()
    assert page.locator("#student-name").inner_text() == "student0543"
    assert trouble.seen == []
    # What a browser has to hold grows by a few numbers a student, and by no page of theirs.
    assert page.evaluate("document.querySelectorAll('*').length") < LARGE * ELEMENTS_A_STUDENT
    assert len(large) < LARGE * BYTES_A_STUDENT
