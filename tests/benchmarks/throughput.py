"""Our seconds a submission beside otter's, nbgrader's and the floor's, in interleaved rounds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.benchmarks import ours
from tests.benchmarks.classroom import Classroom
from tests.benchmarks.floor import Floor, FloorRunner
from tests.benchmarks.otter_run import OtherGrader
from tests.benchmarks.spread import Spread, paired


class Other(Protocol):
    """Another grader, ready to grade a sample of the class."""

    name: str

    @property
    def version(self) -> str: ...

    def run(self, sample: list[Path]) -> OtherGrader: ...


@dataclass(frozen=True, slots=True)
class Rival:
    """Another grader's figures beside ours of the same rounds."""

    name: str
    version: str
    sample: int
    each: Spread
    ratio: Spread  # its time over ours in steady state
    whole_ratio: Spread  # its time over ours with start-up and outputs


@dataclass(slots=True)
class Throughput:
    """What some rounds over one class came to."""

    title: str
    count: int
    jobs: int
    kinds: int
    level: str
    each: Spread
    whole_each: Spread
    start_up: Spread
    finish: Spread
    control: Spread
    floor_each: Spread
    over_floor: Spread
    phases: dict[str, float]
    floor_phases: dict[str, float]
    rivals: list[Rival] = field(default_factory=list)


def measure(
    classroom: Classroom,
    folder: Path,
    others: list[Other],
    *,
    jobs: int,
    rounds: int,
    sample: int,
    title: str,
    say: Callable[[str], None],
) -> Throughput:
    """Measure everybody once a round, in another order each time."""
    floor = FloorRunner(classroom, folder, jobs)
    graded: list[ours.Graded] = []
    floors: list[Floor] = []
    theirs: dict[str, list[float]] = {other.name: [] for other in others}

    def run_ours() -> None:
        graded.append(ours.grade(classroom, folder / "out", jobs=jobs))
        say(f"  grader: {graded[-1].each:.3f} s a submission")

    def run_floor() -> None:
        floors.append(floor.run())
        say(f"  floor: {floors[-1].each:.3f} s a submission")

    for turn in range(rounds):
        say(f"{title}, round {turn + 1} of {rounds}")
        steps = [run_ours, run_floor]
        # What is compared most closely stands side by side; who goes first takes turns.
        for step in steps if turn % 2 == 0 else steps[::-1]:
            step()
        for other in others:
            theirs[other.name].append(other.run(classroom.sample(sample, turn)).each)
            say(f"  {other.name}: {theirs[other.name][-1]:.2f} s a submission")
    return _summary(title, classroom, graded, floors, others, theirs, jobs, sample)


def _summary(
    title: str,
    classroom: Classroom,
    graded: list[ours.Graded],
    floors: list[Floor],
    others: list[Other],
    theirs: dict[str, list[float]],
    jobs: int,
    sample: int,
) -> Throughput:
    each = [item.each for item in graded]
    whole = [item.process.seconds / item.count for item in graded]
    floor_each = [item.each for item in floors]
    return Throughput(
        title=title,
        count=len(classroom.notebooks),
        jobs=jobs,
        kinds=classroom.kinds,
        level=graded[-1].level,
        each=Spread.of(each),
        whole_each=Spread.of(whole),
        start_up=Spread.of(item.start_up for item in graded),
        finish=Spread.of(item.finish for item in graded),
        control=Spread.of(item.control for item in graded),
        floor_each=Spread.of(floor_each),
        over_floor=paired(each, floor_each),
        phases=_medians([item.phases for item in graded]),
        floor_phases=_medians([item.phases for item in floors]),
        rivals=[
            Rival(
                other.name, other.version, sample, Spread.of(theirs[other.name]),
                paired(theirs[other.name], each), paired(theirs[other.name], whole),
            )
            for other in others
        ],
    )  # fmt: skip


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each phase over some runs."""
    names = dict.fromkeys(name for run in runs for name in run)
    return {name: Spread.of(run.get(name, 0.0) for run in runs).median for name in names}
