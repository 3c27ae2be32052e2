"""Which files beside a notebook are given: by what tests and texts say, and by what people say."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from grader.course import beside
from grader.course.beside import Access, Named
from grader.course.otter import load
from grader.errors import UsageError
from grader.model import Assignment

OK = """OK_FORMAT = True
test = {{"name": "q1", "points": 1, "suites": [{{"cases": [
    {{"code": {code!r}, "hidden": {hidden}}}], "scored": True, "setup": "", "teardown": "",
    "type": "doctest"}}]}}
"""
FUNCTION = """from otter.test_files import test_case
OK_FORMAT = False
name = "q1"
points = 1

@test_case({arguments})
def test(x):
    assert x == open("expected.csv").read()
"""


def hidden(code: str) -> str:
    return OK.format(code=code, hidden=True)


def public(code: str) -> str:
    return OK.format(code=code, hidden=False)


def files(folder: Path, *names: str, **texts: str) -> list[Named]:
    """Write files, each empty or with a text by its name without a suffix."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(texts.get(Path(name).stem, ""))
    return [(name, str(folder / name)) for name in names]


def withheld(found: list[Named], tests: list[str], told: tuple[str, ...] = ()) -> set[str]:
    given, kept = beside.sorted_out(found, tests, told)
    assert {*given, *kept} == {*found}
    return {name for name, _ in kept}


READ = ">>> open('expected.csv').read()\n'1'"


@pytest.mark.parametrize(
    "test",
    [
        hidden(READ),
        hidden(">>> pd.read_csv('./expected.csv').equals(t)\nTrue"),
        hidden(">>> path = 'expected.csv'\n>>> open(path).read()\n'1'"),
        FUNCTION.format(arguments="name='x', points=1, hidden=True"),
        FUNCTION.format(arguments="None, 1, True"),
        "x = (  # expected.csv, in a file that cannot be read",
    ],
)
def test_what_only_a_hidden_case_names_is_withheld(tmp_path: Path, test: str) -> None:
    found = files(tmp_path, "expected.csv", "rain.csv")
    assert withheld(found, [test]) == {"expected.csv"}


@pytest.mark.parametrize(
    "test",
    [
        public(READ),
        FUNCTION.format(arguments="points=1"),
        FUNCTION.format(arguments="name='x', hidden=False"),
        hidden(">>> count('expected.csv')\n3"),  # a function of the student's has to find it
        hidden(">>> open('unexpected.csv').read()\n'1'"),
        hidden(">>> open('other/expected.csv').read()\n'1'"),
    ],
)
def test_what_a_student_has_to_find_is_given(tmp_path: Path, test: str) -> None:
    assert withheld(files(tmp_path, "expected.csv", "rain.csv"), [test]) == set()


def test_what_the_notebook_or_a_module_that_is_given_mentions_is_given(tmp_path: Path) -> None:
    names = ("expected.csv", "helpers.py", "answers.py", "more.csv")
    found = files(
        tmp_path, *names, helpers="open('expected.csv')", answers="open('more.csv')"
    )  # fmt: skip
    tests = [hidden(f"{READ}\n>>> import answers\n>>> open('more.csv')\n>>> import helpers\n")]
    assert withheld(found, tests) == {*names}
    assert withheld(found, tests, ("import helpers",)) == {"answers.py", "more.csv"}
    assert withheld(found, tests, ("from answers import *",)) == {"expected.csv", "helpers.py"}


def test_of_two_files_of_one_name_the_folder_tells(tmp_path: Path) -> None:
    found = files(tmp_path, "data/a.csv", "answers/a.csv")
    assert withheld(found, [hidden(">>> open('answers/a.csv').read()\n")]) == {"answers/a.csv"}


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "q1.py").write_text(hidden(READ))
    (tmp_path / "otter_config.json").write_text("{}")
    files(tmp_path / "files", "expected.csv", "rain.csv", "data/a.csv")
    return load(tmp_path, "small")


def kept(assignment: Assignment) -> set[str]:
    return {name for name, _ in assignment.withheld}


def test_a_person_overrules_what_the_texts_say(assignment: Assignment) -> None:
    given = beside.ruled(assignment, Access(give=("exp*",)))
    assert kept(given) == set()
    less = beside.ruled(assignment, Access(withhold=("data", "rain.csv")))
    assert kept(less) == {"data/a.csv", "expected.csv", "rain.csv"}
    assert less.withheld_by_name == {"data/a.csv", "rain.csv"}
    hashes = {one.sha256 for one in (assignment, given, less)}
    assert len(hashes) == 3
    assert len({one.questions[0].sha256 for one in (assignment, given, less)}) == 3
    assert beside.ruled(assignment, Access()) == assignment
    assert beside.ruled(assignment, Access(network=True)).sha256 not in hashes


@pytest.mark.parametrize(
    ("access", "said"),
    [
        (Access(give=("none.csv",)), "no such file beside its notebook; it has data/a.csv, exp"),
        (Access(give=("*.csv",), withhold=("rain.csv",)), "by --give and by --withhold"),
    ],
)
def test_a_pattern_that_cannot_be_meant_is_refused(
    assignment: Assignment, access: Access, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        beside.ruled(assignment, access)


READS, OTHER = b"t = pd.read_csv('expected.csv')", b"x = 1"


@pytest.mark.parametrize(
    ("notebooks", "is_given"),
    [
        ([READS], False),  # one alone may have guessed
        ([READS, OTHER], False),
        ([READS, OTHER, OTHER], False),
        ([READS, READS], True),
        ([READS, READS, OTHER], True),
        ([], False),
    ],
)
def test_what_most_of_a_class_names_was_handed_out(
    assignment: Assignment, notebooks: list[bytes], is_given: bool
) -> None:
    read = beside.read_by_most(assignment, notebooks)
    access = Access(read=read)
    found = beside.ruled(assignment, access)
    assert (kept(found) == set()) is is_given
    assert found.sha256 == assignment.sha256  # nobody is graded again for that
    (said,) = beside.told(found, access)
    assert said.startswith("Given" if is_given else "Withheld")
    assert kept(beside.ruled(assignment, replace(access, withhold=("exp*",)))) == {"expected.csv"}


def test_links_out_and_special_files_are_no_files_of_the_course(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    folder = tmp_path / "files"
    files(folder, "rain.csv")
    (folder / "link.txt").symlink_to(secret)
    (folder / "out").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    assert [name for name, _ in beside.named(folder)] == ["rain.csv"]
