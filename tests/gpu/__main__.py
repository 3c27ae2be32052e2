"""The command `python -m tests.gpu`: what needs a GPU, checked and measured in eight minutes.

Steps run in order of their worth; each line is printed, and each result kept, as soon as it is
known. With --only, what other steps found before on the same machine stays. It needs the project
and its run-time dependencies, and no network.
"""

import argparse
import datetime as dt
import json
import math
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from grader import __version__
from grader.errors import GraderError, UsageError
from grader.machine import may_have_gpu
from tests.gpu import (
    clock,
    figures,
    judging,
    machine,
    table,
    throughput,
)
from tests.gpu.rooms import Rooms
from tests.gpu.setup import Setup, simulated
from tests.gpu.steps import (
    DIFFERS,
    FAILED,
    Step,
    run_all,
)

# What is worth most comes first; the seconds are what an H200 beside 16 cores took, and some more.
STEPS = (
    Step("doctor", "what this machine is", 30, machine.examine),
    Step("cuda", "CUDA in a student's child, at each level", 20, machine.try_levels),
    Step("right", "the reference and all right solutions keep full marks", 95,
         judging.right_solutions),
    Step("wrong", "wrong solutions lose on the GPU what they say", 110, judging.wrong_solutions),
    Step("clock", "the speed question times a known factor", 80, clock.examine),
    Step("kernel", "the reference next to its bounds and torch's kernels", 15, figures.examine),
    Step("class", "a class in minutes", 170, throughput.examine),
)  # fmt: skip
SECONDS = 480.0
UNUSABLE = 2  # as the grader's own exit status


def run(setup: Setup, steps: Iterable[Step], out: Path, *, seconds: float = SECONDS) -> bool:
    """Run the steps, keep what is known in `out` after each, and say whether all is as expected.

    What `out` holds of other steps stays in it, where the same machine with the same versions
    measured it.
    """
    rooms = Rooms(setup)
    began, measured = time.monotonic(), dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    earlier = _document(out)
    of_this_run = {
        "measured": measured,
        "assignments": {item.slug: item.sha256 for item in setup.assignments()},
    }

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - began:6.1f} s  {text}\n")
        sys.stdout.flush()

    def keep(records: list[dict[str, Any]]) -> None:
        facts = rooms.facts
        document = {
            "simulated": setup.is_simulated,
            "grader": __version__,
            "measured": measured,
            "cores": setup.jobs,
            "environment": asdict(facts.environment) if facts else None,
            "isolation": asdict(facts.isolation) if facts else None,
        }
        now = [item | of_this_run for item in records]
        document["steps"] = _beside(now, earlier if _is_alike(document, earlier) else None)
        partial = out.with_name(out.name + ".part")
        text = json.dumps(_finite(document), indent=1, allow_nan=False)
        partial.write_text(text + "\n", encoding="utf-8")
        partial.replace(out)

    if not setup.is_simulated:
        machine.compile_once(say)
    try:
        records = run_all(steps, setup, rooms, seconds=seconds, say=say, keep=keep)
    finally:
        rooms.close()
    return not any(item["status"] in {FAILED, DIFFERS} for item in records)


def _document(path: Path) -> dict[str, Any] | None:
    """Return what is in a file of results, or None where there is none."""
    if not path.is_file():
        return None
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _is_alike(document: dict[str, Any], earlier: dict[str, Any] | None) -> bool:
    """Return whether earlier results are of the same machine, versions and kind, where known."""
    same = ("simulated", "grader", "cores", "environment", "isolation")
    known = json.loads(json.dumps({key: document[key] for key in same}))
    return earlier is not None and all(
        known[key] is None or earlier[key] == known[key] for key in same
    )


def _beside(
    records: list[dict[str, Any]], earlier: dict[str, Any] | None
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the records with those of other steps that were found before, in the steps' order."""
    if earlier is None:
        return records
    fresh = {item["name"] for item in records}
    kept = [item for item in earlier["steps"] if item["name"] not in fresh]
    order = {step.name: number for number, step in enumerate(STEPS)}
    return sorted([*records, *kept], key=lambda item: order.get(item["name"], len(order)))


def _finite(value: Any) -> Any:
    """Return nested data with words for the numbers that JSON has not."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def main(arguments: list[str] | None = None) -> int:
    """Check and measure, or write what the results say; return the exit status."""
    options = _options(arguments)
    try:
        if options.readme:
            table.refresh(results=options.output)
            return 0
        setup = _setup(options)
    except GraderError as problem:
        sys.stderr.write(f"{problem}\n")
        return UNUSABLE
    if not setup.is_simulated and (reason := no_gpu()):
        sys.stderr.write(f"{reason}\n")
        return UNUSABLE
    steps = [step for step in STEPS if not options.only or step.name in options.only]
    return 0 if run(setup, steps, options.output, seconds=options.seconds) else 1


def no_gpu() -> str:
    """Return in one sentence why nothing can be measured here, or ""."""
    if may_have_gpu():
        import torch

        if torch.cuda.is_available():
            return ""
    return "This machine has no GPU that torch can use; run this on one that has, or --simulate."


def _setup(options: argparse.Namespace) -> Setup:
    if options.simulate is not None:
        if options.output == table.RESULTS:
            raise UsageError("A simulated run is not kept as the results; name a file with -o.")
        return simulated(options.simulate)
    return Setup(gpu_jobs=options.gpu_jobs, isolation=options.isolation)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=table.RESULTS, metavar="FILE")
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[step.name for step in STEPS],
        help="some steps, in their order",
    )
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for everything together")
    parser.add_argument("--gpu-jobs", type=int, help="submissions that share the GPU")
    parser.add_argument("--isolation", choices=("auto", "none"), default="auto")
    parser.add_argument(
        "--readme", action="store_true", help="write RESULTS.md and the README's paragraph only"
    )
    parser.add_argument(
        "--simulate", type=Path, metavar="COURSE",
        help="run tiny sizes on the CPU with this course, to see the command work",
    )  # fmt: skip
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
