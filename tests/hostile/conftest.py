"""Runs the attacks once for each place, two places at a time, and prints the table at the end."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import places  # noqa: E402 - it lies beside this file, and these tests are no package

from tests.support import requirements  # noqa: E402

SECONDS = 240
FINISHED = pytest.StashKey[dict[str, dict[str, Any]]]()


class Runs:
    """The results of each place, which arrive while the first are already being looked at."""

    def __init__(self, finished: dict[str, dict[str, Any]]) -> None:
        self._finished = finished
        self._pool = ThreadPoolExecutor(max_workers=2)
        self._started: dict[str, Future[dict[str, Any]]] = {}

    def start(self) -> None:
        for place in places.find()[0]:
            if not any(requirements.lacking(name) for name in needs(str(place))):
                self._started[str(place)] = self._pool.submit(self._run, place)

    def _run(self, place: places.Place) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as home, tempfile.TemporaryFile() as errors:
            Path(home).chmod(0o777)
            environment = {
                **os.environ, "HOME": home, "PYTHONPATH": str(places.ROOT),
                "PYTHONDONTWRITEBYTECODE": "1",
            }  # fmt: skip
            done = subprocess.run(
                place.command, stdout=subprocess.PIPE, stderr=errors, timeout=SECONDS,
                env=environment, cwd=tempfile.gettempdir(), check=False,
            )  # fmt: skip
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace")[-2_000:]
        found = json.loads(done.stdout) if done.returncode == 0 else {"error": said}
        self._finished[str(place)] = found
        return found

    def of(self, place: str) -> dict[str, Any]:
        """Return what the attacks came to there, or skip what this machine has not."""
        if place not in self._started:
            requirements.require(*needs(place))
            pytest.fail(f"{place} is not among the places of this machine")
        return self._started[place].result()

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def needs(place: str) -> list[str]:
    """Return the requirements of a place, by its identity and its level."""
    identity, _, level = place.partition("-")
    wanted = ["root"] if identity == "root" else []
    if level != "none":
        wanted.append("seccomp")
    if level in {"same-uid", "container-uid"}:
        wanted.append("landlock")
    as_root = requirements.lacking("root") == ""
    # Root runs all but its own container-uid in namespaces of their own, a user all but same-uid.
    if place != ("root-container-uid" if as_root else "user-same-uid"):
        wanted.append("namespaces")
    return wanted


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    finished: dict[str, dict[str, Any]] = {}
    request.config.stash[FINISHED] = finished
    started = Runs(finished)
    started.start()
    yield started
    started.close()


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    finished = config.stash.get(FINISHED, {})
    shown = {name: run["results"] for name, run in finished.items() if "results" in run}
    if not shown:
        return
    terminalreporter.section("attacks by place")
    names = sorted({name for results in shown.values() for name in results})
    terminalreporter.write_line(f"{'':34}" + "".join(f"{name:>20}" for name in sorted(shown)))
    for name in names:
        row = f"{name:34}"
        for place in sorted(shown):
            result = shown[place].get(name)
            word = "-" if result is None else result["outcome"]
            if result is not None and place.endswith("none"):
                word = "SUCCEEDS" if not result["problems"] else "?"
            elif result is not None and result["succeeded"]:
                word = "known gap"
            row += f"{word + ('!' if result and result['problems'] else ''):>20}"
        terminalreporter.write_line(row)
