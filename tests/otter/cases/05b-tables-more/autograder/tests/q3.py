from otter.test_files import test_case

OK_FORMAT = False
name = 'q3'

from datascience import Table, make_array, are
import numpy as np

@test_case(points=1)
def test_apply(is_late):
    table = Table().with_columns("delay", make_array(3, 30))
    assert table.apply(is_late, "delay").tolist() == [False, True]

@test_case(points=1, hidden=True)
def test_in_place(add_hours):
    table = Table().with_columns("delay", make_array(30.0, 90.0))
    add_hours(table)
    assert table.column("hours").tolist() == [0.5, 1.5]

@test_case(points=1, hidden=True)
def test_joined(named):
    codes = Table().with_columns("code", make_array("SFO", "JFK"), "city", make_array("San Francisco", "New York"))
    ours = Table().with_columns("from", make_array("JFK", "SFO", "JFK"), "delay", make_array(1, 2, 3))
    got = named(ours, codes)
    assert got.where("city", are.equal_to("New York")).num_rows == 2

@test_case(points=1, hidden=True)
def test_array(words):
    assert isinstance(words, np.ndarray) and words.item(1) == "to" and len(words) == 3
