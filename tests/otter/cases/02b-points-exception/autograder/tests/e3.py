from otter.test_files import test_case

OK_FORMAT = False
name = 'e3'
points = [1.5, 0.25]

@test_case()
def test_a(a):
    assert a > 0

@test_case(hidden=True)
def test_b(a):
    assert a == 99
