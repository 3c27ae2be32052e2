"""Long computations whose results tests look at, made in another process while other tests run.

Most tests keep one core busy. A test module that judges a whole assignment, or runs notebooks in a
kernel, names its computations, and asks for their results later:

    WORK_AHEAD = {"softmax": ("judge_solutions", "softmax")}  # a name: a function, its arguments

    def test_the_reference_has_full_marks(ahead: Ahead) -> None:
        assert ahead.result(__name__, "softmax").reports["reference"].score == 17

The computations of the modules that pytest selected begin with the first test, one after the other
and with a little less of the machine than the tests, and these modules' tests come last. An
exception of a computation is raised where its result is asked for. Arguments and results are
pickled.
"""

import contextlib
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
ALONE = "GRADER_TESTS_ALONE"  # set where nothing runs beside the computations
NICENESS = 5
LOOK_SECONDS = 0.05
LAST_WORDS = 2_000  # characters

Work = tuple[str, str]  # a module and a name of its WORK_AHEAD


class WorkFailedError(Exception):
    """A computation raised something; the words are its traceback."""


def cores() -> int:
    """Return how many jobs a computation may have: the other core, or both where it has both."""
    return 2 if os.environ.get(ALONE) else 1


class Ahead:
    """The process that works, and where it leaves its results."""

    def __init__(self, works: Sequence[Work], *, alone: bool) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ahead-")
        self._words = tempfile.TemporaryFile()  # noqa: SIM115 - closed at the end
        self._works = tuple(works)
        self._alone = alone
        self._process: subprocess.Popen[bytes] | None = None
        self._held: dict[Work, Any] = {}

    def begin(self) -> None:
        """Start working, if there is anything to do."""
        if not self._works or self._process is not None:
            return
        command = [sys.executable, "-m", "tests.support.ahead", self._folder.name]
        self._process = subprocess.Popen(
            [*command, *(f"{module}:{name}" for module, name in self._works)],
            cwd=REPOSITORY,
            env={**os.environ, **({ALONE: "1"} if self._alone else {})},
            # A kernel's warnings belong to no test; what ended this process is said with its end.
            stdout=self._words,
            stderr=self._words,
            start_new_session=True,
        )

    def result(self, module: str, name: str) -> Any:
        """Return what a computation came to, once it is there."""
        work = (module, name)
        if work not in self._held:
            self._held[work] = self._wait_for(work)
        done, value = self._held[work]
        if done == "returned":
            return value
        if done == "skipped":
            pytest.skip(value)
        if done == "failed":
            pytest.fail(value, pytrace=False)
        raise WorkFailedError(value)

    def _wait_for(self, work: Work) -> tuple[str, Any]:
        if work not in self._works:
            raise LookupError(f"{work[0]} has no {work[1]!r} in WORK_AHEAD, or was not selected.")
        assert self._process is not None
        path = _place(Path(self._folder.name), work)
        while not path.exists():
            if self._process.poll() is not None and not path.exists():
                raise WorkFailedError(
                    f"The process ended with {self._process.returncode}: {self._last_words()}"
                )
            time.sleep(LOOK_SECONDS)
        found: tuple[str, Any] = pickle.loads(path.read_bytes())  # noqa: S301 - our own process's
        return found

    def _last_words(self) -> str:
        self._words.seek(0)
        return self._words.read().decode(errors="replace")[-LAST_WORDS:] or "it said nothing"

    def end(self) -> None:
        """Stop working, with whatever was started for it."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._words.close()
        self._folder.cleanup()


def _place(folder: Path, work: Work) -> Path:
    return folder / f"{work[0]}-{work[1]}.pickle"


def _do(module: str, name: str) -> tuple[str, Any]:
    try:
        loaded = importlib.import_module(module)
        function, *arguments = loaded.WORK_AHEAD[name]
        return "returned", getattr(loaded, function)(*arguments)
    except pytest.skip.Exception as lacking:
        return "skipped", str(lacking)
    except pytest.fail.Exception as lacking:
        return "failed", str(lacking)
    except Exception:  # noqa: BLE001 - whoever asks for the result is told
        return "raised", traceback.format_exc()


def main(folder: Path, works: Sequence[str]) -> None:
    """Do one computation after the other; each result is there at once and whole."""
    os.nice(NICENESS)
    for text in works:
        module, _, name = text.partition(":")
        path = _place(folder, (module, name))
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(pickle.dumps(_do(module, name)))
        unfinished.rename(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
