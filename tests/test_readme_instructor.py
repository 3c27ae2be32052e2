"""The README's walk for instructors, run as it is printed."""

import json
import re
import shlex
from pathlib import Path

import pytest

from tests.support.commands import run

pytestmark = pytest.mark.long

SECTION = re.compile(r"^## For instructors$(.*?)^## ", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
GATES = {
    "stubs", "notebook", "points", "rubric", "promises", "leaks", "reference", "empty", "attackers",
    "correct", "wrong", "cases", "seeds", "jupyter", "alarms", "mutants", "needed", "released",
    "readable",
}  # fmt: skip


@pytest.fixture(scope="module")
def section(repository: Path) -> str:
    found = SECTION.search((repository / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no section for instructors"
    return found[1]


@pytest.mark.needs("isolation")
def test_the_walk_from_new_to_release_runs(section: str, tmp_path: Path) -> None:
    (walk,) = BLOCK.findall(section)
    lines = [shlex.split(line, comments=True) for line in walk.splitlines()]
    assert [words[:2] for words in lines] == [
        ["grader", "new"], ["grader", "verify"], ["grader", "verify"], ["grader", "release"],
    ]  # fmt: skip
    for _, *words in lines:
        done = run(*words, cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    dist = tmp_path / "dist" / "sums"
    manifest = json.loads((dist / "release.json").read_text(encoding="utf-8"))
    assert manifest["forced"] is False
    assert set(manifest["gates"]) == GATES
    assert set(manifest["gates"].values()) == {"passed"}
    assert manifest["kill_rates"]["together"]["rate"] == 1
    assert manifest["kill_rates"]["together"]["killed"] >= 7
    table = section.partition("in `dist/<slug>/`")[2].partition("```")[0]
    promised = re.findall(r"`([\w<>./]+)`", table)
    files = [name.replace("<slug>", "sums") for name in promised if "." in name]
    assert len(files) >= 6
    assert all((dist / name).is_file() for name in files if name != "assignment.toml"), files
