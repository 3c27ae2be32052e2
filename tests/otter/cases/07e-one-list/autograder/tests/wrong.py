from otter.test_files import test_case

OK_FORMAT = False
name = "wrong"
points = 11

import bisect, collections, copy, heapq, inspect, itertools, json, operator, random, types
import numpy as np
import pytest

@test_case(points=1, hidden=False)
def test_alias1(make1):
    m = make1(3,3)
    m[0][0] = 1
    assert m[1][0] == 0

@test_case(points=1, hidden=True)
def test_alias3(make3):
    xs=[1]
    ys = make3(xs)
    ys.append(2)
    assert xs == [1]

@test_case(points=1, hidden=True)
def test_alias6(make6):
    a=np.arange(6.)
    b = make6(a)
    b[0] = 9
    assert a[0] == 0

@test_case(points=1, hidden=True)
def test_alias8(make8):
    b = make8(3)
    b[0][0] = 9
    assert b[1][0] == 0

@test_case(points=1, hidden=True)
def test_alias9(make9):
    b = make9(3)
    b[0].append(1)
    assert b[1] == []

@test_case(points=1, hidden=True)
def test_mut1(app1):
    a = app1(1)
    b = app1(2)
    assert a == [1]

@test_case(points=1, hidden=True)
def test_mut2(app2):
    assert app2(1) == [1]
    assert app2(2) == [2]

@test_case(points=1, hidden=True)
def test_inner1(S1):
    s=S1()
    s.items().append(5)
    assert s.items() == [1]

@test_case(points=1, hidden=True)
def test_clsattr(Dog):
    a, b = Dog(), Dog()
    a.add('roll')
    assert b.tricks == []

@test_case(points=1, hidden=True)
def test_gen2(gen2):
    assert list(gen2()) == [[0],[0,1],[0,1,2]]

@test_case(points=1, hidden=True)
def test_gen6(gen6):
    g = gen6([1,2,3])
    assert isinstance(g, types.GeneratorType)
