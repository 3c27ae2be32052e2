from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 5

class Broken(Exception):
    pass

@test_case(points=1)
def test_callback(twice):
    assert twice(lambda x: x + 3, 1) == 7

@test_case(points=1, hidden=True)
def test_callback_counts(twice):
    seen = []

    def note(x):
        seen.append(x)
        return x * 2

    assert twice(note, 5) == 20 and seen == [5, 10]

@test_case(points=1, hidden=True)
def test_callback_raises(twice):
    def broken(x):
        raise Broken("as it should")

    try:
        twice(broken, 1)
    except Broken as problem:
        assert str(problem) == "as it should"
    else:
        raise AssertionError("the error of the callback is lost")

@test_case(points=1, hidden=True)
def test_safely(safely):
    def broken(x):
        raise ValueError("no")

    assert safely(broken, 1, default=-1) == -1 and safely(abs, -4, default=0) == 4

@test_case(points=1, hidden=True)
def test_composed(compose):
    both = compose(lambda x: x + 1, lambda x: 10 * x)
    assert both(2) == 21 and compose(str, len)([1, 2]) == "2"
