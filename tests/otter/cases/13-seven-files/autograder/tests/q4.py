from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'
points = 1

@test_case()
def test_value(np, y):
    assert np.isclose(y, 15.625)
