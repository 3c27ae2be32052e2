from otter.test_files import test_case

OK_FORMAT = False
name = 'q2'

@test_case(points=1)
def test_env(env):
    assert "mean_of" in env and "median_of" not in env
    assert callable(env["mean_of"])

@test_case(points=1, hidden=True)
def test_names(env):
    given = [key for key in env if key.startswith("limit_")]
    assert sorted(given) == ["limit_high", "limit_low"]
    assert sum(env[key] for key in given) == 12

@test_case(points=1, hidden=True)
def test_key_error(env):
    try:
        env["no_such_name"]
    except KeyError:
        pass
    else:
        raise AssertionError("there is no such name")
