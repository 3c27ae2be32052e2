from otter.test_files import test_case

OK_FORMAT = False
name = "wrong"
points = 5

import contextlib, io, sys, unittest.mock, warnings
import numpy as np
import pytest

@test_case(points=1, hidden=False)
def test_raises_other(f_ok2):
    with pytest.raises(ValueError):
        f_ok2(-1)

@test_case(points=1, hidden=True)
def test_raises_match(f_ok3):
    with pytest.raises(ValueError, match='positive'):
        f_ok3(-1)

@test_case(points=1, hidden=True)
def test_raises_manual(f_ok5):
    try:
        f_ok5(-1)
        assert False, 'should raise'
    except ValueError:
        pass

@test_case(points=1, hidden=True)
def test_raises_manual2(f_ok6):
    raised = False
    try:
        f_ok6(-1)
    except Exception:
        raised = True
    assert raised

@test_case(points=1, hidden=True)
def test_cause_no(load3):
    with pytest.raises(ValueError) as e:
        load3({})
    assert e.value.__cause__ is not None
