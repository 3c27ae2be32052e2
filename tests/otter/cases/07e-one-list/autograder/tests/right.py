from otter.test_files import test_case

OK_FORMAT = False
name = "right"
points = 18

import bisect, collections, copy, heapq, inspect, itertools, json, operator, random, types
import numpy as np
import pytest

@test_case(points=1, hidden=False)
def test_alias2(make2):
    m = make2(3,3)
    m[0][0] = 1
    assert m[1][0] == 0 and m[0] is not m[1]

@test_case(points=1, hidden=True)
def test_alias4(make4):
    xs=[[1]]
    ys = make4(xs)
    assert ys is not xs and ys[0] is xs[0]

@test_case(points=1, hidden=True)
def test_alias5(make5):
    xs=[[1]]
    ys = make5(xs)
    assert ys is not xs and ys[0] is not xs[0] and ys == xs

@test_case(points=1, hidden=True)
def test_alias7(make7):
    a=np.arange(6.)
    b = make7(a)
    b[0] = 9
    assert a[0] == 0 and not np.shares_memory(a,b)

@test_case(points=1, hidden=True)
def test_alias10(make10):
    a, b = make10(3)
    a[0,1] = 5
    assert b[1,0] == 5

@test_case(points=1, hidden=True)
def test_mut3(app3):
    a = app3(1)
    b = app3(2)
    assert a == [1] and b == [2] and a is not b

@test_case(points=1, hidden=True)
def test_inner2(S2):
    s=S2()
    s.items().append(5)
    assert s.items() == [1]

@test_case(points=1, hidden=True)
def test_clsattr2(Dog2):
    Dog2.count = 0
    Dog2(); Dog2()
    assert Dog2.count == 2

@test_case(points=1, hidden=True)
def test_glob(data7, add7, sort7, total7):
    sort7()
    assert data7 == [1,2,3]
    data7.append(9)
    sort7()
    assert data7[-1] == 9
    add7(3)
    assert total7 == 0

@test_case(points=1, hidden=True)
def test_glob2(data8, tot8, cfg8, geta):
    data8.append(4)
    assert tot8() == 10
    cfg8['a'] = 7
    assert geta() == 7
    data8.clear()
    assert tot8() == 0

@test_case(points=1, hidden=True)
def test_gen3(gen3):
    for i, c in enumerate(gen3(300)):
        assert c == [i]

@test_case(points=1, hidden=True)
def test_gen1(gen1):
    g=gen1()
    assert next(g)==0 and next(g)==1
    assert [next(g) for _ in range(100)][-1]==101
    assert inspect.isgenerator(g)
    g.close()

@test_case(points=1, hidden=True)
def test_json1(Bag1):
    b = Bag1()
    assert json.dumps(b.items) == '[3, 1, 2]'
    assert json.dumps(b.d, indent=1, sort_keys=True).count('b') == 1
    assert json.loads(json.dumps({'x': b.d, 'y': b.items}))['y'] == [3,1,2]
    heapq.heapify(b.items)
    heapq.heappush(b.items, 0)
    b.add(9)
    assert b.items == [0,1,2,3,9]
    assert heapq.heappop(b.items) == 0
    assert heapq.nsmallest(2, b.items) == [1,2]
    bisect.insort(b.items, 2.5)
    b.items.sort(key=lambda x: -x)
    random.Random(1).shuffle(b.items)
    assert sorted(b.items) == [1,2,2.5,3,9] and len(b.items) == 5
    assert ','.join(map(str, sorted(b.items))).startswith('1,2')
    assert isinstance(b.items, list) and type(b.items) is list
    assert [*map(operator.neg, b.items)][0] == -b.items[0]
    assert copy.deepcopy(b.d) == b.d and copy.copy(b.items) is not b.items

@test_case(points=1, hidden=True)
def test_deco(memo, twice):
    calls = []
    @memo
    def sq(x):
        'Square.'
        calls.append(x)
        return x*x
    assert sq(3) == 9 and sq(3) == 9 and calls == [3]
    assert sq.__name__ == 'sq' and sq.__doc__ == 'Square.' and sq.cache == {(3,): 9}
    assert sq.__wrapped__(4) == 16
    assert twice(lambda x: x+1)(1) == 3
    @twice
    def add(x, by=2): return x + by
    assert add(1) == 5

@test_case(points=1, hidden=True)
def test_nonl(counter):
    c = counter(); d = counter()
    assert (c(), c(), d()) == (1,2,1)
    assert c.__closure__[0].cell_contents == 2
    assert c.__code__.co_freevars == ('n',)

@test_case(points=1, hidden=True)
def test_sets(uniq, fr, words):
    assert uniq([3,1,3]) == {1,3} and uniq('hello') == set('helo') and fr('ab') == frozenset('ba')
    assert sorted(uniq(['b','a'])) == ['a','b'] and words('b a b') == ['a','b']
    assert uniq([1]) | {2} == {1,2} and uniq([1,2]) <= {1,2,3} and isinstance(uniq([]), set)
    assert str(uniq([1])) == '{1}' and {fr('a'): 1}[frozenset('a')] == 1

@test_case(points=1, hidden=True)
def test_views(ks, vs, it, rg, en, rv, d9):
    assert list(ks()) == ['a'] and 'a' in ks() and len(vs()) == 1 and sorted(it()) == [('a',1)]
    assert ks() == {'a'} and list(rg()) == [0,1,2] and rg() == range(3) and list(en()) == [(0,'a'),(1,'b')]
    assert list(rv()) == [2,1] and isinstance(rg(), range) and max(vs()) == 1 and dict(it()) == {'a':1}

@test_case(points=1, hidden=True)
def test_dictm(inv, count, cnt, dd, dq):
    assert inv({'a':1}) == {1:'a'} and list(count('aba')) == ['a','b'] and count('aba')['a'] == 2
    assert cnt('aab').most_common(1) == [('a',2)] and isinstance(cnt(''), dict) and cnt('a')['z'] == 0
    d = dd(); d['b'].append(2); assert d == {'a':[1],'b':[2]} and type(d) is collections.defaultdict
    q = dq(); q.append(3); assert list(q) == [2,3] and q.maxlen == 2
    assert count('ab').items() == {'a':1,'b':1}.items() and 'a' in count('a').keys() and sum(count('aab').values()) == 3
