from otter.test_files import test_case

OK_FORMAT = False
name = 'e2'
points = None

@test_case(points=0)
def test_a(a):
    assert a > 0

@test_case(points=0, hidden=True)
def test_b(a):
    assert a == 99
