"""What a command says last: where the outputs are, and whom nothing could be graded of."""

from dataclasses import replace

import pytest

from grader.commands import shown
from tests.renderers.conftest import gradebook


def test_who_has_handed_in_nothing_that_can_be_graded_is_named_with_the_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    book = gradebook(40)
    refused = [
        replace(one, questions=(), error=f"{one.path} is empty.", student=f"s{n:03}")
        for n, one in enumerate(book.reports)
    ]
    nothing = [replace(refused[0], student="absent", path=path) for path in ("", "absent/")]
    raised = replace(book.reports[9], error="Cell 3 raised ValueError.")  # and was graded
    shown.show(replace(book, reports=(*refused[5:35], *nothing, raised)))
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "0 points for s005: student0000.ipynb is empty."
    assert len(said) == 21
    names = ", ".join(f"s{n:03}" for n in range(25, 35))
    assert said[20] == f"0 points for 10 more, of whom nothing could be graded: {names}."
