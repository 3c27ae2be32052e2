"""Answers that hide their values: libraries call equal what is masked or missing."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest

from grader.grading import missing_values
from grader.model import Status
from grader.sandbox import Worker
from tests.support.otter_assignments import OtterJudge, doctests

NP = ">>> import numpy as np\n"
MASKED = "import numpy as np\nanswer = np.ma.masked_array(np.zeros(3), mask=True)"
PARTLY = "import numpy as np\nanswer = np.ma.masked_array([9, 9, 3], mask=[1, 1, 0])"
MISSING = "import pandas as pd\nanswer = pd.Series([pd.NA] * 3, dtype='Float64')"

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
    "all close": (
        NP + ">>> bool(np.allclose(answer, [1, 2, 3]))\nTrue", PARTLY, "answer = [1, 2, 3]",
    ),
    "each is close": (
        NP + ">>> bool(np.all(np.isclose([1, 2, 3], answer)))\nTrue", PARTLY, "answer = [1, 2, 3]",
    ),
    "all close, where some are masked": (
        NP + ">>> bool(np.ma.allclose(answer, [1, 2, 3]))\nTrue", PARTLY, "answer = [1, 2, 3]",
    ),
    "all equal, where some are masked": (
        NP + ">>> bool(np.ma.allequal(answer, [1, 2, 3]))\nTrue", MASKED, "answer = [1, 2, 3]",
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
        (">>> import pandas as pd\n"
        ">>> bool((abs(answer - pd.Series([1.0, 2.0, 3.0])) < 0.1).all())\nTrue"),
        MISSING,
        "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0], dtype='Float64')",
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
HONEST = {
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


WRONG = {name: (test, cell) for name, (test, cell, _) in ATTACKS.items()}
RIGHT = {name: (test, cell) for name, (test, _, cell) in ATTACKS.items()} | HONEST


def test_what_hides_its_values_is_not_right(judge: OtterJudge) -> None:
    assert statuses(judge, WRONG) == dict.fromkeys(WRONG, Status.FAILED)


def test_the_control_as_libraries_have_it_it_is(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: Callable[..., AbstractContextManager[None]] = nullcontext
    monkeypatch.setattr(missing_values, "are_unequal", nothing)
    assert statuses(judge, WRONG) == dict.fromkeys(WRONG, Status.PASSED)


def test_what_is_right_stays_right(judge: OtterJudge) -> None:
    assert statuses(judge, RIGHT) == dict.fromkeys(RIGHT, Status.PASSED)


def test_an_array_that_is_masked_in_part_is_for_staff(judge: OtterJudge) -> None:
    cell = "import numpy as np\nanswer = np.ma.masked_array([1, 0, 3], mask=[0, 1, 0])"
    test = doctests("q1", NP + ">>> np.testing.assert_array_equal(answer, [1, 2, 3])")
    [case] = judge.cases(cell, test)
    assert case.status is Status.UNGRADED
    assert "masked" in case.staff_message
