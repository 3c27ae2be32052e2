"""Arguments handed over and back: what a plain call would have done, and nothing of it afterwards.

Two worlds are built alike. In one a function is called as it is, in the other through a session;
then both must hold the same values, and once the case is over the second is as it began.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.sandbox import ChildEnded, Session, StudentError
from grader.sandbox.handover import Place
from tests.support.in_thread import notebook

ELEMENTS = 40
DTYPES = ("float64", "float32", "float16", "int8", "uint8", "int64", "bool", "complex128")


@dataclass(frozen=True)
class View:
    """A view of one of the bases."""

    base: int
    library: str
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int

    def of(self, bases: list[np.ndarray]) -> Any:
        flat = bases[self.base]
        item = flat.itemsize
        steps = [step * item for step in self.strides]
        array = np.ndarray(self.shape, flat.dtype, flat, self.offset * item, steps)
        return torch.from_numpy(array) if self.library == "torch" else array


@st.composite
def views(draw: Callable[..., Any], bases: int) -> View:
    """Draw any shape, strides and offset that stay within a base."""
    library = draw(st.sampled_from(["numpy", "torch"]))
    shape = tuple(draw(st.lists(st.integers(0, 3), max_size=3)))
    lowest = 0 if library == "torch" else -6
    strides = tuple(draw(st.integers(lowest, 6)) for _ in shape)
    steps = [(max(n, 1) - 1) * s for n, s in zip(shape, strides, strict=True)]
    below, above = -sum(s for s in steps if s < 0), sum(s for s in steps if s > 0)
    offset = draw(st.integers(below, ELEMENTS - 1 - above))
    return View(draw(st.integers(0, bases - 1)), library, shape, strides, offset)


@st.composite
def worlds(draw: Callable[..., Any]) -> Callable[[], tuple[list[np.ndarray], list[Any]]]:
    """Draw arrays with views of them, among them some that share memory, in lists and dicts."""
    dtypes = draw(st.lists(st.sampled_from(DTYPES), min_size=1, max_size=2))
    drawn = draw(st.lists(views(len(dtypes)), min_size=1, max_size=4))
    form = draw(st.sampled_from(["plain", "list", "dict", "twice"]))

    def build() -> tuple[list[np.ndarray], list[Any]]:
        bases = [(np.arange(ELEMENTS) % 7).astype(dtype) for dtype in dtypes]
        arrays = [view.of(bases) for view in drawn]
        items: list[Any] = [[3, 1, 2], {"b": 1, "a": [0]}]
        forms = {
            "plain": [*arrays, *items],
            "list": [arrays, items],
            "dict": [dict(enumerate(arrays)), items, items[0]],
            "twice": [arrays[0], *arrays, items[1], items],
        }
        return bases, forms[form]

    return build


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from leaves(item)
    elif isinstance(value, np.ndarray | torch.Tensor):
        yield value


def fill(array: Any, value: Any) -> None:
    """Write to each element; torch refuses to where several of them are one."""
    if isinstance(array, torch.Tensor):
        array = array.numpy()
    array[...] = value


def look(*given: Any) -> Any:
    return [(array.shape, array + 1) for array in leaves(given)]


def return_views(*given: Any) -> Any:
    return [array[..., ::2] if array.ndim else array for array in leaves(given)]


def zero(*given: Any) -> Any:
    for array in leaves(given):
        fill(array, 0)
    return given[0]


def write_one(*given: Any) -> Any:
    last = list(leaves(given))[-1]
    if 0 not in last.shape:
        last[(0,) * last.ndim] = 1
    return last


def write_in_turn(*given: Any) -> Any:
    for number, array in enumerate(leaves(given)):
        fill(array, number % 2)
    return list(leaves(given))


def change_lists(*given: Any) -> Any:
    for item in given:
        if isinstance(item, list):
            item.reverse()
            item.append("more")
        elif isinstance(item, dict):
            item["new"] = item.pop(next(iter(item)))
    return given


def write_and_fail(*given: Any) -> Any:
    zero(*given)
    raise KeyError("after a write")


WORK = (look, return_views, zero, write_one, write_in_turn, change_lists)


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with notebook(**{one.__name__: one for one in (*WORK, write_and_fail)}) as found:
        found._conversation._deadline += 600
        yield found


def told(value: Any) -> Any:
    """Return a value with each array as what it holds, so that two can be compared."""
    if isinstance(value, torch.Tensor):
        return "torch", told(value.numpy())
    if isinstance(value, np.ndarray):
        return str(value.dtype), tuple(value.shape), value.tolist()
    if isinstance(value, list | tuple):
        return [told(item) for item in value]
    if isinstance(value, dict):
        return [(key, told(item)) for key, item in value.items()]
    return value


@pytest.mark.parametrize("function", WORK, ids=lambda one: one.__name__)
@settings(max_examples=40, deadline=None)
@given(build=worlds())
def test_a_call_does_what_a_plain_one_does_and_nothing_is_left_of_it(
    session: Session, function: Callable[..., Any], build: Callable[[], Any]
) -> None:
    bases, given_here = build()
    plain_bases, plain = build()
    before = copy.deepcopy([told(bases), told(given_here)])
    with session.case():
        remote = session.value(function.__name__)
        assert told(remote(*given_here)) == told(function(*plain))
        assert told([bases, given_here]) == told([plain_bases, plain])
        # A test that writes to a result writes to what the result is a view of.
        for result in (remote(*given_here), function(*plain)):
            for array in leaves(result):
                fill(array, 1)
        assert told([bases, given_here]) == told([plain_bases, plain])
    assert [told(bases), told(given_here)] == before


def test_a_case_that_fails_is_undone_as_well(session: Session) -> None:
    x = np.arange(3.0)
    with session.case():
        session.value("zero")(x)
        assert x.tolist() == [0, 0, 0]
        with pytest.raises(StudentError, match="after a write"):
            session.value("write_and_fail")(x)
    assert x.tolist() == [0, 1, 2]


def test_a_change_that_the_reference_does_not_make_is_not_applied(session: Session) -> None:
    out, x = np.zeros(2), np.arange(2.0)
    places = frozenset({Place("zero", "array", 0)})
    out[...] = 5
    with session.case(places) as changes:
        assert session.value("zero")(x + 0, x).tolist() == [0, 0]
        assert x.tolist() == [0, 1]
        assert session.value("zero")(out).tolist() == [0, 0]
        assert out.tolist() == [0, 0]
    assert changes.made == {Place("zero", "array", 0), Place("zero", "array", 1)}
    assert out.tolist() == [5, 5]


def test_what_is_kept_to_undo_is_bounded(session: Session) -> None:
    with session.case():
        for _ in range(8):
            session.value("zero")(np.ones(1 << 17))
        with pytest.raises(ChildEnded, match="changed too much memory"):
            session.value("zero")(np.ones(1 << 17))


def whole_memory(x: Any) -> Any:
    """Return what a child can read around its argument."""
    if isinstance(x, torch.Tensor):
        return x.as_strided((x.untyped_storage().nbytes() // x.itemsize,), (1,), 0)
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x


@pytest.mark.parametrize("make", [np.asarray, torch.as_tensor], ids=["numpy", "torch"])
@pytest.mark.parametrize("dtype", [np.float32, np.int16, np.bool_, np.complex64])
@pytest.mark.parametrize(
    "view",
    [lambda x: x[:, :3], lambda x: x[1:3, ::2], lambda x: x.T[1:], lambda x: x[:, 1]],
    ids=["features", "every other", "transposed", "column"],
)
def test_of_the_memory_around_a_view_nothing_is_sent(
    make: Callable[..., Any], dtype: Any, view: Callable[..., Any]
) -> None:
    secret = 0 if dtype is np.bool_ else 77
    table = make(np.full((4, 6), secret, dtype))
    argument = view(table)
    argument[...] = 1
    with notebook(f=lambda x: whole_memory(x) * 1, g=lambda x: (x.shape, _steps(x))) as session:
        seen = np.asarray(session.value("f")(argument))
        assert session.value("g")(argument) == (argument.shape, _steps(argument))
    assert not (seen == secret).any()
    assert (seen == 1).sum() >= np.asarray(argument).size


def _steps(x: Any) -> tuple[int, ...]:
    return tuple(x.stride()) if isinstance(x, torch.Tensor) else tuple(x.strides)


def test_arguments_share_memory_where_the_tests_do() -> None:
    x = np.zeros(6)

    def write(first: Any, second: Any) -> Any:
        first[...] = 1
        return second.sum()

    with notebook(write=write) as session:
        assert session.value("write")(x[:4], x[2:]) == 2
        assert session.value("write")(x, torch.from_numpy(x)) == 6
        assert session.value("write")(x[:3], x[3:]) == 3
        rows = [[0] * 2] * 3
        assert session.value("write")(x, np.array(3.0)) == 3
    with notebook(f=lambda rows: rows[0].append(1) or rows) as session:
        assert session.value("f")(rows) == [[0, 0, 1]] * 3
        assert rows == [[0, 0, 1]] * 3


def test_what_cannot_be_written_to_here_cannot_be_there() -> None:
    x = np.broadcast_to(np.arange(3.0), (2, 3))

    def write(x: Any) -> Any:
        try:
            x[...] = 0
        except ValueError:
            return "refused"
        return None

    def force(x: Any) -> Any:
        base = x.base
        while isinstance(base, np.ndarray) and not base.flags.writeable:
            base = base.base
        base[...] = 0

    with notebook(write=write, force=force) as session:
        assert session.value("write")(x) == "refused"
        with pytest.raises(StudentError, match="read-only"):
            session.value("force")(x)
    assert x.tolist() == [[0, 1, 2]] * 2
