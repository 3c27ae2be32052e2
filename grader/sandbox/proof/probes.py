"""Proves an isolation level: a real child tries to break out, and the judge looks from outside.

What a report calls the level is what these probes saw on this machine, at this start.
"""

import contextlib
import json
import platform
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from grader.errors import GraderError, IsolationError, WorkerError
from grader.model import Isolation, IsolationLevel, Limits
from grader.sandbox import Session
from grader.sandbox.failures import ChildEnded
from grader.sandbox.inside.attempts import PROBES, Targets
from grader.sandbox.launch import inside_source
from grader.sandbox.levels.host import landlock_abi
from grader.sandbox.levels.recipes import PROVABLE, Level, Way
from grader.sandbox.worker import Worker

from .targets import ProtectedTargets

CPU = frozenset({"cpu"})
OK = "ok"
OS_RELEASE = Path("/etc/os-release")
SCRATCH_BYTES = 4 << 20
LIMITS = Limits(
    cell_seconds=5, submission_seconds=20, scratch_bytes=SCRATCH_BYTES, file_bytes=2 << 20,
    memory_bytes=1 << 30,
)  # fmt: skip
PORTS_LANDLOCK = 4  # from it on, it tells ports apart
# Tried by the judge, since it may end the child.
SCRATCH = "scratch"
# What helps where one probe failed, whatever the level.
FIXES = {
    "places": "move the course, the submissions and the results to a folder of their own.",
    "report": "please report it with the output of `grader doctor`.",
}


def demanded(level: Level, *, network: bool = False) -> tuple[str, ...]:
    """Return the probes whose finding, if it is not "ok", disproves a level."""
    excused = level.excused | opened(network=network)
    return tuple(name for name in (*PROBES, SCRATCH) if name not in excused)


def opened(*, network: bool) -> frozenset[str]:
    """Return the probes that find what an open network opens.

    Datagrams, by which names are found, and connections to any port where Landlock cannot tell
    ports apart; elsewhere only those of names and pages.
    """
    if not network:
        return frozenset()
    return frozenset({"udp"} if landlock_abi() >= PORTS_LANDLOCK else {"udp", "tcp"})


def prove(
    level: Level,
    way: Way,
    *,
    devices: frozenset[str] = CPU,
    beside: tuple[str, ...] = (),
    network: bool = False,
) -> Isolation:
    """Return the level with what each probe found; WorkerError where no worker of it starts.

    beside: places of the batch that is about to begin, which a child must not read either.
    """
    isolation = Isolation(level.name, way=way.value, network=network)
    with (
        ProtectedTargets(beside=beside) as targets,
        Worker(isolation=isolation, devices=devices, warm=False) as worker,
    ):
        deadline = time.monotonic() + LIMITS.submission_seconds
        session = worker.session(LIMITS, deadline=deadline)
        findings = _try_everything(session, targets.places())
        findings.update(dict(targets.damage()))
        findings[SCRATCH] = _fill_scratch(session)
        session.close()
    for name in opened(network=network):
        if findings.get(name, OK) != OK:
            findings[name] = f"open, as --network says ({findings[name]})"
    abi = landlock_abi()
    findings["landlock"] = f"ok (version {abi})" if abi else "absent"
    return replace(isolation, probes=findings)


def _try_everything(session: Session, targets: Targets) -> dict[str, str]:
    attempts = inside_source("attempts")
    try:
        tried = f"import json\nprint(json.dumps(try_everything({targets!r})))"
        ran = session.run_cell(f"{attempts}\n{tried}", 1)
    except ChildEnded as ended:
        return {"libraries": f"the child ended: {ended.reason}"}
    if ran.failure is not None:
        said = f"{ran.failure.type_name}: {ran.failure.message}"
        return {"libraries": f"the probes could not run ({said})"}
    found: dict[str, str] = json.loads(ran.output.splitlines()[-1])
    return found


def _fill_scratch(session: Session) -> str:
    """Write more than there may be; an error or the end of the child is the right answer."""
    fill = (
        "import time\nfor number in range(16):\n    with open(f'fill{number}', 'wb') as file:\n"
        "        file.write(bytes(1 << 20))\ntime.sleep(2)"
    )
    try:
        ran = session.run_cell(fill, 2)
    except ChildEnded as ended:
        return OK if "wrote more than" in ended.reason else ended.reason
    if ran.failure is not None and ran.failure.type_name == "OSError":
        return OK
    return f"16 MiB fitted into {SCRATCH_BYTES >> 20} MiB"


def choose_isolation(
    requested: str = "auto",
    devices: frozenset[str] = CPU,
    beside: tuple[str, ...] = (),
    *,
    network: bool = False,
) -> Isolation:
    """Return the best level that proves itself on this machine, or `none` where it was typed.

    network: with the network open, which the probes then find so.

    IsolationError names the probe that failed, and the fix.
    """
    if requested == IsolationLevel.NONE:
        return Isolation(IsolationLevel.NONE, network=network)
    if sys.platform != "linux":
        raise IsolationError(
            f"{platform.system()} cannot isolate student code; run the grader in a Linux "
            "container or virtual machine, or grade unprotected with --isolation none."
        )
    shortcomings: list[str] = []
    for level in PROVABLE:
        if not level.is_for_this_user():
            continue
        found = _prove_level(level, devices, beside, network=network)
        if isinstance(found, Isolation):
            warning = shortcomings[0] if level.is_last_resort and shortcomings else ""
            return replace(found, warning=warning)
        shortcomings.append(found)
    raise IsolationError(
        f"This machine cannot isolate student code: {shortcomings[-1]} "
        f"For the stronger level: {shortcomings[0]}"
    )


def _prove_level(
    level: Level, devices: frozenset[str], beside: tuple[str, ...] = (), *, network: bool = False
) -> Isolation | str:
    """Try each way to a level; where none holds, say in one sentence with a fix why."""
    abi = landlock_abi()
    if abi < level.least_landlock:
        return (
            f"the probe landlock of {level.name} failed (version {abi}, and "
            f"{level.least_landlock} is needed); use Linux 6.2 or later with landlock among its "
            "security modules (boot parameter lsm=landlock,…)."
        )
    said: list[str] = []
    for way in level.ways():
        try:
            isolation = prove(level, way, devices=devices, beside=beside, network=network)
        except (WorkerError, IsolationError) as problem:
            said.append(
                f"the probe start of {level.name} failed ({_short(problem)}); {_fix(level)}"
            )
            continue
        failed = [
            name for name in demanded(level, network=network) if isolation.probes.get(name) != OK
        ]
        if not failed:
            return isolation
        finding = isolation.probes.get(failed[0], "it did not run")
        said.append(
            f"the probe {failed[0]} of {level.name} failed ({finding}); {_fix(level, failed[0])}"
        )
    return said[0]


def _short(problem: GraderError) -> str:
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return lines[-1].strip()[:200] if lines else "no reason given"


def _fix(level: Level, probe: str = "start") -> str:
    if probe in FIXES:
        return FIXES[probe]
    if probe == "libraries" or level.child_becomes_uid:
        return (
            f"make the Python in {sys.base_prefix} and its packages readable for everybody, for "
            "example by installing them under /opt."
        )
    return _way_to_namespaces() if level.has_private_files else FIXES["report"]


def _way_to_namespaces() -> str:
    for name, wanted in (
        ("kernel/unprivileged_userns_clone", "1"),
        ("user/max_user_namespaces", "16384"),
    ):
        place = Path("/proc/sys", name)
        with contextlib.suppress(OSError):
            if place.read_text().strip() == "0":
                return f"allow namespaces: sudo sysctl -w {name.replace('/', '.')}={wanted}."
    if shutil.which("bwrap") is None:
        return f"install bubblewrap: {_install('bubblewrap')}."
    with contextlib.suppress(OSError):
        if Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").read_text()[:1] == "1":
            return (
                "allow bubblewrap its namespaces: sudo apt install apparmor-profiles and load its "
                "profile bwrap-userns-restrict, or sudo sysctl -w "
                "kernel.apparmor_restrict_unprivileged_userns=0."
            )
    return "run the grader outside a container, or in one with --security-opt seccomp=unconfined."


def _install(package: str) -> str:
    text = ""
    with contextlib.suppress(OSError):
        text = OS_RELEASE.read_text(encoding="utf-8")
    lines = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    family = f"{lines.get('ID', '')} {lines.get('ID_LIKE', '')}".replace('"', "").split()
    for name, command in (
        ("debian", "sudo apt install"),
        ("fedora", "sudo dnf install"),
        ("rhel", "sudo dnf install"),
        ("arch", "sudo pacman -S"),
        ("suse", "sudo zypper install"),
        ("alpine", "sudo apk add"),
    ):
        if name in family:
            return f"{command} {package}"
    return f"the package {package} of your distribution"
