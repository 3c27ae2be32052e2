from otter.test_files import test_case

OK_FORMAT = False
name = "right"
points = 11

import bisect, builtins, collections, dataclasses, enum, functools, heapq, inspect, itertools, math, operator, random, types, typing
import numpy as np
import pytest

@test_case(points=1, hidden=False)
def test_eqsort(Card):
    cs = [Card(3), Card(1), Card(2)]
    assert [c.r for c in sorted(cs)] == [1,2,3]
    assert str(sorted(cs, reverse=True)) == '[Card(3), Card(2), Card(1)]'
    assert max(cs).r == 3 and min(cs) == Card(1)
    assert Card(3) in cs and cs.index(Card(2)) == 2 and cs.count(Card(1)) == 1
    assert len({Card(1), Card(1)}) == 1
    d = {Card(1): 'a'}
    assert d[Card(1)] == 'a'
    cs.sort(key=lambda c: -c.r)
    assert cs == [Card(3), Card(2), Card(1)]
    cs.remove(Card(2))
    assert len(cs) == 2
    h = []
    for c in cs: heapq.heappush(h, c)
    assert heapq.heappop(h).r == 1
    assert bisect.bisect([Card(1), Card(5)], Card(3)) == 1
    assert Card(1) != Card(2)

@test_case(points=1, hidden=True)
def test_dc(P, Q, Pt, Emp, Color, mk):
    p, q, t, e, c = mk()
    assert p == P(1) and p.y == 2 and repr(p) == 'P(x=1, y=2, tags=[])'
    p.tags.append('z')
    assert p.tags == ['z'] and P(1).tags == []
    assert dataclasses.is_dataclass(P) and dataclasses.asdict(p) == {'x':1,'y':2,'tags':['z']}
    assert [f.name for f in dataclasses.fields(P)] == ['x','y','tags']
    assert dataclasses.replace(p, x=9).x == 9
    with pytest.raises(dataclasses.FrozenInstanceError):
        q.a = 5
    with pytest.raises(AttributeError):
        q.a = 5
    assert Q(1) < Q(2) and sorted([Q(2), Q(1)])[0] == Q(1) and hash(Q(1)) == hash(Q(1))
    assert t == (1,2) and t.x == 1 and t._asdict() == {'x':1,'y':2} and isinstance(t, tuple) and t._replace(x=5) == (5,2)
    assert e.id == 3 and e == ('a', 3) and Emp._fields == ('name','id')
    assert c is Color.RED and c.name == 'RED' and c.value == 1 and Color('g') is Color.GREEN and Color['RED'] is c
    assert [m.name for m in Color] == ['RED','GREEN'] and len(Color) == 2 and isinstance(c, Color)
    assert str(c) == 'Color.RED' and c in Color and list(Color)[0] is c
    assert isinstance(Color.RED, enum.Enum) and issubclass(Color, enum.Enum)

@test_case(points=1, hidden=True)
def test_props(Temp):
    t = Temp(100)
    assert t.f == 212
    t.f = 32
    assert t._c == 0 and not t
    with pytest.raises(AttributeError): t.nope
    assert Temp.from_f(212)._c == 100 and Temp.freezing() == 0 and len(t) == 3
    assert t[1] == 32 and list(t) == [0, 32] and 0 in t and 5 not in t and t(3) == 3
    assert str(t) == '0.0 C' and repr(t) == 'Temp(0.0)' and f'{t:.1f}' == '0.0'
    assert (Temp(1)+Temp(2)) == Temp(3) and sum([Temp(1), Temp(2)]) == Temp(3)
    assert isinstance(Temp.f, property) and isinstance(Temp.__dict__['freezing'], staticmethod)
    assert hasattr(t, '_c') and not hasattr(t, 'zz') and getattr(t, 'zz', 4) == 4
    assert t.__class__.__name__ == 'Temp' and type(t) is Temp and t.__dict__ == {'_c': 0.0}
    setattr(t, 'k', 5); assert t.k == 5; del t.k; assert not hasattr(t, 'k')
    a, b = t
    assert b == 32 and [*t] == [0,32] and dict(zip('ab', t)) == {'a':0,'b':32}
    assert Temp.__init__ is not object.__init__ and 'from_f' in dir(Temp) and '__repr__' in Temp.__dict__
    assert t != 0 and t is not None

@test_case(points=1, hidden=True)
def test_sig(area):
    s = inspect.signature(area)
    assert list(s.parameters) == ['w','h','args','unit','kw']
    assert s.parameters['h'].default == 2.0 and s.parameters['unit'].kind is inspect.Parameter.KEYWORD_ONLY
    assert s.return_annotation is float and s.parameters['w'].annotation is float
    assert area.__annotations__['w'] is float and area.__annotations__['return'] is float
    assert typing.get_type_hints(area)['h'] is float
    assert area.__defaults__ == (2.0,) and area.__kwdefaults__ == {'unit': 'cm'}
    assert area.__doc__.startswith('Return the area') and inspect.getdoc(area).splitlines()[0] == 'Return the area.'
    assert area.__name__ == 'area' and area.__qualname__ == 'area' and area.__code__.co_argcount == 2
    assert inspect.isfunction(area) and callable(area)
    assert 'return w*h' in inspect.getsource(area)
    assert inspect.getfullargspec(area).args == ['w','h']

@test_case(points=1, hidden=True)
def test_lam(sq):
    assert sq.__name__ == '<lambda>' and sq(3) == 9 and isinstance(sq, types.FunctionType)
    assert isinstance(sq, types.LambdaType) and isinstance(sq, collections.abc.Callable)
    assert type(sq).__name__ == 'function'

@test_case(points=1, hidden=True)
def test_partial(power, compose):
    sq = functools.partial(power, e=2)
    assert sq(5) == 25 and list(map(sq, [1,2])) == [1,4]
    assert functools.reduce(power, [2,3,2]) == 64
    assert compose(sq, lambda x: x+1)(2) == 9
    assert list(itertools.starmap(power, [(2,3),(3,2)])) == [8,9]
    assert sorted([3,-4,1], key=functools.partial(power, e=2)) == [1,3,-4]
    assert list(filter(power, [])) == []
    assert list(itertools.accumulate([2,3], power)) == [2, 8]
    assert np.vectorize(power)(np.array([1,2]), 2).tolist() == [1,4]

@test_case(points=1, hidden=True)
def test_zip1(z1,m1,fl):
    assert list(z1([1,2],'ab')) == [(1,'a'),(2,'b')]
    m = m1(lambda x: x+1, [1,2])
    assert next(m) == 2 and list(m) == [3]
    assert list(fl(None,[0,1])) == [1] and isinstance(z1([],[]), zip) and isinstance(m, map)
    assert dict(z1('ab',[1,2])) == {'a':1,'b':2}

@test_case(points=1, hidden=True)
def test_nums(big, cx, by, third, spec):
    assert big(500) == 1 << 500 and isinstance(big(3), int) and len(str(big(1000))) == 302
    assert cx(1,2) == 1+2j and abs(cx(3,4)) == 5.0 and cx(1,2).conjugate() == 1-2j
    assert by('é') == b'\xc3\xa9' and isinstance(by('a'), bytes) and bytearray(by('a')) == b'a'
    assert repr(third()) == '0.30000000000000004' and f'{third():.2f}' == '0.30' and str(third()) != '0.3'
    n, i, z = spec()
    assert math.isnan(n) and i == math.inf and math.copysign(1, z) == -1.0 and n != n
    assert isinstance(big(2), int) and not isinstance(third(), int) and type(third()) is float

@test_case(points=1, hidden=True)
def test_bools(ev, nb):
    assert ev(2) is True and ev(3) is False and type(ev(2)) is bool
    assert nb(1) == True and nb(1) is not True and isinstance(nb(0), np.bool_)

@test_case(points=1, hidden=True)
def test_strm(cap, multi):
    assert cap('ab cd') == 'Ab Cd' and multi() == 'a\n\tb\\ "q" é😀' and len(multi()) == 12 and cap('x') is not None

@test_case(points=1, hidden=True)
def test_seed(roll, nroll):
    random.seed(3); a = roll(5)
    random.seed(3); assert roll(5) == a
    random.seed(3); assert [random.randint(1,6) for _ in range(5)] == a
    np.random.seed(2); b = nroll(5)
    np.random.seed(2); assert (np.random.randint(1,7,5) == b).all()
    assert all(1 <= x <= 6 for x in roll(50))
