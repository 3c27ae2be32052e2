"""What a worker sees and imports, how long it lives, and what it leaves."""

import contextlib
import gc
import mmap
import os
import platform
import signal
import sysconfig
import time
from importlib import metadata
from pathlib import Path

import pytest

from grader.errors import WorkerError
from grader.model import Isolation
from grader.sandbox import Worker
from grader.sandbox.inside import usage
from grader.sandbox.levels import seccomp, view
from grader.sandbox.wire.channel import ChannelClosedError
from grader.sandbox.wire.protocol import RunCell
from grader.sandbox.worker import _check_versions as check_versions
from tests.support.processes import lives
from tests.support.small_sessions import session


def test_a_worker_sees_no_trace_of_the_checkout(small_worker: Worker) -> None:
    look = """
import pathlib, sys
found = []
for pattern in ("*.pth", "*/direct_url.json"):
    for place in sys.path[3:]:
        for trace in pathlib.Path(place).glob(pattern):
            try:
                found.append(trace.read_text())
            except OSError:
                pass
"""
    with session(small_worker) as child:
        assert child.run_cell(look, 1).failure is None
        assert str(Path(__file__).parents[2]) not in str(child.value("found"))


def installed(folder: Path, name: str = "added", version: str = "1.5") -> Path:
    """Write a package as `pip install --target` does."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(f"__version__ = {version!r}\n")
    about = folder / f"{name}-{version}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "direct_url.json").write_text("/secret/checkout")
    return folder


def test_a_worker_imports_what_pythonpath_adds_before_all_else(
    isolation: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = installed(tmp_path / "a"), installed(tmp_path / "b", version="2.5")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (first, tmp_path, second))))
    monkeypatch.chdir("/")
    assert view.import_paths()[:2] == [first, second]
    assert tmp_path not in view.import_paths()
    for folder in (tmp_path, *tmp_path.parents):  # another uid must get there
        if folder.stat().st_uid == os.getuid() and folder != Path(folder.root):
            folder.chmod(folder.stat().st_mode | 0o055)
    with Worker(isolation=isolation, warm=False) as worker, session(worker) as child:
        assert child.run_cell("import added\nversion = added.__version__", 1).failure is None
        assert child.value("version") == "1.5"
        read = f"import pathlib\nseen = pathlib.Path(added.__file__).parents[1]\n{LOOK_AROUND}"
        assert child.run_cell(read, 3).failure is None
        found = str(child.value("found"))
        # Where no mount can show one file of it as empty, the whole folder of facts is left out.
        assert ("Name: added" in found) is (isolation.level == "strong")
        assert "/secret/checkout" not in found


@pytest.mark.parametrize("is_hidden", [True, False])
def test_a_course_among_the_interpreters_own_files_is_hidden(
    is_hidden: bool, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is where the package was installed without a virtual environment."""
    course = Path(sysconfig.get_path("stdlib")).resolve() / "wsgiref"
    outside = sorted(path.name for path in course.iterdir())
    monkeypatch.setattr(view, "hidden_folders", lambda: [course] if is_hidden else [])
    with Worker(isolation=isolation, warm=False) as worker, session(worker) as child:
        listed = (
            "import os\nfolder = os.path.join(os.path.dirname(os.__file__), 'wsgiref')\n"
            "try:\n    found = sorted(os.listdir(folder))\nexcept OSError:\n    found = []"
        )
        assert child.run_cell(listed, 1).failure is None
        assert child.value("found") == ([] if is_hidden else outside)
        assert child.run_cell("import json.tool", 2).failure is None  # its neighbours are there


def test_a_readable_folder_is_opened_around_what_is_hidden(tmp_path: Path) -> None:
    for name in ("share/ulp-grader/assignments", "share/ulp-grader/other", "share/man", "lib"):
        (tmp_path / name).mkdir(parents=True)
    hidden = [tmp_path / "share/ulp-grader/assignments"]
    found = {str(Path(p).relative_to(tmp_path)) for p in view.without(str(tmp_path), hidden)}
    assert found == {"lib", "share/man", "share/ulp-grader/other"}
    assert list(view.without(str(tmp_path / "lib"), hidden)) == [str(tmp_path / "lib")]


def test_the_packages_own_course_is_what_is_hidden(repository: Path) -> None:
    assert view.hidden_folders() == [repository / "assignments", repository / "solutions"]


LOOK_AROUND = """
found = []
for place in seen.rglob("*"):
    try:
        found.append(place.read_text())
    except OSError:
        pass
"""


@pytest.mark.parametrize("kind", ["beside", "above", "no packages", "around", "ignored"])
def test_a_folder_of_pythonpath_that_may_hold_a_course_stays_hidden(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("solutions/packages" if kind == "above" else "packages")
    installed(folder)
    monkeypatch.chdir("/")
    if kind == "beside":
        (folder / "assignments").mkdir()
    elif kind == "no packages":
        for file in (folder / "added-1.5.dist-info").iterdir():
            file.unlink()
        (folder / "added-1.5.dist-info").rmdir()
    elif kind == "around":
        (folder / "work").mkdir()
        monkeypatch.chdir(folder / "work")
    monkeypatch.setenv("PYTHONPATH", "" if kind == "ignored" else str(folder))
    assert view.added_packages() == []


def test_a_worker_with_another_version_than_the_judge_is_refused(
    isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda _name: "0.1.2")
    with (
        Worker(isolation=isolation, libraries=()) as worker,
        pytest.raises(WorkerError, match=r"imports numpy .* grader has 0\.1\.2: "),
    ):
        worker.wait_until_ready()


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [("2.13.0", "2.13.0+cu130", True), ("2.4.6", "2.4.6", True), (None, None, True),
     ("3.9.0", None, False), (None, "3.9.0", False), ("3.9.0", "3.6.0", False)],
)  # fmt: skip
def test_versions_are_the_same_but_for_how_they_were_built(
    ours: str | None, theirs: str | None, same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if ours is None:
            raise metadata.PackageNotFoundError(name)
        return ours

    monkeypatch.setattr("importlib.metadata.version", version)
    with contextlib.nullcontext() if same else pytest.raises(WorkerError, match="torch"):
        check_versions({"torch": theirs, "matplotlib.pyplot": "1"})


def test_a_worker_outlives_a_hundred_children_without_growing(small_worker: Worker) -> None:
    def size() -> tuple[int, int]:
        pid = small_worker._started.process.pid
        text = Path(f"/proc/{pid}/statm").read_text().split()
        return int(text[1]), len(list(Path("/proc/self/fd").iterdir()))

    session(small_worker).close()
    gc.collect()  # what earlier tests have left open may be closed at any time
    before = size()
    for _ in range(100):
        session(small_worker).close()
    after = size()
    assert after[0] - before[0] < 2_000  # pages
    assert after[1] <= before[1]


def in_large_pages(told: str) -> int:
    return int(told.partition("AnonHugePages:")[2].split()[0])


def grants_large_pages() -> bool:
    """Tell whether who asks for large pages gets some, and memory is not all in small pieces."""
    own = Path("/proc/self/smaps_rollup")
    before = in_large_pages(own.read_text())
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    with contextlib.suppress(OSError), mmap.mmap(-1, 16 << 20, flags=flags) as room:
        room.madvise(mmap.MADV_HUGEPAGE)
        room.write(b"x" * len(room))
        return in_large_pages(own.read_text()) > before
    return False


def test_a_workers_memory_lies_in_large_pages_where_the_machine_grants_them(
    small_worker: Worker,
) -> None:
    knows = platform.libc_ver()[0] == "glibc" and platform.libc_ver()[1] >= "2.35"
    grants = grants_large_pages()
    with session(small_worker) as child:
        child.run_cell("kept = [bytes(1_000) for _ in range(20_000)]", 1)
        child.run_cell("told = open('/proc/self/smaps_rollup').read()", 2)
        told = child.value("told")
    assert (in_large_pages(told) > 0) == (knows and grants)


@pytest.mark.parametrize("level", ["best", "none"])
def test_a_child_ends_with_a_worker_that_is_killed(
    level: str, request: pytest.FixtureRequest
) -> None:
    best = request.getfixturevalue("isolation") if level == "best" else Isolation("none")
    with Worker(isolation=best, warm=False) as worker:
        child = session(worker)
        left = list(usage.below(worker._started.process.pid))
        assert left
        # It is busy for ever, and nobody waits for its answer.
        child._conversation._channel.send(RunCell(1, 1, "while True:\n    pass"), [], 5.0)
        worker._started.process.kill()
        deadline = time.monotonic() + 10
        while any(map(lives, left)) and time.monotonic() < deadline:
            time.sleep(0.02)
        outlived = [pid for pid in left if lives(pid)]
        for pid in outlived:  # busy for ever, it would slow everything after this test
            os.kill(pid, signal.SIGKILL)
        assert not outlived


def test_a_closed_worker_leaves_nothing(
    isolation: Isolation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Worker(isolation=isolation, warm=False) as worker:
        session(worker).run_cell("open('left', 'w').close()", 1)
        process = worker._started.process
    assert process.returncode is not None
    assert list(tmp_path.iterdir()) == []


def test_an_abandoned_judge_takes_its_worker_along(isolation: Isolation) -> None:
    worker = Worker(isolation=isolation, warm=False)
    child = session(worker)
    worker._started.control.close()
    worker._started.process.wait(10)
    with pytest.raises(ChannelClosedError):
        child._conversation._channel.receive(1)
    worker.close()


@pytest.mark.needs("seccomp")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("scoped", [True, False])
def test_a_filter_is_small_and_names_its_placeholder_only_where_it_must(
    private: bool, scoped: bool
) -> None:
    program = seccomp.compile_filter(private=private, scoped=scoped)
    assert len(program) % 8 == 0
    assert len(program) < 8 * 4096
    assert (seccomp.OWN_PID.to_bytes(4, "little") in program) is not scoped
