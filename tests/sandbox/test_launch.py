"""What a worker is handed: our code, compiled, with nothing in it that says where it lies."""

import marshal
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from grader.sandbox import launch


def files_of(code: CodeType) -> Iterator[str]:
    yield code.co_filename
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from files_of(part)


def test_no_code_of_a_worker_names_its_folder() -> None:
    ours = str(Path(launch.__file__).parent).encode()
    for name, text in launch.module_sources().items():
        code = launch._compiled(name, text)
        assert {*files_of(code)} == {f"<{name}>"}
        assert ours not in marshal.dumps(code), name


def test_bytecode_of_an_installation_is_used_and_only_for_the_very_text(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    read = launch.SourceFileLoader.get_code

    def noted(loader: launch.SourceFileLoader, name: str) -> CodeType | None:
        asked.append(name)
        return read(loader, name)

    monkeypatch.setattr(launch.SourceFileLoader, "get_code", noted)
    text = launch.inside_source("files")
    for changed in ("", "\nchanged = True\n"):
        space: dict[str, object] = {"__name__": "files"}
        exec(launch._compiled.__wrapped__("sandbox.inside.files", text + changed), space)  # noqa: S102
        assert "measure" in space
        assert ("changed" in space) is bool(changed)
    assert asked == ["grader.sandbox.inside.files"]
