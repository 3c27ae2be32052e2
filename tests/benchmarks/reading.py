"""How long the next written answer takes to appear: `python -m tests.benchmarks.reading`.

From the key that saves one answer until the next is drawn, in a real browser, with a class of a
given size; and how long the server takes to make the page of one that nobody has seen yet.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Browser, Page, sync_playwright

from grader.review.room import Room, prepare_rubrics
from grader.review.server import served
from tests.support import requirements
from tests.support.reading import write_course, write_store

DRAWN = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# In the page, so that the wires between it and this program are not measured.
NEXT = """() => new Promise((done) => {
  const before = performance.now();
  const shown = new MutationObserver(() => {
    const main = document.querySelector("main");
    if (!main || main === old) return;
    shown.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - before)));
  });
  const old = document.querySelector("main");
  shown.observe(document.body, { childList: true });
  for (const key of ["1", "Enter"])
    old.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
})"""


def measure(browser: Browser, size: int, answers: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of each next answer, and of the server's part of showing one."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_store(root / "out", size)
        room = Room(root / "out", "ada", write_course(root))
        prepare_rubrics(room)
        with served(room) as serving:
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            page.goto(f"{serving.address}written/r1")
            shown = _next_answers(page, answers)
            page.close()
            with room.open() as store:
                fresh = room.answers(store, "r2").all[:answers]
            asked = [_asked(f"{serving.address}written/r2/{one.id}") for one in fresh]
    return shown, asked


def _next_answers(page: Page, count: int) -> list[float]:
    page.evaluate(DRAWN)
    return [float(page.evaluate(NEXT)) for _ in range(count)]


def _asked(address: str) -> float:
    began = time.perf_counter()
    with urlopen(address) as answer:  # noqa: S310 - our own page on this machine
        text = answer.read()
    seconds = time.perf_counter() - began
    if b'id="answer"' not in text:
        raise RuntimeError(address)
    return 1000 * seconds


def main() -> None:
    """Print both for one class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000)
    parser.add_argument("--answers", type=int, default=50)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**requirements.browser_options())
        shown, asked = measure(browser, options.size, options.answers)
        browser.close()
    for what, times in (("the next answer is drawn", shown), ("a page is made", asked)):
        print(  # noqa: T201
            f"{options.size:,} students: {what} after {statistics.median(times):.0f} ms "
            f"(median of {len(times)}; {min(times):.0f} to {max(times):.0f})"
        )


if __name__ == "__main__":
    main()
