from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 5

@test_case(points=1)
def test_context(Door):
    door = Door()
    with door as inside:
        assert inside.is_open
    assert not door.is_open

@test_case(points=1, hidden=True)
def test_closed_on_error(Door):
    door = Door()
    try:
        with door:
            raise KeyError("lost")
    except KeyError:
        pass
    assert door.is_open is False

@test_case(points=1, hidden=True)
def test_callable(Adder):
    add = Adder(3)
    assert callable(add) and add(4) == 7 and list(map(add, [1, 2])) == [4, 5]

@test_case(points=1, hidden=True)
def test_list(Stack):
    stack = Stack([1, 2])
    stack.push(5)
    assert isinstance(stack, list) and issubclass(Stack, list)
    assert len(stack) == 3 and stack.pop() == 5 and stack[-1] == 2

@test_case(points=1, hidden=True)
def test_abstract(Shape, Square):
    try:
        Shape()
    except TypeError:
        pass
    else:
        raise AssertionError("Shape is abstract")
    assert Square(3).area() == 9 and isinstance(Square(3), Shape)
