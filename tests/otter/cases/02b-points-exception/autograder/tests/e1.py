from otter.test_files import test_case

OK_FORMAT = False
name = 'e1'
points = 3

@test_case("first", 2, True)
def test_a(a):
    assert a > 0

@test_case(None, None, True)
def test_b(a):
    assert a == 99
