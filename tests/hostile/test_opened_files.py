"""A file whose name a student gives, opened by a test where the reference and other work lie."""

import gc
import os
import shutil
import weakref
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from grader.grading import opened_files
from grader.grading.text_read import Case
from grader.model import Status
from grader.sandbox import CannotCrossError, Worker
from tests.support.otter_assignments import OtterJudge, doctests, functions

CANARY = "CANARY-41f0d2"
# By name: what a test does with a name that the notebook gives.
USES = {
    "open": ">>> open(name).read()\n'kept'",
    "a path": ">>> from pathlib import Path\n>>> Path(name).read_text()\n'kept'",
    "NumPy": ">>> import numpy as np\n>>> np.loadtxt(name, dtype=str).tolist()\n'kept'",
    "pandas": ">>> import pandas as pd\n>>> pd.read_csv(name).columns.tolist()\n['kept']",
    "a text of the test's": ">>> eval('open(name).read()')\n'kept'",
    "a text that is run": ">>> exec('it = open(name).read()')\n>>> it\n'kept'",
    "a function in a text": (
        ">>> exec('def read(it):\\n    return open(it).read()')\n>>> read(name)\n'kept'"
    ),
    "a text that is compiled": (
        ">>> code = compile('open(name).read()', 'it', 'eval')\n>>> eval(code)\n'kept'"
    ),
    "a listing": ">>> import os\n>>> os.listdir(os.path.dirname(name))\n['kept']",
}
CHANGES = {
    "written": ">>> open(name, 'w').write('x')\n1",
    "removed": ">>> import os\n>>> os.remove(name)",
    "renamed": ">>> import os\n>>> os.rename(name, 'mine.txt')",
    "copied over": ">>> import shutil\n>>> open('a.txt', 'w').close()\n"
    ">>> shutil.copyfile('a.txt', name) == name\nTrue",
}
HONEST = {
    "its own": ">>> open('own.txt', 'w').write('kept')\n4\n>>> open('own.txt').read()\n'kept'",
    "of the notebook": ">>> open(name).read()\n'kept'",
    "of the notebook, by a library": USES["NumPy"],
    "for a while": (
        ">>> import os, tempfile\n>>> with tempfile.TemporaryDirectory() as folder:\n"
        "...     path = os.path.join(folder, 'a')\n...     open(path, 'w').write('kept')\n"
        "...     open(path).read()\n4\n'kept'"
    ),
    "of the notebook, by a text": USES["a text of the test's"],
    "named": ">>> open('/etc/hostname').read() != ''\nTrue",
    "of a library": (
        ">>> import matplotlib.font_manager, zoneinfo\n"
        ">>> matplotlib.font_manager.findfont('DejaVu Sans') != ''\nTrue\n"
        ">>> zoneinfo.ZoneInfo('Europe/Vienna').key\n'Europe/Vienna'"
    ),
    "nowhere": ">>> import os\n>>> try:\n...     open('/nowhere')\n... except OSError:\n"
    "...     print('none')\nnone",
}


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text(CANARY)
    return path


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Callable[..., AbstractContextManager[None]] = lambda *_: nullcontext()  # noqa: E731
    monkeypatch.setattr(opened_files, "for_case", nothing)


@pytest.mark.parametrize("way", ["{}", "../../../../../../../../../../{}"])
@pytest.mark.parametrize("use", USES)
def test_no_file_of_the_judges_is_read_by_a_name_of_a_students(
    judge: OtterJudge, secret: Path, use: str, way: str
) -> None:
    [case] = judge.cases(f"name = {way.format(secret)!r}", doctests("q1", USES[use]))
    assert case.status is Status.UNGRADED
    assert CANARY not in case.message + case.staff_message
    assert "secret.txt']" not in case.message


@pytest.mark.parametrize("use", USES)
def test_the_control_unguarded_it_is_shown(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, secret: Path, use: str
) -> None:
    unguarded(monkeypatch)
    [case] = judge.cases(f"name = {str(secret)!r}", doctests("q1", USES[use]))
    assert CANARY in case.message or "secret.txt" in case.message


@pytest.mark.parametrize("change", CHANGES)
def test_none_is_changed(judge: OtterJudge, secret: Path, change: str) -> None:
    [case] = judge.cases(f"name = {str(secret)!r}", doctests("q1", CHANGES[change]))
    assert case.status is Status.UNGRADED
    assert secret.read_text() == CANARY


@pytest.mark.parametrize("change", CHANGES)
def test_the_control_unguarded_it_is_changed(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, secret: Path, change: str
) -> None:
    unguarded(monkeypatch)
    judge.cases(f"name = {str(secret)!r}", doctests("q1", CHANGES[change]))
    assert not secret.exists() or secret.read_text() != CANARY


def test_none_is_made(judge: OtterJudge, tmp_path: Path) -> None:
    name = tmp_path / "new.txt"
    judge.cases(f"name = {str(name)!r}", doctests("q1", CHANGES["written"]))
    assert not name.exists() or name.is_relative_to("/tmp")  # noqa: S108 - where anybody may


@pytest.mark.parametrize("name", HONEST)
def test_what_a_test_may_open_it_opens(judge: OtterJudge, name: str) -> None:
    cell = "name = 'mine.txt'\nopen(name, 'w').write('kept')"
    [case] = judge.cases(cell, doctests("q1", HONEST[name]))
    assert case.status is Status.PASSED, case.staff_message


def test_what_a_test_puts_in_the_place_of_a_function_ends_with_its_case(
    tmp_path: Path, secret: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(str(tmp_path / "q1.py"), "", [])
    asks = {"__name__": "q1"}
    exec(compile("import os\ndef ask(path): return os.stat(path)", case.path, "exec"), asks)  # noqa: S102 - as a test file is
    ask: Callable[[str], os.stat_result] = asks["ask"]  # type: ignore[assignment]
    folder = tmp_path / "files"
    with opened_files.for_case(case, folder):
        monkeypatch.setattr(os, "stat", lambda _path: None)
        assert ask(str(secret)) is None
    assert ask(str(secret)).st_size == len(CANARY)  # of no case any more
    with (
        opened_files.for_case(case, folder),
        pytest.raises(CannotCrossError, match="nor named in the test"),
    ):
        ask(str(secret))


class Circle:
    """Goes when Python looks for garbage, and a folder with it."""

    def __init__(self, folder: Path) -> None:
        self.itself = self
        weakref.finalize(self, shutil.rmtree, folder)


def test_a_folder_that_goes_with_garbage_is_nobodys_question(
    judge: OtterJudge, tmp_path: Path
) -> None:
    folder = tmp_path / "ours"
    folder.mkdir()
    gc.collect()
    Circle(folder)
    [case] = judge.cases("", doctests("q1", ">>> import gc\n>>> gc.collect() > 0\nTrue"))
    assert case.status is Status.PASSED, case.staff_message
    assert not folder.exists()


def test_a_place_that_a_test_made_when_it_was_loaded_is_its_own(judge: OtterJudge) -> None:
    test = """
        import pathlib, tempfile
        place = pathlib.Path(tempfile.mkdtemp())

        @test_case()
        def test_it(double):
            (place / "a.txt").write_text("4")
            assert double(2) == int((place / "a.txt").read_text())
        """
    [case] = judge.cases("def double(x): return 2 * x", functions("q1", test))
    assert case.status is Status.PASSED, case.staff_message
