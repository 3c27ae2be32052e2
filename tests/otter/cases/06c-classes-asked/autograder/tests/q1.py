from otter.test_files import test_case

OK_FORMAT = False
name = 'q1'
points = 8

import copy, inspect
from collections.abc import Iterable, Sized

@test_case(points=1)
def test_looks(Bag):
    bag = Bag(["a"])
    assert isinstance(bag, Iterable) and isinstance(bag, Sized)
    assert hasattr(bag, "items") and "items" in vars(bag) and bag.__dict__ == {"items": ["a"]}
    assert "add" in dir(bag) and callable(bag.add)

@test_case(points=1, hidden=True)
def test_docs(Bag, area):
    assert Bag.__doc__.startswith("A bag") and area.__doc__ and area.__name__ == "area"
    assert list(inspect.signature(area).parameters) == ["width", "height"]
    assert inspect.signature(area).parameters["height"].default == 2

@test_case(points=1, hidden=True)
def test_source(area):
    source = inspect.getsource(area)
    assert "for" not in source and "return" in source

@test_case(points=1, hidden=True)
def test_copy(Bag):
    bag = Bag(["a"])
    other = copy.deepcopy(bag)
    other.add("b")
    assert len(bag) == 1 and len(other) == 2

@test_case(points=1, hidden=True)
def test_sum(Money):
    assert sum([Money(1), Money(2)], Money(0)) == Money(3)
    assert sum([Money(1), Money(2)]) == Money(3)
    assert sorted([Money(2), Money(1)], key=lambda m: m.cents)[0].cents == 1
    assert max([Money(5), Money(7)], key=lambda m: m.cents) == Money(7)

@test_case(points=1, hidden=True)
def test_nested(shop):
    assert [item.cents for item in shop["prices"]] == [1, 2]
    assert shop["best"][0].cents == 2 and shop["best"][1] == "tea"

@test_case(points=1, hidden=True)
def test_raises(Money, Negative):
    import pytest
    with pytest.raises(Negative) as info:
        Money(-1)
    assert "negative" in str(info.value) and issubclass(Negative, ValueError)
    with pytest.raises(ValueError):
        Money(-2)

@test_case(points=1, hidden=True)
def test_counter(Money):
    before = Money.made
    Money(1); Money(2)
    assert Money.made == before + 2
