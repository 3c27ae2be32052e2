from otter.test_files import test_case

OK_FORMAT = False

name = "q1"
points = 4

@test_case(points=None, hidden=False)
def test_sell(Inventory):
    stock = {'a': 2}
    inv = Inventory(stock)
    assert inv.sell('a') == 1 and stock == {'a': 1}
    inv.sell('a')
    assert stock == {'a': 0} and inv.everything() is stock

@test_case(points=None, hidden=True)
def test_tag(tag):
    out = []
    with tag('b', out) as o:
        o.append('x')
    assert out == ['<b>', 'x', '</b>']

@test_case(points=None, hidden=True)
def test_generator(collect):
    items = []
    g = collect(items, 3)
    assert items == []
    assert next(g) == 0 and items == [0]
    assert list(g) == [1, 2] and items == [0, 1, 2]

@test_case(points=None, hidden=True)
def test_closure(adder):
    totals = [5]
    add = adder(totals)
    add(1)
    add(2)
    assert totals == [8]

@test_case(points=None, hidden=True)
def test_nested(Grid):
    rows = [['.', '.'], ['.', '.']]
    grid = Grid(rows)
    grid.mark(0, 1)
    assert rows == [['.', 'x'], ['.', '.']]
    second = rows[1]
    grid.mark(1, 0)
    assert second == ['x', '.']

@test_case(points=None, hidden=True)
def test_two(Inventory):
    stock = {'a': 5}
    first, other = (Inventory(stock), Inventory({'a': 1}))
    first.sell('a', 2)
    other.sell('a')
    assert stock == {'a': 3}

