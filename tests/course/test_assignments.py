"""Loading an assignment: what the two folders must agree on, and what is said when they do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from grader.course import settings
from grader.course.assignments import (
    available,
    find_course,
    load,
)
from grader.course.cases import read_cases
from grader.errors import AssignmentError, UsageError
from grader.model import Limits, TestCase
from tests.conftest import REPOSITORY, write_small_course

Edit = Callable[[str, str, str], None]


@pytest.fixture
def course(tmp_path: Path) -> Path:
    return write_small_course(tmp_path)


@pytest.fixture
def edit(course: Path) -> Edit:
    def replace(file: str, old: str, new: str) -> None:
        path = course / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return replace


TOML = "assignments/small/assignment.toml"
PUBLIC = "assignments/small/tests/q1.py"
HIDDEN = "solutions/small/tests/q1.py"
REFERENCE = "solutions/small/reference.py"


def test_a_question_is_its_public_and_hidden_cases(course: Path) -> None:
    question = load("small", course).question("q1")
    promise = "double is right for large numbers too."
    assert question.cases == (
        TestCase("q1 of two", 1, False),
        TestCase("q1 of many", 2, True, promise),
    )
    assert (question.public_points, question.hidden_points) == (1, 2)


def test_a_public_checkout_has_public_cases_only(course: Path) -> None:
    question = load("small", course, public_only=True).question("q1")
    assert [case.hidden for case in question.cases] == [False]
    assert question.points == 3


def test_an_assignment_is_found_by_slug_or_folder(course: Path) -> None:
    assert load("small", course) == load(str(course / "assignments" / "small"))


def test_the_course_is_the_nearest_one_upwards(course: Path) -> None:
    assert find_course(course / "assignments" / "small" / "tests") == course


def test_the_course_that_a_clone_comes_with_is_the_last_resort(tmp_path: Path) -> None:
    assert find_course(tmp_path) == REPOSITORY
    assert {"softmax", "attention"} <= set(available(REPOSITORY))


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        (TOML, "title =", "titel =", "line 1: unknown key 'titel'"),
        (TOML, "points = 1", "points = -1", "r1 needs points"),
        (TOML, 'kind = "manual"', 'kind = "magic"', "r1 has kind 'magic'"),
        (TOML, 'kind = "manual"', "alone = 1", "alone of r1 must be true or false."),
        (TOML, 'title = "Small', 'feedback = "all"\ntitle = "Small', 'feedback must be "name", "p'),
        (HIDDEN, "failure_message=", "failure_message=1, n=", "failure_message is the"),
        (TOML, 'kind = "manual"', 'names = "f"', "names of r1 must be a list of names as"),
        (TOML, 'kind = "manual"', 'names = ["a b"]', "names of r1 must be a list of names as"),
        (TOML, 'kind = "manual"', 'requires = "gpu"', 'requires of r1 must be "cuda", or be'),
        (TOML, 'kind = "manual"', "titel = 1", "a question has an unknown key 'titel'; known are"),
        (TOML, "points = 1", "", "r1 needs points, a number of at least 0."),
        (TOML, 'name = "q1"', "name = 1", "a question's name must be text that"),
        (TOML, 'name = "q1"', 'name = "../q1"', "a question's name must be text that"),
        (
            TOML,
            "[limits]",
            "[release]\nhidden = 1\n[limits]",
            "[release] has an unknown key 'hidden'",
        ),
        (
            TOML,
            "[limits]",
            "[release]\nhidden_visibility = 'late'\n[limits]",
            'hidden_visibility under [release] is one of "hidden", "after_due_date", ',
        ),
        (TOML, "title =", "needs =", "needs must be a list of texts."),
        (TOML, "cell_seconds = 2", "cell_seconds = true", "must be a number above 0"),
        (TOML, "cell_seconds = 2", "cell_secs = 2", "unknown key 'cell_secs'"),
        (TOML, "cell_seconds = 2", "cell_seconds = 0", "must be a number above 0"),
        (TOML, 'name = "q2"', 'name = "q1"', "two questions named 'q1'"),
        (TOML, "small.ipynb", "large.ipynb", "names the notebook large.ipynb"),
        (TOML, "points = 3", "points = 4", "its cases add up to 3"),
        (TOML, "[limits]", "[limits", "(at line 19, column 8)"),
        (PUBLIC, "points=1", "points=one", "line 7: @test_case takes literals only"),
        (PUBLIC, "points=1", "points=None", "needs name=… and points=…"),
        (PUBLIC, "def test_two", "def test_two(", "q1.py, line 8"),
        (PUBLIC, "@test_case", "#", "has no function under @test_case"),
        (HIDDEN, "q1 of many", "q1 of two", "two cases named 'q1 of two'"),
        (HIDDEN, 'name = "q1"', 'name = "ql"', "its name is 'ql', but by its file it tests q1"),
        (PUBLIC, 'name = "q1"', 'name = "ql"', "its name is 'ql', but by its file it tests q1"),
        (HIDDEN, "hidden=True", "hidden=False", "'q1 of many' is not hidden, so students would"),
        (PUBLIC, "hidden=False", "hidden=True", "'q1 of two' is hidden, but students get this"),
        (PUBLIC, "points=1", "points=-1", "'q1 of two' has -1 points; 0 is the least"),
        (
            HIDDEN,
            "OK_FORMAT = False",
            "OK_FORMAT = True",
            "need OK_FORMAT = False",
        ),
        (REFERENCE, "def double", "def = double", "reference.py, line "),
    ],
)
def test_a_contradiction_is_one_sentence_with_its_place(
    course: Path, edit: Edit, file: str, old: str, new: str, says: str
) -> None:
    edit(file, old, new)
    with pytest.raises(AssignmentError) as caught:
        load("small", course)
    assert says in str(caught.value)


@pytest.mark.parametrize("file", [TOML, PUBLIC, HIDDEN, REFERENCE])
def test_a_file_in_another_encoding_is_named_with_its_line(course: Path, file: str) -> None:
    path = course / file
    text = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + text)  # as some editors begin UTF-8
    load("small", course)
    path.write_bytes(b"# one\n# \xe4\n" + text)
    with pytest.raises(AssignmentError, match="line 2 is not in UTF-8; save the file in that"):
        load("small", course)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "title must be text."),
        ('title = "x"', "there are no [[questions]]; add at least one."),
        ('title = "x"\nquestions = []', "there are no [[questions]]; add at least one."),
        ('title = "x"\nquestions = [1]', "each [[questions]] must be a table."),
        ('title = "x"\nlimits = 1\nquestions = []', "[limits] must be a table."),
    ],
)
def test_settings_that_lack_something_are_one_sentence(course: Path, text: str, says: str) -> None:
    path = course / TOML
    path.write_text(text, encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        load("small", course)
    assert str(caught.value) == f"{path}: {says}"


def test_every_field_of_the_settings_has_words_for_a_wrong_value() -> None:
    own = set(settings.AssignmentSettings.__struct_fields__)
    questions = {f"question.{name}" for name in settings.QuestionSettings.__struct_fields__}
    release = {f"release.{name}" for name in settings.ReleaseSettings.__struct_fields__}
    assert set(settings.FAULTS) == own | questions | release | {"question"}


def test_a_test_that_a_later_one_of_its_name_replaces_is_named(course: Path) -> None:
    path = course / HIDDEN
    text = path.read_text(encoding="utf-8")
    case = text[text.index("@test_case") :]
    path.write_text(f"{text}\n\n{case.replace('q1 of many', 'more')}", encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"q1\.py, line \d+: test_\w+ replaces the test of"):
        load("small", course)


def test_a_test_file_under_a_wrong_name_is_named_before_its_points_lack(course: Path) -> None:
    (course / HIDDEN).rename(course / "solutions" / "small" / "tests" / "q11.py")
    with pytest.raises(AssignmentError, match=r"q11\.py tests no question"):
        load("small", course)


def test_a_test_file_of_no_question_is_named(course: Path) -> None:
    (course / "solutions" / "small" / "tests" / "q9.py").write_text("", encoding="utf-8")
    with pytest.raises(AssignmentError, match=r"q9\.py tests no question"):
        load("small", course)


def test_an_unknown_assignment_lists_the_known_ones(course: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no assignment 'large' in .*; it has: small\."):
        load("large", course)


def test_grading_needs_the_solutions(course: Path) -> None:
    (course / "solutions").rename(course / "elsewhere")
    with pytest.raises(UsageError, match="small has no solutions"):
        load("small", course, need_solutions=True)


def test_a_question_changes_its_hash_only_with_what_decides_its_score(
    course: Path, edit: Edit
) -> None:
    before = load("small", course)
    edit(HIDDEN, "5):", "6):")
    after = load("small", course)
    assert before.question("q1").sha256 != after.question("q1").sha256
    assert before.question("q2").sha256 == after.question("q2").sha256
    assert before.sha256 != after.sha256


def test_otters_doctest_format_is_read(tmp_path: Path) -> None:
    path = tmp_path / "q1.py"
    path.write_text(
        "OK_FORMAT = True\n"
        "test = {'name': 'q1', 'points': 2, 'suites': [{'cases': ["
        "{'code': '>>> double(2)\\n4', 'hidden': False},"
        "{'code': '>>> double(3)\\n6', 'hidden': True}]}]}\n",
        encoding="utf-8",
    )
    assert read_cases(path) == [TestCase("q1 - 1", 1, False), TestCase("q1 - 2", 1, True)]


STAIRCASE = """OK_FORMAT = False
name = "q1"

import functools

from otter.test_files import test_case


def check_step(step, double):
    assert double(step) <= 4, f"step {step}"


for step in range(1, 4):
    globals()[f"test_step_{step}"] = test_case(
        name=f"step {step} of 3", points=0.25, hidden=True
    )(functools.partial(check_step, step))
"""


def test_a_loop_makes_a_case_a_turn_as_read_and_as_run(tmp_path: Path) -> None:
    from grader.grading.names import Names
    from grader.grading.otter_tests import CaseSuite

    course = write_small_course(tmp_path)
    (course / HIDDEN).write_text(STAIRCASE, encoding="utf-8")
    toml = course / TOML
    toml.write_text(toml.read_text("utf-8").replace("points = 3", "points = 1.75", 1), "utf-8")
    assignment = load("small", course)
    cases = [case for case in assignment.question("q1").cases if case.hidden]
    assert cases == [TestCase(f"step {step} of 3", 0.25, True) for step in (1, 2, 3)]
    suite = CaseSuite(assignment)
    names = Names({"double": lambda x: 2 * x}.__getitem__, "cpu")
    verdicts = [suite.run("q1", case.name, names) for case in cases]
    assert [verdict.passed for verdict in verdicts] == [True, True, False]
    assert str(verdicts[2].problem) == "step 3"
    assert verdicts[2].place == "solutions/small/tests/q1.py, line 10"


def test_a_loop_may_go_over_a_list(tmp_path: Path) -> None:
    path = tmp_path / "q1.py"
    text = STAIRCASE.replace("range(1, 4)", '["a", "b"]').replace("0.25", "2")
    path.write_text(text, encoding="utf-8")
    assert read_cases(path) == [TestCase(f"step {x} of 3", 2, True) for x in ("a", "b")]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("range(1, 4)", "range(STEPS)", "line 13: a loop that makes cases has one variable"),
        ("range(1, 4)", "range(1.5)", "line 13: a loop that makes cases has one variable"),
        ("range(1, 4)", "sorted(STEPS)", "line 13: a loop that makes cases has one variable"),
        ("for step in range(1, 4)", "for step, x in [(1, 2)]", "line 13: a loop that makes cases"),
        ("{step} of 3", "{step + 1} of 3", "line 14: @test_case takes literals only, and in a"),
        ("{step} of 3", "{step:d} of 3", "line 14: @test_case takes literals only, and in a"),
        ("points=0.25", "points=other", "line 14: @test_case takes literals only, and in a"),
    ],
)
def test_a_loop_that_cannot_be_read_is_one_sentence_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    path = tmp_path / "q1.py"
    assert old in STAIRCASE
    path.write_text(STAIRCASE.replace(old, new), encoding="utf-8")
    with pytest.raises(AssignmentError) as caught:
        read_cases(path)
    assert says in str(caught.value)


def test_a_loop_without_cases_is_no_concern_of_the_reader(tmp_path: Path) -> None:
    path = tmp_path / "q1.py"
    loop = "for number in sorted(NUMBERS):\n    NUMBERS[number] = 0\n"
    path.write_text(STAIRCASE + loop, encoding="utf-8")
    assert len(read_cases(path)) == 3


def test_limits_are_changed_by_name_as_assignment_toml_has_them() -> None:
    before = Limits()
    after = settings.with_limits(before, ["cell_seconds=300", "memory_bytes=1000"])
    assert (after.cell_seconds, after.memory_bytes) == (300.0, 1000)
    assert settings.with_limits(before, ()) == before


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("cell_hours=3", "there is no limit 'cell_hours'; there are array_bytes, "),
        ("cell_seconds", "say a number above 0, such as cell_seconds=60"),
        ("cell_seconds=-1", "say a number above 0"),
        ("tasks=1.5", "say a number above 0, such as tasks=64"),
        ("cpu_seconds=nan", "say a number above 0"),
        ("cell_seconds=nan", "say a number above 0"),
        ("cell_seconds=inf", "say a number above 0"),
    ],
)
def test_a_limit_that_is_none_is_named(said: str, answer: str) -> None:
    with pytest.raises(UsageError, match=f"--limit {said}: {answer}"):
        settings.with_limits(Limits(), [said])
