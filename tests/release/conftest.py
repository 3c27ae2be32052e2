"""The wheel, built once, and a Python into which it is installed."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import notebooks
from grader.model import Assignment
from grader.verify.agreement import stub_names
from tests.conftest import REPOSITORY
from tests.support import requirements, sharing


@pytest.fixture(scope="session")
def built() -> Path:
    requirements.require("hatchling")
    return Path(sharing.once("wheel", _build))


def _build(folder: Path) -> str:
    pip(sys.executable, "wheel", "--no-deps", "-w", folder, REPOSITORY)
    (made,) = folder.glob("*.whl")
    return str(made)


@pytest.fixture(scope="session")
def environment(built: Path, image: Path) -> Path:
    return Path(sharing.once("environment", lambda folder: _install(image, folder, built)))


def _install(image: Path, folder: Path, built: Path) -> str:
    make_environment(image, folder, built)
    return str(folder)


def only_what_is_checked(assignment: Assignment) -> Callable[[list[dict[str, object]]], None]:
    """Drop the lesson's own cells of code, but for that which brings the public tests."""
    needed = notebooks.essential(assignment.notebook.read_bytes(), stub_names(assignment))
    kept = {cell["id"] for cell in json.loads(needed)["cells"]} | {"public-tests", "setup"}

    def drop(cells: list[dict[str, object]]) -> None:
        cells[:] = [cell for cell in cells if cell["id"] in kept]

    return drop


def make_environment(image: Path, folder: Path, *wanted: object) -> Path:
    """Make an environment with what is wanted, on a Python that has everything else."""
    options = ["--system-site-packages", "--without-pip"]
    subprocess.run([image, "-m", "venv", *options, folder], check=True)
    python = folder / "bin" / "python"
    pip(sys.executable, "--python", python, "install", "--no-deps", "--no-compile",
        "--ignore-installed", *wanted)  # fmt: skip
    return python


def pip(python: object, *arguments: object) -> None:
    command = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def run(environment: Path, cwd: Path, *command: object) -> str:
    inherited = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    program, *rest = map(str, command)
    done = subprocess.run(
        [str(environment / "bin" / program), *rest], cwd=cwd, env=inherited, check=False,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
