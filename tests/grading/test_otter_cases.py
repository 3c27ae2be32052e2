"""Cases that were written for otter, judged as otter judges them: order, state, seeds, figures."""

import importlib.util
import json
import random

import numpy as np
import pytest

from grader import wording
from grader.model import Status
from grader.sandbox.inside import randomness
from tests.conftest import edit_cells, notebook_of
from tests.support.otter_assignments import SETUP, OtterJudge, doctests, functions

PASSED, FAILED, UNGRADED = Status.PASSED, Status.FAILED, Status.UNGRADED
ERROR = Status.ERROR


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


# Memory that a test asks for by a class holds nothing, and the class stays what it is.

BY_CLASS = """
    >>> import numpy as np, torch  # an np.ndarray (3,)
    >>> type(answer) is np.ndarray, isinstance(answer, np.ndarray | torch.Tensor)
    (True, True)
    >>> match answer:
    ...     case np.ndarray():
    ...         print("it is")
    it is
    >>> bool(np.isnan(fill(np.ndarray(3))).all() and torch.isnan(fill(torch.Tensor(2, 3))).all())
    True
    >>> torch.Tensor([1, 2]).tolist(), np.ndarray(2, buffer=np.ones(2)).tolist()
    ([1.0, 2.0], [1.0, 1.0])
    >>> Tensor(3)
    4
    """
IN_A_FUNCTION = """
    import numpy as np

    @test_case()
    def test(answer, fill):
        assert type(answer) is np.ndarray
        assert np.isnan(fill(np.ndarray(shape=3))).all()
    """


@pytest.mark.parametrize("test", [doctests("q1", BY_CLASS), functions("q1", IN_A_FUNCTION)])
def test_memory_by_a_class_holds_nothing_and_the_class_is_what_it_is(
    otter: OtterJudge, test: str
) -> None:
    pytest.importorskip("torch")
    source = (
        "import numpy as np\nanswer = np.ones(3)\ndef fill(out):\n    return out\n"
        "def Tensor(x):\n    return x + 1"
    )
    case = otter.cases(source, test)[0]
    assert case.status is PASSED, case.staff_message
