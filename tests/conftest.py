"""Fixtures that several test modules need: the course, notebooks made on the spot, a judge."""

from __future__ import annotations

import gc
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from grader.course import notebooks
from grader.model import Isolation, Submission
from tests.support import requirements, sharing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from playwright.sync_api import Browser

    from grader.grading.judge import Engine
    from grader.model import Assignment
    from grader.sandbox import Worker
    from tests.support.pages import Pages

REPOSITORY = Path(__file__).resolve().parent.parent

# A bare GPU machine has torch, triton, numpy and pytest, and no otter: there `pytest -m gpu` runs
# what needs a GPU, and nothing else can even be imported.
NEEDS_LITTLE = {"conftest.py", "test_attention_gpu.py", "test_softmax_gpu.py"}
collect_ignore: list[str] = []
if importlib.util.find_spec("otter") is None:
    here = Path(__file__).parent
    collect_ignore = [str(path) for path in here.rglob("*.py") if path.name not in NEEDS_LITTLE]


if importlib.util.find_spec("hypothesis") is not None:
    from hypothesis import HealthCheck, settings

    # Each run tries the same examples, for as long as they take: what fails once fails each time.
    settings.register_profile(
        "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("same")

STARTED = pytest.StashKey[list[object]]()


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Note which programs are started while tests are only being collected: none should be."""
    started = session.config.stash.setdefault(STARTED, [])
    begin = subprocess.Popen.__init__

    def note(self: subprocess.Popen[bytes], args: object, *more: object, **options: object) -> None:
        started.append(args)
        begin(self, args, *more, **options)  # type: ignore[call-overload]

    subprocess.Popen.__init__ = note  # type: ignore[method-assign]
    gc.disable()
    try:
        return (yield)
    finally:
        subprocess.Popen.__init__ = begin  # type: ignore[method-assign]
        # A million objects of libraries and tests stay until the end: looking through them each
        # time for what nobody needs took a seventh of what many tests do.
        gc.freeze()
        gc.enable()


TABLES = pytest.StashKey[sharing.Tables]()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share the tests among processes, before pytest-xdist looks whether it should."""
    is_free = config.pluginmanager.has_plugin("xdist") and not sharing.is_shared(config)
    if is_free and config.option.numprocesses is None:
        config.option.numprocesses = sharing.processes(config)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    return sharing.scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put first what takes long, so that no process is left alone with it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TABLES] = {}
    sharing.open_folder(config)
    # Hundreds of processes import the same files: what one has compiled, the others read.
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    # Threads that share one small product wait for each other wherever something else runs.
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    # What a terminal or a service asks of every program's output is not asked of ours here.
    for name in ("FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES"):
        os.environ.pop(name, None)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what is to be shown at the end to the process that shows it."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["tables"] = session.config.stash[TABLES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    sharing.merge(node.config.stash[TABLES], getattr(node, "workeroutput", {}).get("tables", {}))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker in item.iter_markers("needs"):
        requirements.require(*marker.args)
    if item.get_closest_marker("gpu") is not None:
        requirements.require("gpu")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Show the tables, and once for each reason how many tests were not run and what they need."""
    for title, columns in config.stash[TABLES].items():
        terminalreporter.section(title)
        for line in sharing.lines(columns):
            terminalreporter.write_line(line)
    skipped = terminalreporter.stats.get("skipped", [])
    if not skipped:
        return
    terminalreporter.section("not run on this machine")
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, count in reasons.most_common():
        terminalreporter.write_line(f"{count} {'test' if count == 1 else 'tests'}: {reason}")


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session", autouse=True)
def synchronous() -> Iterator[str]:
    """Have no store of this process wait for the disk, and tell what stores are opened with."""
    from grader.gradebook import database

    with pytest.MonkeyPatch.context() as patch:
        as_it_is = database.SYNCHRONOUS
        patch.setattr(database, "SYNCHRONOUS", "OFF")
        yield as_it_is


@pytest.fixture(scope="session")
def isolation() -> Isolation:
    """The best level that proves itself on this machine."""
    from grader.sandbox.proof.probes import choose_isolation

    requirements.require("isolation")
    return choose_isolation()


@pytest.fixture(scope="session")
def image() -> Path:
    """A Python with this one's packages where another uid can read them, as an image has them."""
    return Path(sharing.once("image", _make_image))


def _make_image(root: Path) -> str:
    root.chmod(0o755)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    python = root / "bin" / version
    program = Path(sys.executable).resolve()
    _copy([program], python.parent)
    program = python.parent / program.name
    if program != python:
        program.rename(python)
    # What is installed beside the library is another Python's, or is copied next.
    library = Path(sysconfig.get_path("stdlib"))
    others = {"site-packages", "dist-packages", "test"}
    _copy([path for path in library.iterdir() if path.name not in others], root / "lib" / version)
    _copy(Path(sys.base_prefix, "lib").glob("libpython*"), root / "lib")
    ask = [str(python), "-c", "import site; print(site.getsitepackages()[0])"]
    place = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    _copy(Path(sysconfig.get_path("purelib")).iterdir(), Path(place))
    return str(python)


def _copy(sources: Iterable[Path], folder: Path) -> None:
    """Copy files and folders into a folder, by links where the file system allows it."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(map(str, sources))
    if not names:
        return
    command = ["cp", "--remove-destination", "-a", "-t", str(folder), *names]
    linked = [*command[:2], "-al", *command[3:]]
    if subprocess.run(linked, check=False, capture_output=True).returncode:
        subprocess.run(command, check=True)  # another file system, or another's files


@pytest.fixture(scope="session")
def worker() -> Iterator[Worker]:
    """One warm worker for the whole run; each submission is a fork of it."""
    from grader.sandbox import Worker

    with Worker() as warm:
        warm.wait_until_ready()
        yield warm


@pytest.fixture(scope="session")
def kernel_worker() -> Iterator[Worker]:
    """One warm worker that knows triton, for the whole run; its kernels are interpreted."""
    from grader.sandbox import Worker

    with Worker(imports=("triton",)) as warm:
        yield warm


@pytest.fixture(scope="session")
def softmax() -> Assignment:
    from grader.course.assignments import load

    return load("softmax", REPOSITORY, need_solutions=True)


@pytest.fixture(scope="session")
def softmax_engine(softmax: Assignment, worker: Worker) -> Engine:
    return _engine(softmax, worker)


def _engine(assignment: Assignment, worker: Worker) -> Engine:
    from grader.grading.assemble import assemble

    return assemble(assignment, {"cpu": worker})


@pytest.fixture(scope="session")
def softmax_solved(softmax: Assignment) -> bytes:
    """The student notebook with every stub filled by the reference."""
    assert softmax.solutions is not None
    text = (softmax.solutions / "reference.py").read_text(encoding="utf-8")
    names = [name for question in softmax.questions for name in question.names]
    return notebooks.fill(softmax.notebook.read_bytes(), text, names, "reference.py")


def submission_of(content: bytes, student: str = "ada") -> Submission:
    return Submission(student, f"{student}.ipynb", content, hashlib.sha256(content).hexdigest())


def notebook_of(*cells: str) -> bytes:
    """Return a valid notebook of code cells."""
    return notebooks.dump(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "metadata": {},
                    "outputs": [],
                    "execution_count": None,
                    "source": source,
                }
                for number, source in enumerate(cells, 1)
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def with_answer(cells: list[str], answer: str) -> bytes:
    """Return a notebook with an answer to the small course's manual question."""
    data = json.loads(notebook_of(*cells))
    data["cells"].append(
        {"cell_type": "markdown", "id": "r1-answer", "metadata": {}, "source": answer}
    )
    return json.dumps(data).encode()


def edit_cells(content: bytes, edit: Callable[[list[dict[str, object]]], None]) -> bytes:
    """Return a notebook after `edit` changed its list of cells in place."""
    data = json.loads(content)
    edit(data["cells"])
    return notebooks.dump(data)


PUBLIC_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} of two", points=1, hidden=False)
def test_two({function}):
    got = {function}(2)
    assert got == {two}, f"for 2 the answer is {two}, you have {{got}}"
"""

HIDDEN_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(
    name="{question} of many",
    points=2,
    hidden=True,
    failure_message="{function} is right for large numbers too.",
)
def test_many({function}, rng, reference):
    for number in rng.integers(1000, 9999, 5):
        secret = int(number)
        assert {function}(secret) == reference.{function}(secret), f"wrong for {{secret}}"
"""

TOML = """title = "Small numbers"
notebook = "small.ipynb"

[[questions]]
name = "q1"
points = 3
names = ["double"]

[[questions]]
name = "q2"
points = 3
names = ["square"]

[[questions]]
name = "r1"
points = 1
kind = "manual"

[limits]
cell_seconds = 2
call_seconds = 1
submission_seconds = 20
"""

SMALL_REFERENCE = '''"""Reference solutions."""


def double(x):
    """Return twice x."""
    return 2 * x


def square(x):
    """Return x times x."""
    return x * x
'''

SMALL_CELLS = (
    "import otter\ngrader = otter.Notebook('small.ipynb')",
    'def double(x):\n    """Return twice x."""\n    raise NotImplementedError("q1: write double")',
    'grader.check("q1")',
    'def square(x):\n    """Return x times x."""\n    raise NotImplementedError("q2: write it")',
    'grader.check("q2")',
)


def write_small_course(root: Path) -> Path:
    """Write a course with one small assignment, which judges in milliseconds."""
    public, hidden = root / "assignments" / "small", root / "solutions" / "small"
    for folder in (public / "tests", hidden / "tests"):
        folder.mkdir(parents=True)
    (public / "assignment.toml").write_text(TOML, encoding="utf-8")
    answer = "*Write your answer here.*"
    (public / "small.ipynb").write_bytes(with_answer(list(SMALL_CELLS), answer))
    (hidden / "reference.py").write_text(SMALL_REFERENCE, encoding="utf-8")
    for question, function, two in (("q1", "double", 4), ("q2", "square", 4)):
        for folder, text in ((public, PUBLIC_TEST), (hidden, HIDDEN_TEST)):
            filled = text.format(question=question, function=function, two=two)
            (folder / "tests" / f"{question}.py").write_text(filled, encoding="utf-8")
    return root


@pytest.fixture(scope="session")
def small_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def small(small_course: Path) -> Assignment:
    from grader.course.assignments import load

    return load("small", small_course, need_solutions=True)


@pytest.fixture(scope="session")
def small_engine(small: Assignment, worker: Worker) -> Engine:
    return _engine(small, worker)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests that look at pages; a second in this process cannot start."""
    requirements.require("browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(**requirements.browser_options())
        yield started
        started.close()


@pytest.fixture(scope="session")
def pages(browser: Browser) -> Iterator[Pages]:
    """Pages that tests borrow, in one context; a new context takes as long as two pages."""
    from tests.support.pages import SIZE, Pages

    opened = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
    yield Pages(opened)
    opened.close()
