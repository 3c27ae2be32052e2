"""A notebook's names as a test of an otter assignment finds them."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.asking import NOTEBOOK, Asking
from tests.support.in_thread import notebook


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    space: dict[str, Any] = {"__name__": "notebook"}
    exec(compile(NOTEBOOK, "<cell 1>", "exec"), space)  # noqa: S102 - a notebook of our own
    return {name: value for name, value in space.items() if name != "__builtins__"}


@pytest.fixture(scope="module")
def session(names: dict[str, Any]) -> Iterator[Any]:
    with notebook(**names) as found:
        yield found


@pytest.fixture
def test(session: Any) -> Iterator[Asking]:
    with session.case(asks=True) as changes:
        yield Asking(session, changes)
