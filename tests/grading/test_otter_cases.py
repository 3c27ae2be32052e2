"""Cases that were written for otter, judged as otter judges them, with a wall between."""

import importlib.util
import json
import random
from pathlib import Path

import numpy as np
import pytest

from grader import wording
from grader.model import Status
from grader.sandbox import Worker
from grader.sandbox.inside import randomness
from tests.conftest import edit_cells, notebook_of
from tests.support.otter_assignments import SETUP, OtterJudge, doctests, functions

PASSED, FAILED, UNGRADED = Status.PASSED, Status.FAILED, Status.UNGRADED
ERROR = Status.ERROR


@pytest.fixture
def otter(tmp_path: Path, worker: Worker) -> OtterJudge:
    return OtterJudge(tmp_path, worker)


# What a name stands for.


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


# What a doctest compares.


PRINTS = """
import sys
def greet(name):
    print("Hello,", name)
    print("a warning", file=sys.stderr)
def silent():
    pass
def fails():
    print("before")
    raise ValueError("no")
"""


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (">>> greet('Mo')\nHello, Mo", PASSED),
        (">>> for name in 'AB':\n...     greet(name)\nHello, A\nHello, B", PASSED),
        (">>> print(1); greet('Mo'); print(2)\n1\nHello, Mo\n2", PASSED),
        (">>> silent()", PASSED),
        (">>> greet('Mo') is None\nTrue", FAILED),
        (">>> silent()\nHello", FAILED),
    ],
)
def test_what_a_call_prints_is_part_of_a_doctest(
    otter: OtterJudge, lines: str, status: Status
) -> None:
    assert otter.cases(PRINTS, doctests("q1", lines))[0].status is status


def test_an_exception_test_can_catch_what_is_printed(otter: OtterJudge) -> None:
    body = """
        import contextlib, io

        @test_case()
        def test(greet, fails):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                greet("Mo")
                try:
                    fails()
                except ValueError:
                    pass
            assert printed.getvalue() == "Hello, Mo\\nbefore\\n"
        """
    assert otter.cases(PRINTS, functions("q1", body))[0].status is PASSED


def test_a_student_reads_what_a_doctest_wanted_and_got(otter: OtterJudge) -> None:
    source = "def half(x):\n    return x / 2\ndef fails():\n    raise ValueError('no')"
    test = doctests(
        "q1", ">>> half(3)\n1", ">>> fails()\nTraceback (most recent call last):\nOh: x"
    )
    differs, raises = otter.cases(source, test)
    assert differs.message == wording.doctest_differs("half(3)", "1", "1.5")
    assert "doctest.py" not in raises.message + raises.staff_message
    assert "ValueError: no" in raises.message or "StudentError: no" in raises.message


def test_an_exception_of_the_students_is_theirs_in_a_doctest(otter: OtterJudge) -> None:
    source = "def f():\n    raise ValueError('no')"
    case = otter.cases(source, doctests("q1", ">>> f()\n1"))[0]
    assert (case.status, case.message.splitlines()[0]) == (ERROR, "Your code raised an error.")
    assert "Cell 2, line 2, in f: raise ValueError('no')" in case.message


# Order, state and place.


TICK = "n = 0\ndef tick():\n    global n\n    n += 1\n    return n"


def test_cases_run_in_the_order_of_the_file_and_state_lives_on(otter: OtterJudge) -> None:
    first = doctests("q1", ">>> tick()\n1", ">>> tick()\n2", ">>> tick()\n3", hidden="h-h")
    second = doctests("q2", ">>> tick()\n4", ">>> tick()\n5", hidden="-h")
    cells = (TICK, 'grader.check("q1")', 'grader.check("q2")')
    found = otter.cells(*cells, tests={"q1": first, "q2": second})
    assert [found["q1"].status, found["q2"].status] == [PASSED, PASSED]


def test_what_a_hidden_input_made_code_say_is_for_staff_only(otter: OtterJudge) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    return seen"
    test = doctests("q1", ">>> f(4711) is None\nFalse", ">>> f(1)\n[1]", hidden="h-")
    public = otter.cases(source, test)[1]
    assert public.status is FAILED
    assert "4711" in public.staff_message
    assert public.message == wording.ONLY_AFTER_OTHERS


def test_what_failed_before_keeps_its_words(otter: OtterJudge) -> None:
    source = "seen = []\ndef f(x):\n    seen.append(x)\n    raise ValueError(str(seen))"
    test = doctests("q1", ">>> f(4711)\nFalse", ">>> f(1)\n1", hidden="h-")
    public = otter.cases(source, test)[1]
    assert (public.status, "[1]" in public.message) == (ERROR, True)
    assert "4711" not in public.message


def test_a_case_that_never_ends_is_asked_once(otter: OtterJudge) -> None:
    source = "def f(x):\n    import os\n    os._exit(0)"
    test = doctests("q1", ">>> f(1)\n1", ">>> 1 + 1\n2", hidden="-h")
    found = otter.cells(source, 'grader.check("q1")', tests={"q1": test})["q1"]
    assert [case.status for case in found.cases] == [Status.KILLED, PASSED]
    assert found.note.count("the child ended in case") == 1


def place(question: str, wanted: int) -> str:
    return doctests(question, f">>> x\n{wanted}")


def test_a_question_is_judged_where_otter_checks_it(otter: OtterJudge) -> None:
    cells = (
        "x = 1",
        'grader.check("q1")\nx = 2',
        'x = 3\ngrader.check("stem")\nif x == 3:\n    x = 4\nx += 1; grader.check("q3")',
        "x = 7\nraise ValueError\nx = 8",
        'def later():\n    grader.check("q1")\nx = 9',
    )
    tests = {
        "q1": place("q1", 1), "stem": place("q2", 3), "q3": place("q3", 5), "q4": place("q4", 9),
    }  # fmt: skip
    found = otter.cells(*cells, tests=tests)
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(found, PASSED)


def test_what_only_running_tells_is_judged_where_it_was_checked(otter: OtterJudge) -> None:
    cells = (
        'x = 1\nfor name in ["q1"]:\n    grader.check(name)\nx = 9',
        "def look(name):\n    grader.check(name)\nx = 2",
        'look("q2")\nx = 9\nif x == 3:\n    grader.check("q2")',
        "x = 3\n%time grader.check('q3')",
        'x = 4\n1 / 0\ngrader.check("q4")',
        "x = 5",
    )
    numbers = {"q1": 1, "q2": 2, "q3": 3, "q4": 5}
    found = otter.cells(*cells, tests={name: place(name, one) for name, one in numbers.items()})
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(found, PASSED)


def test_a_check_that_was_not_come_to_is_none(otter: OtterJudge) -> None:
    cells = ('x = 1\ngrader.check("q1")', 'x = 2\n1 / 0\ngrader.check("q1")', "x = 3")
    assert otter.cells(*cells, tests={"q1": place("q1", 1)})["q1"].status is PASSED


def test_metadata_of_otters_asks_for_checks_and_hides_cells(otter: OtterJudge) -> None:
    def edit(cells: list[dict[str, object]]) -> None:
        cells[1]["metadata"] = {"otter": {"tests": ["q1"]}}
        cells[3]["metadata"] = {"tags": ["otter_ignore"]}
        cells[4]["metadata"] = {"otter": {"ignore": True}}

    cells = (SETUP, "x = 1", "x = 2", 'x = 3\ngrader.check("q1")', "x = 4")
    tests = {"q1": place("q1", 1), "q2": place("q2", 2)}
    found = otter.content(edit_cells(notebook_of(*cells), edit), tests)
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(found, PASSED)


# Random numbers.


DRAWS = """
import random
import numpy as np
def rolls():
    return float(np.random.uniform()), random.random(), float(np.random.normal())
drawn = rolls()
"""


def test_a_configured_seed_is_set_before_every_cell(otter: OtterJudge) -> None:
    generator, python = np.random.RandomState(20), random.Random(20)  # noqa: S311
    wanted = (float(generator.uniform()), python.random(), float(generator.normal()))
    test = doctests("q1", f">>> drawn == {wanted!r}\nTrue", f">>> again == {wanted!r}\nTrue")
    found = otter.cells(DRAWS, "again = rolls()", tests={"q1": test}, seed=20)["q1"]
    assert found.status is PASSED, found


def test_a_part_of_a_cell_is_not_seeded_again(otter: OtterJudge) -> None:
    cell = 'one = random.random()\ngrader.check("q2")\ntwo = random.random()'
    tests = {
        "q1": doctests("q1", ">>> one == two\nFalse"),
        "q2": doctests("q2", ">>> one < 1\nTrue"),
    }
    found = otter.cells("import random", cell, tests=tests, seed=20)
    assert found["q1"].status is PASSED


def test_a_seed_may_be_a_variable(otter: OtterJudge) -> None:
    tests = {"q1": doctests("q1", ">>> kept, start\n(20, 20)")}
    found = otter.cells(
        "kept = start\nstart = 3", "pass", tests=tests, seed=20, seed_variable="start"
    )
    assert found["q1"].status is PASSED


AFTER_A_DRAW = """
>>> np.random.seed(3); both = np.random.rand(2).tolist()
>>> np.random.seed(3); one = np.random.rand()
>>> rolls()[0] == both[1]
True
"""


@pytest.mark.parametrize(
    "lines",
    [
        AFTER_A_DRAW.strip(),
        ">>> np.random.seed(3); a = rolls()\n>>> np.random.seed(3); a[0] == rolls()[0]\nTrue",
        ">>> random.seed(3); a = rolls()\n>>> random.seed(3); a[1] == rolls()[1]\nTrue",
        ">>> rolls() == rolls()\nFalse",
    ],
)
def test_a_seed_that_a_test_sets_reaches_the_notebooks_functions(
    otter: OtterJudge, lines: str
) -> None:
    before = randomness.take()
    test = doctests("q1", f">>> import random\n>>> import numpy as np\n{lines}")
    assert otter.cases(DRAWS, test)[0].status is PASSED
    assert randomness.take() == before


def test_the_same_submission_draws_the_same_numbers(otter: OtterJudge) -> None:
    test = doctests("q1", ">>> import random\n>>> random.random(), rolls()\n0")
    said = {otter.cases(DRAWS, test)[0].message for _ in range(2)}
    assert len(said) == 1


# What was drawn.


DRAWN = ">>> plt.gca().get_title(), len(plt.gca().lines), len(plt.get_fignums())\n('kept', 1, 1)"


@pytest.mark.parametrize("rest", ["", "\nplt.show()"])
@pytest.mark.parametrize("own", ["", ">>> import matplotlib.pyplot as plt\n"])
def test_the_figure_that_was_drawn_last_is_there(otter: OtterJudge, rest: str, own: str) -> None:
    draws = f"plt.plot([3, 1, 2])\nplt.title('kept'){rest}"
    cells = ("import matplotlib.pyplot as plt", "plt.plot([1])", draws, 'grader.check("q1")')
    case = otter.cells(*cells, tests={"q1": doctests("q1", own + DRAWN)})["q1"].cases[0]
    assert case.status is PASSED, case


def test_each_cell_draws_on_a_figure_of_its_own(otter: OtterJudge) -> None:
    cells = (
        "import matplotlib.pyplot as plt\nplt.plot([1])",
        "plt.plot([2])\nlines = len(plt.gca().lines)\nplt.show()\nopened = plt.get_fignums()",
        'grader.check("q2")\nplt.plot([3])\nafter = len(plt.gca().lines)',
    )
    tests = {"q1": doctests("q1", ">>> lines, opened, after\n(1, [], 1)"),
             "q2": doctests("q2", ">>> plt.gca().lines[0].get_ydata().tolist()\n[2]")}  # fmt: skip
    found = otter.cells(*cells, tests=tests)
    assert {name: one.status for name, one in found.items()} == dict.fromkeys(found, PASSED)


# Whose fault it is.


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (">>> import no_such_package\n>>> x\n1", "no_such_package"),
        (">>> open('/no/such/file').read()\n''", "/no/such/file"),
    ],
)
def test_what_is_missing_in_the_judge_costs_nobody_a_point(
    otter: OtterJudge, lines: str, told: str
) -> None:
    cases = otter.cases("x = 1", doctests("q1", lines, ">>> x\n1"))
    assert [case.status for case in cases] == [UNGRADED, PASSED]
    assert told in cases[0].staff_message
    assert told not in cases[0].message


def test_a_file_that_cannot_be_loaded_here_costs_its_question_only(otter: OtterJudge) -> None:
    needs = functions("q1", "import no_such_package\n@test_case()\ndef test(x):\n    assert x == 1")
    tests = {"q1": needs, "q2": doctests("q2", ">>> x\n1")}
    found = otter.cells("x = 1", tests=tests)
    assert (found["q1"].status, found["q2"].status) == (UNGRADED, PASSED)
    assert "no_such_package" in found["q1"].cases[0].staff_message


@pytest.mark.parametrize(
    ("module", "status"), [("babypandas", UNGRADED), ("no_such_package", FAILED)]
)
def test_a_library_that_grading_lacks_costs_nobody_a_point(
    otter: OtterJudge, module: str, status: Status
) -> None:
    assert importlib.util.find_spec("babypandas") is None, "take another library"
    case = otter.cases(f"import {module}\nx = 1", doctests("q1", ">>> x\n1"))[0]
    assert (case.status, f"No module named '{module}'" in case.staff_message) == (status, True)


def test_a_test_that_names_what_nobody_defines_costs_nobody_a_point(otter: OtterJudge) -> None:
    test = functions("q1", "@test_case()\ndef test(x):\n    assert oops == x")
    case = otter.cases("x = 1", test)[0]
    assert (case.status, "NameError" in case.staff_message) == (UNGRADED, True)


def test_a_value_that_cannot_cross_costs_its_case_only(otter: OtterJudge) -> None:
    source = "x = 1\nv = 0\nfor _ in range(500):\n    v = [v]"
    swallows = """
        @test_case()
        def test(v):
            assert True

        @test_case()
        def test_x(x):
            assert x == 1
        """
    cases = otter.cases(source, functions("q1", swallows))
    assert [case.status for case in cases] == [UNGRADED, PASSED]
    cases = otter.cases(source, doctests("q1", ">>> len(v)\n1", ">>> x\n1"))
    assert [case.status for case in cases] == [UNGRADED, PASSED]


def test_all_or_nothing_and_messages(otter: OtterJudge) -> None:
    test = doctests("q1", ">>> x\n1", ">>> x\n2", all_or_nothing=True, points=2)
    found = otter.cells("x = 1", tests={"q1": test})["q1"]
    assert (found.score, [case.status for case in found.cases]) == (0, [PASSED, FAILED])
    assert json.dumps(found.cases[1].message)
