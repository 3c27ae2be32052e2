"""One submission through the judge: what costs points, what costs nothing, and whom."""

import ast
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader import wording
from grader.course.assignments import load
from grader.course.notebooks import stub_sources
from grader.grading import judge as judging
from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.grading.otter_tests import CaseSuite
from grader.model import Limits, Status
from grader.reports import Outcome, QuestionReport, Report
from grader.sandbox import Session, TransferError, Worker
from tests.conftest import notebook_of, submission_of, write_small_course

SETUP = "import otter\ngrader = otter.Notebook('small.ipynb')"
DOUBLE = "def double(x):\n    return 2 * x"
SQUARE = "def square(x):\n    return x * x"
CHECK1, CHECK2 = 'grader.check("q1")', 'grader.check("q2")'

Judged = Callable[..., dict[str, QuestionReport]]


def briefly(engine: Engine) -> Limits:
    """Return limits for code that never ends, so that nobody waits for it longer than is needed."""
    return replace(engine.assignment.limits, cell_seconds=0.5, call_seconds=0.4)


@pytest.fixture
def judged(small_engine: Engine) -> Judged:
    def run(*cells: str) -> dict[str, QuestionReport]:
        limits = briefly(small_engine) if any("while True" in cell for cell in cells) else None
        request = Request(submission_of(notebook_of(*cells)), limits)
        report = judge(request, small_engine)
        return {question.name: question for question in report.questions}

    return run


def statuses(questions: dict[str, QuestionReport]) -> tuple[Status, Status]:
    return questions["q1"].status, questions["q2"].status


PASSED, FAILED, ERROR = Status.PASSED, Status.FAILED, Status.ERROR
TIMEOUT, KILLED, PENDING = Status.TIMEOUT, Status.KILLED, Status.PENDING


def not_passed(function: str) -> str:
    return wording.PROMISED.format(promise=f"{function} is right for large numbers too.")


def test_a_right_notebook_has_full_marks_and_waits_for_a_person(small_engine: Engine) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    report = judge(Request(submission_of(content)), small_engine)
    assert (report.score, report.pending, report.max_score) == (6.0, 1.0, 7.0)
    assert report.status is Status.PENDING


def test_who_asks_for_some_cases_is_told_of_no_others(small_engine: Engine) -> None:
    content = notebook_of(SETUP, "def double(x):\n    return x + 2", CHECK1, CHECK2)
    public, hidden = small_engine.assignment.questions[0].cases
    found = []
    for case in (public, hidden):
        request = Request(submission_of(content), only=("q1",), cases=frozenset({case.name}))
        [question] = judge(request, small_engine).questions
        found.append([one.status for one in question.cases])
    assert found == [[PASSED, PENDING], [PENDING, FAILED]]


def test_an_empty_stub_is_not_written_yet(judged: Judged) -> None:
    stub = 'def double(x):\n    raise NotImplementedError("q1: write double")'
    questions = judged(SETUP, stub, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert questions["q1"].cases[0].message == "Not written yet. q1: write double"


def test_public_points_are_kept_where_only_a_hidden_case_fails(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 4", CHECK1, SQUARE, CHECK2)
    assert (questions["q1"].score, questions["q1"].status) == (1.0, FAILED)


def test_a_failed_public_case_names_its_input(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 5", CHECK1)
    assert questions["q1"].cases[0].message == "for 2 the answer is 4, you have 5"


def test_a_failed_hidden_case_says_nothing_of_its_input(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return 4", CHECK1)
    hidden = questions["q1"].cases[1]
    assert hidden.message == not_passed("double")
    assert "wrong for " in hidden.staff_message


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("while True:\n    pass", TIMEOUT),
        ("import os\nos._exit(0)", KILLED),
        ("import sys\nsys.exit(0)", PASSED),
        ("raise KeyboardInterrupt", PASSED),
        ("import ctypes\nctypes.string_at(0)", KILLED),
        ("def broken(:", PASSED),
        ("import warnings, sys\nwarnings.warn('w')\nprint('e', file=sys.stderr)", PASSED),
        ("1 / 0", PASSED),
        ("input('name? ')", PASSED),
    ],
)
def test_a_bad_cell_costs_no_question(judged: Judged, cell: str, status: Status) -> None:
    questions = judged(SETUP, cell, DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)
    told = "judged in a fresh child without it" in questions["q1"].note
    assert told == (status in {TIMEOUT, KILLED})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("while True: pass", TIMEOUT),
        ("import os; os._exit(0)", KILLED),
        ("import sys; sys.exit(0)", ERROR),
        ("raise KeyboardInterrupt", ERROR),
        ("import ctypes; ctypes.string_at(0)", KILLED),
        ("raise ValueError('no')", ERROR),
        ("return double(x)", ERROR),
    ],
)
def test_a_bad_function_costs_its_question_only(judged: Judged, body: str, status: Status) -> None:
    questions = judged(SETUP, f"def double(x):\n    {body}", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (status, PASSED)


def test_every_question_may_end_its_child(judged: Judged) -> None:
    ends = "import os\n    os._exit(0)"
    questions = judged(
        SETUP, f"def double(x):\n    {ends}", CHECK1, f"def square(x):\n    {ends}", CHECK2
    )
    assert statuses(questions) == (KILLED, KILLED)
    assert questions["r1"].status is Status.PENDING


def test_a_cell_that_holds_the_answer_and_never_ends_is_named(judged: Judged) -> None:
    questions = judged(SETUP, DOUBLE + "\nwhile True: pass", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert (
        questions["q1"]
        .cases[0]
        .message.startswith(
            "double is not defined in the notebook. "
            "Cell 2 was stopped, so nothing of it counts: cell 2 took longer than "
        )
    )


def test_a_notebook_out_of_time_keeps_what_was_judged_before(small_engine: Engine) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, "while True: pass", SQUARE, CHECK2)
    short = replace(small_engine.assignment.limits, submission_seconds=1.0)
    report = judge(Request(submission_of(content), limits=short), small_engine)
    assert [q.status for q in report.questions][:2] == [PASSED, TIMEOUT]
    assert report.score == 3.0


def test_a_variable_reused_later_costs_nothing(judged: Judged) -> None:
    questions = judged(SETUP, DOUBLE, CHECK1, "double = 7", SQUARE, CHECK2, "square = None")
    assert statuses(questions) == (PASSED, PASSED)


def test_a_helper_redefined_later_costs_nothing(judged: Judged) -> None:
    first = "def times(x):\n    return 2 * x\ndef double(x):\n    return times(x)"
    second = "def times(x):\n    return x * x\ndef square(x):\n    return times(x)"
    assert statuses(judged(SETUP, first, CHECK1, second, CHECK2)) == (PASSED, PASSED)


FIGURE = "def double(x):\n    return 0\n"  # as if drawing did harm


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        (FIGURE, PASSED),
        (FIGURE.strip() + "\n\n", PASSED),
        (FIGURE + "# mine", FAILED),
    ],
    ids=["as-handed-out", "other-blank-lines", "edited"],
)
def test_a_cell_that_only_draws_is_run_where_a_student_has_edited_it(
    cell: str, status: Status, small_engine: Engine
) -> None:
    ignoring = replace(small_engine.assignment, ignored_cells=frozenset({FIGURE.strip()}))
    engine = replace(small_engine, suite=CaseSuite(ignoring))
    report = judge(Request(submission_of(notebook_of(SETUP, DOUBLE, cell, CHECK1))), engine)
    assert report.questions[0].status is status


def test_the_last_check_of_a_question_counts(judged: Judged) -> None:
    wrong = "def double(x):\n    return 0"
    questions = judged(SETUP, wrong, CHECK1, DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)


def test_a_deleted_check_cell_is_judged_at_the_end(judged: Judged) -> None:
    assert statuses(judged(SETUP, DOUBLE, SQUARE)) == (PASSED, PASSED)


def test_a_deleted_stub_costs_its_question_only(judged: Judged) -> None:
    questions = judged(SETUP, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert questions["q1"].cases[0].message == "double is not defined in the notebook."


def test_a_syntax_error_is_told_with_its_cell(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x:\n    return 2 * x", CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    said = questions["q1"].cases[0].message
    assert "Cell 2 raised SyntaxError" in said
    assert said.endswith("so it did not run.")


def test_an_error_shows_the_students_own_line(judged: Judged) -> None:
    questions = judged(SETUP, "def double(x):\n    return x / 0", CHECK1)
    assert "Cell 2, line 2, in double: return x / 0" in questions["q1"].cases[0].message
    assert "ZeroDivisionError: division by zero" in questions["q1"].cases[0].message


ALWAYS_EQUAL = """
class Equal(float):
    def __eq__(self, other): return True
    __hash__ = float.__hash__
class Anything:
    def __eq__(self, other): return True
class Text(str):
    def __eq__(self, other): return True
"""


@pytest.mark.parametrize("value", ["Equal(0)", "Anything()", "Text('x')", "type('T', (), {})"])
def test_an_object_that_equals_everything_fails(judged: Judged, value: str) -> None:
    cell = f"{ALWAYS_EQUAL}\ndef double(x):\n    return {value}"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)


def test_an_object_that_equals_everything_would_pass_in_one_process() -> None:
    """The control: without the process split, the same object passes the same comparison."""
    names: dict[str, object] = {}
    exec(ALWAYS_EQUAL, names)  # noqa: S102 - this is the attack
    assert names["Anything"]() == 4  # type: ignore[operator]


def test_output_is_cut_and_the_run_goes_on(judged: Judged) -> None:
    flood = "for _ in range(64):\n    print('x' * 2**24)"
    assert statuses(judged(SETUP, flood, DOUBLE, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline",
        "!ls",
        "files = !ls",
        "%pip install numpy",
        "!pip install numpy",
        "%%bash\nrm -rf ~",
        "%load_ext autoreload",
        "%no_such_magic",
        "get_ipython().system('id')",
        "%timeit 1 + 1",
    ],
)
def test_magics_do_not_break_the_run(judged: Judged, cell: str) -> None:
    assert statuses(judged(SETUP, cell, DOUBLE, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


def test_a_timed_cell_still_defines_its_names(judged: Judged) -> None:
    questions = judged(SETUP, "%%time\n" + DOUBLE, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (PASSED, PASSED)


def test_a_function_has_its_source(judged: Judged) -> None:
    cell = (
        "import inspect\ndef helper(x):\n    return 2 * x\n"
        "def double(x):\n"
        "    assert 'return 2 * x' in inspect.getsource(helper)\n    return 2 * x"
    )
    assert statuses(judged(SETUP, cell, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


# What a student's code has seen of hidden inputs must not come back in what students read.

SPY = """
seen = []
def double(x):
    seen.append(x)
    return 2 * x
def square(x):
    raise ValueError(f"seen {seen}")
"""


def student_text(report: Report) -> str:
    return "\n".join(case.message for question in report.questions for case in question.cases)


def test_hidden_inputs_do_not_come_back_in_a_later_public_case(small_engine: Engine) -> None:
    content = notebook_of(SETUP, SPY, CHECK1, CHECK2)
    report = judge(Request(submission_of(content)), small_engine)
    public, hidden = report.questions[1].cases
    assert public.message.endswith("ValueError: seen [2]")
    assert hidden.message == not_passed("square")
    told = ast.literal_eval(hidden.staff_message.rsplit("seen ", 1)[1].splitlines()[0])
    secrets = [str(number) for number in told if number >= 1000]
    assert secrets, "the control: staff do see what the code saw"
    assert not any(secret in student_text(report) for secret in secrets)


def leaving_notes(folder: Path) -> bytes:
    """Return a notebook that writes down each input where every later child can read it."""
    notes = f"""
import pathlib
notes = pathlib.Path({str(folder / "notes")!r})
def write(x):
    with notes.open("a") as file:
        print(x, file=file)
def double(x):
    write(x)
    return 2 * x
def square(x):
    raise ValueError(f"seen {{notes.read_text().split()}}")
"""
    return notebook_of(SETUP, notes, CHECK1, "import os\nos._exit(0)", CHECK2)


def inputs_in(text: str) -> list[str]:
    return [number for number in re.findall(r"[0-9]+", text) if int(number) >= 1000]


def test_no_child_that_is_heard_comes_after_one_that_saw_a_hidden_input(
    small_engine: Engine, tmp_path: Path
) -> None:
    report = judge(Request(submission_of(leaving_notes(tmp_path))), small_engine)
    assert "ValueError: seen ['2']" in student_text(report)
    assert not inputs_in(student_text(report))
    assert inputs_in((tmp_path / "notes").read_text())


def test_in_another_order_hidden_inputs_would_come_out(
    small_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control."""
    monkeypatch.setattr(judging, "PASSES", (True, False))
    report = judge(Request(submission_of(leaving_notes(tmp_path))), small_engine)
    assert inputs_in(student_text(report))


def test_a_question_is_told_of_only_what_a_student_may_read(
    small_engine: Engine, tmp_path: Path
) -> None:
    told: list[QuestionReport] = []
    content = leaving_notes(tmp_path)
    report = judge(Request(submission_of(content), on_question=told.append), small_engine)
    said = [(question.name, *(case.status for case in question.cases)) for question in told]
    assert said == [
        ("q1", PASSED, PENDING), ("q2", ERROR, PENDING),
        ("q1", PASSED, PASSED), ("q2", ERROR, ERROR),
    ]  # fmt: skip
    assert not inputs_in("".join(case.message for one in told for case in one.cases))
    assert tuple(told[2:]) == report.questions[:2]


def test_an_exit_status_tells_a_student_nothing_of_hidden_inputs(judged: Judged) -> None:
    cell = "import os\ndef double(x):\n    if x > 2:\n        os._exit(x % 200)\n    return 2 * x\n"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    hidden = questions["q1"].cases[1]
    assert hidden.status is KILLED
    assert not any(character.isdigit() for character in hidden.message)
    assert any(character.isdigit() for character in hidden.staff_message)


def test_an_output_changed_after_it_was_returned_is_judged_as_returned(judged: Judged) -> None:
    cell = (
        "import threading, time, numpy as np\n"
        "def double(x):\n"
        "    out = np.array(2 * x)\n"
        "    threading.Timer(0.01, lambda: out.fill(0)).start()\n"
        "    return int(out)\n"
    )
    assert statuses(judged(SETUP, cell, CHECK1, SQUARE, CHECK2)) == (PASSED, PASSED)


# Whose fault it is.


def test_a_test_that_trips_over_a_students_value_is_the_students(judged: Judged) -> None:
    # None == 4 is an honest failure; a comparison that raises must not become ours either.
    cell = "import numpy as np\ndef double(x):\n    return np.array([1, 2, 3])"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert "has a form that cannot be judged" in questions["q1"].cases[0].message


def test_a_result_too_large_to_hand_over_fails(judged: Judged) -> None:
    cell = "def double(x):\n    return [[40 * str(x)] for _ in range(30_000)]"
    questions = judged(SETUP, cell, CHECK1, SQUARE, CHECK2)
    assert statuses(questions) == (FAILED, PASSED)
    assert "cannot be handed over" in questions["q1"].cases[0].message


# Files that are no notebooks of this assignment.


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "The file is empty: hand in"),
        (b"an essay", "The file is not JSON"),
        (b"PK\x03\x04....", "it looks like a zip archive"),
        (b'{"cells": [', "cut off or damaged JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no notebook"),
        (b'{"a": 1}', "names no format"),
        (b'{"cells": 3, "nbformat": 4}', "it has no list of cells"),
        (b'{"cells": [], "nbformat": 4}', "no code cell"),
        (b"\xff\xfe\x00", "it is not text"),
    ],
)
def test_a_file_that_is_no_notebook_is_rejected_with_what_it_is(
    small_engine: Engine, content: bytes, says: str
) -> None:
    report = judge(Request(submission_of(content)), small_engine)
    assert report.status is ERROR
    assert report.score == 0
    assert says in str(report.error)


# Each is more than some reader of Python's takes: its parser, its symbols, what walks the tree.
UNREADABLE = {
    "minuses": f"y = {'-' * 100_000}1",
    "attributes": f"y = 1{'.real' * 1_500}",
    "called": f"y = 1{'.real' * 900}.bit_length()",
    "sum": f"y = {'+'.join(['1'] * 3_000)}",
    "brackets": f"y = {'(' * 150}1{')' * 150}",
    "calls": f"y = {'abs(' * 90}1{')' * 90}",
    "subscripts": f"y = d{'[0]' * 2_500}",
    "digits": f"y = {'9' * 5_000}",
    "null": "y = '\0'",
    "indents": "\n".join(f"{' ' * depth}if 1:" for depth in range(95)) + f"\n{' ' * 95}pass",
    "lambdas": f"y = {'lambda: ' * 300}1",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_code_that_no_reader_takes_costs_its_cell_at_most(small_engine: Engine, text: str) -> None:
    cells = (SETUP, DOUBLE, CHECK1, text, SQUARE, CHECK2)
    report = judge(Request(submission_of(notebook_of(*cells))), small_engine)
    assert report.score == 6.0, report.questions[0]


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE)
def test_code_that_no_reader_takes_is_no_stub(text: str) -> None:
    content = notebook_of(text, DOUBLE)
    assert stub_sources(content, ["double"]) == {"double": DOUBLE}


def test_another_assignments_notebook_is_rejected_with_its_name(small_engine: Engine) -> None:
    content = notebook_of("import otter\ngrader = otter.Notebook('other.ipynb')", "x = 1")
    report = judge(Request(submission_of(content)), small_engine)
    assert "it seems to be other.ipynb" in str(report.error)


def test_too_many_cells_and_too_large_files_are_rejected(small_engine: Engine) -> None:
    limits = Limits(notebook_cells=3, notebook_bytes=10_000)
    many = judge(Request(submission_of(notebook_of(*["x = 1"] * 4)), limits=limits), small_engine)
    assert "has 4 cells; the limit is 3" in str(many.error)
    large = judge(Request(submission_of(b" " * 10_001), limits=limits), small_engine)
    assert "the limit is 0 MB" in str(large.error)


def test_format_3_is_converted_and_graded(small_engine: Engine) -> None:
    import json

    cells = [
        {"cell_type": "code", "collapsed": False, "input": text, "language": "python",
         "metadata": {}, "outputs": [], "prompt_number": 1}
        for text in (SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    ]  # fmt: skip
    old = {"metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0,
           "worksheets": [{"cells": cells, "metadata": {}}]}  # fmt: skip
    report = judge(Request(submission_of(json.dumps(old).encode())), small_engine)
    assert report.score == 6.0


def test_what_trips_our_reader_is_rejected_and_never_ungraded(
    small_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*_: object) -> None:
        raise TypeError("unhashable type: 'list'")

    monkeypatch.setattr("grader.course.notebooks.read", trip)
    report = judge(Request(submission_of(notebook_of(SETUP))), small_engine)
    assert (report.status, report.score) == (ERROR, 0)
    assert "cannot be read as a notebook (TypeError: unhashable" in str(report.error)


@pytest.mark.parametrize("source", [["def double(x):\n", "    return 2 * x"], 3, None])
def test_a_cells_source_may_be_a_list_and_anything_else_is_empty(
    small_engine: Engine, source: object
) -> None:
    import json

    data = json.loads(notebook_of(SETUP, "", CHECK1, SQUARE, CHECK2))
    data["cells"][1]["source"] = source
    report = judge(Request(submission_of(json.dumps(data).encode())), small_engine)
    assert report.score == (6.0 if isinstance(source, list) else 3.0)


def test_the_same_submission_and_seed_give_the_same_report(small_engine: Engine) -> None:
    random = "import numpy as np\ndef double(x):\n    return 2 * x + (np.random.rand() < 0.5)"
    cells = (SETUP, random, CHECK1, SQUARE, CHECK2)
    reports = [judge(Request(submission_of(notebook_of(*cells))), small_engine) for _ in range(3)]
    outcomes = [[c.status for q in r.questions for c in q.cases] for r in reports]
    assert outcomes[0] == outcomes[1] == outcomes[2]


# What a test leaves for the later cases of the same submission.

COUNTING_TEST = """OK_FORMAT = False
name = "{question}"

from otter.test_files import test_case


@test_case(name="{question} counts", points=1, hidden=True)
def test_first({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    assert False, f"case {{memory['calls']}} of this submission"


@test_case(name="{question} counts on", points=1, hidden=True)
def test_second({function}, memory):
    memory["calls"] = memory.get("calls", 0) + 1
    assert False, f"case {{memory['calls']}} of this submission"
"""


@pytest.fixture
def counting_engine(tmp_path: Path, worker: Worker) -> Engine:
    root = write_small_course(tmp_path)
    for question, function in (("q1", "double"), ("q2", "square")):
        path = root / "solutions" / "small" / "tests" / f"{question}.py"
        path.write_text(COUNTING_TEST.format(question=question, function=function), "utf-8")
    assignment = load("small", root, need_solutions=True)
    return assemble(assignment, {"cpu": worker})


def counted(report: Report) -> list[int]:
    """Return what each hidden case found in the memory, its own call included."""
    cases = [case for q in report.questions for case in q.cases if case.hidden]
    return [int(case.staff_message.split()[1]) for case in cases]


def test_a_submissions_memory_serves_all_its_cases_and_no_other_submission(
    counting_engine: Engine,
) -> None:
    content = notebook_of(SETUP, DOUBLE, CHECK1, SQUARE, CHECK2)
    ada, bob = (submission_of(content, student) for student in ("ada", "bob"))
    assert [counted(judge(Request(who), counting_engine)) for who in (ada, bob, ada)] == [
        [1, 2, 3, 4]
    ] * 3


def test_a_memory_outlives_the_child_that_it_began_with(counting_engine: Engine) -> None:
    dies = "import os\nos._exit(0)"
    content = notebook_of(SETUP, DOUBLE, CHECK1, dies, SQUARE, CHECK2)
    assert counted(judge(Request(submission_of(content)), counting_engine)) == [1, 2, 3, 4]


# A value that is lost on its way is no exception of the student's code.


def losing_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every call end as one whose answer could not be carried over."""

    def lose(*_: object, **__: object) -> None:
        raise TransferError("The answer could not be handed over (RuntimeError: it was lost).")

    monkeypatch.setattr(Session, "call", lose)


def test_a_value_that_is_lost_on_its_way_is_said_to_be_and_is_no_error_of_the_code(
    judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    losing_values(monkeypatch)
    public, hidden = judged(SETUP, DOUBLE, CHECK1)["q1"].cases
    assert (public.status, hidden.status) == (FAILED, FAILED)
    assert public.message == (
        "A value could not be handed over between the test and the notebook. "
        "The answer could not be handed over (RuntimeError: it was lost)."
    )
    assert "Your code" not in public.message + public.staff_message + hidden.staff_message
    assert hidden.message == not_passed("double")


# One case that ends the child costs itself.

FIVE_TESTS = """OK_FORMAT = False
name = "q1"

from otter.test_files import test_case


def check(double, number):
    assert double(number) == 2 * number


for number in range(1, 6):
    globals()[f"test_{number}"] = test_case(
        name=f"of {number}", points=0.4, hidden=True, failure_message="Numbers are doubled."
    )((lambda number: lambda double: check(double, number))(number))
"""


@pytest.fixture(scope="module")
def five(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Engine:
    root = write_small_course(tmp_path_factory.mktemp("five"))
    (root / "solutions/small/tests/q1.py").write_text(FIVE_TESTS, encoding="utf-8")
    return assemble(load("small", root, need_solutions=True), {"cpu": worker})


def judged_five(five: Engine, double: str) -> tuple[list[Outcome], str]:
    content = notebook_of(SETUP, double, CHECK1)
    report = judge(Request(submission_of(content), briefly(five)), five)
    question = report.questions[0]
    return [case for case in question.cases if case.hidden], question.note


def test_a_case_that_ends_the_child_costs_no_other_case(five: Engine) -> None:
    dies = "def double(x):\n    import os\n    return 2 * x if x not in (2, 4) else os._exit(0)"
    cases, note = judged_five(five, dies)
    assert note.count("in case 'of") == 2
    assert [case.status for case in cases] == [PASSED, KILLED, PASSED, KILLED, PASSED]
    assert sum(case.score for case in cases) == pytest.approx(1.2)


def test_after_three_timeouts_the_rest_of_a_question_is_not_run(five: Engine) -> None:
    loops = "def double(x):\n    while x > 1:\n        pass\n    return 2 * x"
    cases, note = judged_five(five, loops)
    assert [case.status for case in cases] == [PASSED, *[TIMEOUT] * 4]
    assert note.count("in case 'of") == 3
    assert "of 5" not in note
