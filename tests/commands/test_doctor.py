"""What `grader doctor` says of a machine."""

import compileall
import importlib
from pathlib import Path

import pytest

from grader import machine
from grader.commands import examination


def test_packages_that_python_compiles_anew_each_time_are_named_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a folder" / "bare"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    importlib.invalidate_caches()
    assert machine.without_bytecode(["bare", "zlib", "no_such_package"]) == [folder]
    lines: list[str] = []
    monkeypatch.setattr(machine, "without_bytecode", lambda _packages: [folder])
    examination._versions(lines.append)
    assert "no bytecode of bare" in lines[2]
    assert lines[3] == f"  python -m compileall -q -j 0 '{folder}'"
    monkeypatch.undo()
    monkeypatch.syspath_prepend(str(folder.parent))
    assert compileall.compile_dir(folder, quiet=2)
    assert machine.without_bytecode(["bare"]) == []
