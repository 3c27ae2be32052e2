"""Say what this machine can do, on one screen: isolation, GPU, versions, what to install."""

import contextlib
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from grader import machine
from grader.batch import process
from grader.batch.messages import ProcessSettings
from grader.batch.pool import local_pool
from grader.course.assignments import available, load
from grader.errors import IsolationError, WorkerError
from grader.model import Assignment, Isolation, Status
from grader.reports import Control
from grader.sandbox import Worker
from grader.sandbox.levels import cgroup
from grader.sandbox.levels.recipes import recipe
from grader.sandbox.proof.cuda import prove_cuda
from grader.sandbox.proof.probes import OK, choose_isolation

DEVICES = frozenset({"cpu", "cuda"})

CAPPED = "capped by a control group, and watched"
WATCHED = "watched; for a hard cap: systemd-run --user --scope -p Delegate=yes grader grade …"


def examine(say: Callable[[str], None]) -> bool:
    """Say it line by line, and return whether this machine may grade."""
    has_gpu = _versions(say)
    try:
        isolation = choose_isolation("auto", DEVICES if has_gpu else frozenset({"cpu"}))
    except IsolationError as problem:
        say(f"isolation: none proved. {problem}")
        return False
    if has_gpu:
        say(f"  cuda: {_prove_cuda(isolation)}")
    _isolation(say, isolation)
    return recipe(isolation.level).confines


def examine_course(course: Path, say: Callable[[str], None], device: str = "auto") -> bool:
    """Judge each assignment's reference here, as a class would be, and say what it does not pass.

    Nothing is graded and nothing is kept. Returns whether every case passes that can be judged.
    """
    everything_passes = True
    for slug in available(course):
        assignment = load(slug, course, need_solutions=True)
        with contextlib.ExitStack() as stack:
            for found in _controls(assignment, device, stack):
                everything_passes = _say_control(slug, found, say) and everything_passes
    return everything_passes


def _controls(
    assignment: Assignment, device: str, stack: contextlib.ExitStack
) -> Iterator[Control]:
    settings = ProcessSettings(str(assignment.folder), 0, assignment.limits, "auto", device)
    for judges, needs in (("cpu", None), ("cuda", "cuda")):
        names = tuple(
            q.name for q in assignment.questions if q.kind == "code" and q.requires == needs
        )
        if not names or (judges == "cuda" and not (device != "cpu" and machine.may_have_gpu())):
            continue
        pool = stack.enter_context(local_pool(1, judges))
        yield pool.submit(process.control, replace(settings, judges=judges), names).result()


def _say_control(slug: str, found: Control, say: Callable[[str], None]) -> bool:
    waiting = sum(case.status is Status.PENDING for case in found.cases)
    passed = len(found.cases) - waiting - len(found.failing)
    tally = f"{slug}: the reference passes {passed} of {len(found.cases)} cases"
    say(f"{tally}, {waiting} wait for a GPU" if waiting else tally)
    say(f"  at {found.place}, in {found.seconds:.1f} s")
    for case in found.failing.values():
        say(f"  ? {case.question}, {case.name!r}")
    for cause in found.causes:
        say(f"  cause: {cause}")
    return not found.failing


def _versions(say: Callable[[str], None]) -> bool:
    found = machine.environment(machine.usable_gpu())
    say(f"grader {found.grader}, Python {found.python}, {found.platform}")
    packages = ("numpy", "torch", "triton")
    say(", ".join(f"{name} {getattr(found, name) or 'not installed'}" for name in packages))
    if folders := machine.without_bytecode(packages):
        names = ", ".join(folder.name for folder in folders)
        say(f"  no bytecode of {names}: each process compiles it again, for seconds; do so once:")
        say(f"  python -m compileall -q -j 0 {' '.join(shlex.quote(str(one)) for one in folders)}")
    if found.gpu is None:
        say("GPU: none; questions that need one stay pending")
    else:
        say(f"GPU: {found.gpu}, driver {found.driver or 'unknown'}")
    return found.gpu is not None


def _prove_cuda(isolation: Isolation) -> str:
    """Ask a child as a student gets it, and Triton too where it is installed."""
    kernels = find_spec("triton") is not None
    imports = ("triton",) if kernels else ()
    with Worker(imports=imports, isolation=isolation, devices=DEVICES) as worker:
        try:
            return prove_cuda(worker, kernels=kernels)
        except WorkerError as problem:
            return str(problem)


def _isolation(say: Callable[[str], None], isolation: Isolation) -> None:
    level = recipe(isolation.level)
    say(f"isolation: {level.name} ({level.in_short})")
    say(f"  memory of a submission: {CAPPED if cgroup.delegated() else WATCHED}")
    for name, finding in isolation.probes.items():
        say(f"  {'✓' if finding.startswith(OK) else '·'} {name:<12} {finding}")
    if isolation.way:
        say(f"  · {'way':<12} {isolation.way}")
    for gap in level.gaps:
        say(f"  not stopped at this level: {gap.what}")
    if isolation.warning:
        say(f"for a stronger level: {isolation.warning}")
