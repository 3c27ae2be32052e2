"""What a test puts in the place of something, a student's code finds there while it is called."""

import time
from pathlib import Path

import pytest

from grader.model import Status
from grader.submissions.autograders import load
from tests.conftest import notebook_of, submission_of
from tests.otter.conftest import Room

TEST = """import builtins
import contextlib
import io
import os
import random
import sys
from unittest import mock
from unittest.mock import patch

from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = 10

@test_case()
def test_is_asked(ask):
    with patch("builtins.input", side_effect=["3"]) as asked:
        assert ask() == 6
    asked.assert_called_once_with("n? ")

@test_case()
def test_is_told(ask):
    with patch("builtins.input", return_value="4"), patch("builtins.print") as told:
        ask()
    told.assert_called_with("twice:", 8)

@test_case()
def test_by_an_assignment(ask):
    real, builtins.input = builtins.input, lambda prompt="": "5"
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert ask() == 10
    finally:
        builtins.input = real
    assert said.getvalue() == "twice: 10\\n"

@test_case()
def test_by_lines(ask):
    before, sys.stdin = sys.stdin, io.StringIO("7\\n")
    try:
        assert ask() == 14
    finally:
        sys.stdin = before

@test_case()
def test_a_page(rate):
    with patch("urllib.request.urlopen") as opened:
        opened.return_value.__enter__.return_value.read.return_value = b"1.5"
        opened.return_value.read.return_value = b"1.5"
        assert rate("EUR") == 1.5
    assert "EUR" in opened.call_args[0][0]

@test_case()
def test_by_an_object(rate):
    import urllib.request as pages
    with mock.patch.object(pages, "urlopen", side_effect=OSError("down")):
        assert rate("EUR") is None

@test_case()
def test_numbers(throw):
    with patch("random.randint", lambda a, b: b):
        assert throw(3) == [6, 6, 6]
    with patch.object(random, "randint", side_effect=[1, 2]):
        assert throw(2) == [1, 2]

@test_case()
def test_settings(key):
    os.environ["A_KEY_OF_MINE"] = "abc"
    assert key() == "abc"
    with patch.dict(os.environ, {"A_KEY_OF_MINE": "x"}):
        assert key() == "x"
    del os.environ["A_KEY_OF_MINE"]
    assert key() == "none"

@test_case()
def test_settings_are_put_back(key):
    assert key() == "none"
    assert "A_KEY_OF_MINE" not in os.environ

@test_case()
def test_what_the_notebook_has_set():
    assert os.environ["SET_BY_NOTEBOOK"] == "1"
    assert os.getenv("HOME") != "stolen"
    assert os.getenv("LD_PRELOAD") is None
"""
RIGHT = """import os
import random
import urllib.request

os.environ["SET_BY_NOTEBOOK"] = "1"
os.environ["HOME"] = "stolen"
os.environ["LD_PRELOAD"] = "theirs.so"

def ask():
    n = 2 * int(input("n? "))
    print("twice:", n)
    return n

def rate(currency):
    try:
        return float(urllib.request.urlopen("https://rates.example/" + currency).read())
    except OSError:
        return None

def throw(count):
    return [random.randint(1, 6) for _ in range(count)]

def key():
    return os.environ.get("A_KEY_OF_MINE", "none")
"""
WRONG = """def ask():
    return 6

def rate(currency):
    return 2.0

def throw(count):
    return [4] * count

def key():
    return "x"
"""
NOT_SENT = """import threading
from unittest.mock import patch

from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = 2

@test_case()
def test_a_lock(f):
    with patch("time.sleep", threading.Lock()):
        assert f() == 2

@test_case()
def test_another(f):
    with patch("time.sleep", threading.Lock()):
        assert f() == 3
"""


def statuses(room: Room, folder: Path, test: str, answer: str) -> list[Status]:
    (folder / "hw" / "tests").mkdir(parents=True)
    (folder / "hw" / "otter_config.json").write_text("{}")
    (folder / "hw" / "tests" / "q1.py").write_text(test)
    report = room.judge(load(str(folder / "hw")), submission_of(notebook_of(answer)))
    return [case.status for case in report.questions[0].cases]


@pytest.mark.parametrize(("answer", "status"), [(RIGHT, Status.PASSED), (WRONG, Status.FAILED)])
def test_what_a_test_replaces_is_there_for_the_students_code(
    room: Room, tmp_path: Path, answer: str, status: Status
) -> None:
    found = statuses(room, tmp_path, TEST, answer)
    assert set(found) == {status} if status is Status.PASSED else Status.PASSED not in found


def test_what_cannot_be_there_costs_nobody_a_point(room: Room, tmp_path: Path) -> None:
    found = statuses(room, tmp_path, NOT_SENT, "def f():\n    return 3")
    assert found == [Status.UNGRADED, Status.PASSED]


LEFT = """import random
import time

from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = 1

@test_case()
def test_least(pick):
    random.choice, time.sleep = min, print
    assert [pick(range(1, 9)) for _ in range(9)] == [1] * 9
"""
PICKS = "import random\ndef pick(these):\n    return random.choice(these)"


def test_what_a_test_leaves_behind_is_gone_for_the_next_student(room: Room, tmp_path: Path) -> None:
    before = time.sleep
    found = [statuses(room, tmp_path / name, LEFT, PICKS) for name in "ab"]
    assert found == [[Status.PASSED]] * 2
    assert time.sleep is before


IN_THEIRS = """from unittest.mock import patch

from otter.test_files import test_case

OK_FORMAT = False
name = "q1"
points = 1

@test_case()
def test_rate():
    import rates
    with patch("rates.fetch", lambda: 5):
        assert rates.double() == 10
    with patch("rates.fetch", return_value=7) as fetch:
        assert rates.double() == 14
    fetch.assert_called_once()
    assert rates.double() == 2
"""
THEIRS = "def fetch():\n    return 1\ndef double():\n    return 2 * fetch()\n"


def test_what_is_replaced_in_a_module_of_the_students_is_there_for_its_code(
    room: Room, tmp_path: Path
) -> None:
    """Also where somebody before has written no such module."""
    writes = f"with open('rates.py', 'w') as file:\n    file.write({THEIRS!r})"
    without = statuses(room, tmp_path / "a", IN_THEIRS, "pass")
    assert Status.PASSED not in without
    assert statuses(room, tmp_path / "b", IN_THEIRS, writes) == [Status.PASSED]
    fixed = writes.replace("2 * fetch()", "2")
    assert statuses(room, tmp_path / "c", IN_THEIRS, fixed) == [Status.FAILED]
