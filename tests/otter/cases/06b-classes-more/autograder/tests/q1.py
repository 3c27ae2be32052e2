from otter.test_files import test_case

OK_FORMAT = False
name = 'q1'
points = 5

@test_case(points=1)
def test_operators(Vec):
    a, b = Vec(1, 2), Vec(3, 5)
    assert (a + b).x == 4 and (b - a).y == 3 and (a * 3).y == 6
    assert (-a).x == -1 and a + b == Vec(4, 7)

@test_case(points=1, hidden=True)
def test_sorted(Vec):
    found = sorted([Vec(3, 0), Vec(1, 0), Vec(2, 0)])
    assert [item.x for item in found] == [1, 2, 3] and max(found).x == 3

@test_case(points=1, hidden=True)
def test_container(Vec):
    a = Vec(4, 9)
    assert a[0] == 4 and list(a) == [4, 9] and 9 in a and 5 not in a and tuple(a) == (4, 9)
    x, y = a
    assert (x, y) == (4, 9)

@test_case(points=1, hidden=True)
def test_property(Vec):
    a = Vec(3, 4)
    assert a.norm == 5.0
    a.x = 0
    assert a.norm == 4.0
    assert hasattr(a, "norm") and not hasattr(a, "colour")

@test_case(points=1, hidden=True)
def test_made_by_class(Vec):
    assert Vec.zero() == Vec(0, 0) and Vec.dot(Vec(1, 2), Vec(3, 4)) == 11
    assert getattr(Vec, "DIMENSION") == 2 and Vec.__name__ == "Vec"
