"""Arrays and frames that a test and a student's code both have: each is one, and not two.

As for lists, the same steps are done in two worlds: in one the student's code is called as it is,
in the other through a session.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st

from grader.sandbox import CannotCrossError, Session
from grader.sandbox.handover import Changes, Place
from grader.sandbox.wire import shared
from grader.sandbox.wire.arrays import TORCH
from grader.sandbox.wire.memory import place_of
from tests.support.in_thread import notebook
from tests.support.keeping_arrays import MORE, ROWS, SCORES, Student


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


def test_what_lies_where_a_tensor_lay_before_is_not_taken_for_it() -> None:
    table, mine, same = shared.Shared(with_arrays=True), torch.zeros(3), torch.ones(3)
    table.add(0, mine)
    place = place_of(mine, TORCH.layout(mine), TORCH)
    assert place is not None
    assert table.number_at(place) == 0
    mine.data = same
    assert table.number_at(place) is None


def test_a_read_only_array_is_one_for_the_test_as_well(student: Student) -> None:
    session, _changes = student
    found = session.value("Scaler")(np.zeros(1)).fixed()
    with pytest.raises(ValueError, match="read-only"):
        found[0] = 1


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
