from otter.test_files import test_case

OK_FORMAT = False
name = 'q3'
points = 3

import numpy as np

@test_case(points=1, hidden=True)
def test_close(z):
    np.testing.assert_allclose(z, [1.0, 2.0, 3.0])

@test_case(points=1, hidden=True)
def test_length(z):
    assert len(z) == 3 and z[2] == 3.0

@test_case(points=1, hidden=True)
def test_equal(z):
    assert [1.0, 2.0, 3.0] == z
