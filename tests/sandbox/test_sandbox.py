"""The sandbox's own promises: levels, ways in, limits, and what is said where one is missing."""

import contextlib
import gc
import mmap
import os
import platform
import signal
import sysconfig
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

from grader.errors import IsolationError, WorkerError
from grader.model import Isolation, IsolationLevel, Limits
from grader.sandbox import ChildEnded, Session, Worker
from grader.sandbox.inside import attempts, usage
from grader.sandbox.launch import make_plan
from grader.sandbox.levels import recipes, seccomp, tables, view
from grader.sandbox.levels.recipes import recipe
from grader.sandbox.proof import probes
from grader.sandbox.session import ToRun
from grader.sandbox.wire.channel import ChannelClosedError
from grader.sandbox.wire.protocol import CellDone, RunCell, dump
from grader.sandbox.worker import _check_versions as check_versions
from tests.support.processes import lives


def session(worker: Worker, **limits: float) -> Session:
    chosen = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10, **limits})
    return worker.session(chosen, deadline=time.monotonic() + 600)


@pytest.fixture(scope="module")
def small_worker(isolation: Isolation) -> Iterator[Worker]:
    with Worker(isolation=isolation, warm=False) as worker:
        yield worker


def undone(isolation: Isolation) -> dict[str, str]:
    """Return what disproves a level."""
    findings = {name: isolation.probes[name] for name in probes.demanded(recipe(isolation.level))}
    return {name: finding for name, finding in findings.items() if finding != "ok"}


def test_this_machine_proves_a_level_and_says_what_each_probe_found(isolation: Isolation) -> None:
    assert recipe(isolation.level) in recipes.PROVABLE
    assert undone(isolation) == {}


@pytest.mark.parametrize("devices", [{"cpu"}, {"cpu", "cuda"}], ids=["cpu", "cuda"])
def test_every_way_to_the_level_holds_and_its_mode_for_a_gpu_without_one(
    isolation: Isolation, devices: set[str]
) -> None:
    proved = {
        way: probes.prove(recipe(isolation.level), way, devices=frozenset(devices))
        for way in recipe(isolation.level).ways()
    }
    assert proved
    assert {way: undone(found) for way, found in proved.items()} == {way: {} for way in proved}


def test_a_control_without_isolation_fails_nearly_every_probe() -> None:
    proved = probes.prove(recipes.NONE, recipes.Way.SHARED)
    failed = {name for name in probes.demanded(recipes.STRONG) if proved.probes[name] != "ok"}
    assert {
        "read",
        "stat",
        "write",
        "tcp",
        "udp",
        "unix",
        "abstract",
        "signal",
        "scratch",
    } <= failed


def test_none_is_only_what_was_typed() -> None:
    assert probes.choose_isolation("none") == Isolation(IsolationLevel.NONE)


def test_another_system_is_told_to_use_a_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    with pytest.raises(IsolationError, match="Linux container"):
        probes.choose_isolation()


def test_a_failing_probe_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = dict.fromkeys(probes.demanded(recipes.STRONG), "ok") | {"udp": "a datagram got out"}
    monkeypatch.setattr(probes, "prove", lambda level, *_, **__: Isolation(level.name, findings))
    with pytest.raises(IsolationError, match=r"the probe udp of .* failed \(a datagram got out\)"):
        probes.choose_isolation()


def test_an_old_landlock_is_named_with_its_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "landlock_abi", lambda: 2)
    assert "Linux 6.2" in str(probes._prove_level(recipes.SAME_UID, probes.CPU))


@pytest.mark.parametrize(
    ("release", "command"),
    [("ID=ubuntu\nID_LIKE=debian\n", "apt install"), ('ID="fedora"\n', "dnf install"),
     ("ID=arch\n", "pacman -S"), ("ID=something\n", "your distribution")],
)  # fmt: skip
def test_a_package_is_named_as_the_distribution_installs_it(
    release: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "os-release").write_text(release)
    monkeypatch.setattr(probes, "OS_RELEASE", tmp_path / "os-release")
    assert command in probes._install("bubblewrap")


@pytest.mark.needs("seccomp")
def test_a_path_that_is_missing_does_not_void_the_ruleset(tmp_path: Path) -> None:
    """The default list names folders that no machine has all of, and the probes hold."""
    plan = make_plan(recipes.SAME_UID, recipes.Way.SHARED, folder=tmp_path, cuda=False, uid=None)
    assert any(not Path(path).exists() for path in plan.lockdown.readable)


def test_an_editable_installation_shows_no_folder(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    (packages / "mine-1.dist-info").mkdir(parents=True)
    for name in ("_editable_mine.pth", "mine-1.dist-info/direct_url.json", "other.py"):
        (packages / name).write_text("/secret/checkout")
    traces = {str(path.relative_to(packages)) for path in view._traces_in(packages)}
    assert traces == {"_editable_mine.pth", "mine-1.dist-info/direct_url.json"}
    assert view._untraced(packages) == ["other.py"]


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


MANY_PROCESSES = """
import os, time
for _ in range(60):
    try:
        if not os.fork():
            time.sleep(9)
    except OSError:
        pass
time.sleep(9)
"""
MUCH_MEMORY = """
import os, time
for _ in range(3):
    if not os.fork():
        x = bytearray(b'x') * (150 << 20)
        time.sleep(9)
time.sleep(9)
"""


TOO_LONG = r"longer than 0\.1 s of processor time, or 0\.4 s by the clock$"
FAMILY = """
import os
for _ in range(2):
    if not os.fork():
        while True: pass
os.wait()
"""


@pytest.mark.parametrize(
    ("limits", "cell", "reason"),
    [
        ({"cpu_seconds": 1}, "while True: pass", "more than 1 s of processor time"),
        ({"memory_bytes": 300 << 20}, MUCH_MEMORY, r"used more than 0.29\d* GiB of memory"),
        # The same words whichever limit is over first: on a busy machine it may be the clock's.
        ({"cell_seconds": 0.1}, "while True: pass", TOO_LONG),
        ({"cell_seconds": 0.1}, "import time; time.sleep(9)", TOO_LONG),
        ({"cell_seconds": 0.1}, FAMILY, TOO_LONG),
        # Refused by the kernel until the cell is out of time, or seen by the watchdog.
        ({"tasks": 8, "cell_seconds": 0.3}, MANY_PROCESSES, "more than 8 processes|longer than"),
    ],
    ids=["processor", "memory", "a cell's", "wall", "a cell's family", "tasks"],
)
def test_a_limit_ends_the_child_in_words(
    small_worker: Worker, limits: dict[str, float], cell: str, reason: str
) -> None:
    with session(small_worker, **limits) as child, pytest.raises(ChildEnded, match=reason):
        child.run_cell(cell, 1)


@pytest.mark.parametrize(
    ("cell", "limits", "reason"),
    [
        ("import os; os._exit(3)", {}, "exit status 3"),
        ("import time; time.sleep(9)", {"cell_seconds": 0.1}, "^cell 2 took longer than 0.1 s"),
    ],
    ids=["an end", "a wait"],
)
def test_of_cells_sent_together_the_one_that_ends_the_child_is_known(
    small_worker: Worker, cell: str, limits: dict[str, float], reason: str
) -> None:
    with session(small_worker, **limits) as child:
        results = child.run_cells([ToRun("print(1)", 1), ToRun(cell, 2), ToRun("print(3)", 3)])
        assert next(results).output == "1\n"
        with pytest.raises(ChildEnded, match=reason):
            next(results)


def test_a_cell_with_half_a_character_is_run(small_worker: Worker) -> None:
    with session(small_worker) as child:
        assert child.run_cell("print('\ud800')", 1).output == "?\n"


FORGED = b"".join(dump(CellDone(number, None, "forged", 0, 0.0)) for number in (1, 2, 3))
FORGED_ENDS = f"""
import os
for name in os.listdir("/proc/self/fd"):
    try:
        if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
            os.write(int(name), {FORGED!r})
    except OSError:
        pass
"""


def test_a_cell_that_answers_for_those_sent_with_it_ends_its_child(small_worker: Worker) -> None:
    with session(small_worker) as child:
        results = child.run_cells([ToRun(FORGED_ENDS, 1), ToRun("x = 1", 2), ToRun("y = 2", 3)])
        assert [result.output for result in results] == ["forged"] * 3
        with pytest.raises(ChildEnded, match="broke the protocol"):
            child.value("x")


def test_what_only_waits_may_take_longer_than_what_computes(small_worker: Worker) -> None:
    with session(small_worker, cell_seconds=0.3) as child:
        assert child.run_cell("import time\ntime.sleep(0.4)", 1).failure is None
        assert child.processor_seconds() < 0.3


def test_the_processor_time_of_a_family_that_has_ended_is_known(small_worker: Worker) -> None:
    spend = "import os, time\nif not os.fork():\n    while time.process_time() < 0.2: pass\n    "
    with session(small_worker) as child:
        assert child.run_cell(spend + "os._exit(0)\nos.wait()", 1).failure is None
        assert child.processor_seconds() > 0.15
    assert child.processor_seconds() > 0.15


@pytest.mark.parametrize(
    ("limits", "cell", "says"),
    [
        ({"file_bytes": 1 << 20}, "open('f', 'wb').write(bytes(2 << 20))", "File too large"),
        ({"open_files": 32}, "kept = [open('/dev/null') for _ in range(64)]", "Too many open"),
        ({"memory_bytes": 200 << 20}, "x = bytearray(1 << 30)", ""),
    ],
    ids=["one file", "open files", "one process's memory"],
)  # fmt: skip
def test_a_limit_is_an_error_that_the_notebook_survives(
    small_worker: Worker, limits: dict[str, float], cell: str, says: str
) -> None:
    with session(small_worker, **limits) as child:
        failure = child.run_cell(cell, 1).failure
        assert failure is not None
        assert failure.type_name in {"OSError", "MemoryError"}
        assert says in failure.message
        assert child.run_cell("survived = 1", 2).failure is None


@pytest.mark.parametrize("output", ["x" * 3_000_000, "é" * 3_000_000, "\x00" * 3_000_000])
def test_output_is_cut_to_its_limit_and_counted(small_worker: Worker, output: str) -> None:
    with session(small_worker) as child:
        ran = child.run_cell(f"print({output[0]!r} * {len(output)}, end='')", 1)
        assert len(ran.output) <= 1_000_000
        assert len(ran.output) + ran.discarded == len(output)


def test_a_read_only_argument_says_so_to_whoever_writes_to_it(small_worker: Worker) -> None:
    with session(small_worker) as child:
        child.run_cell("def spoil(x):\n    x[0] = 7\n    return x", 1)
        argument = np.arange(3.0)
        argument.setflags(write=False)
        with pytest.raises(ValueError, match="read-only"):
            child.value("spoil")(argument)
        assert argument[0] == 0


@pytest.mark.parametrize(
    ("odd", "body"),
    [
        ("Odd(Exception):\n    def __str__(self): raise SystemExit", "raise Odd"),
        ("Odd:\n    def __iter__(self): raise KeyboardInterrupt", "return [*Odd()]"),
        ("Odd(BaseException):\n    __traceback__ = property(lambda s: 1/0)", "raise Odd"),
        ("M(type):\n    __name__ = property(lambda s: 1/0)\nclass Odd(Exception, metaclass=M): ...",
         "raise Odd"),
        ("Odd:\n    __class__ = property(lambda s: float)", "return Odd()"),
    ],
    ids=["str", "iter", "traceback", "name", "class"],
)  # fmt: skip
def test_odd_exceptions_and_objects_leave_the_child_able_to_answer(
    small_worker: Worker, odd: str, body: str
) -> None:
    with session(small_worker) as child:
        child.run_cell(f"class {odd}\ndef f():\n    {body}\ndef g():\n    return 1", 1)
        with contextlib.suppress(Exception):  # whatever it was, it is told
            child.value("f")()
        assert child.value("g")() == 1


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


@pytest.mark.parametrize("level", recipes.PROVABLE, ids=lambda level: level.name)
def test_what_a_level_cannot_stop_is_stated(level: recipes.Level) -> None:
    shown = [gap for gap in level.gaps if gap.attack]
    assert bool(shown) is (level is not recipes.STRONG)


def test_every_level_has_one_recipe_and_they_stand_best_first() -> None:
    named = [level for level in IsolationLevel if level is not IsolationLevel.NOT_JUDGED]
    assert [level.name for level in recipes.LEVELS] == named


def test_every_known_gap_is_a_levels_and_in_the_table() -> None:
    used = {gap for level in recipes.LEVELS for gap in level.gaps}
    assert used == set(recipes.KNOWN_GAPS)


@pytest.mark.parametrize("root", [True, False])
def test_a_level_is_tried_only_by_whom_it_is_for(
    root: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recipes, "is_root", lambda: root)
    tried = [level for level in recipes.PROVABLE if level.is_for_this_user()]
    assert tried == [recipes.STRONG, recipes.CONTAINER_UID if root else recipes.SAME_UID]


def test_ways_depend_on_root_and_on_bubblewrap(monkeypatch: pytest.MonkeyPatch) -> None:
    way = recipes.Way
    monkeypatch.setattr(recipes, "bubblewrap_program", lambda: "/bin/bwrap")
    monkeypatch.setattr(recipes, "is_root", lambda: True)
    assert recipes.STRONG.ways() == (way.DIRECT,)
    monkeypatch.setattr(recipes, "is_root", lambda: False)
    assert recipes.STRONG.ways() == (way.BUBBLEWRAP, way.DIRECT, way.FLAT)
    assert recipes.SAME_UID.ways() == (way.SHARED,)
    monkeypatch.setattr(recipes, "bubblewrap_program", lambda: None)
    assert recipes.STRONG.ways() == (way.DIRECT,)


def test_a_new_probe_is_demanded_by_every_level(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(attempts.PROBES, "teleport", lambda _targets: "it is elsewhere")
    assert all("teleport" in probes.demanded(level) for level in recipes.LEVELS)


def test_a_probe_is_excused_by_name_only() -> None:
    names = {*attempts.PROBES, probes.SCRATCH}
    assert all(level.excused <= names for level in recipes.LEVELS)
    assert set(probes.demanded(recipes.STRONG)) == names


@pytest.mark.parametrize("fallback", [True, False])
def test_the_last_resort_says_what_kept_the_machine_from_better(
    fallback: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prove(level: recipes.Level, way: recipes.Way, **_: object) -> Isolation:
        holds = level is recipes.SAME_UID or not fallback
        finding = "ok" if holds else "a datagram got out"
        found = dict.fromkeys(probes.demanded(level), "ok") | {"udp": finding}
        return Isolation(level.name, found, way=way)

    monkeypatch.setattr(probes, "prove", prove)
    monkeypatch.setattr(probes, "landlock_abi", lambda: recipes.TRUNCATING_LANDLOCK)
    monkeypatch.setattr(recipes, "is_root", lambda: False)
    found = probes.choose_isolation()
    assert found.level == (IsolationLevel.SAME_UID if fallback else IsolationLevel.STRONG)
    assert ("the probe udp of strong failed" in found.warning) is fallback
    assert found.way == ("" if fallback else recipes.STRONG.ways()[0])


def test_the_tables_hold_every_level_and_gap() -> None:
    assert len(tables.levels_table().splitlines()) == 2 + len(recipes.LEVELS)
    assert len(tables.gaps_table().splitlines()) == 2 + len(recipes.KNOWN_GAPS)
