"""Which tests stay together, in how many processes they run, and what is shown at the end."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import sharing
from tests.support.sharing import lines, merge, together

ROOT = Path(__file__).parents[2]


def test_a_module_stays_together_but_for_the_parts_that_it_names() -> None:
    ids = ("a.py::one", "a.py::two[x-y]", "a.py::three[at@home]", "a.py::T::four[@]")
    assert {together(name) for name in ids} == {"a.py"}
    assert together("a.py::one[x-@root-strong]") == together("a.py::two[@root-strong]")
    assert together("a.py::two[@root-strong]") not in {"a.py", together("a.py::two[@strong]")}


def test_who_needs_the_worker_that_knows_triton_stays_together() -> None:
    """Those that are named are those that ask for it."""
    tests = ROOT / "tests"
    asking = [path for path in tests.rglob("test_*.py") if "kernel_worker: " in path.read_text()]
    named = {str(path.relative_to(tests)) for path in asking if path.name != "test_sharing.py"}
    assert named == set(sharing.WITH_KERNELS)
    assert len({together(f"tests/{name}::one") for name in named}) == 1


def config(folder: Path, args: Iterable[str], **options: Any) -> Any:
    option = SimpleNamespace(**{"keyword": "", "markexpr": "", "usepdb": False, **options})
    place = SimpleNamespace(dir=folder)
    return SimpleNamespace(args=list(args), option=option, invocation_params=place)


def test_folders_are_shared_among_the_cores_and_a_choice_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").touch()
    for cores, expected in ((1, 0), (2, 2), (64, sharing.MOST)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=cores: set(range(n)))
        assert sharing.processes(config(tmp_path, ["tests"])) == expected
    for args in (["tests/test_a.py"], ["tests/test_a.py::one"], ["tests", "tests/test_a.py"]):
        assert sharing.processes(config(tmp_path, args)) == 0
    for chosen in ({"keyword": "x"}, {"markexpr": "gpu"}, {"usepdb": True}):
        assert sharing.processes(config(tmp_path, ["tests"], **chosen)) == 0


def test_tables_of_several_processes_are_one_at_the_end() -> None:
    tables: sharing.Tables = {"attacks": {"here": {"01": "denied"}}}
    merge(tables, {"attacks": {"there": {"01": "fooled", "02": "killed"}}})
    head, first, second = (line.split() for line in lines(tables["attacks"]))
    assert head == ["here", "there"]
    assert (first, second) == (["01", "denied", "fooled"], ["02", "-", "killed"])


def test_what_one_process_has_made_the_others_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(sharing.FOLDER, str(tmp_path))
    ask = (
        "import sys, time\n"
        "from tests.support.sharing import once\n"
        "def make(folder):\n"
        "    time.sleep(0.2)\n"
        "    (folder / 'file').write_text('whole')\n"
        "    return str(folder)\n"
        "print(once('thing', make))"
    )
    asked = [
        subprocess.Popen([sys.executable, "-c", ask], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    (folder,) = {one.communicate()[0].strip() for one in asked}
    assert Path(folder, "file").read_text() == "whole"
    assert sharing.once("thing", lambda _: "another") == folder


def test_what_could_not_be_made_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Path) -> str:
        raise OSError("no space left")

    monkeypatch.setenv(sharing.FOLDER, str(tmp_path))
    with pytest.raises(OSError, match="no space"):
        sharing.once("thing", fail)
    assert sharing.once("thing", lambda _: "made") == "made"
