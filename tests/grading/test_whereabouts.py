"""Each message about what is not there names the first cause, or the cell that it stands in."""

import json
from collections.abc import Callable

import pytest

from grader import wording
from grader.grading.judge import Engine, Request, judge
from grader.model import Status
from grader.reports import Outcome, Report
from tests.conftest import notebook_of, submission_of

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
DOUBLE = "def double(x):\n    return 2 * x"
CHECK1, CHECK2 = 'grader.check("q1")', 'grader.check("q2")'
MISSING = "import no_such_module"
PROMISE = wording.PROMISED.format(promise="double is right for large numbers too.")
CAUSE = (
    "Cell 2 raised ModuleNotFoundError: No module named 'no_such_module' (line 2), so the lines "
    "below it did not run."
)

Cases = Callable[..., list[Outcome]]


@pytest.fixture
def report(small_engine: Engine) -> Callable[..., Report]:
    def run(*cells: str) -> Report:
        return judge(Request(submission_of(notebook_of(*cells))), small_engine)

    return run


@pytest.fixture
def cases(report: Callable[..., Report]) -> Cases:
    """Return the cases of the first question, the public one before the hidden one."""
    return lambda *cells: list(report(*cells).questions[0].cases)


@pytest.mark.parametrize(
    "cells",
    [
        (f"import math\n{MISSING}\nTWO = 2", "def double(x):\n    return TWO * x"),
        (f"import math\n{MISSING}\nimport math as m", "def double(x):\n    return m.prod([2, x])"),
        (f"import math\n{MISSING}\nTWO = 2", "table = [TWO]\ndef double(x):\n    return 2 * x"),
        (f"import math\n{MISSING}\nTWO = 2", "A = TWO", "B = A",
         "def double(x):\n    return B * x"),
        (f"import math\n{MISSING}\nTWO = 2", "def two():\n    return TWO",
         "def double(x):\n    return two() * x"),
        (f"import math\n{MISSING}\n{DOUBLE}",),
        (f"import math\n{MISSING}\nfrom operator import *",
         "def double(x):\n    return mul(x, 2)"),
        (f"%matplotlib inline\n{MISSING}\nTWO = 2", "def double(x):\n    return TWO * x"),
        (f"import math\n{MISSING}\nif True:\n    TWO = 2", "def double(x):\n    return TWO * x"),
    ],
    ids=[
        "constant", "import", "not defined", "chain", "helper", "same cell", "star", "magic", "if",
    ],
)  # fmt: skip
def test_every_case_names_the_first_error_and_its_cell(
    cells: tuple[str, ...], cases: Cases
) -> None:
    public, hidden = cases(SETUP, *cells, CHECK1)
    assert CAUSE in public.message
    assert CAUSE in public.staff_message
    assert CAUSE in hidden.staff_message
    if "import *" not in cells[0]:  # what a star would have brought cannot be read
        assert hidden.message == f"{PROMISE}\n{CAUSE}"


def test_what_ran_before_the_failing_line_stays(cases: Cases) -> None:
    public, hidden = cases(
        SETUP, f"TWO = 2\n{MISSING}", "def double(x):\n    return TWO * x", CHECK1
    )
    assert (public.status, hidden.status) == (Status.PASSED, Status.PASSED)


def test_an_answer_that_is_wrong_for_itself_blames_no_cell(cases: Cases) -> None:
    wrong = "def double(x):\n    return 5 * x"
    for outcome in cases(SETUP, f"import math\n{MISSING}\nTWO = 2", wrong, CHECK1):
        assert outcome.status is Status.FAILED
        assert outcome.cause == ""
        assert "Cell 2" not in outcome.message + outcome.staff_message


def test_a_hidden_case_tells_nothing_that_depends_on_its_input(cases: Cases) -> None:
    spy = (
        "def double(x):\n    if x > 2:\n"
        "        raise NameError(\"name 'TWO' is not defined\")\n    return 2 * x"
    )
    public, hidden = cases(SETUP, f"import math\n{MISSING}\nTWO = 2", spy, CHECK1)
    assert public.status is Status.PASSED
    assert hidden.message == PROMISE
    assert CAUSE in hidden.staff_message


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((CHECK1, DOUBLE), "Cell 3 defines double, but below the cell that checks the question"),
        (("%%writefile mine.py\n" + DOUBLE, CHECK1),
         "Cell 2 writes double into the file mine.py, and no cell imports it"),
        (("def outer():\n    def double(x):\n        return 2 * x", CHECK1),
         "Cell 2 defines double inside outer"),
        (("def doubel(x):\n    return 2 * x", CHECK1),
         "Cell 2 defines doubel, which is spelled differently"),
        (("def double(x):\n    raise NotImplementedError('q1: write double')", CHECK1, DOUBLE),
         "Cell 4 defines double, but below the cell that checks the question"),
        ((DOUBLE, "def double(x):\n    raise NotImplementedError('q1: write double')", CHECK1),
         "Cells 2 and 3 define double, and the last of them counts."),
        (("def double(x):\n    return LATER * x", CHECK1, "LATER = 2"),
         "Cell 4 defines LATER, but below"),
    ],
    ids=["later", "written", "inside", "spelled", "copied below", "copied above", "used later"],
)  # fmt: skip
def test_the_other_cell_that_defines_it_is_named(
    cells: tuple[str, ...], said: str, cases: Cases
) -> None:
    public, hidden = cases(SETUP, *cells, "def square(x):\n    return x * x")
    assert public.status is not Status.PASSED
    assert said in public.message
    assert said in hidden.staff_message
    assert hidden.message == PROMISE


@pytest.mark.parametrize("garbled", ["def " + DOUBLE, "funktion double(x)", "```\n  double: x"])
def test_a_cell_that_is_no_python_is_named_whatever_stands_around_the_name(
    garbled: str, cases: Cases
) -> None:
    public, hidden = cases(SETUP, garbled, CHECK1)
    assert "double is not defined in the notebook. Cell 2 raised SyntaxError: " in public.message
    assert hidden.message.startswith(f"{PROMISE}\nCell 2 raised SyntaxError: ")


def test_no_name_is_proposed_that_a_comprehension_alone_has(cases: Cases) -> None:
    public, _ = cases(SETUP, "halves = [1 for duble in range(2)]", CHECK1)
    assert public.message == f"double is not defined in the notebook. {wording.DEFINE_IT}"


@pytest.mark.parametrize("kind", ["raw", "markdown"])
def test_a_cell_of_another_kind_that_defines_it_is_named(kind: str, small_engine: Engine) -> None:
    data = json.loads(notebook_of(SETUP, "square = abs", CHECK1))
    data["cells"].insert(2, {"cell_type": kind, "metadata": {}, "source": DOUBLE})
    content = json.dumps(data).encode()
    case = judge(Request(submission_of(content)), small_engine).questions[0].cases[0]
    assert f"A {kind} cell below code cell 2 defines double" in case.message


def test_a_set_up_cell_with_a_platforms_lines_runs_on(report: Callable[..., Report]) -> None:
    drive = "from google.colab import drive\ndrive.mount('/content/drive')\n%load_ext nb_black\n"
    setup = f"{drive}TWO = 2\n{SETUP}"
    question = report(setup, "def double(x):\n    return TWO * x", CHECK1).questions[0]
    assert question.status is Status.PASSED
    assert question.note == (
        "cell 1: google.colab.drive.mount does nothing while the notebook is graded."
    )


def test_an_answer_in_a_file_that_a_cell_writes_counts(cases: Cases) -> None:
    found = cases(SETUP, f"%%writefile mine.py\n{DOUBLE}", "from mine import *", CHECK1)
    assert [case.status for case in found] == [Status.PASSED, Status.PASSED]
