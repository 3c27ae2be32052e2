"""The pages say what is so: their commands, their tables, their pictures and their links."""

import functools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from grader.commands.app import commands
from grader.sandbox.levels.tables import gaps_table, levels_table
from tests.conftest import REPOSITORY
from tests.support.commands import run

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
INSIDE = (REPOSITORY / "grader" / "README.md").read_text(encoding="utf-8")
PAGES = (
    "README.md", "grader/README.md", ".github/CONTRIBUTING.md", ".github/CLUSTER.md",
    ".github/OTTER.md", ".github/PLATFORMS.md", ".github/REVIEW.md",
    "tests/hostile/THREATS.md", "tests/hostile/FUZZING.md",
)  # fmt: skip
LONGEST = 150  # lines of the README: two screens to what each reader needs


@functools.cache
def help_of(command: str) -> str:
    done = run(command, "--help")
    assert done.returncode == 0, done.stderr
    return done.stdout


def page(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


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
    assert "Usage:" in help_of(name)


def test_the_list_of_commands_says_of_each_in_one_line_what_it_is_for() -> None:
    done = run("--help")
    listed = done.stdout.partition("Commands:\n")[2].splitlines()
    assert [line.split()[0] for line in listed] == list(commands())
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


@pytest.mark.parametrize("name", PAGES)
def test_every_option_that_a_page_shows_exists(name: str) -> None:
    for block in re.findall(r"```(?:text|bash)\n(.*?)```", page(name), flags=re.DOTALL):
        for line in block.splitlines():
            found = re.match(r"grader (\w+)", line)
            if not found:
                continue
            text = help_of(found[1])
            for option in re.findall(r"\s(--?[a-z][\w-]*)", line.split("#")[0]):
                assert option in text, f"{line}: there is no {option}"


def test_the_tables_of_levels_and_known_gaps_are_the_recipes() -> None:
    assert "(grader/README.md#isolation)" in README
    assert levels_table() in INSIDE
    assert gaps_table() in INSIDE


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= LONGEST


def test_every_picture_is_there_and_described() -> None:
    pictures = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", README)
    assert len(pictures) >= 2
    for description, place in pictures:
        assert len(description) > 20
        assert (REPOSITORY / place).is_file(), place


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", page(name)):
        place, _, heading = target.partition("#")
        if place.startswith("https://"):
            continue
        file = ((REPOSITORY / name).parent / place).resolve() if place else REPOSITORY / name
        assert file.exists(), f"{name} links to {target}"
        if heading:
            titles = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in {title.lower().replace(" ", "-") for title in titles}, target


@pytest.mark.parametrize("name", PAGES)
def test_every_file_that_a_page_names_exists(name: str) -> None:
    roots = [REPOSITORY, REPOSITORY / "grader", (REPOSITORY / name).parent]
    for told in re.findall(r"`([\w./-]+/(?:[\w.-]+\.py)?)`", page(name)):
        # A folder that is an output, or one of a course, is no part of the repository's top.
        if told.endswith(".py") or told.split("/")[0] in {"grader", "tests", "sandbox"}:
            assert any((root / told).exists() for root in roots), f"{name} names {told}"


def test_the_licence_is_where_the_project_says() -> None:
    project = tomllib.loads(page("pyproject.toml"))["project"]
    (place,) = project["license-files"]
    assert place.startswith("grader/")  # so that it goes wherever the package goes
    assert page(place).startswith(f"{project['license']} License")


@pytest.mark.needs("git")
def test_the_top_level_holds_what_the_design_names() -> None:
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True, cwd=REPOSITORY
    ).stdout.splitlines()
    top = {Path(name).parts[0] for name in tracked}
    allowed = {"assignments", "solutions", "grader", "tests", "pyproject.toml", "README.md"}
    assert {name for name in top if not name.startswith(".")} == allowed
