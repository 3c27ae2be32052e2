"""What a child says of lists and arrays that both sides have, and its own code would not say."""

import socket
from typing import Any

import numpy as np
import pytest

from grader.model import Limits
from grader.sandbox import ChildEnded, StudentError
from grader.sandbox.handover import Changes, Place
from grader.sandbox.wire import nodes, protocol, shared
from tests.support.in_thread import notebook, session_over
from tests.support.keeping_arrays import MORE

HELD = np.arange(4.0)
FIXED = np.arange(2.0)
FIXED.flags.writeable = False
ZEROS = memoryview(bytearray(32))


def claims(body: protocol.Answer, buffers: list[memoryview]) -> tuple[Any, Changes]:
    """Return what a case makes of an answer, where both sides have two arrays and a list."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        judge = session_over(ours, Limits(array_bytes=1 << 20), 5)
        table = judge.current.shared = shared.Shared(with_arrays=True)
        changes = judge.current.changes = Changes(1 << 20)
        for number, one in enumerate((HELD, FIXED, [1])):
            table.add(number, one, Place("f", "kept", number))
        try:
            return judge._answers.result(body, buffers), changes
        finally:
            changes.undo()


def array(count: int, *, dtype: str = "float64", library: str = "numpy") -> nodes.Array:
    return nodes.Array(library, dtype, [count], [1], 0, 0)


def view(number: int, count: int, offset: int = 0, stride: int = 1) -> nodes.Alias:
    return nodes.Alias(number, array(count), [stride], offset)


def changed(number: int, held: Any) -> protocol.Answer:
    return protocol.Answer(1, None, [32], contents=[(number, held)], first=-1)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (changed(7, array(4)), "was not sent"),
        (changed(-1, array(4)), "was not sent"),
        (changed(0, array(3)), "of another kind"),
        (changed(0, array(4, dtype="int64")), "of another kind"),
        (changed(0, array(4, library="torch")), "of another kind"),
        (changed(0, nodes.Sequence([])), "of another kind"),
        (changed(2, array(4)), "of another kind"),
        (changed(0, array(5)), "past the end"),
        (protocol.Answer(1, view(7, 2), [32], first=-1), "was not sent"),
        (protocol.Answer(1, view(2, 2), [32], first=-1), "was not sent"),
        (protocol.Answer(1, nodes.Repeat(9), [], first=-1), "was not sent"),
        (protocol.Answer(1, array(4), [32], first=2), "have had"),
    ],
)
def test_a_claim_about_an_array_that_is_not_had_ends_the_child(body: Any, says: str) -> None:
    with pytest.raises(ChildEnded, match=says):
        claims(body, [ZEROS])
    assert HELD.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "node", [view(0, 2, offset=3), view(0, 2, offset=-1), view(0, 2, offset=0, stride=1 << 40)]
)
def test_a_view_of_more_than_an_array_has_is_a_copy(node: nodes.Alias) -> None:
    found, _changes = claims(protocol.Answer(1, node, [32], first=-1), [ZEROS])
    assert found.tolist() == [0, 0]
    assert not np.shares_memory(found, HELD)


def test_a_view_of_what_the_test_has_is_kept_until_the_case_is_over() -> None:
    found, _changes = claims(protocol.Answer(1, view(0, 2, offset=1), [32], first=-1), [ZEROS])
    assert np.shares_memory(found, HELD)
    assert found.tolist() == [1, 2]  # what the test has, whatever came with it


def test_an_array_that_cannot_be_written_to_is_not_written_to() -> None:
    with pytest.raises(StudentError, match="read-only"):
        claims(changed(1, array(2)), [ZEROS])
    assert FIXED.tolist() == [0, 1]


def test_more_numbers_than_may_be_sent_end_the_child() -> None:
    many = nodes.Sequence([nodes.Repeat(0)] * 40_000)
    with pytest.raises(ChildEnded, match="larger than the limit"):
        claims(protocol.Answer(1, many, [], first=-1), [])


@pytest.mark.parametrize("lie", [None, "all", [0.5, "0"], [10**30, -5], list(range(100))])
def test_what_a_child_says_of_what_differs_unseen_only_refuses_its_own_case(
    monkeypatch: pytest.MonkeyPatch, lie: Any
) -> None:
    monkeypatch.setattr(shared, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr("grader.sandbox.inside.sharing.Sharing.differing", lambda *_: lie)
    with notebook(**MORE) as session, session.case(asks=True) as changes:
        mine = np.arange(3.0)
        scaler = session.value("Scaler")(mine)
        scaler.total()
        mine[0] = 5
        assert scaler.total() == 3
    assert bool(changes.refusals) is (type(lie) is list and 0 in lie)


def test_nothing_around_a_part_that_a_test_hands_over_is_ever_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent: list[bytes] = []
    original = shared.Shared.add

    def add(self: Any, number: int, container: Any, origin: Any = None) -> None:
        if isinstance(container, np.ndarray) and origin is None:  # the child's side
            base = container if container.base is None else container.base
            sent.append(bytes(np.asarray(base)))
        original(self, number, container, origin)

    monkeypatch.setattr(shared.Shared, "add", add)
    table = np.arange(6.0).reshape(2, 3)
    table[:, 2] = 12.625  # what is expected
    with notebook(**MORE) as session, session.case(asks=True) as changes:
        scaler = session.value("Scaler")(table[:, :2])
        table[0, 0] = 4
        assert scaler.total() == 12
        scaler.add(1)
        assert table[:, 2].tolist() == [12.625] * 2
        assert not changes.refusals
    assert sent
    assert not any(np.float64(12.625).tobytes() in one for one in sent)


def claims_of_a_list(body: protocol.Answer, *, holds: Any = None) -> Any:
    """Return what a case makes of an answer, where both sides have a list by the number 0."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        judge = session_over(ours, Limits(), 5)
        judge.current.shared = shared.Shared()
        judge.current.shared.add(0, [1] if holds is None else holds, Place("f", "kept", 0))
        return judge._answers.result(body, [])


LIST = nodes.Sequence([])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (protocol.Answer(1, None, [], contents=[(1, LIST)]), "was not sent"),
        (protocol.Answer(1, None, [], contents=[(-1, LIST)]), "was not sent"),
        (protocol.Answer(1, None, [], contents=[(0, nodes.Mapping([]))]), "of another kind"),
        (protocol.Answer(1, nodes.Repeat(1), []), "was not sent"),
        (protocol.Answer(1, nodes.Sequence([nodes.Repeat(-1)]), [], first=-1), "not sent"),
        (protocol.Answer(1, LIST, [], first=1), "have had"),
        (protocol.Answer(1, LIST, [], first=0, contents=[(0, nodes.Sequence(
            [nodes.Repeat(0)]))]), "nested too deep"),
        (protocol.Raised(1, protocol.Failure("E", "ValueError", "", ""), contents=[(7, LIST)]),
         "was not sent"),
    ],
)  # fmt: skip
def test_a_claim_about_a_list_that_is_not_had_ends_the_child(body: Any, says: str) -> None:
    with pytest.raises(ChildEnded, match=says):
        claims_of_a_list(body)


def test_no_number_is_given_twice() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        judge = session_over(ours, Limits(), 5)
        judge.current.shared = shared.Shared()
        first = judge._answers.result(protocol.Answer(1, LIST, [], first=-1), [])
        assert judge._answers.result(protocol.Answer(1, nodes.Repeat(-1), []), []) is first
        with pytest.raises(ChildEnded, match="have had"):
            judge._answers.result(protocol.Answer(1, LIST, [], first=-1), [])


def doubled(times: int) -> nodes.Sequence:
    """Return a list of lists, each of which holds the one before twice."""
    items: list[Any] = [nodes.Sequence([])]
    items += [nodes.Sequence([nodes.Repeat(-2 - n), nodes.Repeat(-2 - n)]) for n in range(times)]
    return nodes.Sequence(items)


def deeper(times: int) -> nodes.Sequence:
    """Return a list of lists, each of which holds the one before."""
    return nodes.Sequence(
        [nodes.Sequence([nodes.Repeat(-1 - n)] if n else []) for n in range(times)]
    )


@pytest.mark.parametrize(
    ("node", "says"), [(doubled(40), "hold too much"), (deeper(100), "too deep")]
)
def test_lists_that_hold_each_other_have_an_end(node: nodes.Sequence, says: str) -> None:
    with pytest.raises(ChildEnded, match=says):
        claims_of_a_list(protocol.Answer(1, node, [], first=-1))


@pytest.mark.parametrize("asks", [False, True])
def test_lists_without_an_end_are_refused_where_they_are_made(*, asks: bool) -> None:
    def ring() -> Any:
        found: list[Any] = []
        found.append(found)
        return found

    def large() -> Any:
        found: list[Any] = []
        for _ in range(31):
            found = [found, found, found]
        return found

    with notebook(ring=ring, large=large) as session:
        for name in ("ring", "large"):
            with session.case(asks=asks) as changes:
                with pytest.raises(StudentError, match=r"hold each other|nested deeper"):
                    session.value(name)()
                assert bool(changes.refusals) is asks


def test_a_forger_that_never_kept_a_list_changes_it_for_itself_alone() -> None:
    """What a right answer leaves alone is not what a test works out its own answer from."""
    kept: list[Any] = []

    def total(xs: list[int]) -> int:
        kept.append(xs)
        return 0

    def nothing() -> int:
        kept[0].clear()
        return 0

    def passes(places: frozenset[Place] | None) -> bool:
        kept.clear()
        with notebook(total=total, nothing=nothing) as session:
            with session.case(places, asks=True) as changes:
                xs = [1, 2]
                claimed = session.value("total")(xs)
                session.value("nothing")()
                answer = claimed == sum(xs)
            assert changes.made == {Place("total", "kept", 0)}
            return answer

    assert passes(None)  # as without a process between
    assert not passes(frozenset())
