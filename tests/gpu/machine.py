"""The first steps: what this machine is, and whether CUDA works for students at every level."""

import compileall
from collections.abc import Callable
from importlib import metadata

from packaging.requirements import Requirement

from grader import machine
from grader.batch import process
from grader.batch.pool import LocalProcesses
from grader.errors import GraderError
from grader.model import Isolation
from grader.sandbox import Worker
from grader.sandbox.levels.recipes import Level, Way
from grader.sandbox.proof import cuda, probes
from tests.gpu import streaming
from tests.gpu.rooms import Rooms
from tests.gpu.setup import Setup
from tests.gpu.steps import Log

# What grader processes and workers import, and takes them seconds without bytecode.
IMPORTED = ("torch", "triton", "numpy", "sympy", "matplotlib", "IPython", "otter", "pandas")


def compile_once(say: Callable[[str], None]) -> None:
    """Write the bytecode that this machine's image leaves out, with all cores, where one may."""
    for folder in machine.without_bytecode(IMPORTED):
        say(f"no bytecode of {folder.name}: compiling it once")
        compileall.compile_dir(folder, quiet=2, workers=0)


def examine(setup: Setup, rooms: Rooms, log: Log) -> None:
    """Say what `grader doctor` says, what is missing here, and what a process for the GPU finds."""
    lines: list[str] = []

    def hear(line: str) -> None:
        lines.append(line)
        log.say(f"  {line}")

    if streaming.run(streaming.grader("doctor"), log.deadline, hear):
        log.problem("grader doctor finds that this machine may not grade.")
    for sentence in missing_requirements():
        log.problem(sentence)
    facts = rooms.enter(setup.assignments()[0], "cuda", log).facts
    log.found |= {
        "doctor": lines,
        "start_seconds": facts.seconds,
        "gpu_memory_bytes": machine.gpu_memory_bytes(),
        "cuda": facts.gpu_fault or probes.OK,
    }
    log.say(f"  cuda for students here: {log.found['cuda']}")
    if facts.gpu_fault:
        log.problem(facts.gpu_fault)


def missing_requirements() -> list[str]:
    """Return in a sentence each which of the project's run-time dependencies are not met here."""
    found = (Requirement(text) for text in metadata.requires("ulp-grader") or ())
    wanted = (item for item in found if item.marker is None or item.marker.evaluate({"extra": ""}))
    return [said for item in wanted if (said := _missing(item))]


def _missing(wanted: Requirement) -> str:
    try:
        version = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return f"{wanted.name} is not installed; pip install {wanted.name}."
    if wanted.specifier.contains(version, prereleases=True):
        return ""
    return f"{wanted.name} {version} is installed, and {wanted.specifier} is needed."


def try_levels(setup: Setup, _rooms: Rooms, log: Log) -> None:
    """Try CUDA, and a kernel, in a student's child at each way to each level of this machine."""
    levels = [level for level in setup.levels if level.is_for_this_user()]
    tries = [(level, way) for level in levels for way in level.ways()]
    pool = LocalProcesses(len(tries), process.finish)
    try:
        futures = {
            pool.submit(try_level, *item, is_simulated=setup.is_simulated): item for item in tries
        }
        for future, item in futures.items():
            name = " by ".join(filter(None, (item[0].name, item[1])))
            try:
                proved, said = future.result(timeout=max(0.0, log.seconds_left()))
            except TimeoutError:
                log.leave_out(name)
                continue
            log.found[name] = {"level": proved, "cuda": said}
            log.say(f"  {name}: {proved}; cuda: {said or 'not tried'}")
            if said not in {probes.OK, ""}:
                log.problem(f"{name}: {said}")
    finally:
        pool.kill()
    if probes.OK not in {item["cuda"] for item in log.found.values()} and not log.left_out:
        log.problem("CUDA works at no level of this machine.")


def try_level(level: Level, way: Way, *, is_simulated: bool) -> tuple[str, str]:
    """Return whether a level proves itself, and if so, what CUDA comes to in a child there."""
    devices = frozenset({"cpu"} if is_simulated else {"cpu", "cuda"})
    if level.confines:
        try:
            found = probes.prove(level, way, devices=devices).probes
        except GraderError as problem:
            return f"not to be had here ({problem})", ""
        for name in probes.demanded(level):
            if found.get(name) != probes.OK:
                return f"not to be had here ({name}: {found.get(name, 'it did not run')})", ""
    isolation, device = Isolation(level.name, way=way), "cpu" if is_simulated else "cuda"
    with Worker(imports=("triton",), isolation=isolation, devices=devices) as warm:
        return probes.OK, cuda._prove(warm, device, kernels=True)
