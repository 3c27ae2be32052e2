from otter.test_files import test_case

OK_FORMAT = False
name = 'q3'
points = 3

import contextlib
import io

def printed(f, *args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        f(*args)
    return out.getvalue()

@test_case(points=1)
def test_captured(bar):
    assert printed(bar, 2) == "**|\n"

@test_case(points=1, hidden=True)
def test_lines(times):
    assert printed(times, 3).splitlines() == ["3 x 1 = 3", "3 x 2 = 6", "3 x 3 = 9"]

@test_case(points=1, hidden=True)
def test_nothing(quiet):
    assert printed(quiet) == "" and quiet() is None
