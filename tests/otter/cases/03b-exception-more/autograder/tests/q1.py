from otter.test_files import test_case
import unittest

case = unittest.TestCase()

OK_FORMAT = False
name = 'q1'
points = 3

TOLERANCE = 1e-6

class Expected:
    def __init__(self, value):
        self.value = value

    def check(self, got):
        case.assertAlmostEqual(got, self.value, places=5)

@test_case()
def test_unittest(mean_of):
    Expected(2.0).check(mean_of([1, 2, 3]))

@test_case(hidden=True)
def test_numbers(mean_of, np):
    for n in range(1, 6):
        values = list(range(n))
        assert abs(mean_of(values) - np.mean(values)) < TOLERANCE, f"{n} numbers"

@test_case(hidden=True)
def test_raises(mean_of):
    with case.assertRaises(ZeroDivisionError):
        mean_of([])
