"""What a name stands for in a test that was written for otter."""

import pytest

from grader.model import Status
from tests.support.otter_assignments import OtterJudge, doctests, functions

PASSED, FAILED, UNGRADED = Status.PASSED, Status.FAILED, Status.UNGRADED


def test_a_name_that_a_function_changes_is_looked_up_again(otter: OtterJudge) -> None:
    source = "count = 0\ndef tick():\n    global count\n    count += 1"
    test = doctests("q1", ">>> count\n0\n>>> tick()\n>>> count\n1\n>>> tick(); count\n2")
    assert otter.cases(source, test)[0].status is PASSED


@pytest.mark.parametrize(
    ("value", "change", "is_right"),
    [
        ("['a']", "log.append('b')", "log == ['a', 'b']"),
        ("{'a': 1}", "log.update(b=2)", "log == {'a': 1, 'b': 2}"),
        ("np.arange(3)", "log[0] = 7", "log.tolist() == [7, 1, 2]"),
        ("{1, 2}", "log.add(3)", "log == {1, 2, 3}"),
        ("pd.DataFrame({'a': [1]})", "log['b'] = 'x'", "log.loc[0].tolist() == [1, 'x']"),
    ],
)
def test_a_value_that_a_function_changes_in_place_is_changed_in_the_test(
    otter: OtterJudge, value: str, change: str, is_right: str
) -> None:
    if "pd." in value:
        pytest.importorskip("pandas")
    imports = "import numpy as np\nimport pandas as pd" if "pd." in value else "import numpy as np"
    source = f"{imports}\nlog = {value}\ndef note():\n    {change}"
    in_functions = f"""
        @test_case()
        def test_note(note, log):
            note()
            assert {is_right}
        """
    in_doctest = f">>> held = log\n>>> note()\n>>> {is_right.replace('log', 'held')}\nTrue"
    for test in (functions("q1", in_functions), doctests("q1", in_doctest)):
        assert otter.cases(source, test)[0].status is PASSED


def test_looking_for_changes_asks_nothing_of_exceptions(otter: OtterJudge) -> None:
    source = """
class Empty(Exception):
    def __getattr__(self, name):
        raise Empty(name)
    def __len__(self):
        return 1 // 0
caught = Empty("x")
def fails():
    raise Empty("y")
"""
    test = """
        @test_case()
        def test(Empty, fails, caught):
            for _ in range(3):
                try:
                    fails()
                except Empty as error:
                    assert error.args == ("y",) and caught.args == ("x",)
        """
    assert otter.cases(source, functions("q1", test))[0].status is PASSED


def test_what_a_doctest_does_to_a_value_stays_with_it(otter: OtterJudge) -> None:
    source = "log = ['a']\ndef same(x):\n    return x"
    test = doctests("q1", ">>> log.append('b')\n>>> same(1)\n1\n>>> log\n['a', 'b']")
    assert otter.cases(source, test)[0].status is PASSED


def test_a_name_of_a_comment_is_not_fetched(otter: OtterJudge) -> None:
    source = "words = [object() for _ in range(60_000)]\nx = 1"
    test = doctests("q1", ">>> x  # not words\n1", ">>> len(words)\n60000", ">>> x\n1")
    with_words = otter.cases(source, test)
    assert [case.status for case in with_words] != [UNGRADED] * 3
    assert (with_words[0].status, with_words[2].status) == (PASSED, PASSED)
    assert with_words[1].status in {PASSED, UNGRADED}


def test_a_builtin_is_the_judges_own(otter: OtterJudge) -> None:
    source = "def number():\n    return -3"
    test = doctests("q1", ">>> abs(number()), callable(open), max(1, 2)\n(3, True, 2)")
    assert otter.cases(source, test)[0].status is PASSED


@pytest.mark.parametrize(
    ("cell", "lines", "status"),
    [
        ("max = 7", ">>> max\n7", PASSED),
        ("def max(a, b):\n    return a if a > b else b", ">>> max(3, 4)\n4", PASSED),
        ("def max(a, b):\n    pass", ">>> max(3, 4)\n4", FAILED),
        ("def round(x):\n    return int(x + 0.5)", ">>> round(2.5)\n3", UNGRADED),
        ("all = lambda *_: True", ">>> all([two() == 3])\nTrue", UNGRADED),
        ("all = lambda *_: True", ">>> all([two() == 2])\nTrue", PASSED),
        ("all = lambda *_: False", ">>> all([two() == 3])\nTrue", FAILED),
    ],
)
def test_a_function_under_a_builtins_name_earns_nothing_by_agreeing(
    otter: OtterJudge, cell: str, lines: str, status: Status
) -> None:
    case = otter.cases(f"def two():\n    return 2\n{cell}", doctests("q1", lines))[0]
    assert case.status is status, case
    name = cell.removeprefix("def ").partition("(")[0].partition(" ")[0]
    assert (f"gives {name} another meaning" in case.staff_message) == (status is UNGRADED)


@pytest.mark.parametrize(
    ("cell", "lines", "status"),
    [
        ("from math import isclose", ">>> isclose(two(), 2)\nTrue", PASSED),
        ("from math import isclose", ">>> isclose(two(), 3)\nTrue", FAILED),
        ("from math import isclose as near", ">>> near(two(), 2 + 1e-12)\nTrue", PASSED),
        ("from numpy import allclose", ">>> allclose([two()], [2.0])\nTrue", PASSED),
        ("import math\nmath.isclose = lambda *_: True\nfrom math import isclose",
         ">>> isclose(two(), 3)\nTrue", FAILED),
        ("isclose = lambda *_: True", ">>> isclose(two(), 3)\nTrue", UNGRADED),
        ("allclose = lambda *_: True", ">>> allclose(two(), 2)\nTrue", PASSED),
        ("def isclose(a, b):\n    return abs(a - b) < 1e-6", ">>> isclose(1, 2)\nFalse", PASSED),
        ("def isclose(a, b):\n    return True", ">>> isclose(1, 2)\nFalse", FAILED),
    ],
)  # fmt: skip
def test_a_function_that_compares_is_the_judges_own(
    otter: OtterJudge, cell: str, lines: str, status: Status
) -> None:
    case = otter.cases(f"def two():\n    return 2\n{cell}", doctests("q1", lines))[0]
    assert case.status is status, case


@pytest.mark.parametrize(
    ("cell", "was_seen"),
    [
        ("from math import isclose", False),
        ("def isclose(a, b):\n    seen.append(b)\n    return True", False),
        ("def close(a, b):\n    seen.append(b)\n    return True", True),  # the control
    ],
)
def test_what_a_hidden_case_expects_is_not_handed_to_what_compares(
    otter: OtterJudge, cell: str, was_seen: bool
) -> None:
    name = "close" if was_seen else "isclose"
    test = doctests("q1", f">>> {name}(4711, 3.5)\nTrue", ">>> len(seen)\n0", hidden="hh")
    cases = otter.cases(f"seen = []\n{cell}", test)
    assert (cases[1].status is FAILED) == was_seen


def test_a_function_that_compares_is_the_judges_own_as_a_parameter(otter: OtterJudge) -> None:
    body = "@test_case()\ndef test(isclose, two):\n    assert isclose(two(), 3)\n"
    case = otter.cases(
        "import math\nmath.isclose = lambda *_: True\nfrom math import isclose\n"
        "def two():\n    return 2", functions("q1", body)
    )[0]  # fmt: skip
    assert case.status is FAILED


def test_what_a_hidden_case_expects_is_not_shown_to_a_builtins_stand_in(otter: OtterJudge) -> None:
    cell = "seen = []\ndef all(values):\n    seen.extend(values)\n    return True"
    test = doctests("q1", ">>> all([4711 == 0])\nTrue", ">>> len(seen)\n0", hidden="hh")
    assert [case.status for case in otter.cases(cell, test)] == [UNGRADED, PASSED]


def test_names_of_a_doctest_are_its_own(otter: OtterJudge) -> None:
    source = "x = 1\ndef get():\n    return x"
    test = doctests("q1", ">>> x = 5\n>>> get(), x\n(1, 5)", ">>> x\n1", ">>> del x\n>>> x\n1")
    cases = otter.cases(source, test)
    assert [case.status for case in cases] == [PASSED, PASSED, FAILED]


def test_a_doctest_can_list_its_names(otter: OtterJudge) -> None:
    lines = (
        ">>> 'x' in globals() and 'x' in vars() and 'x' in dir()",
        "True",
        ">>> 'y' in globals() or 'len' in dir()",
        "False",
        ">>> globals()['x'], globals().get('y', 3), vars()['x']",
        "(1, 3, 1)",
        ">>> sorted(name for name in globals() if name in ('x', 'twice'))",
        "['twice', 'x']",
    )
    cases = otter.cases("x = 1\ndef twice(n):\n    return 2 * n", doctests("q1", "\n".join(lines)))
    assert cases[0].status is PASSED, cases[0]


def test_functions_of_a_doctest_see_the_names_as_well(otter: OtterJudge) -> None:
    lines = (
        ">>> def total(n):\n...     return sum(twice(i) for i in range(n)) + x",
        ">>> total(3)\n7",
        ">>> [twice(i) + x for i in range(2)]\n[1, 3]",
        ">>> class Kind:\n...     held = twice(4)",
        ">>> Kind.held, Kind.__module__\n(8, '__main__')",
    )
    cases = otter.cases("x = 1\ndef twice(n):\n    return 2 * n", doctests("q1", "\n".join(lines)))
    assert cases[0].status is PASSED, cases[0]


MAPPING = """
    @test_case()
    def test_env(env):
        assert "x" in env and "y" not in env and "rng" not in env
        assert env["x"] == 1 and env.get("y", 4) == 4 and env.get("y") is None
        assert "x" in list(env) and len(env) >= 2 and dict(env.items())["x"] == 1
        try:
            env["y"]
        except KeyError as missing:
            assert "y" in str(missing)
        else:
            raise AssertionError("there is no y")

    @test_case()
    def test_missing(y, rng, device, memory, reference):
        assert y is rng is device is memory is reference is None
    """


def test_the_environment_is_a_mapping_and_what_is_missing_is_none(otter: OtterJudge) -> None:
    cases = otter.cases("x = 1", functions("q1", MAPPING))
    assert [case.status for case in cases] == [PASSED, PASSED], cases


def test_names_that_the_judge_gives_elsewhere_are_the_notebooks_here(otter: OtterJudge) -> None:
    test = functions("q1", "@test_case()\ndef test(rng, device):\n    assert rng == device == 3")
    assert otter.cases("rng = device = 3", test)[0].status is PASSED


def test_a_student_reads_which_name_is_missing(otter: OtterJudge) -> None:
    test = functions("q1", "@test_case()\ndef test(square):\n    assert square(2) == 4")
    case = otter.cases("def sqare(x):\n    return x * x", test)[0]
    assert case.status is FAILED
    assert "square is not defined in the notebook. Cell 2 defines sqare" in case.message
    case = otter.cases("def sqare(x):\n    return x * x", doctests("q1", ">>> square(2)\n4"))[0]
    assert "square is not defined in the notebook. Cell 2 defines sqare" in case.message
