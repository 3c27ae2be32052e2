from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 3

import random
import numpy as np

@test_case(points=1)
def test_passed_generator(noise):
    a = noise(np.random.default_rng(5), 3)
    b = noise(np.random.default_rng(5), 3)
    np.testing.assert_array_equal(a, b)

@test_case(points=1, hidden=True)
def test_seeded(flips):
    random.seed(8)
    first = flips(20)
    random.seed(8)
    assert flips(20) == first and set(first) <= {"H", "T"}

@test_case(points=1, hidden=True)
def test_sample_mean(sample_mean):
    np.random.seed(3)
    want = np.random.choice([1, 2, 3, 4], 10).mean()
    np.random.seed(3)
    assert sample_mean([1, 2, 3, 4], 10) == want
