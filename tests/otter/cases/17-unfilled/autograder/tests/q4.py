from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'
points = 4

@test_case(points=1)
def test_filled(answer):
    assert answer is not Ellipsis, "answer is not filled in yet"

@test_case(points=1, hidden=True)
def test_never(never):
    assert never is not None

@test_case(points=1, hidden=True)
def test_not_ellipsis(several):
    assert not any(item is ... for item in several)

@test_case(points=1, hidden=True)
def test_class(Thing):
    assert Thing().size() == 3
