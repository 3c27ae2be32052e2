"""What a test does outside of its own process by a word of a student's: it is not done."""

import gc
import logging
import socket
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

import pytest

from grader.grading import evaluation, opened_files
from grader.model import Status
from grader.sandbox import Worker
from tests.support.otter_assignments import OtterJudge, doctests

MAKES = "__import__('os').mkdir({trap!r})"
LOADER = (
    ">>> import importlib.machinery\n"
    ">>> importlib.machinery.SourceFileLoader('it', name).load_module().__name__\n'it'"
)
# By name: the test, and a cell that has it make a folder.
ACTS = {
    "a command": (
        ">>> import subprocess\n>>> subprocess.run(answer, shell=True).returncode\n0",
        "answer = 'mkdir {trap}'",
    ),
    "a command of the system": (
        ">>> import os\n>>> os.system(answer)\n0", "answer = 'mkdir {trap}'",
    ),
    "a command in a text of the test's": (
        ">>> exec('import os; it = os.system(answer)')\n>>> it\n0", "answer = 'mkdir {trap}'",
    ),
    "a command in a thread": (
        (">>> import os\n>>> from concurrent.futures import ThreadPoolExecutor\n"
        ">>> ThreadPoolExecutor(1).submit(os.system, answer).result()\n0"),
        "answer = 'mkdir {trap}'",
    ),
    "a program that is compiled": (
        (">>> import sympy\n>>> from sympy.utilities.autowrap import autowrap\n"
        ">>> autowrap(sympy.Symbol('x'), tempdir=answer)"), "answer = {trap!r}",
    ),
    "a pipe": (">>> import os\n>>> os.popen(answer).close()", "answer = 'mkdir {trap}'"),
    "words": (
        ">>> import subprocess\n>>> subprocess.check_call(['mkdir', answer])\n0",
        "answer = {trap!r}",
    ),
    "an input": (
        ">>> import subprocess\n>>> subprocess.run(['sh'], input=answer, text=True).returncode\n0",
        "answer = 'mkdir {trap}'",
    ),
    "a setting": (
        (">>> import os, subprocess\n>>> env = dict(os.environ, MADE=answer)\n"
        ">>> subprocess.run('mkdir $MADE', shell=True, env=env).returncode\n0"),
        "answer = {trap!r}",
    ),
    "a script": (
        ">>> import subprocess\n>>> subprocess.run(['sh', 'run.sh']).returncode\n0",
        "open('run.sh', 'w').write('mkdir {trap}')",
    ),
    "code": (
        ">>> import marshal\n>>> exec(marshal.loads(answer))",
        "import marshal\nanswer = marshal.dumps(compile({code!r}, 'it', 'exec'))",
    ),
    "a file loaded as code": (
        LOADER, "name = 'mine.txt'\nopen(name, 'w').write({code!r})",
    ),
    "a database opened": (
        (">>> import sqlite3\n>>> base = sqlite3.connect(answer)\n"
        ">>> base.execute('CREATE TABLE t (a)').fetchall()\n[]\n>>> base.close()"),
        "answer = {trap!r}",
    ),
    "a database attached": (
        ">>> import sqlite3\n>>> sqlite3.connect(':memory:').execute(answer).fetchall()\n[]",
        "answer = \"ATTACH '{trap}' AS it\"",
    ),
    "a database attached by a name that is worked out": (
        ">>> import sqlite3\n>>> sqlite3.connect(':memory:').execute(answer).fetchall()\n[]",
        "answer = \"ATTACH '{trap}' || '' AS it\"",
    ),
    "a database written": (
        ">>> import sqlite3\n>>> sqlite3.connect(':memory:').execute(answer).fetchall()\n[]",
        "answer = \"VACUUM INTO '{trap}'\"",
    ),
    "a setting that names a function": (
        ">>> import logging.config\n>>> logging.config.dictConfig(answer)",
        ("answer = {{'version': 1, 'formatters': {{'it': "
        "{{'()': 'os.system', 'command': 'mkdir {trap}'}}}}}}"),
    ),
    "a link": (">>> import os\n>>> os.symlink('a.txt', answer)", "answer = {trap!r}"),
}  # fmt: skip
# By name: the test, and a cell that has it run code which leaves a mark in this process.
MARK = "import sys; sys.is_marked = True"
CONFIGURED = (
    "[loggers]\nkeys=root\n[handlers]\nkeys=it\n[formatters]\nkeys=\n[logger_root]\nhandlers=it\n"
    "[handler_it]\nclass=StreamHandler\nargs=(setattr(__import__('sys'), 'is_marked', True),)\n"
)
WRITES = f"open('mine.py', 'w').write({MARK!r})"
RUNS = {
    "a loader": (
        (">>> import importlib.util\n"
        ">>> spec = importlib.util.spec_from_file_location('mine', 'mine.py')\n"
        ">>> spec.loader.exec_module(importlib.util.module_from_spec(spec))"), WRITES,
    ),
    "a library that imports": (
        (">>> import unittest\n"
        ">>> _ = unittest.TestLoader().discover('.', pattern='mine.py')"), WRITES,
    ),
    "a copy of it": (
        (">>> import importlib.util, shutil\n>>> _ = shutil.copyfile('mine.py', 'other.py')\n"
        ">>> spec = importlib.util.spec_from_file_location('other', 'other.py')\n"
        ">>> spec.loader.exec_module(importlib.util.module_from_spec(spec))"), WRITES,
    ),
    "an archive": (
        (">>> import sys\n>>> sys.path.insert(0, 'mine.zip')\n>>> try:\n...     import its\n"
        "... finally:\n...     _ = sys.path.pop(0)"),
        ("import zipfile\nwith zipfile.ZipFile('mine.zip', 'w') as it:\n"
        f"    it.writestr('its.py', {MARK!r})"),
    ),
    "a script": (">>> import runpy\n>>> _ = runpy.run_path('mine.py')", WRITES),
    "settings of a log": (
        ">>> import io, logging.config\n>>> logging.config.fileConfig(io.StringIO(answer))",
        f"answer = {CONFIGURED!r}",
    ),
}  # fmt: skip
HONEST = {
    "a program": (
        ">>> import subprocess, sys\n"
        ">>> subprocess.run([sys.executable, '-c', 'print(3)'], capture_output=True).stdout\n"
        "b'3\\n'"
    ),
    "a script of the course's": (
        ">>> import subprocess, sys\n"
        ">>> subprocess.check_output([sys.executable, 'two.py'], text=True)\n'2\\n'"
    ),
    "a module of the course's": LOADER.replace("name)", "'two.py')").replace("\n'it'", "\n2\n'it'"),
    "a module": (
        ">>> import importlib\n>>> importlib.import_module('colorsys').__name__\n'colorsys'\n"
        ">>> import sndhdr_of_nobody\nTraceback (most recent call last):\n"
        "ModuleNotFoundError: No module named 'sndhdr_of_nobody'"
    ),
    "a search for a module": (
        ">>> import importlib.util\n"
        ">>> [importlib.util.find_spec(one) is None for one in ('sndhdr_of_nobody', 'colorsys')]\n"
        "[True, False]"
    ),
    "what has come of an error": (
        ">>> import traceback\n>>> try:\n...     1 / 0\n... except ZeroDivisionError:\n"
        "...     print('division by zero' in traceback.format_exc())\nTrue"
    ),
    "a database": (
        ">>> import sqlite3\n>>> base = sqlite3.connect(':memory:')\n"
        ">>> _ = base.execute('CREATE TABLE t (a)'), base.execute(\"ATTACH 'own.db' AS own\")\n"
        ">>> base.execute('SELECT count(*) FROM t').fetchall()\n[(0,)]\n>>> base.close()"
    ),
    "a server of its own": (
        ">>> import http.server, threading, urllib.request\n"
        ">>> server = http.server.HTTPServer(('', 0), http.server.SimpleHTTPRequestHandler)\n"
        ">>> serving = threading.Thread(target=server.handle_request)\n>>> serving.start()\n"
        ">>> urllib.request.urlopen(f'http://localhost:{server.server_port}/').status\n200\n"
        ">>> serving.join()\n>>> server.server_close()"
    ),
    "a package's version": (
        ">>> import importlib.metadata\n>>> importlib.metadata.version('numpy') != ''\nTrue"
    ),
    "a library": ">>> import ctypes\n>>> ctypes.CDLL(None).abs(-3)\n3",
}


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    made = OtterJudge(tmp_path_factory.mktemp("assignments"), worker)
    made.files = {"two.py": "print(2)\n"}
    return made


def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing: Callable[..., AbstractContextManager[None]] = lambda *_: nullcontext()  # noqa: E731
    monkeypatch.setattr(opened_files, "for_case", nothing)
    anything: Callable[..., str] = lambda *_, **__: ""  # noqa: E731
    monkeypatch.setattr(evaluation, "what_is_wrong", anything)


def acts(judge: OtterJudge, name: str, trap: Path) -> Status:
    test, cell = ACTS[name]
    code = MAKES.format(trap=str(trap))
    [case] = judge.cases(cell.format(trap=str(trap), code=code), doctests("q1", test))
    return case.status


@pytest.mark.parametrize("name", ACTS)
def test_nothing_is_done_by_a_word_of_a_students(
    judge: OtterJudge, tmp_path: Path, name: str
) -> None:
    assert acts(judge, name, tmp_path / "trap") is Status.UNGRADED
    assert not (tmp_path / "trap").exists()
    assert not (tmp_path / "trap").is_symlink()


@pytest.mark.parametrize("name", ACTS)
def test_the_control_unguarded_it_is_done(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    unguarded(monkeypatch)
    acts(judge, name, tmp_path / "trap")
    assert (tmp_path / "trap").exists() or (tmp_path / "trap").is_symlink()


@pytest.mark.parametrize("name", HONEST)
def test_what_a_test_says_itself_is_done(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))  # as where a command was typed
    [case] = judge.cases("", doctests("q1", HONEST[name]))
    assert case.status is Status.PASSED, case.staff_message


@pytest.fixture
def unmarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(sys, "is_marked", raising=False)
    for name in ("mine", "its", "other"):
        monkeypatch.delitem(sys.modules, name, raising=False)


@pytest.mark.usefixtures("unmarked")
@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("name", RUNS)
def test_no_code_of_a_students_runs_where_it_is_judged(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, name: str, *, is_guarded: bool
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    test, cell = RUNS[name]
    monkeypatch.setattr(logging.root, "handlers", [*logging.root.handlers])
    [case] = judge.cases(cell, doctests("q1", test))
    assert hasattr(sys, "is_marked") is not is_guarded, case.staff_message
    assert case.status is Status.UNGRADED or not is_guarded
    for made in ("is_marked", "mine", "its", "other"):
        sys.modules.pop(made, None)


def test_a_module_of_the_students_is_imported_where_their_code_runs(judge: OtterJudge) -> None:
    test = """
        >>> import importlib, os, sys
        >>> sys.path.insert(0, os.getcwd())
        >>> import mine
        >>> _ = sys.path.pop(0)
        >>> mine.three(), importlib.import_module('mine2').__name__
        (3, 'mine2')
        """
    cell = (
        "open('mine.py', 'w').write('def three(): return 3')\nopen('mine2.py', 'w').write('a = 1')"
    )
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.PASSED, case.staff_message


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.2)
        yield server


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("is_named", [True, False])
@pytest.mark.parametrize(
    "way",
    [
        "socket.create_connection((host, port), 5).close()",
        "[(it := socket.socket()), it.connect((host, port)), it.close()]",
    ],
)
def test_no_address_is_reached_that_a_student_gives(
    judge: OtterJudge,
    monkeypatch: pytest.MonkeyPatch,
    listening: socket.socket,
    way: str,
    *,
    is_named: bool,
    is_guarded: bool,
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    host = ">>> host = '127.0.0.1'\n" if is_named else ""
    cell = f"host = '127.0.0.1'\nport = {listening.getsockname()[1]}"
    test = f">>> import socket\n{host}>>> _ = {way}\n"
    [case] = judge.cases(cell, doctests("q1", test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # who is refused closes nothing
        gc.collect()
    is_right = is_named or not is_guarded
    assert case.status is (Status.PASSED if is_right else Status.UNGRADED), case.staff_message
    if is_right:
        listening.accept()[0].close()
    else:
        with pytest.raises(TimeoutError):
            listening.accept()


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize(
    ("head", "host"),
    [
        ("socket.getaddrinfo('localhost', 80)", "127.0.0.1"),
        ("socket.gethostbyname('localhost')", "127.1"),
        ("socket.gethostbyname('localhost')", "127.0.0.2"),
        ("None", ""),
    ],
)
def test_who_names_a_host_names_no_other(
    judge: OtterJudge,
    monkeypatch: pytest.MonkeyPatch,
    head: str,
    host: str,
    *,
    is_guarded: bool,
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    with closing(socket.create_server(("0.0.0.0", 0))) as server:  # noqa: S104 - to be found by any
        cell = f"host, port = {host!r}, {server.getsockname()[1]}"
        test = (
            f">>> import socket\n>>> _ = {head}\n"
            ">>> it = socket.socket()\n>>> it.connect((host, port))\n>>> it.close()"
        )
        [case] = judge.cases(cell, doctests("q1", test))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    is_resolved = host == "127.0.0.1"
    is_right = is_resolved or not is_guarded
    assert case.status is (Status.PASSED if is_right else Status.UNGRADED), case.staff_message


@pytest.mark.parametrize(("other", "is_named"), [("localhost", True), ("nolocalhost.org", False)])
def test_a_part_of_another_name_is_no_host_that_a_test_names(
    judge: OtterJudge, listening: socket.socket, other: str, *, is_named: bool
) -> None:
    cell = f"host, port = 'localhost', {listening.getsockname()[1]}"
    test = (
        f">>> import socket\n>>> other = '{other}'\n"
        ">>> _ = socket.getaddrinfo(host, port, socket.AF_INET)\n"
    )
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is (Status.PASSED if is_named else Status.UNGRADED), case.staff_message


@pytest.mark.parametrize("is_guarded", [True, False])
def test_no_module_is_imported_by_a_name_of_a_students(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, *, is_guarded: bool
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    monkeypatch.delitem(sys.modules, "this", raising=False)
    test = ">>> import importlib\n>>> importlib.import_module(answer).__name__ == answer\nTrue"
    [case] = judge.cases("answer = 'this'", doctests("q1", test))
    assert (case.status is Status.UNGRADED) is is_guarded
    assert ("this" in sys.modules) is not is_guarded
    sys.modules.pop("this", None)


def test_a_statement_of_a_students_reads_no_other_database(
    judge: OtterJudge, tmp_path: Path
) -> None:
    path = tmp_path / "grades.db"
    with closing(sqlite3.connect(path)) as base, base:
        base.execute("CREATE TABLE scores AS SELECT 41 AS score")
    test = """
        >>> import sqlite3
        >>> _ = [(base := sqlite3.connect(':memory:')), *map(base.execute, answer.split(';'))]
        >>> base.execute('SELECT score FROM it.scores').fetchall()
        []
        """
    cell = f"answer = \"ATTACH '{path}' AS it\""
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.UNGRADED
    assert "41" not in case.message


# Whether a file is there can be asked as well.

EXISTS = {
    "exists": "os.path.exists(name)",
    "exists, by a text": "eval('os.path.exists(name)')",
    "is a file": "Path(name).is_file()",
    "has a size": "os.path.getsize(name) > 0",
    "may be read": "os.access(name, os.R_OK)",
    "found": "len(glob.glob(name)) > 0",
    "opened": "open(name).close() is None",
    "listed": "len(os.listdir(os.path.dirname(name))) > 0",
    "read by a library": "len(pd.read_csv(name)) >= 0",
}


def says(judge: OtterJudge, use: str, name: Path) -> Status:
    head = ">>> import glob, os\n>>> import pandas as pd\n>>> from pathlib import Path\n"
    test = doctests("q1", f"{head}>>> {EXISTS[use]}\nTrue")
    [case] = judge.cases(f"name = {str(name)!r}", test)
    return case.status


@pytest.mark.parametrize("is_guarded", [True, False])
@pytest.mark.parametrize("use", EXISTS)
def test_nobody_learns_whether_a_file_is_there(
    judge: OtterJudge,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    use: str,
    *,
    is_guarded: bool,
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    there, not_there = tmp_path / "there" / "a.txt", tmp_path / "none" / "a.txt"
    there.parent.mkdir()
    there.write_text("text")
    found = {says(judge, use, there), says(judge, use, not_there)}
    assert len(found) == (1 if is_guarded else 2)
    assert (Status.PASSED in found) is not is_guarded


def test_what_lies_beside_a_test_may_be_asked_for(judge: OtterJudge) -> None:
    test = """
        >>> import os
        >>> from pathlib import Path
        >>> os.path.exists(name), os.path.isfile('two.py'), os.path.exists('none.txt')
        (True, True, False)
        >>> Path(name).resolve().name, Path('none.txt').absolute().exists()
        ('mine.txt', False)
        >>> [one.name for one in Path('.').glob('*.py')], os.path.realpath('two.py')[-6:]
        (['two.py'], 'two.py')
        """
    cell = "name = 'mine.txt'\nopen(name, 'w').write('kept')"
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.PASSED, case.staff_message


@pytest.mark.parametrize("is_guarded", [True, False])
def test_no_temporary_folder_is_made_where_a_student_says(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, is_guarded: bool
) -> None:
    if not is_guarded:
        unguarded(monkeypatch)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "ours").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    test = ">>> import tempfile\n>>> tempfile.mkdtemp(dir=answer) != ''\nTrue"
    [case] = judge.cases(f"answer = {str(tmp_path / 'ours')!r}", doctests("q1", test))
    assert (case.status is Status.UNGRADED) is is_guarded
    assert bool([*(tmp_path / "ours").iterdir()]) is not is_guarded
