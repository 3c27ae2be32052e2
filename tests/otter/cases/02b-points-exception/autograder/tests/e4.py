from otter.test_files import test_case

OK_FORMAT = False
name = 'e4'
points = 1

@test_case()
def test_a(a):
    assert a > 0

@test_case(hidden=True)
def test_b(a):
    assert a == 7

@test_case(hidden=True)
def test_c(a):
    assert a == 99
