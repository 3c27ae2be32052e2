"""Lists, dicts and sets that a test and a student's code both have: each is one, and not two.

The same steps are done in two worlds. In one the student's code is called as it is, in the other
through a session; after each step what the test holds must be the same, to the identity of every
list within it.
"""

import collections
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox import CannotCrossError, Session, StudentError
from grader.sandbox.handover import Changes, Place
from grader.sandbox.wire import shared
from tests.support.in_thread import notebook

CONTAINERS = (list, dict, collections.deque)


class Keeper:
    """A student's class, which keeps what it is given."""

    def __init__(self) -> None:
        self.kept: list[Any] = []
        self._asked = 0

    def keep(self, value: Any) -> None:
        self.kept.append(value)

    def forget(self) -> None:
        self.kept = []

    def give(self, number: int) -> Any:
        return self.kept[number % len(self.kept)] if self.kept else None

    def several(self) -> Any:
        return self.kept[:2], {"first": self.kept[:1]}

    def change(self, number: int) -> None:
        one = self.kept[number % len(self.kept)] if self.kept else None
        if isinstance(one, CONTAINERS):
            add(one, number)

    def count(self) -> int:
        return sum(len(one) for one in self.kept if isinstance(one, CONTAINERS))

    def items(self) -> Iterator[Any]:
        yield from list(self.kept)


def matrix(*, is_one_row: bool) -> list[list[int]]:
    return [[0] * 2] * 2 if is_one_row else [[0] * 2 for _ in range(2)]


def add(target: Any, value: Any) -> Any:
    if isinstance(target, dict):
        target[len(target)] = value
    else:
        target.append(value)
    return target


def add_and_fail(target: Any, value: Any) -> None:
    add(target, value)
    raise KeyError("after a change")


def call_with(function: Callable[[Any], Any], value: Any) -> Any:
    before = len(value)
    given = function(value)
    return before, len(value), given


def remember(value: Any, kept: list[Any] = []) -> list[Any]:  # noqa: B006 - what students write
    kept.append(value)
    return kept


STUDENTS = {one.__name__: one for one in (Keeper, matrix, add, add_and_fail, call_with, remember)}


class World:
    """What a test holds, and the names of the notebook that it uses."""

    def __init__(self, name: Callable[[str], Any]) -> None:
        self.name = name
        self.keeper = name("Keeper")()
        self.held: list[Any] = [[1]]

    def one(self, number: int) -> Any:
        return self.held[number % len(self.held)]

    def hold(self, value: Any) -> Any:
        self.held += [one for one in walk(value) if isinstance(one, CONTAINERS)][:3]
        return value


def walk(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, tuple | list | collections.deque):
        for item in value:
            yield from walk(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from walk(item)


def outline(value: Any, seen: dict[int, int] | None = None) -> Any:
    """Return what a value holds, with each list, dict and deque named by where it came first."""
    seen = {} if seen is None else seen
    if not isinstance(value, (tuple, *CONTAINERS)):
        return value
    if isinstance(value, CONTAINERS):
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
    items = value.items() if isinstance(value, dict) else value
    return type(value).__name__, [outline(item, seen) for item in items]


def new(world: World, number: int, _other: int) -> Any:
    return world.hold(CONTAINERS[number % 3]())


def keep(world: World, number: int, _other: int) -> Any:
    if not any(one is world.keeper.kept for one in walk(world.one(number))):
        world.keeper.keep(world.one(number))


def keep_here(world: World, number: int, _other: int) -> Any:
    if not any(one is world.keeper.kept for one in walk(world.one(number))):
        world.keeper.kept.append(world.one(number))


def hold_all(world: World, _number: int, _other: int) -> Any:
    return world.hold(world.keeper.kept)


def give_another(world: World, number: int, _other: int) -> Any:
    world.keeper.kept = [world.one(number)]


def give(world: World, number: int, _other: int) -> Any:
    return world.hold(world.keeper.give(number))


def several(world: World, _number: int, _other: int) -> Any:
    return world.hold(world.keeper.several())


def iterate(world: World, _number: int, _other: int) -> Any:
    return world.hold([*world.keeper.items()])


def change_there(world: World, number: int, _other: int) -> Any:
    world.keeper.change(number)


def change_here(world: World, number: int, other: int) -> Any:
    add(world.one(number), other)
    return world.keeper.count()


def nest_here(world: World, number: int, other: int) -> Any:
    if not any(one is world.one(number) for one in walk(world.one(other))):
        add(world.one(number), world.one(other))


def nest_there(world: World, number: int, other: int) -> Any:
    if not any(one is world.one(number) for one in walk(world.one(other))):
        return world.hold(world.name("add")(world.one(number), world.one(other)))
    return None


def fail_there(world: World, number: int, other: int) -> Any:
    with pytest.raises(KeyError):
        world.name("add_and_fail")(world.one(number), other)


def call_back(world: World, number: int, other: int) -> Any:
    keep(world, other, 0)
    log = world.one(other)
    return world.name("call_with")(
        lambda one: add(one, len(add(log, 0))) and None, world.one(number)
    )


def rows(world: World, number: int, _other: int) -> Any:
    found = world.name("matrix")(is_one_row=bool(number % 2))
    found[0][0] = 1
    return world.hold(found)


def default(world: World, number: int, _other: int) -> Any:
    return world.hold(world.name("remember")(number))


def let_go(world: World, number: int, _other: int) -> None:
    if len(world.held) > 1:
        world.held.pop(number % len(world.held))


def forget(world: World, _number: int, _other: int) -> None:
    world.keeper.forget()


STEPS = (
    new, keep, keep_here, hold_all, give_another, give, several, iterate, change_there,
    change_here, nest_here, nest_there, fail_there, call_back, rows, default, let_go, forget,
)  # fmt: skip
numbers = st.integers(0, 9)
programs = st.lists(st.tuples(st.sampled_from(STEPS), numbers, numbers), max_size=14)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with notebook(**STUDENTS) as found:
        found._conversation._deadline += 600
        yield found


@pytest.fixture
def case(session: Session) -> Iterator[Changes]:
    with session.case(asks=True) as changes:
        yield changes


def sharing(session: Session) -> shared.Shared:
    """Return what a case and the child both have by now."""
    found = session.current.shared
    assert found is not None
    return found


def told(name: Callable[[str], Any], program: list[Any]) -> list[Any]:
    """Run the steps, and return what the test held after each."""
    remember.__defaults__[0].clear()  # type: ignore[index]
    world = World(name)
    return [
        (step.__name__, outline([step(world, number, other), world.held]))
        for step, number, other in program
    ]


@settings(max_examples=200, deadline=None)
@given(program=programs)
def test_what_a_test_holds_is_what_it_holds_without_a_process_between(
    session: Session, program: list[Any]
) -> None:
    plain = told(STUDENTS.__getitem__, program)
    with session.case(asks=True) as changes:
        assert told(session.value, program) == plain
        assert not changes.refusals


# In a case of ours each call has its own copies, and within one answer a list is one all the same.


def arrays_of(value: Any) -> list[Any]:
    return [one for one in walk(value) if isinstance(one, np.ndarray | torch.Tensor)]


def several_arrays() -> list[Any]:
    table = np.arange(12.0).reshape(3, 4)
    row = np.zeros(2)
    whole = torch.zeros(2, 2)
    return [
        [row] * 3, [row, row.copy()], {"a": row, 1: row},
        (table, table.T, table[::2, 1:], table[1]),
        [whole, whole.t(), whole[0]], [torch.from_numpy(table), table], np.zeros(3)[::-1],
        [table[:, :1], table[:, 2:]], [[row], [row]],
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(len(several_arrays())))
@pytest.mark.parametrize("asks", [False, True])
def test_the_arrays_of_one_answer_share_what_they_share_in_one_process(
    number: int, *, asks: bool
) -> None:
    def give() -> Any:
        return several_arrays()[number]

    with notebook(give=give) as session, session.case(asks=asks):
        here, plain = (arrays_of(function()) for function in (session.value("give"), give))
        assert [[one is other for one in here] for other in here] == [
            [one is other for one in plain] for other in plain
        ]
        for which in range(len(plain)):
            for world in (here, plain):
                world[which][...] = which + 1
            assert [one.tolist() for one in here] == [one.tolist() for one in plain]


@pytest.mark.parametrize("asks", [False, True])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_lists_of_one_answer_are_one_where_they_are_one_in_one_process(
    data: st.DataObject, *, asks: bool
) -> None:
    made: list[Any] = [
        [],
        {},
        collections.deque(),
        set(),
        np.empty(1, object),
        collections.Counter(),
    ]
    for _ in range(data.draw(numbers)):
        parts = [data.draw(st.sampled_from(made)) for _ in range(2)]
        made.append(data.draw(st.sampled_from([parts, tuple(parts), {1: parts[0], 2: parts[1]}])))

    def give() -> Any:
        return made

    def identities(value: Any) -> list[int]:
        every = [one for one in walk(value) if not isinstance(one, tuple)]
        return [[id(other) for other in every].index(id(one)) for one in every]

    with notebook(give=give) as session, session.case(asks=asks):
        assert identities(session.value("give")()) == identities(made)


@pytest.mark.parametrize("asks", [False, True])
def test_a_matrix_of_one_row_is_told_from_one_of_several(*, asks: bool) -> None:
    with notebook(**STUDENTS) as session, session.case(asks=asks):
        for is_one_row in (True, False):
            found = session.value("matrix")(is_one_row=is_one_row)
            found[0][0] = 1
            assert found[1][0] == is_one_row
            assert (found[0] is found[1]) is is_one_row


def test_each_call_of_a_case_of_ours_has_its_own_copies() -> None:
    with notebook(**STUDENTS) as session, session.case():
        first, second = session.value("remember")(1), session.value("remember")(2)
        assert (first is second, second[-2:]) == (False, [1, 2])
        mine = [1]
        assert session.value("add")(mine, 2) is mine
        assert mine == [1, 2]


# What is known, and for how long.


@pytest.mark.usefixtures("case")
def test_what_nobody_holds_any_more_is_known_no_more(session: Session) -> None:
    add_, keeper = session.value("add"), session.value("Keeper")()
    for number in range(50):
        add_([[number]], {})
    kept = [[0]]
    keeper.keep(kept)
    keeper.keep([1])
    for _ in range(3):
        add_([], 0)
    ours = [sharing(session)[number] for number in sharing(session)]
    assert [one for one in ours if one is kept or one is kept[0]] == [kept, kept[0]]
    assert len(ours) < 8
    keeper.forget()
    add_([], 0)
    add_([], 0)
    assert not any(one is kept for one in map(sharing(session).__getitem__, sharing(session)))


@pytest.mark.parametrize("changes_there", [False, True])
def test_a_case_that_has_compared_too_much_goes_on_with_copies(
    session: Session, monkeypatch: pytest.MonkeyPatch, *, changes_there: bool
) -> None:
    monkeypatch.setattr(shared, "MOST_LOOKED_AT", 20_000)
    with session.case(asks=True) as changes:
        keeper, mine = session.value("Keeper")(), [*range(900)]
        keeper.keep(mine)
        keeper.change(0)
        assert mine[-1] == 0
        for _ in range(30):
            keeper.count()
        if changes_there:
            keeper.change(0)
            assert keeper.count() == 902
        assert len(mine) == 901
    assert bool(changes.refusals) is changes_there  # which one process would have shown


@pytest.mark.parametrize("changes_here", [False, True])
def test_what_a_test_changes_after_too_much_was_compared_is_noted(
    session: Session, monkeypatch: pytest.MonkeyPatch, *, changes_here: bool
) -> None:
    monkeypatch.setattr(shared, "MOST_LOOKED_AT", 20_000)
    with session.case(asks=True) as changes:
        keeper, mine, own = session.value("Keeper")(), [*range(900)], [*range(900)]
        session.value("add")(own, 1)  # which nothing there has kept
        keeper.keep(mine)
        for _ in range(30):
            keeper.count()
        own.append(2)
        if changes_here:
            mine.append(2)
        assert keeper.count() == 900
    assert bool(changes.refusals) is changes_here


def test_what_is_changed_before_an_error_is_changed() -> None:
    def work(xs: Any, array: Any) -> None:
        xs.append(1)
        array[0] = 7
        raise KeyError("no")

    with notebook(work=work) as session:
        mine, array = [0], np.zeros(2)
        with session.case() as changes:
            with pytest.raises(StudentError):
                session.value("work")(mine, array)
            assert (mine, array.tolist()) == ([0, 1], [7, 0])
            assert changes.made == {Place("work", "container", 0), Place("work", "array", 0)}
        assert (mine, array.tolist()) == ([0], [0, 0])


# A right answer decides what may be changed, in a later call as in the same one.


def kept_and_given(session: Session, places: frozenset[Place] | None) -> Any:
    """Return what a test finds in its own list, in a result, and in what the child has."""
    with session.case(places, asks=True) as changes:
        keeper, mine = session.value("Keeper")(), [[1]]
        keeper.keep(mine)
        given = keeper.several()[0]
        keeper.change(0)
        keeper.keep([5])
        found = mine[:], given[0] is mine, keeper.count(), len(keeper.give(0))
        assert session.value("add")(mine, 9) is not mine or mine[-1] == 9
        return found, mine[:], changes.made


def test_a_change_of_what_is_kept_counts_where_a_right_answer_makes_it(session: Session) -> None:
    (mine, is_one, count, length), after, made = kept_and_given(session, None)
    assert (mine, is_one, count, length) == ([[1], 0], True, 3, 2)
    assert after == [[1], 0, 9]
    assert made == {Place("Keeper.keep", "kept", 0), Place("add", "container", 0)}
    again, after, made_again = kept_and_given(session, frozenset(made))
    assert (again, after, made_again) == ((mine, is_one, count, length), [[1], 0, 9], made)


def test_a_change_that_no_right_answer_makes_is_the_students_alone(session: Session) -> None:
    (mine, _is_one, count, length), after, made = kept_and_given(session, frozenset())
    assert (mine, count, length) == ([[1]], 3, 2)
    assert after == [[1]]
    assert made == {Place("Keeper.keep", "kept", 0), Place("add", "container", 0)}


def test_what_a_result_becomes_counts_as_a_change_of_the_result(session: Session) -> None:
    remember.__defaults__[0].clear()  # type: ignore[index]
    for places, length in ((None, 2), (frozenset[Place](), 1)):
        with session.case(places, asks=True) as changes:
            remember.__defaults__[0].clear()  # type: ignore[index]
            first = session.value("remember")(1)
            second = session.value("remember")(2)
            assert (len(first), second) == (length, [1, 2])
            assert changes.made == {Place("remember", "result", 0)}


def test_what_a_case_has_put_into_a_list_last_is_there_for_the_next(session: Session) -> None:
    with session.case(asks=True):
        session.value("remember").__defaults__[0][:] = [3]
    with session.case(asks=True):
        assert session.value("remember")(4) == [3, 4]


def test_what_a_test_puts_into_a_list_and_cannot_travel_is_noted(session: Session) -> None:
    with session.case(asks=True) as changes:
        keeper = session.value("Keeper")()
        keeper.kept.append(object())
        with pytest.raises(CannotCrossError, match="put into a list"):
            keeper.count()
        assert changes.refusals
    with session.case(asks=True) as changes:
        session.value("Keeper")().kept.append(object())
    assert changes.refusals


@pytest.mark.parametrize(
    ("before", "after"), [(0.0, -0.0), (1, True), (1, 1.0), (0j, complex(-0.0, 0.0))]
)
def test_what_is_equal_and_not_the_same_is_a_change(before: Any, after: Any) -> None:
    known, items = shared.Shared(), [before]
    known.add(0, items)
    assert known.changed() == []
    items[0] = after
    assert [number for number, _ in known.changed()] == [0]
