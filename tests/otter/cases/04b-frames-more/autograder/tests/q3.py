from otter.test_files import test_case
import numpy as np
import pandas as pd

OK_FORMAT = False
name = 'q3'
points = 5

@test_case(points=1)
def test_in_place(add_rank):
    frame = pd.DataFrame({"name": ["a", "b", "c"], "score": [3, 9, 5]}, index=[10, 20, 30])
    add_rank(frame)
    assert frame["rank"].tolist() == [3, 1, 2]
    assert list(frame.index) == [10, 20, 30]

@test_case(points=1, hidden=True)
def test_series(longest):
    series = pd.Series(["ab", "abcd", None, "abc"], name="word", dtype=object)
    assert longest(series) == "abcd"

@test_case(points=1, hidden=True)
def test_with_apply(grade):
    frame = pd.DataFrame({"score": [91, 55, 78]})
    got = frame["score"].apply(grade)
    pd.testing.assert_series_equal(got, pd.Series(["A", "F", "C"], name="score"))

@test_case(points=1, hidden=True)
def test_equals(clean):
    dirty = pd.DataFrame({"a": [1.0, np.nan, 3.0], "b": ["x", "y", None]})
    want = pd.DataFrame({"a": [1.0], "b": ["x"]})
    assert clean(dirty).equals(want)
    assert dirty.shape == (3, 2)

@test_case(points=1, hidden=True)
def test_row_and_dict(clean, grade):
    row = pd.DataFrame({"a": [2.0], "b": ["z"]}).iloc[0]
    assert clean(row.to_frame().T).to_dict("records") == [{"a": 2.0, "b": "z"}]
