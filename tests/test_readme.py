"""The README says what is so: its commands, its tables, and the page of each reader."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from grader.commands.main import commands
from grader.sandbox.levels.tables import gaps_table, levels_table
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_the_two_commands_are_there_and_ci_runs_the_second() -> None:
    assert "pip install -e . && grader demo" in README
    assert 'pip install -e ".[test]" && pytest' in README
    script = (REPOSITORY / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert 'pip install -q -e ".[test]"' in script
    assert "pytest" in script


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented(name: str) -> None:
    assert re.search(rf"grader {name}\b", README), f"the README does not show `grader {name}`"


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_explains_itself(name: str) -> None:
    program = [sys.executable, "-m", "grader", name, "--help"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    assert "Usage:" in done.stdout


def test_every_option_that_the_readme_shows_exists() -> None:
    for block in re.findall(r"```(?:text|bash)\n(.*?)```", README, flags=re.DOTALL):
        for line in block.splitlines():
            found = re.match(r"grader (\w+)", line)
            if not found:
                continue
            program = [sys.executable, "-m", "grader", found[1], "--help"]
            text = subprocess.run(program, capture_output=True, text=True, check=True).stdout
            for option in re.findall(r"\s(--?[a-z][\w-]*)", line.split("#")[0]):
                assert option in text, f"{line}: there is no {option}"


def test_the_tables_of_levels_and_known_gaps_are_the_recipes() -> None:
    assert levels_table() in README
    assert gaps_table() in README


def test_every_picture_is_there_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for description, place in pictures:
        assert len(description) > 20
        assert (REPOSITORY / place).is_file(), place


@pytest.mark.needs("git")
def test_the_top_level_holds_what_the_design_names() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.splitlines()
    top = {Path(name).parts[0] for name in tracked}
    allowed = {"assignments", "solutions", "grader", "tests", "pyproject.toml", "README.md"}
    assert {name for name in top if not name.startswith(".")} == allowed
