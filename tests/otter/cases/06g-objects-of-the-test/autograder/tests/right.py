from otter.test_files import test_case

OK_FORMAT = False
name = "right"
points = 8

import io, types, unittest.mock
import pytest

@test_case(points=1, hidden=False)
def test_testcls(total, names):
    class S:
        def __init__(self, a): self.a = a; self.name = 'n%d' % a
        def area(self): return self.a
    assert total([S(1), S(2)]) == 3
    assert names([S(1)]) == ['n1']

@test_case(points=1, hidden=True)
def test_ns(namer):
    assert namer(types.SimpleNamespace(name='a')) == 'A'

@test_case(points=1, hidden=True)
def test_mockobj(use):
    m = unittest.mock.Mock()
    m.get.return_value = 4
    assert use(m) == 5
    m.get.assert_called_once_with('x', n=3)

@test_case(points=1, hidden=True)
def test_mockfn(each):
    m = unittest.mock.Mock()
    each(m, [1,2])
    assert m.call_count == 2 and m.call_args_list[0] == unittest.mock.call(1)

@test_case(points=1, hidden=True)
def test_out3(pr):
    f = io.StringIO()
    pr(3, file=f)
    assert f.getvalue() == '3\n'

@test_case(points=1, hidden=True)
def test_obj2(area_sum, rename, tot, srt, shout, addv, takes, apply2, rd, rd2, keyf, has):
    class Sq:
        kind = 'sq'
        def __init__(self, s): self.s = s; self.name = 'a'; self.count = 0
        def area(self): return self.s**2
        def __getitem__(self, i): return [5, 3][i]
        def __len__(self): return 2
        def __iter__(self): return iter([5, 3])
        def __contains__(self, x): return x == 3
        def __lt__(self, o): return self.s < o.s
        def __repr__(self): return 'Sq(%d)' % self.s
        def __str__(self): return 'sq'
        def __add__(self, o): return Sq(self.s + o.s)
        def __call__(self, x): return x + self.s
        def __eq__(self, o): return isinstance(o, Sq) and self.s == o.s
        def __hash__(self): return hash(self.s)
    class It:
        def __init__(self, n): self.n = n
        def __iter__(self): return self
        def __next__(self):
            if self.n == 0: raise StopIteration
            self.n -= 1
            return self.n
    a, b = Sq(3), Sq(1)
    assert area_sum([a, b]) == 10
    assert rename(a, 'z') is a and a.name == 'z' and a.count == 1
    assert tot(a) == 5 + 2 + 8 + 1
    assert [o.s for o in srt([a, b])] == [1, 3] and srt([a, b])[0] is b
    assert shout(a) == 'sq!Sq(3)True'
    assert addv(a, b).s == 4
    assert takes(It(3)) == [2, 1, 0]
    assert apply2(a, 4) == 7
    assert rd(io.StringIO('a\nb\n')) == ['a', 'b']
    assert rd2(io.StringIO('a b')) == ['a', 'b']
    assert keyf(a) == 1
    assert has(a) == (True, False, 3)

@test_case(points=1, hidden=True)
def test_obj3(boom, boom2):
    class O:
        def fail(self): raise ValueError('hm')
    with pytest.raises(AttributeError):
        boom(O())
    assert boom2(O()) == 'hm'

@test_case(points=1, hidden=True)
def test_pat(fetch):
    c = unittest.mock.MagicMock()
    c.get.return_value.status = 200
    c.get.return_value.json.return_value = {'name': 'Al'}
    assert fetch(c, 3) == 'Al'
    c.get.assert_called_with('/u/3')
    c.get.return_value.status = 500
    with pytest.raises(RuntimeError):
        fetch(c, 3)
    class Fake:
        def get(self, u): return types.SimpleNamespace(status=200, json=lambda: {'name': u})
    assert fetch(Fake(), 4) == '/u/4'
