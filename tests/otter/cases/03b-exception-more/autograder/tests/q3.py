from otter.test_files import test_case

OK_FORMAT = False
name = 'q3'

@test_case(points=1)
def test_type_error(parse):
    assert parse("3") + 1 == 4

@test_case(points=1, hidden=True)
def test_raises_value_error(parse):
    try:
        parse("three")
    except ValueError:
        return
    assert False, "parse must raise ValueError"

@test_case(points=1, hidden=True)
def test_wrong(parse):
    got = parse("3.5")
    assert got == 3.5, got
