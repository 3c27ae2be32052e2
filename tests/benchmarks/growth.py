"""How time, memory and the report grow with the class."""

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import ours
from tests.benchmarks.classroom import Classroom
from tests.benchmarks.process import run


@dataclass(frozen=True, slots=True)
class Grown:
    """One class of some size: seconds a submission, peaks in MiB, seconds of rendering."""

    count: int
    each: float
    whole: float
    grading_mib: float  # of the command's own process, up to the last report
    parent_mib: float  # likewise, with the outputs
    worker_mib: float
    report_seconds: float  # report.html alone
    outputs_seconds: float  # every file of the outputs
    report_mib: float


def measure(classroom: Classroom, out: Path, jobs: int) -> Grown:
    """Grade a class once, and render its outputs once more from the store."""
    graded = ours.grade(classroom, out, jobs=jobs, watch=True)
    report_seconds, outputs_seconds = _render(out)
    page = out / "report.html"
    return Grown(
        count=graded.count,
        each=graded.each,
        whole=graded.process.seconds,
        grading_mib=graded.process.parent_mib(graded.ended),
        parent_mib=graded.process.parent_mib(),
        worker_mib=graded.process.worker_mib,
        report_seconds=report_seconds,
        outputs_seconds=outputs_seconds,
        report_mib=page.stat().st_size / 2**20 if page.is_file() else 0.0,
    )


def _render(out: Path) -> tuple[float, float]:
    """Return the seconds of rendering report.html, and of rendering and writing everything."""
    answer = out / "seconds.json"
    run([sys.executable, "-m", __name__, out, answer], folder=Path(__file__).parents[2])
    page, everything = json.loads(answer.read_text())
    return page, everything


def main(out: Path, answer: Path) -> None:
    """Render in a process of its own, as `grader report` does, and write the times."""
    from grader.gradebook import outputs
    from grader.gradebook.store import Store
    from grader.renderers import report

    with Store(out / outputs.STORE_NAME) as store:
        book = store.gradebook()
        started = time.perf_counter()
        report.render(book)
        rendered = time.perf_counter()
        outputs.write(book, out)
    answer.write_text(json.dumps([rendered - started, time.perf_counter() - rendered]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
