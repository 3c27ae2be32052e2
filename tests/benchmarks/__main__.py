"""The command `python -m tests.benchmarks`: one run measures everything and prints the ratios."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from grader.sandbox.proof.probes import choose_isolation
from tests.benchmarks import (
    growth,
    memory,
    otter_zip,
    sandbox,
    start_up,
    table,
    throughput,
)
from tests.benchmarks.classroom import public_class, small_class, softmax_class
from tests.benchmarks.nbgrader_run import NbgraderRunner, NbgraderUnavailableError
from tests.benchmarks.otter_run import OtterRunner
from tests.benchmarks.spread import Spread

PARTS = ("throughput", "startup", "growth", "memory", "sandbox", "otter")
CLASSES = {"softmax": softmax_class, "public": public_class, "small": small_class}
TITLES = {
    "softmax": "softmax notebooks",
    "public": "softmax notebooks, public tests only for everybody",
    "small": "notebooks of one small question",
}
ONE = 1


def say(text: str) -> None:
    """Say how far the benchmark is, beside its results."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main(arguments: list[str] | None = None) -> None:
    """Measure, print the page, and write it where that is asked for."""
    options = _options(arguments)
    if options.refresh_readme:
        done = table.refresh_readme()
        say("README.md refreshed." if done else f"README.md has no {table.BEGIN} … {table.END}.")
        return
    results = table.Results(load=os.getloadavg()[0])
    try:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
            _measure(options, Path(folder), results)
    finally:
        page = table.render(results)
        sys.stdout.write(page)  # also what was measured before something failed
    if options.write:
        table.RESULTS.write_text(page, encoding="utf-8")
        table.refresh_readme()


def _measure(options: argparse.Namespace, work: Path, results: table.Results) -> None:
    if "throughput" in options.only:
        _throughput(options, work, results)
    if "startup" in options.only:
        one = softmax_class(work / "one", ONE)
        results.start_up = start_up.measure(one, work / "one-out", options.runs)
        results.phases = [start_up.phases(one, work / "one-out") for _ in range(options.runs)]
    if "growth" in options.only:
        _growth(options, work, results)
    if "memory" in options.only:
        for peak in memory.measure(work / "memory"):
            say(f"memory: {peak}")
            results.memory.append(peak)
    if "sandbox" in options.only:
        _sandbox(options, results)
    if "otter" in options.only:
        results.otter = otter_zip.measure(
            work / "otter-zip", size=options.notebooks, jobs=options.jobs,
            patience=options.patience, say=say,
        )  # fmt: skip


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--classes", nargs="+", choices=list(CLASSES), default=list(CLASSES))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3, help="of the throughput and the growth")
    parser.add_argument("--runs", type=int, default=5, help="of each start-up command")
    parser.add_argument("--size", type=int, default=100, help="notebooks of each class")
    parser.add_argument("--sample", type=int, default=4, help="notebooks a round for the others")
    parser.add_argument("--growth", type=int, nargs="+", default=[50, 500, 2000])
    parser.add_argument("--notebooks", type=int, default=50, help="for the same autograder.zip")
    parser.add_argument(
        "--patience", type=float, default=120, help="seconds until a looping `otter run` is stopped"
    )
    parser.add_argument(
        "--nbgrader", type=Path, metavar="ENV",
        help="measure nbgrader from this virtual environment, made if it is not there",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="a few notebooks, to see it work")
    parser.add_argument("--write", action="store_true", help="write RESULTS.md, refresh README.md")
    parser.add_argument("--refresh-readme", action="store_true", help="do that only")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds = options.runs = 1
        options.size, options.sample, options.growth = 3, 1, [2]
        options.notebooks, options.patience = 2, 20
    if options.write and {*options.only, *options.classes} != {*PARTS, *CLASSES}:
        parser.error("--write needs a run of every part, on every class.")
    return options


def _throughput(options: argparse.Namespace, work: Path, results: table.Results) -> None:
    for name in options.classes:
        folder = work / name
        classroom = CLASSES[name](folder / "class", options.size)
        say(f"class {name}")
        others: list[throughput.Other] = [OtterRunner(classroom, folder / "otter", options.jobs)]
        if options.nbgrader is not None:
            try:
                others.append(
                    NbgraderRunner(classroom, folder / "nbgrader", options.jobs, options.nbgrader)
                )
            except NbgraderUnavailableError as problem:
                _leave_out(results, f"nbgrader was not measured: {problem}")
        measured = throughput.measure(
            classroom, folder, others, jobs=options.jobs, rounds=options.rounds,
            sample=options.sample, say=say, title=TITLES[name],
        )  # fmt: skip
        results.throughput.append(measured)
    if options.nbgrader is None:
        _leave_out(results, "nbgrader was not measured: it takes `--nbgrader ENV`.")


def _leave_out(results: table.Results, sentence: str) -> None:
    if sentence not in results.left_out:
        say(sentence)
        results.left_out.append(sentence)


def _growth(options: argparse.Namespace, work: Path, results: table.Results) -> None:
    classes = [small_class(work / f"growth-{size}", size) for size in options.growth]
    for turn in range(options.rounds):
        row = []
        for classroom in classes:
            grown = growth.measure(classroom, work / "growth-out", options.jobs)
            say(f"growth, round {turn + 1}: {grown}")
            row.append(grown)
        results.growth.append(row)


def _sandbox(options: argparse.Namespace, results: table.Results) -> None:
    """Take the sandbox's own costs, each a median already, as often as there are rounds."""
    rounds = [dict(sandbox.measure(choose_isolation())) for _ in range(options.rounds)]
    results.sandbox = {name: Spread.of(turn[name] for turn in rounds) for name in rounds[0]}


if __name__ == "__main__":
    main()
