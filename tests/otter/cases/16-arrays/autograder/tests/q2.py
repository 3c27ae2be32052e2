from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 5

import numpy as np

@test_case(points=1)
def test_normalise(normalise):
    np.testing.assert_allclose(normalise(np.array([1.0, 3.0])), [0.25, 0.75])

@test_case(points=1, hidden=True)
def test_unchanged(normalise):
    values = np.array([2.0, 2.0])
    normalise(values)
    np.testing.assert_array_equal(values, [2.0, 2.0])

@test_case(points=1, hidden=True)
def test_in_place(zero_diagonal):
    matrix = np.ones((3, 3), dtype=np.float32)
    assert zero_diagonal(matrix) is None
    np.testing.assert_array_equal(matrix, 1 - np.eye(3))

@test_case(points=1, hidden=True)
def test_kinds(normalise, mask_of):
    got = mask_of(np.array(["a", "bb", "ccc"]))
    assert got.dtype == bool and got.tolist() == [False, True, True]
    assert isinstance(normalise(np.arange(1, 4)), np.ndarray)

@test_case(points=1, hidden=True)
def test_nan(normalise):
    with np.errstate(all="ignore"):
        assert np.isnan(normalise(np.zeros(2))).all()
