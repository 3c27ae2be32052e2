from otter.test_files import test_case

OK_FORMAT = False
name = 'q1'

all_or_nothing = True

@test_case(points=1)
def test_a(n):
    assert n > 0

@test_case(points=3, hidden=True)
def test_b(n):
    assert n == 3
