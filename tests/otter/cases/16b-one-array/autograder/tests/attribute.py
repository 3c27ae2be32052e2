from otter.test_files import test_case

OK_FORMAT = False
name = "attribute"
points = 5

import numpy as np


@test_case(points=1, hidden=False)
def test_attribute_1(Stats):
    s = Stats(np.array([1.0, 2.0]))
    s.values[0] = 9
    assert s.total() == 11

@test_case(points=1, hidden=True)
def test_attribute_2(Stats):
    s = Stats(np.array([1.0, 2.0]))
    held = s.values
    s.scale(3)
    assert held.tolist() == [3, 6]
    held[:] = 0
    assert s.total() == 0

@test_case(points=1, hidden=False)
def test_attribute_3(Stats):
    s = Stats(np.array([1.0, 2.0, 4.0]))
    s.values[1:][0] = 0
    assert s.total() == 5 and s.values.tolist() == [1, 0, 4]

@test_case(points=1, hidden=True)
def test_attribute_4(Board):
    b = Board()
    b.cells[1, 1] = 5
    assert b.row(1) == [0, 5, 0]
    b.cells[b.cells == 5] = 7
    assert b.row(1) == [0, 7, 0]

@test_case(points=1, hidden=False)
def test_attribute_5(Board):
    b = Board()
    row = b.cells[2]
    b.fill(2, 4)
    assert row.tolist() == [4, 4, 4]
    b.cells *= 2
    assert b.row(2) == [8, 8, 8]
