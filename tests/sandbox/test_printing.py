"""Arrays print in a case as beside the notebook that it is of, whatever was judged before."""

import socket
from collections.abc import Iterator

import numpy as np
import pytest

from grader.model import Limits
from grader.sandbox import Session
from grader.sandbox.printing import imports_datascience
from grader.sandbox.wire import protocol
from tests.support.in_thread import session_over

ARRAY = np.array([1.0, 22.0])
OURS, THEIRS = "array([ 1., 22.])", "array([  1.,  22.])"


@pytest.fixture
def session() -> Iterator[tuple[Session, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield session_over(ours, Limits(), 5), theirs


def test_a_case_that_changes_how_arrays_print_changes_no_other(
    session: tuple[Session, socket.socket],
) -> None:
    judge, _ = session
    with judge.case():
        np.set_printoptions(legacy="1.13", nanstr="missing")  # as an import of datascience does
        assert repr(ARRAY) == THEIRS
    assert repr(ARRAY) == OURS
    with judge.case():
        assert repr(ARRAY) == OURS
        assert str(np.float64("nan") * ARRAY) == "[nan nan]"


def test_beside_a_notebook_that_imports_datascience_arrays_print_as_there(
    session: tuple[Session, socket.socket],
) -> None:
    judge, theirs = session
    theirs.sendall(protocol.dump(protocol.CellDone(1, None, "", 0, 0.1)))
    judge._conversation._channel.speaks_unasked = lambda: False  # type: ignore[method-assign]
    judge.run_cell("from datascience import *\n", 1)
    with judge.case():
        assert repr(ARRAY) == THEIRS
    assert repr(ARRAY) == OURS


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import numpy\nimport datascience as ds", True),
        ("try:\n    from datascience import Table\nexcept ImportError: ...", True),
        ("# the package datascience", False),
        ("import datascience2", False),
        ("x = 'import datascience'", False),
    ],
)
def test_an_import_is_found_in_a_cells_text(source: str, found: bool) -> None:
    assert imports_datascience(source) is found
