"""One page for many tests, over a class whose written answers nobody has read."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.review.room import Room, prepare_rubrics
from grader.review.server import Serving, served
from tests.support.reading import write_course, write_store


@pytest.fixture(scope="package", autouse=True)
def _ends_at_once() -> Iterator[None]:
    """Have a page's server look ten times as often whether it is to end: each test has its own."""

    async def sleep(seconds: float) -> None:
        await asyncio.sleep(seconds / 10)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("uvicorn.server.asyncio", SimpleNamespace(**vars(asyncio) | {"sleep": sleep}))
        yield


@pytest.fixture
def room(tmp_path: Path) -> Room:
    write_store(tmp_path / "out", 12)
    made = Room(tmp_path / "out", "ada", write_course(tmp_path), compares=True)
    prepare_rubrics(made)
    return made


@pytest.fixture
def serving(room: Room) -> Iterator[Serving]:
    with served(room) as page:
        yield page
