"""Where on this machine the attacks can be run: as whom, and at which level."""

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MATRIX = Path(__file__).with_name("matrix.py")
# Uids without an account: ordinary users as far as the kernel cares. Each level has its own, since
# the kernel's limit of tasks counts whatever else a user runs, as another place does.
ORDINARY = {"same-uid": 58_999, "strong": 58_998, "none": 58_997}
ROOTS = dict.fromkeys(("strong", "container-uid"))


@dataclass(frozen=True)
class Place:
    """An identity and a level, and the command that runs the attacks there."""

    identity: str
    level: str
    command: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.identity}-{self.level}"


def of_every_machine() -> str:
    """Return the place that there is without namespaces: as whoever runs this, at their level."""
    return "root-container-uid" if os.geteuid() == 0 else "user-same-uid"


def _arguments(who: str, level: str, *, own_processes: bool) -> list[str]:
    command = [sys.executable, str(MATRIX), level]
    if f"{who}-{level}" != of_every_machine():
        command.append("--by-level")
    if level in {"container-uid", "same-uid"}:
        command.append("--deny-namespaces")
    return [*command, "--own-processes"] if own_processes else command


def _closed_ancestors(paths: list[Path]) -> dict[Path, list[Path]]:
    """Map folders that an ordinary user may not enter to what is needed below them."""
    closed: dict[Path, list[Path]] = {}
    for path in paths:
        for ancestor in reversed(path.parents):
            if not ancestor.stat().st_mode & 0o001:
                closed.setdefault(ancestor, []).append(path)
                break
    return closed


def _opened(command: list[str], uid: int | None) -> tuple[str, ...]:
    """Run a command among processes and mounts of its own, where everybody may read Python.

    uid: as whom, or None for root.
    """
    needed = [Path(sys.base_prefix).resolve(), Path(sys.prefix), ROOT]
    script = ["set -e", "stage=$(mktemp -d)", 'mount -t tmpfs stage "$stage"']
    for ancestor, paths in _closed_ancestors(needed).items():
        for number, path in enumerate(paths):
            script.append(f'mkdir -p "$stage/{number}"')
            script.append(f'mount --bind {shlex.quote(str(path))} "$stage/{number}"')
        script.append(f"mount -t tmpfs -o mode=0755 closed {shlex.quote(str(ancestor))}")
        for number, path in enumerate(paths):
            script.append(f"mkdir -p {shlex.quote(str(path))}")
            script.append(f'mount --bind "$stage/{number}" {shlex.quote(str(path))}')
    if uid is not None:
        who = f"--reuid={uid} --regid={uid} --clear-groups"
        command = ["setpriv", *who.split(), *command]
    # The shell stays the first process: its number must not be the judge's.
    script.append(f"{shlex.join(command)}; exit $?")
    unshare = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    return (*unshare, "sh", "-c", "\n".join(script))


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def find() -> tuple[list[Place], list[str]]:
    """Return where the attacks can be run here, and in words where they cannot."""
    if os.geteuid() == 0:
        if not _works(["unshare", "--mount", "--pid", "--fork", "--mount-proc", "true"]):
            alone = tuple(_arguments("root", "container-uid", own_processes=False))
            return [Place("root", "container-uid", alone)], [
                "strong, and everything as an ordinary user: this root may not make namespaces"
            ]
        places = [
            Place(who, level, _opened(_arguments(who, level, own_processes=True), uids[level]))
            for who, level, uids in (
                ("root", "strong", ROOTS), ("user", "same-uid", ORDINARY),
                ("root", "container-uid", ROOTS), ("user", "strong", ORDINARY),
                ("user", "none", ORDINARY),
            )
        ]  # fmt: skip
        return places, []
    apart = ["unshare", "--user", "--map-current-user", "--pid", "--fork", "--mount-proc"]
    own = _works([*apart, "true"])
    # The shell stays the first process: its number must not be the judge's.
    prefix = [*apart, "sh", "-c", '"$@"; exit $?', "sh"] if own else []
    absent = ["everything as root: this is an ordinary user"]
    levels = ["strong", "same-uid", "none"] if own else ["same-uid"]
    if not own:
        absent.append("strong and the controls: this user may not make namespaces")
    commands = {level: _arguments("user", level, own_processes=own) for level in levels}
    return [Place("user", level, (*prefix, *words)) for level, words in commands.items()], absent
