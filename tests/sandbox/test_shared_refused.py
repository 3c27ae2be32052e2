"""Arrays that a test and a student's code cannot both have as one.

It is noted, so that the case is neither passed nor lost.
"""

import numpy as np
import pytest

from grader.sandbox import CannotCrossError, StudentError
from tests.support.keeping_arrays import Student


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
