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
    "a column": (
        ">>> import pandas as pd\n>>> bool((answer == pd.Series([1.0, 2.0, 3.0])).all())\nTrue",
        MISSING, "import pandas as pd\nanswer = pd.Series([1.0, 2.0, 3.0], dtype='Float64')",
    ),
    "a column, by its method": (
        ">>> bool(answer.eq(4).all())\nTrue", MISSING,
        "import pandas as pd\nanswer = pd.Series([4, 4], dtype='Int64')",
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
    "nothing is masked": (
        NP + ">>> np.testing.assert_allclose(answer, [1, 2])",
        "import numpy as np\nanswer = np.ma.masked_array([1, 2], mask=[0, 0])",
    ),
    "both are missing": (
        (
            ">>> import pandas as pd\n>>> right = pd.Series([1, pd.NA], dtype='Int64')\n"
            ">>> bool((answer == right).all()), str((answer == right)[1])\n(True, '<NA>')"
        ),
        "import pandas as pd\nanswer = pd.Series([1, pd.NA], dtype='Int64')",
    ),
    "what is not equal": (
        ">>> int((answer != 4).sum())\n1",
        "import pandas as pd\nanswer = pd.Series([1, 4, pd.NA], dtype='Int64')",
    ),
}


@pytest.fixture(scope="module")
def judge(worker: Worker, tmp_path_factory: pytest.TempPathFactory) -> OtterJudge:
    return OtterJudge(tmp_path_factory.mktemp("assignments"), worker)


@pytest.mark.parametrize("name", ATTACKS)
def test_what_hides_its_values_is_not_right(judge: OtterJudge, name: str) -> None:
    test, cell, _ = ATTACKS[name]
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.FAILED, case.staff_message


@pytest.mark.parametrize("name", ATTACKS)
def test_the_control_as_libraries_have_it_it_is(
    judge: OtterJudge, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    nothing: Callable[..., AbstractContextManager[None]] = nullcontext
    monkeypatch.setattr(missing_values, "are_unequal", nothing)
    test, cell, _ = ATTACKS[name]
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.PASSED, case.staff_message


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_right_stays_right(judge: OtterJudge, name: str) -> None:
    test, _, cell = ATTACKS[name]
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.PASSED, case.staff_message


@pytest.mark.parametrize("name", HONEST)
def test_what_both_hide_is_equal(judge: OtterJudge, name: str) -> None:
    test, cell = HONEST[name]
    [case] = judge.cases(cell, doctests("q1", test))
    assert case.status is Status.PASSED, case.staff_message


def test_an_array_that_is_masked_in_part_is_for_staff(judge: OtterJudge) -> None:
    cell = "import numpy as np\nanswer = np.ma.masked_array([1, 0, 3], mask=[0, 1, 0])"
    test = doctests("q1", NP + ">>> np.testing.assert_array_equal(answer, [1, 2, 3])")
    [case] = judge.cases(cell, test)
    assert case.status is Status.UNGRADED
    assert "masked" in case.staff_message
