"""The page in a real browser: keyboard alone, two windows, a kill, hostile answers, other pages."""

import contextlib
import http.server
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from markupsafe import Markup
from playwright.sync_api import Browser, Error, Page

from grader.gradebook.rubrics import RubricStore
from grader.reports import Picture
from grader.review import guard
from grader.review.room import Room, prepare_rubrics
from grader.review.server import Serving, served
from tests.benchmarks.reading import measure
from tests.conftest import REPOSITORY
from tests.support.pages import Listeners, Pages
from tests.support.reading import picture, write_course, write_store

pytestmark = pytest.mark.long

SIZE = 30
FEW = 12  # of whom each answer to the first question is read
SOME = 4  # of another question's answers


class Trouble:
    """Whatever a page complains about, asks for elsewhere, or lets a student's text do."""

    def __init__(self, address: str = "") -> None:
        self.seen: list[str] = []
        self._address = "/".join(address.split("/")[:4])  # with the token, below which all lies
        self.listeners: Listeners = {
            "console": lambda message: self.seen.append(f"console: {message.text}"),
            "pageerror": lambda error: self.seen.append(f"error: {error}"),
            "dialog": self._dismiss,
            "request": self._asked,
            "popup": lambda _: self.seen.append("another window was opened"),
        }

    def _dismiss(self, dialog: Any) -> None:
        self.seen.append("an alert was shown")
        dialog.dismiss()

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self._address, "data:")):
            self.seen.append(f"request: {request.url}")


@contextlib.contextmanager
def window(where: Browser | Pages, address: str) -> Iterator[tuple[Page, Trouble]]:
    """Open a page, one of those that tests share or, of a browser, in a context of its own."""
    with contextlib.ExitStack() as stack:
        if isinstance(where, Browser):
            where = Pages(stack.enter_context(where.new_context()))
        trouble = Trouble(address)
        page = stack.enter_context(where.borrowed(trouble.listeners))
        page.goto(address)
        yield page, trouble


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Room:
    """A class with three written questions, and its course."""
    root = tmp_path_factory.mktemp("review")
    write_store(root / "out", SIZE)
    text = "student,question,text\nstudent0004,q1,Is -0.0 not right?\n"
    (root / "out" / "requests.csv").write_text(text, encoding="utf-8")
    room = Room(root / "out", "ada", write_course(root), compares=True)
    prepare_rubrics(room)
    return room


@pytest.fixture(scope="module")
def serving(graded: Room) -> Iterator[Serving]:
    with served(graded) as page:
        yield page


def read_count(out: Path, question: str) -> int:
    with RubricStore(out / "grades.db") as store:
        return sum(not held.is_open for held in store.given(question).values())


def command(out: Path, course: Path) -> "subprocess.Popen[str]":
    """Start the command on a class, without opening a browser of the machine's."""
    words = ["review", str(out), "--no-browser", "--course", str(course)]
    return subprocess.Popen(
        [sys.executable, "-m", "grader", *words],
        cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


def address_of(started: "subprocess.Popen[str]") -> str:
    assert started.stdout is not None
    for line in started.stdout:
        if line.startswith("http://"):
            return line.strip()
    raise AssertionError(started.communicate()[1])


def read_by_keyboard(page: Page, address: str, question: str, most: int) -> int:
    """Give `most` answers an item each by two keys, and return how many were said to be saved."""
    page.goto(f"{address}written/{question}")
    done = int(page.locator("#progress").inner_text().split()[0])
    for number in range(most):
        page.keyboard.press(str(1 + number % 3))
        page.keyboard.press("Enter")
        page.wait_for_function(
            "count => document.querySelector('.saved') && "
            "document.getElementById('progress').textContent.startsWith(`${count} of`)",
            arg=done + number + 1,
        )
    return done + most


def test_a_class_is_read_by_two_keys_an_answer_and_a_kill_loses_nothing(
    pages: Pages, tmp_path: Path
) -> None:
    out = write_store(tmp_path / "out", FEW)
    write_course(tmp_path)
    started = command(out, tmp_path)
    try:
        with window(pages, address_of(started)) as (page, trouble):
            address = page.url
            assert read_by_keyboard(page, address, "r1", FEW) == FEW
            assert page.locator("#progress").inner_text() == f"{FEW} of {FEW}"
            page.reload()
            assert page.locator("#progress").inner_text() == f"{FEW} of {FEW}"
            said = read_by_keyboard(page, address, "r2", SOME)
            page.keyboard.press("1")
            page.keyboard.press("Enter")
            started.send_signal(signal.SIGKILL)
            started.wait()
            assert read_count(out, "r2") in {said, said + 1}
            assert trouble.seen == []
            page.keyboard.press("1")
            page.keyboard.press("Enter")
            page.get_by_text("the page's server does not answer").wait_for()
    finally:
        started.kill()
        started.communicate()
    again = command(out, tmp_path)
    try:
        with window(pages, address_of(again)) as (page, _):
            address, before = page.url, read_count(out, "r2")
            assert read_by_keyboard(page, address, "r2", SOME) == before + SOME
            assert read_by_keyboard(page, address, "r3", SOME) == SOME
        again.send_signal(signal.SIGINT)
        outputs = again.communicate(timeout=120)
        assert again.returncode == 0, outputs
    finally:
        again.kill()
        again.wait()
    page_text = (out / "feedback" / "student0003.html").read_text(encoding="utf-8")
    assert "read by a person" in page_text
    assert "Names the variance." in (out / "manual.csv").read_text(encoding="utf-8")


def test_two_windows_see_each_other_and_overwrite_nothing(
    pages: Pages, graded: Room, serving: Serving
) -> None:
    other = Room(graded.out, "bob", graded.assignment)
    with (
        served(other) as elsewhere,
        window(pages, f"{serving.address}written/r3") as (mine, _),
        window(pages, elsewhere.address) as (theirs, trouble),
    ):
        place = mine.url.removeprefix(serving.address)
        theirs.goto(elsewhere.address + place)
        theirs.keyboard.press("1")
        theirs.keyboard.press("Enter")
        theirs.wait_for_selector(".saved")
        mine.get_by_text("changed elsewhere: 2 by bob").wait_for()
        assert f"1 of {SIZE}, 1 by others" in mine.locator("#progress").inner_text()
        mine.keyboard.press("3")
        mine.keyboard.press("Enter")
        mine.get_by_text("Not saved.").wait_for()
        assert "2 by bob" in mine.locator("main").inner_text()
        mine.keyboard.press("Enter")  # seen, and meant
        mine.wait_for_selector(".saved")
        theirs.goto(elsewhere.address + place)
        assert "0 by ada" in theirs.locator("#answer").inner_text()
        mine.keyboard.press("u")
        mine.wait_for_function("place => location.href.includes(place)", arg=place)
        assert "2 by ada" in mine.locator("#answer").inner_text()  # as it was, put back by ada
        assert trouble.seen == []


HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "[click me](javascript:alert(3)) <a href='javascript:alert(4)'>x</a>",
    "<svg onload=alert(5)></svg> ![x](data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9YWxlcnQoNik+)",
    "![x](http://127.0.0.1:9/x.png) <iframe src=http://127.0.0.1:9/></iframe>",
    "[huge] [damaged] [ok] ![x](attachment:huge.png) ![x](picture:1)",
    "\x1b]8;;http://evil\x07click\x1b]8;;\x07 \x1b[2J\x1b[31mred",
    "name \u202egpj.exe\u2066\u2067 " + "\u0301" * 500 + " A" * 3_000,
    "$\\href{javascript:alert(7)}{x}$ $$</math><script>alert(8)</script>$$",
    "<style>*{display:none}</style><form action=http://127.0.0.1:9/><input name=x></form>",
    "<meta http-equiv=refresh content='0; url=http://127.0.0.1:9/'>",
    "{{ 7 * 7 }} </textarea></main><script>alert(9)</script>",
]  # fmt: skip


def hostile_class(root: Path, answers: list[str]) -> Room:
    held = {"huge": picture(9_000, 9_000), "damaged": "A" * 9, "ok": picture()}
    pictures = tuple(Picture(name, "image/png", data) for name, data in held.items())
    write_store(root / "out", len(answers), lambda number, _: answers[number], pictures)
    room = Room(root / "out", "ada", write_course(root))
    prepare_rubrics(room)
    return room


def visit_all(where: Browser | Pages, room: Room, *, clicks: bool = True) -> tuple[list[str], str]:
    """Open every answer, click on what looks like a link in it, and return trouble and text."""
    with room.open() as store:
        places = [f"written/r1/{one.id}" for one in room.answers(store, "r1").all]
    with served(room) as serving, window(where, serving.address) as (page, trouble):
        text = ""
        for place in places:
            with contextlib.nullcontext() if clicks else contextlib.suppress(Error):
                page.goto(serving.address + place)  # an attack that succeeds may lead elsewhere
            if clicks:
                text += page.locator("#answer").inner_text()
                links = page.locator("#answer .link, #answer .prose a")
                for number in range(links.count()):
                    links.nth(number).click()
            page.wait_for_timeout(100)
        return trouble.seen, text


def test_hostile_answers_do_nothing(
    browser: Browser, pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = hostile_class(tmp_path / "all", HOSTILE)
    seen, text = visit_all(pages, room)
    assert seen == []
    assert "<script>alert(1)</script>" in text
    assert "\\u202e" in text
    assert "9,000 by 9,000 pixels" in text
    assert "{{ 7 * 7 }}" in text
    with served(room) as serving, window(pages, f"{serving.address}students") as (page, trouble):
        links = page.locator("tbody a").evaluate_all("all => all.map((one) => one.href)")
        for link in links:
            page.goto(link)
        assert len(links) == len(HOSTILE)
        assert trouble.seen == []
    # Without our Markdown the policy still stands; without both, the attacks succeed.
    monkeypatch.setattr("grader.review.written.answer_html", lambda one: Markup(one.text))  # noqa: S704 - the control
    some = hostile_class(tmp_path / "some", HOSTILE[:4])
    seen, _ = visit_all(pages, some, clicks=False)
    assert "an alert was shown" not in seen
    assert any("Content Security Policy" in line for line in seen)
    monkeypatch.setitem(guard.HEADERS, "Content-Security-Policy", "")
    seen, _ = visit_all(browser, Room(some.out, "ada", some.assignment), clicks=False)
    assert "an alert was shown" in seen
    assert any(line.startswith("request: http://127.0.0.1:9/") for line in seen)


ATTACK = """<!doctype html><title>elsewhere</title><script>
const attack = async (address, form) => {
  const said = [];
  const look = async (name, options) => {
    try {
      const text = await (await fetch(address, options)).text();
      said.push(`${name}: ${text.slice(0, 40)}`);
    } catch { said.push(`${name}: nothing`); }
  };
  await look("read", {});
  await look("read without cors", { mode: "no-cors" });
  await look("write", { method: "POST", body: new URLSearchParams(form) });
  await look("write without cors",
             { method: "POST", mode: "no-cors", body: new URLSearchParams(form) });
  const frame = document.createElement("iframe");
  frame.src = address;
  document.body.append(frame);
  await new Promise((resolve) => { frame.onload = resolve; setTimeout(resolve, 2000); });
  try { said.push(`frame: ${frame.contentDocument.body.innerText}`); }
  catch { said.push("frame: nothing"); }
  return said;
};
const look_at = (opened) => {
  try { return `window: ${opened.document.body.innerText}`; }
  catch { return "window: nothing"; }
};
const send = (address, form) => {
  const element = document.createElement("form");
  element.method = "post"; element.action = address;
  for (const [name, value] of Object.entries(form)) {
    const input = document.createElement("input");
    input.name = name; input.value = value; element.append(input);
  }
  document.body.append(element); element.submit();
};
</script><body></body>"""


@contextlib.contextmanager
def another_page() -> Iterator[str]:
    """Serve a page of somebody else's on this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(ATTACK.encode())

        def log_message(self, *_: object) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as elsewhere:
        thread = threading.Thread(target=elsewhere.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{elsewhere.server_port}/"
        finally:
            elsewhere.shutdown()
            thread.join()


def test_another_page_in_the_browser_can_neither_read_nor_write(
    browser: Browser, graded: Room, serving: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is even told the token, which it could not guess; names lead it here as well."""
    with window(browser, f"{serving.address}written/r2") as (page, _), another_page() as elsewhere:
        page.wait_for_selector("#marking")
        form = {
            name: page.locator(f"#marking [name={name}]").first.get_attribute("value") or ""
            for name in ("version", "text", "had")
        } | {"score": "2"}
        intruder = page.context.new_page()
        for origin in (elsewhere, elsewhere.replace("127.0.0.1", "localhost")):
            intruder.goto(origin)
            said = intruder.evaluate("([a, f]) => attack(a, f)", [page.url, form])
            with intruder.expect_popup() as popup:
                intruder.evaluate("(a) => { globalThis.opened = open(a); }", page.url)
            popup.value.wait_for_load_state()  # it shows what it is given before it is looked at
            said.append(intruder.evaluate("look_at(opened)"))
            popup.value.close()
            assert all(line.endswith((": nothing", ": ")) for line in said), said
            assert not re.search(r"Student|Answer|Halves", " ".join(said))
            intruder.evaluate("([a, f]) => send(a, f)", [page.url, form])
            intruder.get_by_text("Another page asked for this").wait_for()
            intruder.goto(f"{origin}nothing")
        assert read_count(graded.out, "r2") == 0
        # The control: without the guard the same form is taken.
        monkeypatch.setattr(guard.Guard, "_refusal", lambda _self, _scope: None)
        intruder.evaluate("([a, f]) => send(a, f)", [page.url, form])
        intruder.get_by_text("is saved").wait_for()
        assert read_count(graded.out, "r2") == 1


def violations(page: Page, **options: list[str]) -> list[str]:
    wanted = {"resultTypes": ["violations"], **options}
    found = Axe().run(page, options=wanted).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


OF_COLOURS = ["color-contrast", "link-in-text-block"]
COLOURFUL = ("written/r1", "class", "class, one")


def pages_of(page: Page, address: str) -> Iterator[str]:
    """Visit one page of each kind."""
    for path in ("", "written/r1", "written/r1?names=1", "rubric/r1", "students", "class",
                 "requests", "similar"):  # fmt: skip
        page.goto(address + path)
        yield path
        inner = {"students": "tbody a", "class": "tbody tr:nth-child(2) a", "requests": ".card a"}
        if path in inner:
            page.goto(page.locator(inner[path]).first.evaluate("one => one.href"))
            page.evaluate("document.querySelectorAll('details').forEach((o) => { o.open = true; })")
            yield f"{path}, one"


def test_every_page_is_accessible_and_fits_a_narrow_screen(pages: Pages, serving: Serving) -> None:
    with window(pages, serving.address) as (page, trouble):
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 360, "height": 800})
        visited = []
        for name in pages_of(page, serving.address):
            visited.append(name)
            assert violations(page) == [], name
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, name
            if name in COLOURFUL:  # those that show the most of what a theme decides
                page.emulate_media(color_scheme="light")
                assert violations(page, runOnly=OF_COLOURS) == [], name
                page.emulate_media(color_scheme="dark")
        assert len(visited) == 11
        assert set(COLOURFUL) < set(visited)
        assert trouble.seen == []


def test_the_accessibility_check_can_fail(pages: Pages) -> None:
    with window(pages, "data:text/html,<html><img src='data:,'><button></button>") as (page, _):
        assert len(violations(page)) >= 3


def test_everything_works_by_mouse_and_without_a_script(
    browser: Browser, graded: Room, serving: Serving
) -> None:
    unscripted = browser.new_context(java_script_enabled=False)
    with unscripted, window(Pages(unscripted), f"{serving.address}written/r1") as (page, _):
        before = read_count(graded.out, "r1")
        page.locator("#marking label.item").first.click()
        page.get_by_role("button", name="Save, next").click()
        page.locator(".saved").wait_for()
        assert read_count(graded.out, "r1") == before + 1
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("not read").first.wait_for()
        assert read_count(graded.out, "r1") == before


def test_the_benchmark_of_the_next_answer_runs(browser: Browser) -> None:
    """`python -m tests.benchmarks.reading` prints it; nothing is timed here."""
    shown, asked = measure(browser, 5, 2)
    assert [len(shown), len(asked)] == [2, 2]
    assert min(shown + asked) > 0
