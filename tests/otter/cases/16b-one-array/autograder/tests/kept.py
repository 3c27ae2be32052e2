from otter.test_files import test_case

OK_FORMAT = False
name = "kept"
points = 8

import numpy as np
import torch


@test_case(points=1, hidden=False)
def test_kept_1(Stats):
    data = np.array([1.0, 2.0, 3.0])
    s = Stats(data)
    data[0] = 10
    assert s.mean() == 5

@test_case(points=1, hidden=True)
def test_kept_2(Stats):
    data = np.array([1.0, 2.0, 3.0])
    s = Stats(data)
    s.scale(2)
    assert data.tolist() == [2, 4, 6]
    data += 1
    assert s.mean() == 5

@test_case(points=1, hidden=False)
def test_kept_3(Stats):
    data = np.arange(4.0)
    s = Stats(data[1:])
    data[1] = 7
    assert s.total() == 12
    s.scale(2)
    assert data.tolist() == [0, 14, 4, 6]

@test_case(points=1, hidden=True)
def test_kept_4(Stats):
    grid = np.zeros((2, 3))
    s = Stats(grid)
    t = Stats(grid.T)
    grid[1] = 5
    assert s.total() == 15
    t.scale(2)
    assert grid[1].tolist() == [10, 10, 10] and s.total() == 30

@test_case(points=1, hidden=False)
def test_kept_5(Stats):
    data = torch.ones(3)
    s = Stats(data)
    data[0] = 4
    assert s.total() == 6
    s.scale(3)
    assert data.tolist() == [12, 3, 3]

@test_case(points=1, hidden=True)
def test_kept_6(Stats):
    data = np.array([3, 1, 2])
    s = Stats(data)
    other = Stats(data)
    s.order()
    assert data.tolist() == [1, 2, 3] and other.values is data

@test_case(points=1, hidden=False)
def test_kept_7(smoother):
    data = np.array([0.0, 6.0, 0.0])
    step = smoother(data)
    step()
    assert data.tolist() == [2, 2, 2]
    data[:] = [9, 0, 0]
    assert step() == 3

@test_case(points=1, hidden=True)
def test_kept_8(fill_each):
    out = np.zeros(3)
    assert [int(n) for n in fill_each(out)] == [1, 2, 3]
    assert out.tolist() == [1, 2, 3]
