from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'
points = 6

import pandas as pd
import numpy as np

@test_case(points=1)
def test_sorted(top):
    given = pd.DataFrame({"n": [3, 1, 2]})
    got = top(given, 2)
    pd.testing.assert_frame_equal(got.reset_index(drop=True), pd.DataFrame({"n": [3, 2]}))
    assert given["n"].tolist() == [3, 1, 2]

@test_case(points=1, hidden=True)
def test_rows(rows_of):
    given = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    got = rows_of(given)
    assert got == [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]

@test_case(points=1, hidden=True)
def test_apply_rows(total):
    given = pd.DataFrame({"a": [1, 2], "b": [10, 20]})
    assert given.apply(total, axis=1).tolist() == [11, 22]

@test_case(points=1, hidden=True)
def test_dates(by_month):
    days = pd.date_range("2024-01-30", periods=4, freq="D")
    got = by_month(pd.Series([1, 2, 3, 4], index=days))
    assert got.tolist() == [3, 7] and got.index[0] == pd.Timestamp("2024-01-31")

@test_case(points=1, hidden=True)
def test_model(fit):
    x = np.array([0.0, 1.0, 2.0])
    slope, intercept = fit(x, 2 * x + 1)
    assert np.isclose(slope, 2) and np.isclose(intercept, 1)
    assert isinstance(slope, (float, np.floating))

@test_case(points=1, hidden=True)
def test_ax(draw):
    ax = draw(pd.DataFrame({"a": [1, 2]}))
    assert len(ax.get_lines()) == 1 and ax.get_title() == "a"
