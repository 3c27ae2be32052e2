"""The results as a small page of Markdown, and the three numbers of it that the README shows."""

import os
import platform
import re
import textwrap
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from tests.benchmarks.growth import Grown
from tests.benchmarks.memory import Peak
from tests.benchmarks.otter_zip import CELL_SECONDS, Compared
from tests.benchmarks.spread import Spread, paired
from tests.benchmarks.start_up import Phases, StartUp
from tests.benchmarks.throughput import Throughput

RESULTS = Path(__file__).with_name("RESULTS.md")
README = Path(__file__).parents[2] / "README.md"
WIDTH = 100
BEGIN, END = "<!-- benchmark -->", "<!-- /benchmark -->"


@dataclass(slots=True)
class Results:
    """Everything that one run of the benchmark measured."""

    load: float  # of the machine, before the benchmark added its own
    throughput: list[Throughput] = field(default_factory=list)
    start_up: list[StartUp] = field(default_factory=list)
    phases: list[Phases] = field(default_factory=list)  # of one notebook's runs
    growth: list[list[Grown]] = field(default_factory=list)  # by round, in order of size
    memory: list[Peak] = field(default_factory=list)
    sandbox: dict[str, Spread] = field(default_factory=dict)  # milliseconds
    otter: Compared | None = None
    left_out: list[str] = field(default_factory=list)


def render(results: Results) -> str:
    """Return the page."""
    parts = [_machine(results)]
    parts += [_throughput(item) for item in results.throughput]
    if results.start_up:
        parts.append(_start_up(results.start_up))
    if results.phases:
        parts.append(_phases(results.phases))
    if results.growth:
        parts.append(_growth(results.growth))
    if results.memory:
        parts.append(_memory(results.memory))
    if results.sandbox:
        parts.append(_sandbox(results.sandbox))
    if results.otter is not None:
        parts.append(_otter(results.otter))
    parts += results.left_out
    return "\n\n".join(parts) + "\n"


def _machine(results: Results) -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "torch"))
    rivals = {
        rival.name: rival.version for item in results.throughput for rival in item.rivals
    }  # each grader once
    others = "".join(f", {name} {version}" for name, version in rivals.items())
    level = {item.level for item in results.throughput} or {"not measured"}
    return (
        f"`python -m tests.benchmarks` on {os.cpu_count()} cores of {_cpu_model()}, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}, "
        f"{versions}{others}; isolation {', '.join(sorted(level))}. "
        f"Load average before: {results.load:.1f}. "
        "Each figure is the median of interleaved runs with the least and the largest; "
        "each ratio is taken run by run. The others run public tests only, without a sandbox; "
        "grader runs the hidden ones as well, if not said otherwise, in its sandbox. The floor is "
        "a fork of a warm process that runs the cells and makes the tests' calls, nothing else."
    )


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or "an unknown processor"


def _throughput(item: Throughput) -> str:
    rows = [
        ("`grader grade`, steady state", item.each, "1"),
        ("`grader grade`, whole command", item.whole_each, ""),
        ("the floor", item.floor_each, f"grader takes {item.over_floor} times as long"),
    ]
    rows += [
        (
            f"{rival.name} (sample of {rival.sample} a round)",
            rival.each,
            f"grader is {rival.ratio} times as fast, {rival.whole_ratio} with start-up",
        )
        for rival in item.rivals
    ]
    head = (
        f"**{item.count} {item.title}; {item.jobs} jobs** "
        f"({item.kinds} right solution{'s' * (item.kinds > 1)} in turn)."
    )
    table = _rows(("", "seconds a submission", "ratio"), [(a, str(b), c) for a, b, c in rows])
    whole = 1000 * item.phases["whole"]
    return (
        f"{head}\n\n{table}\n\nStart-up {item.start_up} s, outputs and end {item.finish} s. "
        f"The reference is judged once, beside the first submissions, in {item.control} s. "
        f"A submission takes its job {whole:.0f} ms on average: {_listed(item.phases)}. "
        f"On the floor it takes {1000 * item.jobs * item.floor_each.median:.0f} ms: "
        f"{_listed(item.floor_phases)}, and fork and end."
    )


def _listed(phases: dict[str, float]) -> str:
    parts = {name: seconds for name, seconds in phases.items() if name != "whole"}
    return ", ".join(f"{name} {1000 * seconds:.0f} ms" for name, seconds in parts.items())


def _start_up(rows: list[StartUp]) -> str:
    return _rows(
        ("whole command", "seconds", "beside", "its seconds", "ratio", "of processor time"),
        [
            (r.what, str(r.seconds), r.beside, str(r.bare), str(r.ratio), str(r.processor))
            for r in rows
        ],
    )


def _phases(runs: list[Phases]) -> str:
    """Return where the median run's seconds go."""
    order = sorted(runs, key=lambda run: run.command + run.start + run.judging + run.end)
    median = order[len(order) // 2]
    return (
        f"Of one notebook's {median.command + median.start + median.judging + median.end:.2f} s: "
        f"{median.command:.2f} s until the class is collected, {median.start:.2f} s until a grader "
        f"process is ready ({median.at_once}, much of it at once), {median.judging:.2f} s for the "
        f"reference and the notebook, {median.end:.2f} s for the outputs and the end."
    )


def _growth(rounds: list[list[Grown]]) -> str:
    rows = []
    for number, first in enumerate(rounds[0]):
        runs = [turn[number] for turn in rounds]
        smallest = [turn[0] for turn in rounds]
        rows.append((
            f"{first.count:,}",
            str(Spread.of(1000 * run.each for run in runs)),
            str(paired([run.each for run in runs], [run.each for run in smallest])),
            str(Spread.of(run.grading_mib for run in runs)),
            str(Spread.of(run.parent_mib for run in runs)),
            str(Spread.of(run.worker_mib for run in runs)),
            str(Spread.of(run.report_seconds for run in runs)),
            str(Spread.of(run.outputs_seconds for run in runs)),
            f"{runs[-1].report_mib:.1f}",
        ))  # fmt: skip
    head = (
        "**Growth**, with an assignment of one small question, so that what grows is not hidden "
        "behind students' own code. Memory is resident MiB: the command's own process, and the "
        "largest of those that live as long."
    )
    columns = (
        "submissions", "ms each", "of the smallest class", "command while grading, MiB",
        "with outputs, MiB", "worker, MiB",
        "report.html, s", "all outputs, s", "report.html, MiB",
    )  # fmt: skip
    return f"{head}\n\n{_rows(columns, rows)}"


def _memory(peaks: list[Peak]) -> str:
    rows = [(peak.what, peak.status, f"{peak.judge_mib:,.0f}") for peak in peaks]
    head = (
        "**The judge's memory** at its peak, by what one notebook sends; a right one beside it has "
        "full marks each time."
    )
    return f"{head}\n\n{_rows(('sent', 'it is', 'judge, MiB'), rows)}"


def _sandbox(costs: dict[str, Spread]) -> str:
    table = _rows(("", "ms"), [(name, str(spread)) for name, spread in costs.items()])
    return f"**The sandbox**, before and beside a student's own code\n\n{table}"


def _otter(found: Compared) -> str:
    differing = ", ".join(found.differing[:5])
    scores = f"not equal for {differing}" if differing else "equal for each question of each"
    head = (
        f"**The same autograder.zip, {found.count} notebooks** ({found.kinds} kinds in turn), "
        f"{found.jobs} at a time, all tests for both. Scores: {scores}. A submission takes "
        f"otter run {found.otter_version} {found.otter_each:.2f} s and `grader grade`, with its "
        f"start and all outputs, {found.ours_each:.2f} s: otter takes {found.ratio:.1f} times as "
        "long, without a sandbox."
    )
    rows = [
        (what, theirs.said, f"{theirs.seconds:.1f}", ours.said, f"{ours.seconds:.1f}")
        for what, (theirs, ours) in found.hostile.items()
    ]
    columns = (
        "a notebook that", "otter run", "s", f"`grader grade`, {CELL_SECONDS} s a cell", "s"
    )  # fmt: skip
    return f"{head}\n\n{_rows(columns, rows)}"


def _rows(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def block(readme: str) -> str | None:
    """Return what the README holds between the markers, or None where they are missing."""
    _, begin, rest = readme.partition(BEGIN)
    inside, end, _ = rest.partition(END)
    return inside.strip() if begin and end else None


def summary(page: str) -> str:
    """Return a page's three numbers in a paragraph; ValueError where one of them is missing."""
    ours = _number(page, "**100 softmax notebooks; ", r"`grader grade`, whole command \| ([\d.]+)")
    public = "**100 softmax notebooks, public tests only"
    otter, nbgrader = (
        _number(page, public, rf"{name} .*?, ([\d.]+) \([^)]*\) with start-up")
        for name in ("otter run", "nbgrader autograde")
    )
    cores = _number(page, "`python -m tests.benchmarks`", r"on (\d+) cores")
    text = (
        f"On {cores} cores, a class of 100 takes **{ours} s a submission** with all tests of "
        "softmax, in the sandbox and with start-up. With the public tests only for everybody, "
        f"grader is **{otter} times** as fast as `otter run` and **{nbgrader} times** as fast as "
        "`nbgrader autograde`, which use no sandbox."
    )
    return textwrap.fill(text, WIDTH)


def _number(page: str, start: str, pattern: str) -> str:
    _, found, rest = page.partition(start)
    part = rest.partition("\n**")[0]
    number = re.search(pattern, part)
    if not (found and number):
        raise ValueError(f"The results have nothing like {pattern!r} below {start!r}.")
    return number[1]


def refresh_readme(readme: Path = README, results: Path = RESULTS) -> bool:
    """Put the results' numbers between the README's markers; say whether there were any."""
    text = readme.read_text(encoding="utf-8")
    if block(text) is None:
        return False
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    numbers = summary(results.read_text(encoding="utf-8"))
    readme.write_text(f"{before}{BEGIN}\n{numbers}\n{END}{after}", encoding="utf-8")
    return True
