"""The isolation levels, best first: what each is made of, needs, demands and cannot stop.

To add a level, write a `Level` here, in its place in `LEVELS`, and name it in
`model.IsolationLevel`; the start of a worker, the probes, `grader doctor` and the README's tables
ask the recipe. To add a probe, write it in `sandbox/inside/attempts.py`: every level demands it but
for those whose `excused` names it.
"""

import sys
from dataclasses import dataclass
from enum import StrEnum

from grader.model import Isolation, IsolationLevel

from .host import bubblewrap_program, is_root

TRUNCATING_LANDLOCK = 3  # before it, truncating a file needs no right
SCOPED_LANDLOCK = 6  # from it on, the kernel keeps signals and abstract sockets inside


class Way(StrEnum):
    """How a worker's file system is made.

    The flat way is for a machine whose policy lets bubblewrap make namespaces and nobody inside
    them: one set for the worker and all its children.
    """

    BUBBLEWRAP = "bubblewrap"
    DIRECT = "direct"
    FLAT = "bubblewrap-flat"
    SHARED = ""  # the machine's own

    @property
    def nests(self) -> bool:
        """Whether each child gets namespaces of its own."""
        return self in {Way.BUBBLEWRAP, Way.DIRECT}

    @property
    def uses_bubblewrap(self) -> bool:
        return self in {Way.BUBBLEWRAP, Way.FLAT}


@dataclass(frozen=True, slots=True)
class KnownGap:
    """Something that a level is known not to stop.

    `attack` names the fixture that shows it, "" where showing it takes a machine of its own.
    """

    what: str
    why: str
    attack: str = ""


STAT = KnownGap(
    "whether a file exists, its size and its times, for somebody who knows its exact path",
    "Landlock does not watch over stat; for another uid the modes of folders do",
    "16_stat_by_exact_path",
)
PROCESS_NUMBERS = KnownGap(
    "which process numbers are in use",
    "stat of /proc/<number> answers without a process namespace",
    "17_list_other_processes",
)
DISK = KnownGap(
    "disk beyond the scratch limit for the twentieth of a second until the watchdog looks, and "
    "up to four times the limit in files without a name that are mapped but not open",
    "there is no file system of the right size; one file is bounded at once by RLIMIT_FSIZE",
)
EDITABLE_PATH = KnownGap(
    "the path of an editable installation that lies in the interpreter's own folder",
    "Landlock opens that folder as a whole; in a virtual environment the file is left out",
)
TASKS = KnownGap(
    "tasks beyond their limit, until the watchdog looks",
    "RLIMIT_NPROC counts everything that the user runs, so that it leaves room for it",
)
MEMORY = KnownGap(
    "memory beyond its limit for the twentieth of a second until the watchdog looks; up to the "
    "scratch limit each, files in the scratch folder and /dev/shm of `strong`; what the kernel "
    "itself notes of processes, locks and timers",
    "one process is bounded at once by RLIMIT_AS, except where a GPU is used; sockets and page "
    "tables are counted, pipes cannot grow, and without a GPU no page is shared without a file",
)
CACHE_TIMING = KnownGap(
    "what another student's code has read of the machine's files, told by the time that reading "
    "them takes, or by one's own count of reads from disk",
    "a cache is shared by all; it cannot be asked or emptied, and no child whose words are shown "
    "starts after one that has seen a hidden input",
)
BUSY = KnownGap(
    "how busy the machine is, told by the time that one's own code takes",
    "processors, caches and memory are shared; the machine's own counters are hidden",
)
SLOWER = KnownGap(
    "a neighbour made slower by what all processors share: caches, memory and disks",
    "no child uses more than one processor at a time; a limit counts processor time, and who ran "
    "out of it is judged once more alone",
)
GPU_OOM_SCORE = KnownGap(
    "with a GPU, that a notebook is no longer the first to be ended where memory runs out",
    "the driver names its threads in a folder of /proc that holds this as well",
)
GPU_SOCKET_NAME = KnownGap(
    "with a GPU, the abstract socket name that another submission's driver is about to take",
    "the driver waits under such a name, and only a network of one's own would keep them apart",
)
OPEN_NETWORK = KnownGap(
    "with --network, whatever the machine can reach: pages, names, its own services on the ports "
    "of those, any port by a datagram, and somebody to tell what was seen",
    "the network is the machine's own; other ports are closed where Landlock is of version 4 or "
    "later, nothing waits for a connection, and every output says that it was open",
)
KERNEL_FAULT = KnownGap(
    "a fault of the kernel, or with a GPU of its driver, whose requests are let through",
    "a namespace shares the kernel; a virtual machine would not",
)
# In the order of the README. The tests demand that each gap that has an attack lets it through at
# its levels, and that no other attack gets through.
KNOWN_GAPS = (
    STAT, PROCESS_NUMBERS, DISK, EDITABLE_PATH, TASKS, MEMORY, CACHE_TIMING, BUSY, SLOWER,
    GPU_OOM_SCORE, GPU_SOCKET_NAME, OPEN_NETWORK, KERNEL_FAULT,
)  # fmt: skip
EVERYWHERE = (MEMORY, CACHE_TIMING, BUSY, SLOWER, GPU_OOM_SCORE, OPEN_NETWORK, KERNEL_FAULT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One isolation level."""

    name: IsolationLevel
    made_of: str  # for the README
    in_short: str  # for `grader doctor`
    found_on: str
    confines: bool = True  # by Landlock, seccomp, limits, and the loss of every capability
    has_private_files: bool = False  # mounts, processes, network and IPC of the worker's own
    lends_uid: bool = False  # where the judge is root, the worker has a uid that nobody else has
    child_becomes_uid: bool = False  # the worker stays root, and a child becomes that uid
    for_root: bool | None = None  # True: for root only, False: for anybody else only
    least_landlock: int = 0  # the version without which it need not be tried
    is_last_resort: bool = False  # it comes with what keeps the machine from a better one
    excused: frozenset[str] = frozenset()  # probes whose finding does not disprove it
    gaps: tuple[KnownGap, ...] = ()

    def ways(self) -> tuple[Way, ...]:
        """Return the ways to it that this machine might offer, the best first."""
        if not self.has_private_files:
            return (Way.SHARED,)
        if is_root() or not bubblewrap_program():
            return (Way.DIRECT,)
        return (Way.BUBBLEWRAP, Way.DIRECT, Way.FLAT)

    def is_for_this_user(self) -> bool:
        """Tell whether it is meant for whoever runs this."""
        return self.for_root is None or self.for_root is is_root()


# What a file is called, how large and how old it is, only a file system of one's own can hide.
SHARED_FILES = frozenset({"stat"})

STRONG = Level(
    name=IsolationLevel.STRONG,
    made_of="user, mount, process, network and IPC namespaces (by bubblewrap, or directly), "
    "Landlock, seccomp, limits",
    in_short="private namespaces, Landlock, seccomp and limits",
    found_on="most Linux machines",
    has_private_files=True,
    lends_uid=True,
    gaps=EVERYWHERE,
)
CONTAINER_UID = Level(
    name=IsolationLevel.CONTAINER_UID,
    made_of="an unprivileged user a slot, Landlock, seccomp, limits",
    in_short="an unprivileged user, Landlock, seccomp and limits, no namespaces",
    found_on="root in a container without namespaces, such as Gradescope's",
    lends_uid=True,
    child_becomes_uid=True,
    for_root=True,
    least_landlock=TRUNCATING_LANDLOCK,
    excused=SHARED_FILES,
    gaps=(STAT, PROCESS_NUMBERS, DISK, EDITABLE_PATH, GPU_SOCKET_NAME, *EVERYWHERE),
)  # fmt: skip
SAME_UID = Level(
    name=IsolationLevel.SAME_UID,
    made_of="Landlock (version 3 or later), seccomp, limits",
    in_short="Landlock, seccomp and limits under your own user, no namespaces",
    found_on="Linux without namespaces",
    for_root=False,
    least_landlock=TRUNCATING_LANDLOCK,
    is_last_resort=True,
    excused=SHARED_FILES,
    gaps=(STAT, PROCESS_NUMBERS, DISK, EDITABLE_PATH, TASKS, GPU_SOCKET_NAME, *EVERYWHERE),
)  # fmt: skip
NONE = Level(
    name=IsolationLevel.NONE,
    made_of="nothing; only by name",
    in_short="nothing",
    found_on="macOS and Windows: use a Linux container",
    confines=False,
)

LEVELS = (STRONG, CONTAINER_UID, SAME_UID, NONE)
# What probes can prove; the others are only what was typed.
PROVABLE = tuple(level for level in LEVELS if level.confines)

_BY_NAME = {level.name: level for level in LEVELS}


def recipe(name: IsolationLevel) -> Level:
    """Return the recipe of a level; KeyError where that is none, as for what was not judged."""
    return _BY_NAME[name]


def likely_isolation(requested: str = "auto", *, network: bool = False) -> Isolation:
    """Return what `proof.probes.choose_isolation` is likely to come to; nothing of it is proved."""
    if requested == IsolationLevel.NONE or sys.platform != "linux":
        return Isolation(IsolationLevel.NONE, network=network)
    level = next(level for level in PROVABLE if level.is_for_this_user())
    return Isolation(level.name, way=level.ways()[0].value, network=network)
