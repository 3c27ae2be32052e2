from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'

@test_case(points=1)
def test_their_modules(np, la, values):
    np.testing.assert_allclose(la.norm(np.array(values)), 7.3484692283495345)

@test_case(points=1, hidden=True)
def test_dates(dt, start):
    assert start == dt.date(2024, 2, 29) and start + dt.timedelta(days=1) == dt.date(2024, 3, 1)

@test_case(points=1, hidden=True)
def test_env_has_modules(env):
    assert env["np"].float64(2) == 2 and "pd" not in env
