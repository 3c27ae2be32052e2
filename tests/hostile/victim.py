"""What an attack would read or harm: the judge's things, and how they are by now."""

import contextlib
import secrets
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from grader.sandbox.proof.targets import ProtectedTargets


class Victim(ProtectedTargets):
    """The judge's things: a course folder with a secret in every file, and the probes' targets."""

    def __init__(self) -> None:
        super().__init__(token="CANARY-" + secrets.token_hex(8))

    def map(self) -> dict[str, Any]:
        places = asdict(self.places())
        del places["token"]
        folder = self.path.parent
        home, checkout = str(Path.home()), str(Path(__file__).parents[2] / "pyproject.toml")
        return {**places, "folder": str(folder), "home": home, "checkout": checkout}

    def __enter__(self) -> Self:
        super().__enter__()
        tests = self.path.parent / "tests"
        tests.mkdir()
        for name in ("tests/q1.py", "hidden.py", "reference.py"):
            (self.path.parent / name).write_text(f"EXPECTED = {self.token!r}\n")
        self._listing = self._everything()
        comm = Path(f"/proc/{self.decoy.pid}/comm")
        while comm.read_text() == Path("/proc/self/comm").read_text():
            time.sleep(0.001)  # the kernel names it a moment after it has started
        self._shown = self._shown_of_the_decoy()
        return self

    def _shown_of_the_decoy(self) -> list[str]:
        names = ("comm", "oom_score_adj", "timerslack_ns")
        found: list[str] = []
        for name in names:
            with contextlib.suppress(OSError):
                found.append(Path(f"/proc/{self.decoy.pid}/{name}").read_text())
        return found

    def _everything(self) -> dict[str, Any]:
        state = {}
        for place in sorted(self.path.parent.rglob("*")):
            seen = place.lstat()
            text = place.read_text() if place.is_file() else ""
            state[str(place)] = (text, seen.st_mode, seen.st_mtime_ns, seen.st_uid, seen.st_nlink)
        return state

    def harm(self) -> list[str]:
        found = [f"{name}: {what}" for name, what in self.damage()]
        now = self._everything()
        changed = [p for p in {*now, *self._listing} if now.get(p) != self._listing.get(p)]
        with contextlib.suppress(OSError):
            status = Path(f"/proc/{self.decoy.pid}/stat").read_text().rpartition(")")[2].split()
            if status[0] in "Tt":
                found.append("the decoy was stopped")
        if self._shown_of_the_decoy() != self._shown:
            found.append("the decoy has another name or another priority")
        return found + [f"changed: {Path(place).name}" for place in changed]
