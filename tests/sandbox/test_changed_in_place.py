"""What a call changes of a test's objects is changed here until the case is over."""

import collections
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import sympy

from grader.sandbox import Session, StudentError
from tests.support.crossing import same
from tests.support.in_thread import notebook

# --- what a call changes of a test's objects -----------------------------------------------------


def change_set(given: set[Any]) -> Any:
    given.discard(1)
    given.add((5, 6))
    return given


def change_deque(given: Any) -> Any:
    given.rotate(1)
    given.append([9])
    return given


def change_mapping(given: Any) -> Any:
    given["new"] = given.pop(next(iter(given)))
    return given


def change_objects(given: Any) -> Any:
    given[0] = ["other"]
    return given


def change_frame(given: Any) -> Any:
    given.iloc[0, 0] = -1
    given["new"] = given.iloc[:, 0] * 2
    given.index = given.index.map(str)
    given.insert(0, "first", "x")
    return given


def change_series(given: Any) -> Any:
    given.iloc[0] = -1
    given.name = "other"
    return given


def change_bytes(given: bytearray) -> Any:
    given += b"more"
    return given


def change_records(given: Any) -> Any:
    given["f0"] += 1
    return given


def change_generator(given: Any) -> Any:
    given.normal(size=3)
    return given


def change_python_generator(given: random.Random) -> Any:
    given.random()
    return given


def change_masked(given: Any) -> Any:
    given[0] = np.ma.masked
    given[1] = 7
    return given


def change_sparse(given: Any) -> Any:
    given *= 3
    return given


def change_matrix(given: Any) -> Any:
    given[0, 0] = given[0, 0] + 1
    return given


CHANGES: list[tuple[Callable[[Any], Any], Callable[[], Any]]] = [
    (change_set, lambda: {1, 2, "x"}),
    (change_deque, lambda: collections.deque([1, "x"], maxlen=2)),
    (change_mapping, lambda: collections.OrderedDict(a=1, b=[2])),
    (change_mapping, lambda: collections.Counter("aab")),
    (change_mapping, lambda: collections.defaultdict(list, a=[1])),
    (change_objects, lambda: np.array(["a", None, 3], object)),
    (change_frame, lambda: pd.DataFrame({"a": [3, 1, 2], "b": ["x", None, "z"]})),
    (change_frame, lambda: pd.DataFrame({"a": [1.5]}, index=pd.Index([7], name="n"))),
    (change_series, lambda: pd.Series([1, 2], index=["p", "q"], name="s")),
    (change_bytes, lambda: bytearray(b"ab")),
    (change_records, lambda: np.zeros(3, "i4,f8")),
    (change_generator, lambda: np.random.default_rng(7)),
    (change_generator, lambda: np.random.RandomState(7)),
    (change_python_generator, lambda: random.Random(7)),  # noqa: S311
    (change_masked, lambda: np.ma.array([1, 2, 3], mask=[0, 0, 1])),
    (change_sparse, lambda: scipy.sparse.csr_matrix([[1.0, 0], [0, 2]])),
    (change_matrix, lambda: scipy.sparse.lil_matrix([[1.0, 0], [0, 2]])),
    (change_matrix, lambda: sympy.Matrix([[sympy.Symbol("x"), 1]])),
]


class Keeper:
    """A student's class, which keeps what it is given."""

    kept: Any

    def keep(self, given: Any) -> None:
        self.kept = given

    def has_kept(self, other: Any) -> bool:
        return same(self.kept, other)

    def change(self, change: Callable[[Any], Any]) -> None:
        change(self.kept)


def look(given: Any) -> str:
    return type(given).__name__


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    names = {change.__name__: change for change, _ in CHANGES}
    with notebook(**names, look=look, Keeper=Keeper) as found:
        found._conversation._deadline += 600
        yield found


@pytest.mark.parametrize(
    ("change", "make"), CHANGES, ids=[type(make()).__name__ for _, make in CHANGES]
)
def test_what_a_call_changes_in_place_is_changed_here_until_the_case_is_over(
    session: Session, change: Callable[[Any], Any], make: Callable[[], Any]
) -> None:
    ours, plain_call = make(), make()
    with session.case() as changes:
        session.value("look")(ours)
        assert not changes.made
        assert same(ours, make())
        back = session.value(change.__name__)(ours)
        expected = change(plain_call)
        assert back is ours
        assert same(ours, expected)
        assert changes.made
    assert same(ours, make())


@pytest.mark.parametrize(
    ("change", "make"), CHANGES, ids=[type(make()).__name__ for _, make in CHANGES]
)
def test_what_is_kept_is_one_from_call_to_call(
    session: Session, change: Callable[[Any], Any], make: Callable[[], Any]
) -> None:
    alone = make()
    change(alone)
    with session.case(asks=True) as changes:
        keeper, ours = session.value("Keeper")(), make()
        keeper.keep(ours)
        change(ours)
        assert keeper.has_kept(alone)
        keeper, ours = session.value("Keeper")(), make()
        keeper.keep(ours)
        keeper.change(session.value(change.__name__))
        assert same(ours, alone)
        assert not changes.refusals


def test_a_change_within_what_is_held_is_seen_as_well(session: Session) -> None:
    def deep(given: Any) -> Any:
        given[0]["k"].add(3)
        given[1].append(given[0])

    del session
    kept = [{"k": {1}}, collections.deque(["q"])]
    with notebook(deep=deep) as other, other.case():
        other.value("deep")(kept)
        assert kept[0] == {"k": {1, 3}}
        assert kept[1][-1] is kept[0]


def test_a_change_that_is_not_to_be_seen_stays_with_the_result(session: Session) -> None:
    frame = pd.DataFrame({"a": [3, 1]})
    with session.case(frozenset()) as changes:
        back = session.value("change_frame")(frame)
        assert same(frame, pd.DataFrame({"a": [3, 1]}))
        assert list(back.columns) == ["first", "a", "new"]
        assert changes.made


def test_a_frame_that_cannot_travel_any_more_is_the_students(session: Session) -> None:
    def spoil(frame: Any) -> None:
        frame["new"] = pd.array([1, 0], dtype="Sparse[int]")

    del session
    with notebook(spoil=spoil) as other, pytest.raises(StudentError, match="cannot travel"):
        other.value("spoil")(pd.DataFrame({"a": [1, 2]}))
