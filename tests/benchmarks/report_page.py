"""How long the report of a large class takes: `python -m tests.benchmarks.report_page`.

From opening the page until it can be used, from a click on a column until it is sorted, and from a
name in the search field until one student is left.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from grader.renderers import report
from tests.renderers.conftest import gradebook
from tests.support import requirements

# In the page, so that the wires between it and this program are not measured.
TIMED = """(act) => {
  const before = performance.now();
  if (act === "sort") document.querySelectorAll("#student-table thead button")[2].click();
  else {
    const field = document.querySelector("#search");
    field.value = "student1234";
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  return new Promise((done) =>
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - before))));
}"""
OPENED = "performance.getEntriesByType('navigation')[0].loadEventEnd"


def measure(browser: Browser, size: int) -> dict[str, float]:
    """Return the milliseconds of each step, with a class of a size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        path.write_text(report.render(gradebook(size)), encoding="utf-8")
        page = browser.new_page(viewport={"width": 1200, "height": 900})
        page.goto(path.as_uri())
        page.locator("html.ready").wait_for(timeout=0)
        found = {"it can be used": float(page.evaluate(OPENED))}
        found["a column is sorted"] = float(page.evaluate(TIMED, "sort"))
        found["one student is found"] = float(page.evaluate(TIMED, "search"))
        page.close()
    return found


def main() -> None:
    """Print each step for one class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=2_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**requirements.browser_options())
        rounds = [measure(browser, options.size) for _ in range(options.rounds)]
        browser.close()
    for what in rounds[0]:
        times = [one[what] for one in rounds]
        print(  # noqa: T201
            f"{options.size:,} students: {what} after {statistics.median(times):.0f} ms "
            f"(median of {len(times)}; {min(times):.0f} to {max(times):.0f})"
        )


if __name__ == "__main__":
    main()
