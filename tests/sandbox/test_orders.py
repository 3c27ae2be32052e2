"""What judge and worker say to each other, and what becomes of anything else."""

import dataclasses
import socket
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest

from grader.errors import IsolationError, WorkerError
from grader.model import Isolation, Limits
from grader.sandbox import Worker, wire
from grader.sandbox.wire import nodes, orders, protocol
from grader.sandbox.wire.mount_plan import MountPlan
from grader.sandbox.worker import ChildEnd
from grader.sandbox.worker import _child_limits as child_limits

LIMITS = Limits()
SETTINGS = orders.LockdownSettings(
    confined=True, nested=False, uid=None, scratch="/scratch", files="/files", filter=b"\x00\xff",
    own_pid=7, landlock=True, readable=("/usr",), listed=(("/opt", ("a", "b")),), writable=(),
    tasks_base=4, cuda=False, owns_network=True, network=True, ports=(53, 443),
)  # fmt: skip
MESSAGES = [
    (orders.Spawn(3, child_limits(LIMITS), 1), orders.load_order),
    (orders.Expect([(1, "pass")]), orders.load_order),
    (orders.Kill(), orders.load_order),
    (orders.Ready({"numpy": "2", "triton": None}, 1.5), orders.load_event),
    (orders.Spawned(0.25), orders.load_event),
    (orders.Ended(9, orders.Resource.TASKS, 1.5), orders.load_event),
    (orders.Ended(0, None, 0.0), orders.load_event),
    (orders.Locked(), orders.load_first),
    (orders.NotLocked("OSError: no"), orders.load_first),
    (orders.Start(5, ("numpy",), SETTINGS, {"fonts.json": "{}"}), orders.load_start),
]
JUNK = [
    b"", b"+", b"{}", msgspec.msgpack.encode(["ended", 0]), msgspec.msgpack.encode(["other"]),
    msgspec.msgpack.encode(["ended", 0, "patience"]), msgspec.msgpack.encode(["ended", "0", None]),
    msgspec.msgpack.encode(["ended", 0, None, "more"]),
]  # fmt: skip


@pytest.mark.parametrize(("message", "load"), MESSAGES, ids=lambda item: type(item).__name__)
def test_every_message_arrives_as_it_was_sent(message: Any, load: Any) -> None:
    assert load(orders.dump(message)) == message


@pytest.mark.parametrize("load", [orders.load_order, orders.load_event, orders.load_first])
@pytest.mark.parametrize("data", JUNK, ids=repr)
def test_anything_else_is_a_violation(load: Any, data: bytes) -> None:
    with pytest.raises(nodes.ProtocolViolationError):
        load(data)


def test_the_protocol_names_every_message() -> None:
    unions = (orders.Order, orders.Event, orders.First, protocol.Request, protocol.Reply)
    names = {kind.__name__ for union in unions for kind in get_args(union)}
    assert {name for name in names if name not in wire.__doc__} == set()
    assert "orders.Start" in wire.__doc__
    assert "mount_plan.MountPlan" in wire.__doc__


def test_a_childs_limits_are_the_submissions_own() -> None:
    sent = msgspec.structs.asdict(child_limits(LIMITS))
    assert sent.items() <= dataclasses.asdict(LIMITS).items()


def test_a_plan_of_mounts_is_read_as_it_was_written() -> None:
    plan = MountPlan(
        root="/r", binds=(("/usr", "/usr"),), blanks=("/a",), hidden=("/b",), links=(),
        files=(("/etc/x", "y\n"),), devices=("/dev/null",), scratch_bytes=5, uid=None,
        network=False, command=("python", "-c", "é"),
    )  # fmt: skip
    assert MountPlan.load(plan.dump()).dump() == plan.dump()
    with pytest.raises(TypeError):
        MountPlan.load('{"root": "/"}')


@pytest.fixture
def odd_worker() -> Iterator[tuple[Worker, socket.socket]]:
    """A worker, and the end at which this test speaks in its place."""
    worker = Worker(isolation=Isolation("none"), warm=False)
    worker.wait_until_ready()
    own = worker._started.control
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    worker._started = dataclasses.replace(worker._started, control=ours)
    yield worker, theirs
    own.close()
    theirs.close()
    worker.close()


@pytest.mark.parametrize("data", JUNK[1:], ids=repr)
def test_a_worker_that_sends_something_odd_is_an_error_with_a_sentence(
    odd_worker: tuple[Worker, socket.socket], data: bytes
) -> None:
    worker, theirs = odd_worker
    theirs.send(data)
    said = r"The sandbox's worker sent a message that is none of these: .*; run `grader doctor`"
    with pytest.raises(WorkerError, match=said):
        worker.end_child()


def test_a_worker_that_speaks_out_of_turn_is_an_error(
    odd_worker: tuple[Worker, socket.socket],
) -> None:
    worker, theirs = odd_worker
    theirs.send(orders.dump(orders.Spawned(0.1)))
    with pytest.raises(WorkerError, match="sent Spawned where Ended was due"):
        worker.end_child()


def test_a_worker_that_is_silent_for_good_is_an_error(
    odd_worker: tuple[Worker, socket.socket],
) -> None:
    worker, theirs = odd_worker
    theirs.close()
    with pytest.raises(WorkerError, match="The sandbox's worker ended"):
        worker.end_child()


@pytest.mark.parametrize(
    ("first", "reason"),
    [(orders.dump(orders.NotLocked("OSError: no mounts")), "OSError: no mounts"),
     (b"+", "none of these"), (None, "it ended")],
)  # fmt: skip
def test_a_child_that_is_not_locked_down_is_no_child(
    odd_worker: tuple[Worker, socket.socket], first: bytes | None, reason: str
) -> None:
    worker, theirs = odd_worker
    ours, childs = socket.socketpair()
    if first is None:
        childs.close()
    else:
        childs.sendall(first)
    theirs.send(orders.dump(orders.Ended(0, None, 0.0)))
    with pytest.raises(IsolationError, match=rf"could not be locked down \(.*{reason}.*\); run"):
        worker._wait_until_locked(ours)
    assert ours.fileno() == -1
    childs.close()


def test_every_resource_has_a_sentence() -> None:
    said = {ChildEnd(0, resource).describe(LIMITS) for resource in orders.Resource}
    assert len(said) == len(orders.Resource)
    assert all(sentence.startswith("the notebook ") for sentence in said)
