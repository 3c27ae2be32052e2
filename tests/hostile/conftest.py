"""Runs the attacks once for each place, and notes what came of them for the table at the end."""

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

from tests.conftest import TABLES  # noqa: E402
from tests.support import requirements, sharing  # noqa: E402

SECONDS = 900  # on an idle machine a place takes one
AT_ONCE = 2


class Runs:
    """The attacks at each place, run once; where nobody shares these tests, two places at once."""

    def __init__(self, tables: sharing.Tables) -> None:
        self._tables = tables
        self._places = {str(place): place for place in places.find()[0]}
        self._pool = ThreadPoolExecutor(AT_ONCE)
        self._started: dict[str, Future[dict[str, Any]]] = {}

    def start(self, place: str) -> None:
        """Start a place of this machine, unless it was started."""
        if place in self._places and place not in self._started:
            self._started[place] = self._pool.submit(self._run, self._places[place])

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
        if "results" in found:
            self._tables.setdefault("attacks by place", {})[str(place)] = {
                name: word(str(place), result) for name, result in found["results"].items()
            }
        return found

    def of(self, place: str) -> dict[str, Any]:
        """Return what the attacks came to there, or skip what this machine has not."""
        requirements.require(*needs(place))
        self.start(place)
        if place not in self._started:
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
    if place != places.of_every_machine():
        wanted.append("namespaces")
    return wanted


def word(place: str, result: dict[str, Any]) -> str:
    """Return what the table says of an attack's result."""
    outcome: str = result["outcome"]
    if place.endswith("none"):
        outcome = "?" if result["problems"] else "SUCCEEDS"
    elif result["succeeded"]:
        outcome = "known gap"
    return outcome + ("!" if result["problems"] else "")


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    started = Runs(request.config.stash[TABLES])
    if not sharing.is_shared(request.config):
        for place in asked(request.session.items):
            if not any(requirements.lacking(name) for name in needs(place)):
                started.start(place)
    yield started
    started.close()


def asked(items: list[pytest.Item]) -> list[str]:
    """Return the places that the selected tests are about."""
    calls = [getattr(item, "callspec", None) for item in items]
    return list(
        dict.fromkeys(call.params["place"] for call in calls if call and "place" in call.params)
    )
