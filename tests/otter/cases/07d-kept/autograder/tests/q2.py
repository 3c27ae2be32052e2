from otter.test_files import test_case

OK_FORMAT = False

name = "q2"
points = 3

@test_case(points=None, hidden=False)
def test_copies(Stack):
    items = [1]
    s = Stack(items)
    s.push(2)
    assert items == [1] and s.items == [1, 2]

@test_case(points=None, hidden=True)
def test_many(Stack):
    for n in range(300):
        mine = [n]
        s = Stack(mine).push(0)
        assert mine == [n] and len(s.items) == 2

@test_case(points=None, hidden=True)
def test_returns_it(first):
    xs = [3]
    assert first(xs) is xs

