"""What some tests need of a machine: how to tell, how to get it, and what is said where it lacks.

A test names it, `@pytest.mark.needs("git")`, or a fixture asks for it, `require("isolation")`. The
machine is looked at when the first such test begins, and only once. What it lacks is skipped with
the way to get it; under CI=true that is a failure, but for a GPU.
"""

import functools
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.support import sharing

ROOT = Path(__file__).resolve().parents[2]
NO_GIT = "git and a clone of the repository: sudo apt install git, then git clone"
OPTIONAL_IN_CI = frozenset({"gpu"})


# In a process of its own, because playwright itself cannot start where a library is missing.
START_A_BROWSER = """
import json, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    playwright.chromium.launch(**json.loads(sys.argv[1])).close()
"""


def _browser() -> str:
    if _succeeds([sys.executable, "-c", START_A_BROWSER, json.dumps(browser_options())]):
        return ""
    return "a browser: sudo apt install chromium, or playwright install --with-deps chromium"


# Likewise, because a worker that cannot start leaves open files behind, whose warnings are errors.
PROVE_ISOLATION = """
from grader.errors import IsolationError
from grader.sandbox.proof.probes import choose_isolation
try:
    choose_isolation()
except IsolationError as problem:
    print(problem)
"""


def _isolation() -> str:
    command = [sys.executable, "-c", PROVE_ISOLATION]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    problem = done.stdout.removeprefix("This machine cannot isolate student code: ")
    return f"isolation of student code: {problem}" if problem else ""


def _namespaces() -> str:
    who = [] if os.geteuid() == 0 else ["--user", "--map-current-user"]
    command = ["unshare", *who, "--mount", "--pid", "--fork", "--mount-proc", "true"]
    if _succeeds(command):
        return ""
    return (
        "namespaces (`unshare` of util-linux): run them outside a container, or in one with "
        "--privileged"
    )


def _root() -> str:
    return "" if os.geteuid() == 0 else "root: sudo, or root in a container"


def _git() -> str:
    if _succeeds(["git", "-C", str(ROOT), "ls-files", "--error-unmatch", "README.md"]):
        return ""
    return NO_GIT


def _seccomp() -> str:
    try:
        importlib.import_module("pyseccomp")
    except (ImportError, OSError, RuntimeError):
        return "libseccomp: sudo apt install libseccomp2, or sudo dnf install libseccomp"
    return ""


def _landlock() -> str:
    from grader.sandbox.levels.host import landlock_abi
    from grader.sandbox.levels.recipes import TRUNCATING_LANDLOCK

    if landlock_abi() >= TRUNCATING_LANDLOCK:
        return ""
    return "Landlock 3: Linux 6.2 or later, with landlock among its security modules"


def _hatchling() -> str:
    """What builds the wheel; pip fetches it as a user's would."""
    with tempfile.TemporaryDirectory() as folder:
        fetch = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", folder]
        if _succeeds([*fetch, "hatchling>=1.27"]):
            return ""
    return "hatchling, which builds the wheel: a package index that pip can reach"


def _gpu() -> str:
    torch = importlib.import_module("torch")
    return "" if torch.cuda.is_available() else "a CUDA device: a machine with an NVIDIA GPU"


def _shared(probe: Callable[[], str]) -> Callable[[], str]:
    """Let one process of this run look, for what takes seconds."""
    return lambda: sharing.once(probe.__name__, lambda _folder: probe())


PROBES: dict[str, Callable[[], str]] = {
    "browser": _shared(_browser),
    "git": _git,
    "gpu": _gpu,
    "hatchling": _shared(_hatchling),
    "isolation": _shared(_isolation),
    "landlock": _landlock,
    "namespaces": _namespaces,
    "root": _root,
    "seccomp": _seccomp,
}


def browser_options() -> dict[str, Any]:
    """Return how to launch the distribution's Chromium, or else the one that playwright brings."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    return {"executable_path": found, "args": flags}


def _succeeds(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@functools.cache
def lacking(name: str) -> str:
    """Return what this machine lacks and how to get it in one line, "" where it has it."""
    return PROBES[name]()


def require(*names: str) -> None:
    """Skip the test that asks unless this machine has all of it; fail it where CI has not."""
    for name in names:
        if what := lacking(name):
            _end(name, " ".join(what.split()))


def _end(name: str, what: str) -> NoReturn:
    if os.environ.get("CI") == "true" and name not in OPTIONAL_IN_CI:
        pytest.fail(f"CI must have {what}", pytrace=False)
    pytest.skip(f"needs {what}")
