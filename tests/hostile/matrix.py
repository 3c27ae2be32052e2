"""Runs every attack at one isolation level, in this process's place on the machine.

`python matrix.py LEVEL [--only TEXT] [--by-level] [--deny-namespaces] [--own-processes]` prints one
JSON object. It is started by the tests once for each identity and level; `none` runs the controls,
where each attack has to succeed. With --by-level, attacks that are stopped alike at every level are
left out. With --own-processes nothing outside a process namespace of this run can be signalled.
"""

import argparse
import contextlib
import errno
import io
import json
import os
import re
import resource
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from attacks import PRELUDE, WITH_CUDA, Attack, load_all
from victim import Victim

from grader.model import Isolation, IsolationLevel, Limits
from grader.sandbox import (
    ChildEnded,
    MissingNameError,
    Session,
    StudentError,
    Worker,
    launch,
)
from grader.sandbox.inside.usage import below
from grader.sandbox.levels import seccomp
from grader.sandbox.levels.recipes import recipe
from grader.sandbox.proof.probes import choose_isolation

LIMITS = Limits(
    cell_seconds=0.5, call_seconds=0.25, submission_seconds=6, cpu_seconds=6,
    memory_bytes=900 << 20, tasks=32, open_files=64, file_bytes=8 << 20, scratch_bytes=32 << 20,
    cell_output_bytes=100_000, output_bytes=300_000, array_bytes=128 << 20,
)  # fmt: skip
# What is not meant to run out of time has as much as a slow or crowded machine takes.
PATIENT = replace(
    LIMITS, cell_seconds=60, call_seconds=60, submission_seconds=120, cpu_seconds=120
)  # fmt: skip
# The judge's call that meets a byte out of band waits as long as a call may take.
PATIENT_WITH_BYTES = replace(PATIENT, call_seconds=2)
# How long an attack holds what it has taken, where somebody has to look, and where nobody does.
UNTIL_SEEN, UNSEEN = 15.0, 0.3
UNTIL_RIGHT = 8.0  # seconds, for an answer that is corrected after it was returned
PARENT_GROWTH = 400 << 20
NOTE_FINDER = """
import glob
places = ('.', '/tmp', '/var/tmp', '/dev/shm', '/run', '__pycache__')
found = [name for place in places for name in glob.glob(place + '/note-*')]
"""
CUDA = frozenset({"cpu", "cuda"})
# Protections that can be taken away alone: the line of the worker's that is one, and what it is
# without. A byte out of band is refused by the judge's own filter: by a flag that nobody sets.
WEAKENED = {
    "53_more_processors": ("os.sched_setaffinity(task, {self._core})", "pass"),
    "54_out_of_band": None,
    "55_files_in_a_closed_folder": (
        "        except OSError:\n            return size, MAX_FILES + 1\n        count +=",
        "        except OSError:\n            continue\n        count +=",
    ),
}
NOBODYS_FLAG = 1 << 30
DRIVER = Path(__file__).with_name("driver.py")
NAMING = ("access.WRITE_FILE | access.TRUNCATE", "access.WRITE_FILE")
WHO = """
import getpass, os, pwd, grp, tempfile
tempfile.mkdtemp()
user = getpass.getuser()
try:
    found = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
except KeyError:
    found = None
"""
ASK_A_LIBRARY = "import torch._dynamo\n"  # takes as long as torch itself
# What the course has put beside every notebook.
FILES = {"helpers.py": "def twice(x):\n    return x * 2\n", "data/words.txt": "two"}
HONEST = """
import numpy as np
import colorsys
from helpers import twice
assert open("data/words.txt").read() == "two"
def answer(x):
    return twice(x)"""


@dataclass
class Result:
    """What one attack came to, and every invariant that did not hold afterwards."""

    outcome: str
    reason: str = ""
    succeeded: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


def session_of(worker: Worker, limits: Limits) -> Session:
    return worker.session(limits, deadline=time.monotonic() + limits.submission_seconds)


def run_attack(
    worker: Worker, attack: Attack, victim: Victim, *, patience: float, limits: Limits | None = None
) -> tuple[Result, str]:
    """Return what became of it, and everything that student code said.

    patience: how many seconds it holds what it has taken. limits: its own, instead of such as what
    is expected of it asks for.
    """
    said: list[str] = []
    session = session_of(worker, limits or (LIMITS if "timeout" in attack.expect else PATIENT))
    try:
        session.run_cell(f"bait = { {**victim.map(), 'patience': patience}!r}", 1)
        for number, cell in enumerate(attack.cells, 2):
            ran = session.run_cell(cell, number)
            said.append(ran.output + repr(ran.failure))
        outcome = _ask(session.value("answer"), attack)
        succeeded = list(session.value("succeeded"))  # a call may add to it
        return Result(outcome, succeeded=succeeded), "\n".join(said)
    except ChildEnded as ended:
        return Result(str(ended.status), ended.reason), "\n".join(said)
    except (StudentError, MissingNameError) as error:
        return Result("error", repr(error)), "\n".join([*said, str(error)])
    finally:
        session.close()


def _ask(answer: Any, attack: Attack, seconds: float = 0.0) -> str:
    """Judge one answer as a hidden test would, again and again for some seconds until it passes."""
    x: Any = 2.0 if attack.library == "float" else np.arange(4.0)
    if attack.library == "torch":
        import torch  # a tenth of a place's time, where no attack asks for it

        x = torch.arange(4.0)
    before = x + 0
    got = answer(x)
    end = time.monotonic() + seconds
    while not (is_right := _is_right(got, x, before)) and time.monotonic() < end:
        time.sleep(0.01)
    return "denied" if is_right else "fails"


def _is_right(got: Any, x: Any, before: Any) -> bool:
    want = before * 2
    with contextlib.suppress(Exception):
        if isinstance(want, float):
            return bool(got == want)
        if isinstance(want, np.ndarray):
            np.testing.assert_allclose(got, want)
            np.testing.assert_array_equal(x, before)
            return getattr(got, "dtype", None) != np.dtype(object)
        import torch

        return bool(torch.allclose(got, want)) and bool(torch.equal(x, before))
    return False


def honest_problems(worker: Worker) -> list[str]:
    """Grade an honest notebook next; it must have full marks, and find nothing left."""
    found = []
    try:
        with session_of(worker, PATIENT) as session:
            session.run_cell(HONEST, 1)
            session.run_cell(NOTE_FINDER, 2)
            x = np.arange(4.0)
            if not np.array_equal(session.value("answer")(x), x * 2):
                found.append("the honest one lost points")
            notes = session.value("found")
            if notes:
                found.append(f"a note was found: {notes}")
    except (ChildEnded, StudentError, MissingNameError) as problem:
        found.append(f"the honest one suffered: {problem!r}")
    return found


def expected_gap(attack: Attack, level: str) -> bool:
    return any(gap.attack == attack.name for gap in recipe(IsolationLevel(level)).gaps)


def judge_result(attack: Attack, result: Result, said: str, victim: Victim, level: str) -> None:
    """Add to the result what should not be."""
    gap = expected_gap(attack, level)
    if result.outcome not in attack.expect:
        result.problems.append(
            f"{result.outcome} ({result.reason}) instead of {set(attack.expect)}; it said "
            f"{said[-300:]!r}"
        )
    if result.outcome == "killed" and not re.search(attack.reason, result.reason):
        result.problems.append(f"the reason was {result.reason!r}")
    if result.succeeded and not gap:
        result.problems.append(f"succeeded: {', '.join(result.succeeded)[:500]}")
    if gap and not result.succeeded:
        result.problems.append("a known gap is closed: take it off the table")
    if victim.token in said:
        result.problems.append("the canary was read")
    if attack.output and attack.output not in said:
        result.problems.append(f"nothing said {attack.output!r}: {said[-300:]!r}")
    if len(said) > 2 * LIMITS.output_bytes:
        result.problems.append(f"{len(said):,} characters of output came through")


def run_level(level: str, attacks: list[Attack], *, by_level: bool) -> dict[str, Any]:
    """Prove the level, run the attacks at it, and look at the invariants after each.

    by_level: without what is the same at every level.
    """
    isolation = choose_isolation()
    if isolation.level != level:
        return {"error": f"this place offers {isolation.level}, not {level}"}
    if by_level:
        attacks = [attack for attack in attacks if attack.once is None]
    if any(attack.library == "torch" for attack in attacks):
        import torch  # noqa: F401 - the judge must not seem to grow by it later
    files = files_of_the_course()
    with Worker(isolation=isolation, libraries=("torch",), files=files) as worker:
        worker.wait_until_ready()
        size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        results = run_attacks(worker, attacks, level)
        who = run_who(worker, WHO if by_level else WHO + ASK_A_LIBRARY)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - size
    if grown > PARENT_GROWTH:
        results["memory"] = asdict(Result("grown", problems=[f"the judge grew by {grown:,} bytes"]))
    planted = [place for place in ("was_unpickled", "was_imported") if Path("/tmp", place).exists()]  # noqa: S108
    if planted:
        results["planted"] = asdict(Result("ran", problems=[f"{planted} ran in the judge"]))
    near = [attack for attack in attacks if attack.threat in WITH_CUDA]
    with Worker(isolation=isolation, libraries=(), devices=CUDA, files=files) as worker:
        results |= {
            f"{name}, cuda": item for name, item in run_attacks(worker, near, level).items()
        }
        driver = {"now": first_refused(worker), **run_weakened_driver(isolation)}
    weakened = {"succeeded": run_weakened(isolation), "within reach": within_reach(level)}
    return {"isolation": asdict(isolation), "results": results, "driver": driver, "who": who,
            "weakened": weakened}  # fmt: skip


def files_of_the_course() -> list[tuple[str, str]]:
    """Write what each child finds beside its notebook, for a worker to copy."""
    folder = Path(tempfile.mkdtemp())
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return [(name, str(folder / name)) for name in FILES]


def run_attacks(worker: Worker, attacks: list[Attack], level: str) -> dict[str, Any]:
    """Run attacks one after another, and look at the invariants after each."""
    results: dict[str, Any] = {}
    honest_problems(worker)
    quiet = set(below(os.getpid()))
    with contextlib.ExitStack() as baits:
        victim = baits.enter_context(Victim())
        for attack in attacks:
            started = time.monotonic()
            result, said = run_attack(worker, attack, victim, patience=UNTIL_SEEN)
            judge_result(attack, result, said, victim, level)
            harm = victim.harm()
            left = set(below(os.getpid())) - quiet - {victim.decoy.pid}
            if left:
                harm.append(f"{len(left)} processes were left over")
            result.problems += [*harm, *honest_problems(worker)]
            if harm:
                quiet.add(victim.decoy.pid)
                victim = baits.enter_context(Victim())
            result.seconds = round(time.monotonic() - started, 2)
            results[attack.name] = asdict(result)
    return results


def run_who(worker: Worker, cell: str) -> Any:
    """Return the user's name by environment and by number, as a child finds them."""
    with session_of(worker, PATIENT) as session:
        ran = session.run_cell(cell, 1)
        return repr(ran.failure) if ran.failure else [session.value("user"), session.value("found")]


def run_weakened(isolation: Isolation) -> dict[str, list[str]]:
    """Return what each attack of WEAKENED does where its protection alone is off."""
    sources = launch.module_sources

    def weak_sources() -> dict[str, str]:
        found = sources()
        for rule in filter(None, WEAKENED.values()):
            assert sum(text.count(rule[0]) for text in found.values()) == 1, rule
            found = {name: text.replace(*rule) for name, text in found.items()}
        return found

    no_flag = mock.patch.object(seccomp, "MSG_OOB", NOBODYS_FLAG)
    with mock.patch.object(launch, "module_sources", weak_sources), no_flag, _no_filters_kept():
        attacks = [attack for attack in load_all() if attack.name in WEAKENED]
        with Worker(isolation=isolation, warm=False) as worker, Victim() as victim:
            worker.wait_until_ready()
            ran = {
                attack.name: run_attack(
                    worker, attack, victim, patience=UNSEEN, limits=PATIENT_WITH_BYTES
                )
                for attack in attacks
            }
    return {name: result.succeeded for name, (result, _said) in ran.items()}


def within_reach(level: str) -> dict[str, bool]:
    """Say which attacks of WEAKENED nothing else stops here."""
    return {
        "53_more_processors": len(os.sched_getaffinity(0)) > 1,
        "54_out_of_band": _kernel_sends_out_of_band(),
        # Elsewhere the folder is a file system of the right size, or root looks into it.
        "55_files_in_a_closed_folder": level == "same-uid",
    }


def _kernel_sends_out_of_band() -> bool:
    one, other = socket.socketpair()
    with one, other:
        try:
            return one.send(b"!", socket.MSG_OOB) == 1
        except OSError:
            return False


def run_weakened_driver(isolation: Isolation) -> dict[str, str]:
    """Return what becomes of the driver's requests under each rule that was in its way."""
    found = {}
    sources, restrict = launch.module_sources, seccomp._restrict_sockets

    def old_sources() -> dict[str, str]:
        return {name: text.replace(*NAMING) for name, text in sources().items()}

    with mock.patch.object(launch, "module_sources", old_sources):
        found["without truncating"] = _first_refused_by(isolation)
    if not recipe(isolation.level).has_private_files:  # there a unix socket was always one's own
        closed = mock.patch.object(
            seccomp,
            "_restrict_sockets",
            lambda *rules, cuda, network: restrict(*rules, cuda=cuda and False, network=network),
        )
        with closed, _no_filters_kept():
            found["without a socket"] = _first_refused_by(isolation)
    return found


@contextlib.contextmanager
def _no_filters_kept() -> Iterator[None]:
    seccomp.compile_filter.cache_clear()
    yield
    seccomp.compile_filter.cache_clear()


def _first_refused_by(isolation: Isolation) -> str:
    with Worker(isolation=isolation, devices=CUDA, warm=False) as worker:
        return first_refused(worker)


def first_refused(worker: Worker) -> str:
    """Run the stand-in for the driver in the settings for a GPU."""
    with session_of(worker, PATIENT) as session:
        ran = session.run_cell(DRIVER.read_text(encoding="utf-8"), 1)
        return str(session.value("first_refused")()) if ran.failure is None else repr(ran.failure)


def run_controls() -> dict[str, Any]:
    """Run each attack where nothing protects; it must succeed, or its test proves nothing."""
    # Attacks import them too, in seconds of their own: too few where the machine has much to do.
    import otter.test_files  # noqa: F401
    import torch  # noqa: F401

    results: dict[str, Any] = {}
    files = files_of_the_course()
    with Worker(isolation=Isolation("none"), libraries=("torch",), files=files) as worker:
        for attack in load_all():
            if attack.control is not None:
                continue
            started = time.monotonic()
            result = Result("fooled") if _fools_a_judge_inside(attack) else None
            if result is None:
                with Victim() as victim:
                    result, said = run_attack(worker, attack, victim, patience=UNSEEN)
                    harm = victim.harm()
                    if victim.token in said:
                        result.succeeded.append("read the canary")
                    result.succeeded += harm
                if attack.threat == 19:
                    result.succeeded += honest_problems(worker)
                    for place in ("/tmp", "/dev/shm"):  # noqa: S108 - where it put them
                        Path(place, "note-for-the-next").unlink(missing_ok=True)
            # Ending the process, or never answering, would end or stop a judge in the same one.
            fatal = result.outcome in {"fooled", "killed", "timeout", "error"}
            if not (result.succeeded or fatal):
                result.problems.append(f"did nothing where nothing protects: {result}")
            result.seconds = round(time.monotonic() - started, 2)
            results[attack.name] = asdict(result)
    return {"results": results}


def _fools_a_judge_inside(attack: Attack) -> bool:
    """Judge in a process that the attack shares, as a kernel does."""
    if attack.expect != {"fails"}:
        return False
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        os.chdir(tempfile.mkdtemp())
        with contextlib.suppress(BaseException):
            space: dict[str, Any] = {}
            exec(PRELUDE + attack.source, space)  # noqa: S102 - that is the point
            space.pop("late", None)
            os._exit(0 if _ask(space["answer"], attack, UNTIL_RIGHT) == "denied" else 1)
        os._exit(2)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def deny_namespaces() -> None:
    """Refuse what Docker's default filter refuses, for this process and all below it."""
    import pyseccomp

    chosen = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    refuse = pyseccomp.ERRNO(errno.EPERM)
    for name in ("unshare", "setns", "mount", "umount2", "pivot_root", "keyctl", "bpf", "add_key",
                 "move_mount", "fsopen", "open_tree", "ptrace", "process_vm_readv"):  # fmt: skip
        chosen.add_rule(refuse, name)
    chosen.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    for flag in (0x10000000, 0x20000, 0x20000000, 0x40000000, 0x08000000, 0x04000000):
        chosen.add_rule(refuse, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, flag, flag))
    chosen.load()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("level")
    parser.add_argument("--deny-namespaces", action="store_true")
    parser.add_argument("--own-processes", action="store_true")
    parser.add_argument("--by-level", action="store_true", help="without what no level decides")
    parser.add_argument("--only", metavar="TEXT", help="the attacks whose name contains this")
    options = parser.parse_args()
    if options.deny_namespaces:
        deny_namespaces()
    out, sys.stdout = sys.stdout, io.StringIO()
    if options.level == "none":
        found = run_controls()
    else:
        attacks = load_all(options.only)
        if not options.own_processes:
            attacks = [attack for attack in attacks if attack.name != "22_signal_everybody"]
        found = run_level(options.level, attacks, by_level=options.by_level)
    json.dump(found, out)


if __name__ == "__main__":
    main()
