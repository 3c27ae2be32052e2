"""Answers that hide their values: libraries call equal what is masked or missing."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest

from grader.course.assignments import load
from grader.grading import missing_values
from grader.grading.assemble import assemble
from grader.grading.judge import Request
from grader.grading.judge import judge as judged
from grader.model import Status
from grader.sandbox import Worker
from tests.conftest import notebook_of, submission_of, write_small_course
from tests.support.otter_assignments import OtterJudge, doctests
from tests.support.small_notebooks import CHECK1, SETUP

NP = ">>> import numpy as np\n"
MASKED = "import numpy as np\nanswer = np.ma.masked_array(np.zeros(3), mask=True)"
PARTLY = "import numpy as np\nanswer = np.ma.masked_array([9, 9, 3], mask=[1, 1, 0])"
MISSING = "import pandas as pd\nanswer = pd.Series([pd.NA] * 3, dtype='Float64')"

PD = ">>> import pandas as pd\n>>> right = pd.Series([1.0, 2.0, 3.0])\n"
KNOWS_ONE = "import pandas as pd\nanswer = pd.Series([None, None, 3.0])"
GAPS = "import pandas as pd\nanswer = pd.Series([pd.NA, pd.NA, 3.0], dtype='Float64')"
NOTHING = "import pandas as pd\nanswer = pd.Series([None] * 3, dtype=float)"
COLUMN = "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0])"
FILLED = "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0], dtype='Float64')"
ARRAY = "import numpy as np\nanswer = np.array([1.0, 2.0, 3.0])"
FRAME = "import pandas as pd\nanswer = pd.DataFrame({{'a': {}, 'b': {}}})"

# By name: the test, an answer that knows nothing, and one that is right.
ATTACKS = {
    "assert_allclose": (
        NP + ">>> np.testing.assert_allclose(answer, [1.0, 2.0, 3.0])", MASKED,
        "answer = [1.0, 2.0, 3.0]",
    ),
    "assert_array_equal": (
        NP + ">>> np.testing.assert_array_equal(answer, [1, 2, 3])", MASKED, "answer = [1, 2, 3]",
    ),
    "the other way round": (
        NP + ">>> np.testing.assert_equal(np.array([1, 2, 3]), answer)", MASKED,
        "import numpy as np\nanswer = np.array([1, 2, 3])",
    ),
    "a number": (
        NP + ">>> np.testing.assert_almost_equal(answer, 4)",
        "import numpy as np\nanswer = np.ma.masked", "answer = 4",
    ),
    "turned": (
        ">>> not 4 != answer\nTrue", "import numpy as np\nanswer = np.ma.masked", "answer = 4",
    ),
    "no element differs": (
        NP + ">>> bool(np.any(answer != np.array([1, 2, 3])))\nFalse", MASKED,
        "import numpy as np\nanswer = np.array([1, 2, 3])",
    ),
    "a column": (
        ">>> import pandas as pd\n>>> bool((answer == pd.Series([1.0, 2.0, 3.0])).all())\nTrue",
        MISSING, "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0], dtype='Float64')",
    ),
    "a column, by its method": (
        ">>> bool(answer.eq(4).all())\nTrue", MISSING,
        "import pandas as pd\nanswer = pd.Series([4, 4], dtype='Int64')",
    ),
    "near a column": (
        PD + ">>> bool((abs(answer - right) < 0.1).all())\nTrue", MISSING, FILLED,
    ),
    "no difference": (
        ">>> import pandas as pd\n>>> bool((answer != pd.Series([1.0, 2.0, 3.0])).any())\nFalse",
        MISSING,
        "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0], dtype='Float64')",
    ),
    "a column of texts": (
        ">>> bool((answer == 'a').all())\nTrue",
        "import pandas as pd\nanswer = pd.Series([pd.NA] * 3, dtype='string')",
        "import pandas as pd\nanswer = pd.Series(['a', 'a'], dtype='string')",
    ),
    "a table": (
        (">>> import pandas as pd\n>>> bool((answer == pd.DataFrame({'a': [1, 2]})).all().all())\n"
        "True"),
        "import pandas as pd\nanswer = pd.DataFrame({'a': [pd.NA] * 2}, dtype='Int64')",
        "import pandas as pd\nanswer = pd.DataFrame({'a': [1, 2]}, dtype='Int64')",
    ),
}  # fmt: skip
if np.lib.NumpyVersion(np.__version__) < "2.0.0":  # of which a masked number equals none
    del ATTACKS["a number"]
# What leaves out, in part or where a number is made of it: neither passed nor lost.
IN_PART = {
    "all close": (NP + ">>> bool(np.allclose(answer, [1, 2, 3]))\nTrue", PARTLY, ARRAY),
    "all close to nothing": (
        NP + ">>> bool(np.allclose(answer, [1, 2, 3]))\nTrue",
        "import numpy as np\nanswer = np.zeros((0, 3))", ARRAY,
    ),
    "close to a number": (
        NP + ">>> bool(np.isclose(answer, 4).all())\nTrue",
        "import numpy as np\nanswer = np.array([])", "import numpy as np\nanswer = np.array([4])",
    ),
    "a distance": (
        NP + ">>> float(np.linalg.norm(answer - np.array([1, 2, 3])))\n0.0",
        "import numpy as np\nanswer = np.ma.masked", ARRAY,
    ),
    "a column less a number that is none": (
        PD + ">>> float((answer - right).abs().sum())\n0.0", "answer = float('nan')", COLUMN,
    ),
    "a column less an array": (
        PD + ">>> float((right - answer).abs().sum())\n0.0",
        "import numpy as np\nanswer = np.full(3, np.nan)", ARRAY,
    ),
    "each is close": (
        NP + ">>> bool(np.all(np.isclose([1, 2, 3], answer)))\nTrue", PARTLY, ARRAY,
    ),
    "each is close, by a name": (
        ">>> from numpy import isclose\n>>> bool(isclose([1, 2, 3], answer).all())\nTrue", PARTLY,
        ARRAY,
    ),
    "asserted": (NP + ">>> np.testing.assert_array_equal([1, 2, 3], answer)", PARTLY, ARRAY),
    "each is equal": (
        NP + ">>> bool((answer == np.array([1, 2, 3])).all())\nTrue", PARTLY, ARRAY,
    ),
    "each lies between": (
        (NP + ">>> right = np.array([1, 2, 3])\n"
        ">>> bool(((answer < right + 0.1) & (answer > right - 0.1)).all())\nTrue"),
        PARTLY, ARRAY,
    ),
    "all close, where some are masked": (
        NP + ">>> bool(np.ma.allclose(answer, [1, 2, 3]))\nTrue", PARTLY, ARRAY,
    ),
    "all equal, where some are masked": (
        NP + ">>> bool(np.ma.allequal(answer, [1, 2, 3]))\nTrue", MASKED, ARRAY,
    ),
    "the greatest difference": (
        NP + ">>> bool(np.max(np.abs(answer - np.array([1, 2, 3]))) < 1e-6)\nTrue", PARTLY, ARRAY,
    ),
    "the greatest difference, turned": (
        NP + ">>> bool(np.abs([1, 2, 3] - answer[:]).max() < 1e-6)\nTrue", PARTLY, ARRAY,
    ),
    "the sum of squares": (
        NP + ">>> float(np.sum(np.square(np.subtract(answer, [1, 2, 3]))))\n0.0", PARTLY, ARRAY,
    ),
    "the mean of a quotient": (
        NP + ">>> float((answer / np.array([1, 2, 3])).mean())\n1.0", PARTLY, ARRAY,
    ),
    "what is changed in place": (
        NP + ">>> answer -= np.array([1, 2, 3])\n>>> float(abs(answer).max())\n0.0", PARTLY, ARRAY,
    ),
    "the greatest difference of columns": (
        PD + ">>> bool((answer - right).abs().max() < 1e-6)\nTrue", KNOWS_ONE, COLUMN,
    ),
    "of a column with gaps": (
        PD + ">>> import numpy as np\n>>> bool(np.max(np.abs(answer - right)) < 1e-6)\nTrue", GAPS,
        FILLED,
    ),
    "of its values": (
        (PD + ">>> import numpy as np\n"
        ">>> bool(np.max(np.abs(answer.values - [1.0, 2.0, 3.0])) < 1e-6)\nTrue"), GAPS, FILLED,
    ),
    "of labels": (
        (PD + ">>> import numpy as np\n"
        ">>> bool(np.max(np.abs(answer - right.to_numpy())) < 1e-6)\nTrue"),
        "import pandas as pd\nanswer = pd.Index([None, None, 3.0], dtype=float)",
        "import pandas as pd\nanswer = pd.Index([1.0, 2.0, 3.0])",
    ),
    "of numbers with gaps": (
        (PD + ">>> import numpy as np\n"
        ">>> bool(np.max(np.abs(answer - right.to_numpy())) < 1e-6)\nTrue"),
        "import pandas as pd\nanswer = pd.array([None, None, 3.0], dtype='Float64')",
        "import pandas as pd\nanswer = pd.array([1.0, 2.0, 3.0], dtype='Float64')",
    ),
    "of one of several": (
        PD + ">>> bool((answer[0]['it'] - right).abs().max() < 1e-6)\nTrue",
        KNOWS_ONE + "\nanswer = [{'it': answer}]", COLUMN + "\nanswer = [{'it': answer}]",
    ),
    "the sum of a difference": (PD + ">>> float((right - answer).sum())\n0.0", NOTHING, COLUMN),
    "by a method": (
        PD + ">>> float(answer.round(3).sub(right).abs().mean())\n0.0", KNOWS_ONE, COLUMN,
    ),
    "to a number": (">>> float((answer - 4).abs().sum())\n0.0", NOTHING, (
        "import pandas as pd\nanswer = pd.Series([4.0, 4.0])"
    )),
    "other labels": (
        PD + ">>> bool((answer - right).abs().max() < 1e-6)\nTrue",
        "import pandas as pd\nanswer = pd.Series([3.0, 8.0, 9.0], index=[2, 7, 8])", COLUMN,
    ),
    "a column of a table": (
        PD + ">>> bool((answer['a'] - right).abs().max() < 1e-6)\nTrue",
        FRAME.format([None, None, 3.0], [1, 2, 3]), FRAME.format([1.0, 2.0, 3.0], [1, 2, 3]),
    ),
    "a whole table": (
        (PD + ">>> right = pd.DataFrame({'a': [1.0, 2.0], 'b': [3.0, 4.0]})\n"
        ">>> bool((answer - right).abs().max().max() < 1e-6)\nTrue"),
        FRAME.format([None, 2.0], [None, 4.0]), FRAME.format([1.0, 2.0], [3.0, 4.0]),
    ),
    "a column that the test makes": (
        (PD + ">>> bool((pd.Series(answer) - right).abs().max() < 1e-6)\nTrue"),
        "answer = [float('nan'), float('nan'), 3.0]", "answer = [1.0, 2.0, 3.0]",
    ),
    "a column of an array": (
        (PD + ">>> bool((right - pd.Series(answer)).abs().max() < 1e-6)\nTrue"),
        "import numpy as np\nanswer = np.array([np.nan, np.nan, 3.0])", ARRAY,
    ),
    "a column of a masked array": (
        (PD + ">>> bool((right - pd.Series(answer)).abs().max() < 1e-6)\nTrue"),
        PARTLY, ARRAY,
    ),
    "a table that the test makes": (
        (PD + ">>> made = pd.DataFrame({'a': answer})\n"
        ">>> float((made['a'] - right).abs().sum())\n0.0"),
        "answer = [None] * 3", "answer = [1.0, 2.0, 3.0]",
    ),
    "a table of both": (
        PD + ">>> made = pd.DataFrame({'a': answer, 'b': right})\n"
        ">>> bool((made['a'] - made['b']).abs().max() < 1e-6)\nTrue",
        KNOWS_ONE, COLUMN,
    ),
    "a table that the test has begun with nothing": (
        PD + ">>> made = pd.DataFrame({'a': right, 'b': float('nan')})\n"
        ">>> bool((answer - made['a']).abs().max() < 1e-6)\nTrue",
        KNOWS_ONE, COLUMN,
    ),
    "a correlation": (
        PD + ">>> round(float(answer.corr(right)), 6)\n1.0", (
            "import pandas as pd\nanswer = pd.Series([None, 1.0, 2.0])"
        ), COLUMN,
    ),
}  # fmt: skip
HONEST = {
    "nothing is right": (
        NP + ">>> bool(np.allclose(answer, [])), bool(np.isclose(answer, answer).all())\n"
        "(True, True)",
        "import numpy as np\nanswer = np.array([])",
    ),
    "the test masks": (
        (
            NP + ">>> right = np.ma.masked_array([1, 5, 3], mask=[0, 1, 0])\n"
            ">>> np.testing.assert_allclose(answer, right)\n"
            ">>> bool(np.abs(answer - right).max() < 1e-6), bool(np.ma.allclose(right, answer))\n"
            "(True, True)"
        ),
        ARRAY,
    ),
    "the test leaves out": (
        (PD + ">>> right[1] = None\n>>> bool((answer - right).abs().max() < 1e-6)\nTrue"),
        COLUMN,
    ),
    "what is made of a masked answer": (
        (">>> float(answer.mean()), int((answer * 2).sum()), int(answer.count())\n(2.0, 8, 2)"),
        "import numpy as np\nanswer = np.ma.masked_array([1, 5, 3], mask=[0, 1, 0])",
    ),
    "what a test makes of a student's table": (
        (
            ">>> float((answer['a'] - answer['b']).abs().max()), float(answer['a'].mean())\n"
            "(1.0, 1.5)"
        ),
        FRAME.format([1.0, 2.0, None], [2.0, 3.0, 4.0]),
    ),
    "both are missing, and their difference": (
        PD + ">>> bool((answer - right.shift()).abs().max() < 1e-6)\nTrue",
        COLUMN + "\nanswer = answer.shift()",
    ),
    "what the test has begun with nothing": (
        PD + ">>> made = pd.Series(float('nan'), index=[0, 1, 2])\n"
        ">>> made[:] = answer\n>>> empty = pd.Series(float('nan'), index=[0, 1, 2])\n"
        ">>> bool((made - right).abs().max() < 1e-6), float((empty - right).sum())\n(True, 0.0)",
        COLUMN,
    ),
    "what a test has filled": (
        PD + ">>> bool((answer.fillna(1) - right).abs().max() < 1e-6)\nTrue",
        "import pandas as pd\nanswer = pd.Series([None, 2.0, 3.0])",
    ),
    "a quotient that is no number": (
        PD + ">>> bool((answer / (right - right)).isna().sum() == 1)\nTrue",
        "import pandas as pd\nanswer = pd.Series([0.0, 2.0, 3.0])",
    ),
    "both are masked": (
        NP + ">>> right = np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])\n"
        ">>> np.testing.assert_array_equal(answer, right)",
        "import numpy as np\nanswer = np.ma.masked_array([1, 5, 3], mask=[0, 1, 0])",
    ),
    "some are masked": (
        ">>> bool((answer == 4).all()), int((answer == 4).sum())\n(True, 1)",
        "import numpy as np\nanswer = np.ma.masked_array([4, 5], mask=[0, 1])",
    ),
    "nothing is masked": (
        NP + ">>> np.testing.assert_allclose(answer, [1, 2])",
        "import numpy as np\nanswer = np.ma.masked_array([1, 2], mask=[0, 0])",
    ),
    "both are masked and close": (
        NP + ">>> right = np.ma.masked_array([1, 2, 3], mask=[0, 1, 0])\n"
        ">>> bool(np.allclose(answer, right)), bool(np.ma.allclose(answer, right))\n(True, True)",
        "import numpy as np\nanswer = np.ma.masked_array([1, 5, 3], mask=[0, 1, 0])",
    ),
    "both are missing": (
        (
            ">>> import pandas as pd\n>>> right = pd.Series([1, pd.NA], dtype='Int64')\n"
            ">>> bool((answer == right).all()), str((answer == right)[1])\n(True, '<NA>')"
        ),
        "import pandas as pd\nanswer = pd.Series([1, pd.NA], dtype='Int64')",
    ),
    "two columns of one table": (
        (
            ">>> a, b = answer['a'], answer['b']\n>>> one = answer[['b']].set_axis(['a'], axis=1)\n"
            ">>> float((a == b).mean()), float(a.eq(b).mean())\n(0.5, 0.5)\n"
            ">>> float((answer[['a']] == one)['a'].mean())\n0.5"
        ),
        FRAME.format([1, None, 3], [1, 2, 4]) + ".convert_dtypes()",
    ),
    "a mean of the days before": (
        (
            ">>> import pandas as pd\n>>> right = pd.Series([1.0, 2.0, 4.0])\n"
            ">>> int((right > answer).sum()), int(right.gt(answer).sum())\n(2, 2)"
        ),
        "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 4.0]).rolling(2).mean()",
    ),
    "two columns of the test's": (
        PD + ">>> right = pd.array([1, None, 3], dtype='Int64')\n"
        ">>> float((pd.Series(right) == pd.Series([1, 2, 4])).mean())\n0.5",
        "",
    ),
    "what is less": (
        ">>> bool((answer < 5).all())\nTrue",
        "import pandas as pd\nanswer = pd.Series([1, 4, pd.NA], dtype='Int64')",
    ),
    "what is not equal": (
        ">>> int((answer != 4).sum())\n1",
        "import pandas as pd\nanswer = pd.Series([1, 4, pd.NA], dtype='Int64')",
    ),
}


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


def statuses(judge: OtterJudge, tries: dict[str, tuple[str, str]]) -> dict[str, Status]:
    """Judge one notebook with a question for each try: its test, and the cell before its check."""
    numbers = {name: f"q{number}" for number, name in enumerate(tries)}
    cells = [
        text
        for name, (_, cell) in tries.items()
        for text in (cell, f"grader.check('{numbers[name]}')")
    ]
    tests = {numbers[name]: doctests(numbers[name], test) for name, (test, _) in tries.items()}
    found = judge.cells(*cells, tests=tests)
    return {name: found[number].status for name, number in numbers.items()}


def without(tries: dict[str, tuple[str, str, str]]) -> dict[str, tuple[str, str]]:
    return {name: (test, cell) for name, (test, cell, _) in tries.items()}


WRONG = without(ATTACKS)
RIGHT = {name: (test, cell) for name, (test, _, cell) in (ATTACKS | IN_PART).items()} | HONEST


def test_what_hides_its_values_is_not_right(judge: OtterJudge) -> None:
    assert statuses(judge, WRONG) == dict.fromkeys(WRONG, Status.FAILED)


def test_what_hides_some_of_them_is_for_staff(judge: OtterJudge) -> None:
    assert statuses(judge, without(IN_PART)) == dict.fromkeys(IN_PART, Status.UNGRADED)


def test_the_control_as_libraries_have_it_it_is(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Callable[..., AbstractContextManager[None]] = lambda *_: nullcontext()  # noqa: E731
    monkeypatch.setattr(missing_values, "are_unequal", nothing)
    both = without(ATTACKS | IN_PART)
    assert statuses(judge, both) == dict.fromkeys(both, Status.PASSED)


def test_what_is_right_stays_right(judge: OtterJudge) -> None:
    assert statuses(judge, RIGHT) == dict.fromkeys(RIGHT, Status.PASSED)


def test_an_array_that_is_masked_in_part_is_for_staff(judge: OtterJudge) -> None:
    cell = "import numpy as np\nanswer = np.ma.masked_array([1, 0, 3], mask=[0, 1, 0])"
    test = doctests("q1", NP + ">>> np.testing.assert_array_equal(answer, [1, 2, 3])")
    [case] = judge.cases(cell, test)
    assert case.status is Status.UNGRADED
    assert "masked" in case.staff_message


# Where there is a reference, it shows what a right answer leaves out.

COMPARES = """OK_FORMAT = False
name = "q1"

import numpy as np
from otter.test_files import test_case


@test_case(name="q1 of three", points=2, hidden=True)
def test_three(double):
    x = np.arange(3.0)
    assert np.max(np.abs(double(x) - 2 * x)) < 1e-6
"""
MASKS = "import numpy as np\ndef double(x):\n    return np.ma.masked_less(2 * x, 3)"


@pytest.mark.parametrize("masks", [True, False])
def test_who_leaves_out_what_a_right_answer_has_loses(
    tmp_path: Path, worker: Worker, *, masks: bool
) -> None:
    root = write_small_course(tmp_path)
    hidden = root / "solutions" / "small"
    (hidden / "tests" / "q1.py").write_text(COMPARES, encoding="utf-8")
    if masks:
        text = (hidden / "reference.py").read_text(encoding="utf-8")
        head, _, rest = text.partition("def double(x):")
        body = "\n    import numpy as np\n    return np.ma.masked_less(2 * x, 3)\n"
        (hidden / "reference.py").write_text(
            f"{head}def double(x):{body}{rest[rest.index('def ') :]}", encoding="utf-8"
        )
    engine = assemble(load("small", root, need_solutions=True), {"cpu": worker})
    report = judged(Request(submission_of(notebook_of(SETUP, MASKS, CHECK1))), engine)
    [case] = [case for case in report.questions[0].cases if case.hidden]
    assert case.status is (Status.PASSED if masks else Status.FAILED), case.staff_message
