"""What a machine lacks is skipped by name with the way to get it, and is a failure in CI."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import STARTED
from tests.support import requirements

LACKING = {"git": "git: sudo apt install git", "gpu": "a GPU", "root": ""}


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine that lacks some things and has the last."""
    probes = {name: lambda name=name: LACKING[name] for name in LACKING}
    monkeypatch.setattr(requirements, "PROBES", probes)
    requirements.lacking.cache_clear()
    yield
    requirements.lacking.cache_clear()


@pytest.mark.usefixtures("bare")
def test_what_is_there_is_no_matter() -> None:
    requirements.require("root")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("name", ["git", "gpu"])
def test_what_lacks_is_skipped_by_name_with_the_way_to_get_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"needs {LACKING[name]}"):
        requirements.require("root", name)


@pytest.mark.usefixtures("bare")
def test_in_ci_only_a_gpu_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="CI must have git: sudo apt install git"):
        requirements.require("git")
    with pytest.raises(pytest.skip.Exception):
        requirements.require("gpu")


def test_a_requirement_that_is_misspelt_fails_on_every_machine() -> None:
    """Else it would only be noticed where something lacks."""
    with pytest.raises(KeyError):
        requirements.require("browsers")


def test_the_machine_is_not_looked_at_before_a_test_begins(request: pytest.FixtureRequest) -> None:
    assert request.config.stash[STARTED] == []


@pytest.mark.parametrize(("ci", "counts"), [("", "1 skipped"), ("true", "1 error")])
def test_the_summary_names_what_was_not_run(
    repository: Path, tmp_path: Path, ci: str, counts: str
) -> None:
    """A machine without git, and nothing else on its path either."""
    which = "tests/test_readme.py::test_the_top_level_holds_what_the_design_names"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", which],
        cwd=repository, env={**os.environ, "PATH": str(tmp_path), "CI": ci},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert counts in done.stdout
    assert done.returncode == (0 if ci == "" else 1)
    said = [line for line in done.stdout.splitlines() if "sudo apt install git" in line]
    assert said
    if not ci:
        assert "not run on this machine" in done.stdout
        assert said == ["1 test: needs " + requirements.NO_GIT]
