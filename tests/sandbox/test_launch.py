"""What a worker is handed: our code and the fonts, with nothing in it that says where it lies."""

import json
import marshal
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from grader.model import Isolation, Limits
from grader.sandbox import Worker, launch
from grader.sandbox.levels import fonts


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


def font(name: str, path: str) -> dict[str, object]:
    return {
        "fname": path, "index": 0, "name": name, "style": "normal", "variant": "normal",
        "weight": 400, "stretch": "normal", "size": "scalable", "__class__": "FontEntry",
    }  # fmt: skip


@pytest.fixture
def listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of fonts as matplotlib writes it: its own, the system's, and two of a home."""
    from matplotlib.font_manager import FontManager

    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = [
        font("Own", "fonts/ttf/DejaVuSans.ttf"),
        font("System", "/usr/share/fonts/System.ttf"),
        font("Home", "/home/ada/.fonts/Home.ttf"),
        font("Led out", "/usr/../home/ada/Led.ttf"),
    ]
    path = tmp_path / "matplotlib" / f"fontlist-v{FontManager.__version__}.json"
    path.parent.mkdir()
    whole = {
        "_version": FontManager.__version__, "_FontManager__default_weight": "normal",
        "default_size": None, "defaultFamily": {"ttf": "DejaVu Sans", "afm": "Helvetica"},
        "afmlist": [], "ttflist": found, "__class__": "FontManager",
    }  # fmt: skip
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def test_a_worker_is_told_which_fonts_there_are_but_for_those_of_a_home(listed: Path) -> None:
    told = fonts.lists()
    assert [*told] == [listed.name]
    assert "/home/ada" not in told[listed.name]
    names = (
        "sorted(font.name for font in __import__('matplotlib').font_manager.fontManager.ttflist)"
    )
    with Worker(libraries=("matplotlib.pyplot",)) as worker:
        child = worker.session(Limits(), deadline=time.monotonic() + 600)
        assert child.run_cell(f"import os\nnames = {names}\nleft = os.listdir()", 1).failure is None
        assert child.value("names") == ["Own", "System"]
        assert child.value("left") == []
        child.close()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"ttflist": [{}], "afmlist": []}'])
def test_a_list_that_is_none_is_not_handed_over(listed: Path, text: str) -> None:
    listed.write_text(text, encoding="utf-8")
    assert fonts.lists() == {}


def test_who_keeps_new_files_to_oneself_can_isolate_as_well(isolation: Isolation) -> None:
    """What a worker lays out is for another uid to read."""
    before = os.umask(0o077)
    try:
        with (
            Worker(isolation=isolation, warm=False) as worker,
            worker.session(Limits(), deadline=time.monotonic() + 600) as child,
        ):
            assert child.run_cell("x = 1", 1).failure is None
    finally:
        os.umask(before)
