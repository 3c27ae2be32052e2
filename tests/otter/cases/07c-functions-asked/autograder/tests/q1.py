from otter.test_files import test_case

OK_FORMAT = False
name = 'q1'
points = 6

from unittest.mock import patch

@test_case(points=1)
def test_input(ask):
    with patch("builtins.input", side_effect=["3"]):
        assert ask() == 6

@test_case(points=1, hidden=True)
def test_memo(fib):
    import time
    start = time.time()
    assert fib(60) == 1548008755920
    assert time.time() - start < 5

@test_case(points=1, hidden=True)
def test_many(is_prime):
    assert [n for n in range(30) if is_prime(n)] == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29]
    assert all(is_prime(n) for n in (97, 101)) and not any(map(is_prime, [1, 4, 9]))
    assert list(filter(is_prime, range(10))) == [2, 3, 5, 7]

@test_case(points=1, hidden=True)
def test_higher(make_adder, apply_all):
    add = make_adder(3)
    assert apply_all([add, abs, lambda x: x * x], -4) == [-1, 4, 16]
    import functools
    assert functools.reduce(lambda a, f: f(a), [add, add], 1) == 7

@test_case(points=1, hidden=True)
def test_sort_key(by_length):
    assert sorted(["ccc", "a", "bb"], key=by_length) == ["a", "bb", "ccc"]

@test_case(points=1, hidden=True)
def test_cache_info(fib):
    fib.cache_clear()
    fib(5)
    assert fib.cache_info().currsize == 6
