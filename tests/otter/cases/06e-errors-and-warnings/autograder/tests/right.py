from otter.test_files import test_case

OK_FORMAT = False
name = "right"
points = 18

import contextlib, io, sys, unittest.mock, warnings
import numpy as np
import pytest

@test_case(points=1, hidden=False)
def test_raises_ok(f_ok4):
    with pytest.raises(ValueError, match='nega') as e:
        f_ok4(-1)
    assert str(e.value) == 'negative number' and e.type is ValueError
    assert e.value.args == ('negative number',)

@test_case(points=1, hidden=True)
def test_raises_fn(f_ok7):
    e = pytest.raises(TypeError, f_ok7, 1)
    assert 'no' in str(e.value)

@test_case(points=1, hidden=True)
def test_raises_assert(f_ok8):
    with pytest.raises(AssertionError):
        f_ok8(-1)

@test_case(points=1, hidden=True)
def test_raises_base(f_sys):
    with pytest.raises(SystemExit):
        f_sys()

@test_case(points=1, hidden=True)
def test_cm1(Timer1):
    t = Timer1()
    with t as x:
        assert x is t
        x.log.append('mid')
    assert t.log == ['in','mid',None]
    try:
        with t:
            raise ValueError('boo')
    except ValueError as e:
        assert str(e) == 'boo'
    assert t.log[-1] == 'ValueError'

@test_case(points=1, hidden=True)
def test_cm3(Supp, bad):
    with Supp(ZeroDivisionError) as s:
        bad()
    assert isinstance(s.caught, ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        with Supp(KeyError):
            bad()

@test_case(points=1, hidden=True)
def test_cause(load, load2, ConfigError):
    with pytest.raises(ConfigError) as e:
        load({})
    assert e.value.code == 7
    assert isinstance(e.value.__cause__, KeyError) and e.value.__cause__.args == ('k',)
    try:
        load2({})
    except ConfigError as err:
        assert err.__cause__ is None and err.__suppress_context__
        assert isinstance(err.__context__, KeyError)
        assert isinstance(err, Exception) and not isinstance(err, ValueError)
        assert repr(err) == "ConfigError('missing')"
        assert err.args == ('missing',)
    else:
        assert False

@test_case(points=1, hidden=True)
def test_exattr(Insufficient, Acc):
    a = Acc(5)
    with pytest.raises(Insufficient) as e:
        a.wd(9)
    assert (e.value.need, e.value.have) == (9, 5)
    assert str(e.value) == 'need 9, have 5'
    assert issubclass(Insufficient, ValueError) and Insufficient.__name__ == 'Insufficient'
    assert isinstance(e.value, ValueError) and type(e.value) is Insufficient and e.type is Insufficient
    try: a.wd(10)
    except ValueError as err: got = err
    assert got.need == 10 and a.b == 5
    assert Insufficient.__mro__[1] is ValueError
    assert Insufficient(1,2).args[0].startswith('need 1')
    with pytest.raises(Insufficient):
        raise Insufficient(1, 2)

@test_case(points=1, hidden=True)
def test_rec(fact, inf):
    assert fact(20) == 2432902008176640000
    assert fact(500) % 7 == 0 and len(str(fact(500))) == 1135
    with pytest.raises(RecursionError):
        inf(1)

@test_case(points=1, hidden=True)
def test_warn(w):
    with pytest.warns(DeprecationWarning):
        assert w() == 1

@test_case(points=1, hidden=True)
def test_warn2(w2):
    with warnings.catch_warnings(record=True) as rec:
        warnings.simplefilter('always')
        w2()
    assert len(rec) == 1 and 'old' in str(rec[0].message)

@test_case(points=1, hidden=True)
def test_warn3(w3, MyW):
    with pytest.warns(MyW, match='neg'):
        assert w3(-1) == -1
    with pytest.warns(MyW):
        assert w3(-1) == -1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert w3(3) == 3
        with pytest.raises(MyW):
            w3(-1)

@test_case(points=1, hidden=True)
def test_warn4(w4):
    with warnings.catch_warnings(record=True) as r:
        warnings.simplefilter('always')
        w4(1); w4(2)
        assert len(r) == 2 and r[0].category is UserWarning and issubclass(r[0].category, UserWarning)
        assert str(r[1].message) == 'neg' and isinstance(r[0].message, UserWarning)
    with pytest.raises(AssertionError):
        with warnings.catch_warnings(record=True) as r:
            warnings.simplefilter('always')
            w4(1)
            assert not r

@test_case(points=1, hidden=True)
def test_warn5(w5):
    with pytest.warns(RuntimeWarning):
        w5(-1.0)
    with np.errstate(all='ignore'):
        w5(-2.0)

@test_case(points=1, hidden=True)
def test_nowarn(w6):
    with pytest.raises(BaseException):
        with pytest.warns(UserWarning):
            w6(1)

@test_case(points=1, hidden=True)
def test_out(hello):
    f = io.StringIO()
    with contextlib.redirect_stdout(f):
        hello('Bo')
    assert f.getvalue() == 'Hello, Bo\nx'
    with unittest.mock.patch('sys.stdout', new_callable=io.StringIO) as m:
        hello('Al')
    assert m.getvalue() == 'Hello, Al\nx'
    old = sys.stdout; sys.stdout = io.StringIO()
    hello('C'); s = sys.stdout.getvalue(); sys.stdout = old
    assert s.splitlines() == ['Hello, C','x']

@test_case(points=1, hidden=True)
def test_out2(err):
    f, g = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(f), contextlib.redirect_stderr(g):
        err(1)
    assert f.getvalue() == 'ok' and g.getvalue() == 'bad\n'

@test_case(points=1, hidden=True)
def test_tryint(safe):
    assert safe(1,0) is None and safe(1,2) == .5
