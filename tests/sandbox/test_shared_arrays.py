"""Arrays and frames that a test and a student's code both have: each is one, and not two.

As for lists, the same steps are done in two worlds: in one the student's code is called as it is,
in the other through a session.
"""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from grader.model import Limits
from grader.sandbox import CannotCrossError, ChildEnded, Session, StudentError
from grader.sandbox.handover import Changes, Place
from grader.sandbox.wire import nodes, protocol, shared
from tests.support.in_thread import notebook, session_over

SCORES = np.arange(6.0)
ROWS = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "y", "z"]})


class Keeper:
    """A student's class, which keeps arrays that it is given."""

    def __init__(self) -> None:
        self.kept: list[Any] = []

    @property
    def first(self) -> Any:
        return self.kept[0] if self.kept else None

    def keep(self, array: Any) -> None:
        self.kept.append(array)

    def make(self, number: int) -> None:
        self.kept.append(np.arange(3.0) - number)

    def keep_a_view(self, array: Any) -> None:
        self.kept.append(array[1:])

    def give(self, number: int) -> Any:
        return self.kept[number % len(self.kept)] if self.kept else None

    def view(self, number: int) -> Any:
        found = self.give(number)
        return None if found is None else found[number % 2 :]

    def turned(self, number: int) -> Any:
        found = self.give(number)
        return None if found is None else found.reshape(1, -1).T

    def pair(self, number: int) -> Any:
        found = self.give(number)
        return None if found is None else (found, {"tail": found[1:]}, [found])

    def change(self, number: int) -> None:
        found = self.give(number)
        if found is not None and len(found):
            found[number % len(found)] += 10

    def renew(self, number: int) -> None:
        if self.kept:
            self.kept[number % len(self.kept)] = self.give(number) * 2

    def sort(self) -> None:
        for one in self.kept:
            one.sort()

    def total(self) -> float:
        return float(sum(one.sum() for one in self.kept))

    def forget(self) -> None:
        self.kept = []

    def each(self) -> Iterator[Any]:
        yield from list(self.kept)


def double(array: Any) -> Any:
    array *= 2
    return array


def double_and_fail(array: Any) -> None:
    array *= 2
    raise KeyError("after a change")


def call_with(function: Callable[[Any], Any], array: Any) -> Any:
    before = float(array.sum())
    given = function(array)
    return before, float(array.sum()), given


STUDENTS = {one.__name__: one for one in (Keeper, double, double_and_fail, call_with)}


class World:
    """What a test holds, and the names of the notebook that it uses."""

    def __init__(self, name: Callable[[str], Any]) -> None:
        self.name = name
        self.keeper = name("Keeper")()
        self.held: list[Any] = [np.arange(4.0)]

    def one(self, number: int) -> Any:
        return self.held[number % len(self.held)]

    def hold(self, value: Any) -> Any:
        if isinstance(value, np.ndarray):
            self.held.append(value)
        return value


def new(world: World, number: int, _other: int) -> Any:
    return world.hold(np.arange(3.0) + number)


def view_here(world: World, number: int, other: int) -> Any:
    return world.hold(world.one(number)[other % 3 :])


def keep(world: World, number: int, _other: int) -> Any:
    world.keeper.keep(world.one(number))


def make_there(world: World, number: int, _other: int) -> Any:
    world.keeper.make(number)


def keep_a_view(world: World, number: int, _other: int) -> Any:
    world.keeper.keep_a_view(world.one(number))


def give(world: World, number: int, _other: int) -> Any:
    return world.hold(world.keeper.give(number))


def view_there(world: World, number: int, _other: int) -> Any:
    return world.hold(world.keeper.view(number))


def turned(world: World, number: int, _other: int) -> Any:
    found = world.keeper.turned(number)
    return None if found is None else world.hold(found.reshape(-1))


def pair(world: World, number: int, _other: int) -> Any:
    found = world.keeper.pair(number)
    return None if found is None else (world.hold(found[0]), world.hold(found[1]["tail"]))


def attribute(world: World, _number: int, _other: int) -> Any:
    return world.hold(world.keeper.first)


def change_there(world: World, number: int, _other: int) -> Any:
    world.keeper.change(number)


def change_here(world: World, number: int, other: int) -> Any:
    array = world.one(number)
    if len(array):
        array[other % len(array)] = number + other
    return world.keeper.total()


def double_there(world: World, number: int, _other: int) -> Any:
    return world.hold(world.name("double")(world.one(number)))


def fail_there(world: World, number: int, _other: int) -> Any:
    with pytest.raises(KeyError):
        world.name("double_and_fail")(world.one(number))


def call_back(world: World, number: int, other: int) -> Any:
    kept = world.one(other)
    return world.name("call_with")(lambda array: change(array, kept), world.one(number))


def change(array: Any, other: Any) -> float:
    if len(other):
        other[0] += 1
    return float(array.sum())


def renew(world: World, number: int, _other: int) -> Any:
    world.keeper.renew(number)
    return world.keeper.total()


def sort(world: World, _number: int, _other: int) -> Any:
    world.keeper.sort()


def iterate(world: World, _number: int, _other: int) -> Any:
    return [world.hold(one) for one in world.keeper.each()][:2]


def let_go(world: World, number: int, _other: int) -> Any:
    if len(world.held) > 1:
        world.held.pop(number % len(world.held))


def forget(world: World, _number: int, _other: int) -> Any:
    world.keeper.forget()


STEPS = (
    new, view_here, make_there, keep, keep_a_view, give, view_there, turned, pair, attribute,
    change_there, change_here, double_there, fail_there, call_back, renew, sort, iterate, let_go,
    forget,
)  # fmt: skip
numbers = st.integers(0, 9)
programs = st.lists(st.tuples(st.sampled_from(STEPS), numbers, numbers), max_size=12)


def told(
    name: Callable[[str], Any], program: list[Any], changes: Changes | None = None
) -> list[Any]:
    """Run the steps, and return what the test held after each, up to one that is refused."""
    world, found = World(name), []
    for step, number, other in program:
        try:
            gave = step(world, number, other)
        except CannotCrossError:
            break
        if changes is not None and changes.refusals:
            break
        found.append((step.__name__, plain(gave), [one.tolist() for one in world.held]))
    event("refused" if len(found) < len(program) else "told")
    return found


def plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with notebook(**STUDENTS) as found:
        found._conversation._deadline += 600
        yield found


@pytest.fixture
def case(session: Session) -> Iterator[Changes]:
    with session.case(asks=True) as changes:
        yield changes


@settings(max_examples=60, deadline=None)
@given(program=programs)
def test_an_array_that_a_test_holds_is_what_it_is_without_a_process_between(
    session: Session, program: list[Any]
) -> None:
    wanted = told(STUDENTS.__getitem__, program)
    with session.case(asks=True) as changes:
        found = told(session.value, program, changes)
        assert found == wanted[: len(found)]
        assert len(found) == len(wanted) or changes.refusals


class Scaler:
    """A student's class with arrays, tensors and frames in its attributes."""

    def __init__(self, data: Any) -> None:
        self.data = data
        self.made = np.zeros(3)
        self.head, self.tail = self.made[:2], self.made[1:]

    def add(self, number: float) -> None:
        self.data += number

    def total(self) -> float:
        return float(np.asarray(self.data, float).sum())

    def of_made(self) -> list[float]:
        return [float(one) for one in self.made]

    def fixed(self) -> Any:
        self.made.flags.writeable = False
        return self.made

    def squares(self) -> Any:
        return self.made**2 + 1

    def given(self) -> Any:
        return self.made

    def frame(self) -> Any:
        self.rows = pd.DataFrame({"a": self.made})
        return self.rows


def rows_in_notebook() -> int:
    return len(ROWS.columns)


def column_in_notebook(name: str) -> list[Any]:
    return list(ROWS[name])


def add_column() -> None:
    ROWS["new"] = [7, 8, 9]


def total_in_notebook() -> float:
    return float(SCORES.sum())


def curve() -> None:
    SCORES[:] = SCORES + 1


def reshape(array: Any) -> None:
    array.shape = (array.size,)


def whole_and_part(keeper: Any, whole: Any) -> float:
    whole[0] += 1
    return float(keeper.data.sum())


MORE = {
    one.__name__: one
    for one in (
        Scaler, rows_in_notebook, column_in_notebook, add_column, total_in_notebook, curve,
        reshape, whole_and_part,
    )
}  # fmt: skip


@pytest.fixture
def student() -> Iterator[tuple[Session, Changes]]:
    """Yield a notebook with arrays and frames among its names, while a case asks for them."""
    SCORES[:], ROWS["a"] = np.arange(6.0), [1, 2, 3]
    for name in {*ROWS} - {"a", "b"}:
        del ROWS[name]
    ROWS["b"] = ["x", "y", "z"]
    with (
        notebook(SCORES=SCORES, ROWS=ROWS, **MORE) as found,
        found.case(asks=True) as changes,
    ):
        yield found, changes


Student = tuple[Session, Changes]


@pytest.mark.parametrize(
    "make", [np.arange(4.0).copy, lambda: torch.arange(4.0), lambda: pd.Series([0.0, 1, 2, 3])]
)
def test_an_array_that_a_students_object_keeps_is_the_tests_own(
    student: Student, make: Callable[[], Any]
) -> None:
    session, changes = student
    mine = make()
    scaler = session.value("Scaler")(mine)
    mine[0] = 5
    assert scaler.total() == 11
    scaler.add(1)
    assert (float(mine.sum()), float(mine[0])) == (15, 6)
    mine[1:3] = 0
    assert scaler.total() == 10
    assert not changes.refusals


def test_a_frame_that_a_students_object_keeps_is_the_tests_own(student: Student) -> None:
    session, changes = student
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [0.0, 0.0]})
    scaler = session.value("Scaler")(frame)
    frame.loc[0, "b"] = 4
    assert scaler.total() == 7
    scaler.add(1)
    assert frame["a"].tolist() == [2, 3]
    frame["c"] = [1, 1]
    assert scaler.total() == 13
    assert not changes.refusals


def test_an_array_of_an_attribute_can_be_written_to(student: Student) -> None:
    session, changes = student
    scaler = session.value("Scaler")(np.arange(3.0))
    scaler.data[0] = 5
    assert scaler.total() == 8
    held = scaler.data
    scaler.add(1)
    assert held.tolist() == [6, 2, 3]
    held[1:][0] = 0
    assert scaler.total() == 9
    scaler.made[2] = 1
    assert scaler.of_made() == [0, 0, 1]
    assert not changes.refusals


def test_an_array_of_the_notebooks_can_be_written_to(student: Student) -> None:
    session, changes = student
    scores = session.value("SCORES")
    scores[0] = 10
    assert session.value("total_in_notebook")() == 25
    session.value("curve")()
    assert scores.tolist() == [11, 2, 3, 4, 5, 6]
    assert session.value("SCORES") is scores
    assert not changes.refusals


def test_a_frame_of_the_notebooks_can_be_written_to(student: Student) -> None:
    session, changes = student
    rows = session.value("ROWS")
    rows["more"] = [1, 2, 3]
    rows.loc[0, "b"] = "changed"
    assert session.value("rows_in_notebook")() == 3
    assert session.value("column_in_notebook")("b") == ["changed", "y", "z"]
    session.value("add_column")()
    assert rows["new"].tolist() == [7, 8, 9]
    assert session.value("ROWS") is rows
    assert not changes.refusals


def test_what_a_case_has_written_last_is_there_for_the_next() -> None:
    SCORES[:] = 0
    with notebook(SCORES=SCORES.copy(), ROWS=ROWS.copy()) as session:
        with session.case(asks=True):
            session.value("SCORES")[1] = 3
            session.value("ROWS")["last"] = [1, 1, 1]
        with session.case(asks=True):
            assert session.value("SCORES")[1] == 3
            assert "last" in session.value("ROWS")


def test_a_read_only_array_is_one_for_the_test_as_well(student: Student) -> None:
    session, _changes = student
    found = session.value("Scaler")(np.zeros(1)).fixed()
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


# What cannot be one is noted, so that the case is neither passed nor lost.


def test_parts_that_overlap_in_the_students_process_alone_are_noted(student: Student) -> None:
    session, changes = student
    scaler = session.value("Scaler")(np.zeros(1))
    head, tail = scaler.head, scaler.tail
    assert not changes.refusals
    head[1] = 5
    with pytest.raises(CannotCrossError, match="shares memory"):
        scaler.of_made()
    assert tail[0] == 5  # by now
    assert changes.refusals


def test_a_part_that_came_before_the_whole_is_noted(student: Student) -> None:
    session, changes = student
    whole = np.zeros(4)
    scaler = session.value("Scaler")(whole[:2])
    session.value("whole_and_part")(scaler, whole)
    assert any("a part of an array before the whole" in one for one in changes.refusals)


def test_a_part_that_came_after_the_whole_is_one(student: Student) -> None:
    session, changes = student
    whole = np.zeros(4)
    first = session.value("Scaler")(whole)
    scaler = session.value("Scaler")(whole[:2])
    assert session.value("whole_and_part")(scaler, whole) == 1
    assert first.total() == 1
    assert not changes.refusals


def test_an_array_that_was_given_another_shape_is_noted(student: Student) -> None:
    session, changes = student
    mine = np.zeros((2, 2))
    with pytest.raises(StudentError):
        session.value("reshape")(mine)
    assert any("another shape" in one for one in changes.refusals)


def test_an_array_that_the_test_gives_another_shape_is_noted(student: Student) -> None:
    session, changes = student
    mine = np.zeros((2, 2))
    scaler = session.value("Scaler")(mine)
    mine.shape = (4,)  # type: ignore[misc]
    with pytest.raises(CannotCrossError, match="another shape"):
        scaler.total()
    assert changes.refusals


# What a call gave is the test's to write to, and what it writes there is not told: a test works out
# in place how far a result is from what it expects.


def test_a_result_is_written_to_and_handed_over_again(student: Student) -> None:
    session, changes = student
    scaler = session.value("Scaler")(np.zeros(1))
    found = scaler.squares()
    found -= 1
    assert scaler.of_made() == [0, 0, 0]
    assert session.value("Scaler")(found).total() == 0
    found[0] = 4
    assert session.value("Scaler")(found[:2]).total() == 4
    assert not changes.refusals


@pytest.mark.parametrize("method", ["given", "frame"])
@pytest.mark.parametrize("calls_again", [False, True])
def test_a_result_that_is_written_to_and_still_held_there_is_noted(
    method: str, *, calls_again: bool
) -> None:
    with notebook(**MORE) as session:
        with session.case(asks=True) as changes:
            scaler = session.value("Scaler")(np.zeros(1))
            found = getattr(scaler, method)()
            found[:1] = 5.5
            if calls_again:
                assert scaler.of_made() == [0, 0, 0]
        noted, other = changes.refusals, changes.doubts
        if not calls_again:  # a case that fails has failed by itself
            noted, other = other, noted
        assert any("a call gave" in one for one in noted)
        assert not other


def test_a_result_that_is_written_to_and_let_go_is_noted_where_it_is_held_there(
    student: Student,
) -> None:
    session, changes = student
    scaler = session.value("Scaler")(np.zeros(1))
    scaler.squares()[0] = 5
    scaler.of_made()
    assert not changes.refusals
    scaler.given()[0] = 5
    assert scaler.of_made() == [0, 0, 0]
    assert any("a call gave" in one for one in changes.refusals)


def test_what_a_test_expects_of_a_result_is_not_told_to_whoever_kept_it() -> None:
    kept: list[Any] = []

    def work() -> Any:
        kept.append(np.zeros(2))
        return kept[-1]

    with notebook(work=work) as session:
        with session.case(asks=True):
            found = session.value("work")()
            found -= 12.625  # what is expected
            assert float(np.abs(found).max()) > 1
            session.value("work")()
        with session.case(asks=True):
            session.value("work")()
    assert [one.tolist() for one in kept] == [[0, 0]] * 3


# A right answer decides what may be changed, in a later call as in the same one.


def test_a_change_that_no_right_answer_makes_is_the_students_alone() -> None:
    def scaled(places: frozenset[Place] | None) -> Any:
        with notebook(**MORE) as session, session.case(places, asks=True) as changes:
            mine = np.arange(3.0)
            scaler = session.value("Scaler")(mine)
            scaler.add(1)
            return mine.tolist(), scaler.data.tolist(), changes.made

    changed, given, made = scaled(None)
    assert (changed, given) == ([1, 2, 3], [1, 2, 3])
    assert made == {Place("Scaler", "kept", 0)}
    assert scaled(frozenset(made)) == (changed, given, made)
    assert scaled(frozenset()) == ([0, 1, 2], given, made)


def test_what_a_case_has_changed_of_an_array_is_undone() -> None:
    constant, frame = np.arange(3.0), pd.DataFrame({"a": [1.0]})
    with notebook(**MORE) as session, session.case(asks=True):
        for mine in (constant, frame):
            scaler = session.value("Scaler")(mine)
            session.value("Scaler")([mine])
            scaler.add(1)
            assert float(np.asarray(mine).max()) in {2, 3}
    assert constant.tolist() == [0, 1, 2]
    assert frame["a"].tolist() == [1]


# What only a process that is not the child's own code would say.

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
