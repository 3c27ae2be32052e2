from otter.test_files import test_case

OK_FORMAT = False
name = 'q4'
points = 5

@test_case(points=1, hidden=True)
def test_memo(slow_square, calls):
    assert slow_square(4) == 16 and slow_square(4) == 16

@test_case(points=1)
def test_count_of_calls(calls):
    assert calls == [4], calls

@test_case(points=1, hidden=True)
def test_default_remembers(collect):
    assert collect(1) == [1] and collect(2) == [1, 2]

@test_case(points=1, hidden=True)
def test_still_there(collect):
    assert collect(3) == [1, 2, 3]

@test_case(points=1, hidden=True)
def test_bank(make_account):
    deposit, balance = make_account(10)
    deposit(5)
    assert balance() == 15
