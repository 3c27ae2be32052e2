"""How many processes share the tests, what they share, and which tests stay together in one.

A module's tests stay together, so that its fixtures are made once. A last parameter whose id begins
with "@" parts a module: of `test_a[x-@one]`, `test_b[@one]` and `test_b[@two]` the first two stay
together. Modules marked `long` begin first, so that no process is left alone with one at the end.
Modules that need the worker that knows Triton stay together, so that it is started once.
"""

import fcntl
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MOST = 4  # processes, each of which holds torch, a worker and what its tests judge
PART = re.compile(r"[\[-]@(\w[\w-]*)\]$")
FOLDER = "GRADER_TESTS_FOLDER"  # names, in the environment, what the processes of one run share
WITH_KERNELS = (
    "course/test_attention_proof.py", "sandbox/test_addresses.py", "sandbox/test_bench.py",
    "sandbox/test_past_the_end.py", "sandbox/test_sandbox_cuda.py",
)  # fmt: skip
Tables = dict[str, dict[str, dict[str, str]]]  # by title, column and row


def processes(config: pytest.Config) -> int:
    """Return in how many processes to run: as many as cores where whole folders are asked for.

    With one more a whole run on two cores took longer, though tests wait for a part of their time.
    """
    chosen = config.option.keyword or config.option.markexpr or config.option.usepdb
    if chosen or not all((config.invocation_params.dir / name).is_dir() for name in config.args):
        return 0
    cores = min(len(os.sched_getaffinity(0)), MOST)
    return cores if cores > 1 else 0


def is_shared(config: pytest.Config) -> bool:
    """Tell whether this process has only some of the tests."""
    return hasattr(config, "workerinput")


def open_folder(config: pytest.Config) -> None:
    """Make the folder that all processes of this run share, and remove it when the run is over."""
    if is_shared(config):
        return
    before, folder = os.environ.get(FOLDER), tempfile.mkdtemp(prefix="shared-")
    Path(folder).chmod(0o755)  # other users run the Python that lies there
    os.environ[FOLDER] = folder

    def close() -> None:
        # In a tenth of what Python takes; by its path, as a test may have no other.
        subprocess.run(["/bin/rm", "-rf", folder], check=True)
        os.environ.pop(FOLDER)
        if before is not None:
            os.environ[FOLDER] = before

    config.add_cleanup(close)


def once(name: str, make: Callable[[Path], str]) -> str:
    """Return what `make` has returned to the first process of this run that asked for this name.

    It is given a new folder, which stays until the run is over. The others wait for it.
    """
    folder = Path(os.environ[FOLDER], name)
    folder.mkdir(mode=0o755, exist_ok=True)
    kept = folder / "made.txt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            made = make(Path(tempfile.mkdtemp(dir=folder)))
            kept.write_text(made, encoding="utf-8")
        return kept.read_text(encoding="utf-8")


def jobs() -> int:
    """Return how many grader processes a test may have: both cores, or one of them."""
    return 1 if "PYTEST_XDIST_WORKER" in os.environ else 2


def together(nodeid: str) -> str:
    """Return the name of what a test stays together with."""
    module = nodeid.partition("::")[0]
    if module.endswith(WITH_KERNELS):
        return "with kernels"
    found = PART.search(nodeid)
    return module + (f" {found[1]}" if found else "")


def scheduler(config: pytest.Config, log: Any) -> Any:
    """Return what hands one module after the other to whichever process has nothing left."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModule(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    config.option.loadscopereorder = False  # as collected, with the long ones first
    return ByModule(config, log)


def merge(tables: Tables, more: Tables) -> None:
    """Add another process's columns to those that are here."""
    for title, columns in more.items():
        tables.setdefault(title, {}).update(columns)


def lines(columns: dict[str, dict[str, str]]) -> list[str]:
    """Return a table as lines; what a column lacks is a dash."""
    names, rows = sorted(columns), sorted({row for column in columns.values() for row in column})
    head = f"{'':34}" + "".join(f"{name:>20}" for name in names)
    cells = (
        f"{row:34}" + "".join(f"{columns[n].get(row, '-'):>20}" for n in names) for row in rows
    )
    return [head, *cells]
