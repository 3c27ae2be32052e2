"""Otter's test files and its configuration: what they declare, and what becomes of each key."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.course.otter import cases, config, load, packages
from grader.course.otter.classes import OKTestFile
from grader.errors import AssignmentError
from grader.model import OtterRules, TestCase
from tests.support.autograders import EXCEPTION_TEST, OK_TEST, write_autograder


def ok_file(tmp_path: Path, points: Any, given: list[dict[str, Any]]) -> Path:
    """Write an OK test whose cases have these keys beside their code."""
    listed = [{"code": ">>> 1\n1", **case} for case in given]
    spec = {"name": "q", "suites": [{"cases": listed, "type": "doctest"}]}
    spec |= {} if points is ... else {"points": points}
    path = tmp_path / "q.py"
    path.write_text(f"OK_FORMAT = True\n\ntest = {spec!r}\n", encoding="utf-8")
    return path


WAYS_TO_SAY_POINTS: dict[str, tuple[Any, list[dict[str, Any]], list[float]]] = {
    "a list": ([0.5, 3], [{}, {}], [0.5, 3]),
    "a total is shared": (4, [{}, {}], [2, 2]),
    "nothing is one point": (None, [{}, {}], [0.5, 0.5]),
    "no key at all": (..., [{}, {}, {}, {}], [0.25] * 4),
    "the rest is shared": (4, [{"points": 1}, {}, {}], [1, 1.5, 1.5]),
    "others are worth nothing": (None, [{}, {"points": 2.5}, {"points": None}], [0, 2.5, 0]),
    "zeros leave one point to share": (None, [{"points": 0}, {}, {}], [0, 0.5, 0.5]),
    "a question of no points": (0, [{}, {}], [0, 0]),
    "all cases of no points": (None, [{"points": 0}, {"points": 0}], [0, 0]),
    "a list with zeros": ([0, 0, 1], [{}, {}, {}], [0, 0, 1]),
    "a list with None": ([1, None], [{}, {}], [1, 0]),
}


@pytest.mark.parametrize("way", WAYS_TO_SAY_POINTS)
def test_points_are_resolved_as_otter_does(tmp_path: Path, way: str) -> None:
    points, given, expected = WAYS_TO_SAY_POINTS[way]
    found = cases.read(ok_file(tmp_path, points, given)).cases
    assert [case.points for case in found] == pytest.approx(expected)


amounts = st.none() | st.integers(0, 5) | st.sampled_from([0.5, 1.25])


@given(
    st.lists(amounts, min_size=1, max_size=5),
    st.none() | st.integers(0, 30) | st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
def test_what_is_read_as_text_is_what_running_the_file_gives(
    tmp_path_factory: pytest.TempPathFactory, given: list[Any], total: Any
) -> None:
    path = ok_file(tmp_path_factory.mktemp("ok"), total, [{"points": one} for one in given])
    try:
        ran = OKTestFile.from_file(str(path))
    except (ValueError, AssertionError, TypeError):
        with pytest.raises(AssignmentError):
            cases.read(path)
        return
    read = cases.read(path)
    assert [case.points for case in read.cases] == [case.points for case in ran.test_cases]
    assert [case.name for case in read.cases] == [case.name for case in ran.test_cases]
    assert [case.hidden for case in read.cases] == [case.hidden for case in ran.test_cases]


def test_a_list_of_another_length_is_a_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match=r"q\.py cannot be read as an otter test: .*length"):
        cases.read(ok_file(tmp_path, [1, 2, 3], [{}, {}]))


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "q.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_cases_without_a_name_have_otters(tmp_path: Path) -> None:
    assert [case.name for case in cases.read(ok_file(tmp_path, None, [{}, {}])).cases] == [
        "q - 1", "q - 2",
    ]  # fmt: skip
    found = cases.read(written(tmp_path, EXCEPTION_TEST.format(name="area", points=3)))
    assert found.name == "area"
    assert found.cases == (
        TestCase("area - 1", 1.5, hidden=False), TestCase("area - 2", 1.5, hidden=True),
    )  # fmt: skip


def test_cases_of_one_name_are_told_apart(tmp_path: Path) -> None:
    found = cases.read(ok_file(tmp_path, None, [{"name": "same"}, {"name": "same"}, {}])).cases
    assert [case.name for case in found] == ["same", "same (2)", "q - 3"]


def test_a_case_of_a_doctest_is_hidden_unless_it_says_otherwise(tmp_path: Path) -> None:
    found = cases.read(ok_file(tmp_path, None, [{}, {"hidden": False}])).cases
    assert [case.hidden for case in found] == [True, False]


DECORATED = """from otter.test_files import test_case
from math import isclose
OK_FORMAT = False
name = 'q'
points = None
LIMIT = 3

def helper():
    return LIMIT

@test_case({arguments})
def test_one(x):
    assert helper()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        "'first', 2, True, 'Good.', 'No.'",
        "'first', points=2, hidden=True, success_message='Good.', failure_message='No.'",
        "'first', int('2'), True, success_message='Good.', failure_message='No.'",
    ],
)
def test_a_decorator_says_the_same_by_position_by_name_and_by_code(
    tmp_path: Path, arguments: str
) -> None:
    found = cases.read(written(tmp_path, DECORATED.format(arguments=arguments)))
    assert found.cases == (TestCase("first", 2.0, hidden=True, failure_message="No.",
                                    success_message="Good."),)  # fmt: skip


LOOP = """from otter.test_files import test_case
OK_FORMAT = False
name = "q"
points = [1, 2]
for number in (1, 2):
    @test_case(name=f"number {number}", hidden=number > 1)
    def made(x, number=number):
        assert x == number
    globals()[f"test_{number}"] = made
del made
"""


def test_cases_that_are_made_by_code_are_found_by_running_it(tmp_path: Path) -> None:
    assert cases.read(written(tmp_path, LOOP)).cases == (
        TestCase("number 1", 1.0, hidden=False), TestCase("number 2", 2.0, hidden=True),
    )  # fmt: skip


READING = """from otter.test_files import test_case
from helpers import FACTOR
OK_FORMAT = False
name = "q"
with open("data/limit.txt") as file:
    limit = int(file.read())
points = limit * FACTOR

@test_case(points=None)
def test_one(x):
    assert x < limit
"""


def test_a_file_that_reads_others_finds_them_and_leaves_nothing(tmp_path: Path) -> None:
    files = {"helpers.py": "FACTOR = 2\n", "data/limit.txt": "3"}
    folder = write_autograder(tmp_path / "a", tests={"q": READING}, files=files)
    held = sorted(folder.rglob("*"))
    before = sys.path[:], Path.cwd(), frozenset(sys.modules)
    assert load(folder, "hw").questions[0].points == 6
    assert (sys.path[:], Path.cwd()) == before[:2]
    assert "helpers" not in sys.modules
    assert [path for path in sorted(folder.rglob("*")) if path.suffix != ".ipynb"] == held


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("OK_FORMAT = True\n", "'test' is missing"),
        ("OK_FORMAT = True\ntest = {'name': 'q'}\n", "'suites' is missing"),
        ("OK_FORMAT = True\ntest = {'name': 'q', 'suites': []}\n", "one suite of doctests"),
        ("OK_FORMAT = True\ntest = {'suites': [{'cases': []}]}\n", "one suite of doctests"),
        ("OK_FORMAT = True\ntest = {'name': 'q', 'suites': [{'cases': []}]}\n", "no test case"),
        ("OK_FORMAT = False\nfrom otter.test_files import test_case\n", "no name of its question"),
        ("OK_FORMAT = False\nraise SystemExit(3)\n", "SystemExit: 3"),
        ("OK_FORMAT = False\nif 1:\n    import not_here\n", "not_here'; if it is a package, `pip"),
        ("OK_FORMAT = False\nfor one in 1:\n    pass\n", "TypeError"),
        ("OK_FORMAT = = True\n", r"q\.py, line 1: invalid syntax"),
        ("OK_FORMAT = False\x00\n", "null bytes"),
    ],
)
def test_a_file_that_is_no_test_is_named_with_the_reason(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(AssignmentError, match=said) as refused:
        cases.read(written(tmp_path, text))
    assert str(tmp_path / "q.py") in str(refused.value)


def test_a_test_of_an_old_otter_says_no_format(tmp_path: Path) -> None:
    text = OK_TEST.format(name="q", points=2).replace("OK_FORMAT = True\n", "")
    assert len(cases.read(written(tmp_path, text)).cases) == 2
    assert cases.is_doctest(text)
    assert not cases.is_doctest(EXCEPTION_TEST)


# The configuration.

HONOURED: dict[str, Any] = {
    "seed": 42,
    "seed_variable": "rng_seed",
    "points_possible": 10,
    "score_threshold": 0.5,
    "assignment_name": "hw01",
    "show_hidden": True,
    "show_all_public": True,
    "force_public_test_summary": False,
    "show_stdout": True,
}


@pytest.mark.parametrize("key", HONOURED)
def test_a_key_that_is_honoured_is_kept_and_not_spoken_of(key: str) -> None:
    found = config.rules({key: HONOURED[key]})
    assert getattr(found, key) == HONOURED[key] != getattr(OtterRules(), key)
    assert found.notes == found.stamps == ()


@pytest.mark.parametrize("key", HONOURED)
def test_a_value_of_the_wrong_kind_is_refused(key: str) -> None:
    with pytest.raises(AssignmentError, match=f"{key} must be "):
        config.rules({key: ["no"]})
    assert config.rules({key: None}) == OtterRules()


REFUSED: dict[str, tuple[Any, str]] = {
    "grade_from_log": (True, "a log of otter's is a pickle"),
    "serialized_variables": ({"x": "int"}, "a log of otter's is a pickle"),
    "lang": ("r", "only Python is graded here"),
    "plugins": (
        ["otter.plugins.builtin.GradeOverride", {"our.plugin": {"a": 1}}],
        r"builtin\.GradeOverride, our\.plugin \(.*grader override.*--ignore-plugins",
    ),
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_cannot_be_honoured_is_refused_with_the_reason(key: str) -> None:
    value, said = REFUSED[key]
    with pytest.raises(AssignmentError, match=said):
        config.rules({key: value})


def test_plugins_are_ignored_only_by_name_and_every_output_says_so() -> None:
    plugins = ["a.First", {"b.Second": {"key": 1}}]
    found = config.rules({"plugins": plugins}, ignore_plugins=True)
    assert found.stamps == ("PLUGINS IGNORED: a.First, b.Second",)
    assert config.rules({"plugins": []}).stamps == ()


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ({"token": "s3cret", "course_id": 1, "assignment_id": 2}, [config.NO_UPLOAD]),
        ({"pdf": True, "filtering": True, "pagebreaks": True}, [config.NO_PDF]),
        ({"pdf": False, "warn_missing_pdf": False}, []),
        ({"debug": True, "logo": False, "print_summary": False, "zips": True, "lang": "python",
          "autograder_dir": "/x", "miniconda_path": "/y", "log_level": 10}, []),
        ({"max_threads": 3}, [config.UNKNOWN.format(key="max_threads")]),
        ({"grade_from_log": False, "serialized_variables": {}, "plugins": []}, []),
    ],
)  # fmt: skip
def test_what_is_not_done_is_noted_once(given: dict[str, Any], notes: list[str]) -> None:
    found = config.rules(given)
    assert list(found.notes) == notes
    assert "s3cret" not in repr(found)


def test_what_is_secret_is_not_kept() -> None:
    kept = config.kept({"token": "s3cret", "course_id": 1, "assignment_id": 2, "seed": 3})
    assert json.loads(kept) == {"seed": 3}


SCRIPT = b"""import json
raise SystemExit("it was run")
config = {"seed": 4, "points_possible": 3.5}
"""


def test_the_configuration_of_an_old_script_is_read_and_not_run() -> None:
    assert config.of_script(SCRIPT) == {"seed": 4, "points_possible": 3.5}
    assert config.of_script(b"from otter.run import main\nmain('/autograder')\n") == {}
    with pytest.raises(AssignmentError, match=r"line 1: .* not written in literals"):
        config.of_script(b"config = {'seed': int('4')}\n")


@pytest.mark.parametrize("content", [b"{", b"[]", b"3", b"\xff\xfe{"])
def test_a_configuration_that_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(AssignmentError, match=r"otter_config\.json"):
        config.parse(content)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what otter imports
@pytest.mark.parametrize(
    ("rules", "score", "possible", "total"),
    [
        (OtterRules(), 6.0, 12.0, 6.0),
        (OtterRules(points_possible=10.0), 6.0, 12.0, 5.0),
        (OtterRules(score_threshold=0.5), 6.0, 12.0, 12.0),
        (OtterRules(score_threshold=0.5), 5.9, 12.0, 0.0),
        (OtterRules(points_possible=10.0, score_threshold=0.5), 6.0, 12.0, 10.0),
        (OtterRules(points_possible=10.0, score_threshold=0.5), 2.0, 12.0, 0.0),
        (OtterRules(points_possible=10.0), 0.0, 0.0, 0.0),
        (OtterRules(points_possible=10.0, score_threshold=0.5), 0.0, 0.0, 0.0),
        (OtterRules(points_possible=10.0, score_threshold=0.0), 0.0, 0.0, 10.0),
    ],
)
def test_a_total_is_otters(rules: OtterRules, score: float, possible: float, total: float) -> None:
    from otter.test_files import GradingResults

    assert rules.total(score, possible) == pytest.approx(total)
    results = GradingResults([])
    results.results = {"q": SimpleNamespace(score=score, possible=possible, name="q",
                                            all_public=True, passed_all_public=True,
                                            summary=lambda **_: "")}  # fmt: skip
    shown = SimpleNamespace(
        show_hidden=False, show_all_public=False, force_public_test_summary=True,
        warn_missing_pdf=False, show_stdout=False, points_possible=rules.points_possible,
        score_threshold=rules.score_threshold,
    )  # fmt: skip
    assert results.to_gradescope_dict(shown).get("score", score) == pytest.approx(total)


# The whole assignment.


def test_questions_are_named_by_the_test_and_found_by_the_file(tmp_path: Path) -> None:
    tests = {"q1": OK_TEST.format(name="Question one", points=2)}
    loaded = load(write_autograder(tmp_path / "a", tests=tests), "hw")
    assert [(q.name, q.file, q.points) for q in loaded.questions] == [
        ("Question one", "tests/q1.py", 2.0)
    ]
    assert loaded.solutions is None


def test_two_files_for_one_question_are_refused(tmp_path: Path) -> None:
    tests = {"a": OK_TEST.format(name="q", points=2), "b": OK_TEST.format(name="q", points=2)}
    with pytest.raises(AssignmentError, match=r"tests/a\.py and tests/b\.py are both for 'q'"):
        load(write_autograder(tmp_path / "a", tests=tests), "hw")


def test_what_decides_a_question_is_in_its_hash_and_what_shows_it_is_not(tmp_path: Path) -> None:
    def hashes(config: dict[str, Any], files: dict[str, str]) -> tuple[str, str]:
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        loaded = load(write_autograder(folder, config, files=files), "hw")
        return loaded.questions[0].sha256, loaded.sha256

    plain = hashes({}, {"data.csv": "1"})
    assert hashes({}, {"data.csv": "1"}) == plain
    assert hashes({}, {"data.csv": "2"})[0] != plain[0]
    assert hashes({"seed": 3}, {"data.csv": "1"})[0] != plain[0]
    total = hashes({"points_possible": 3}, {"data.csv": "1"})
    assert total[0] == plain[0]
    assert total[1] != plain[1]


# Packages.

ENVIRONMENT = """name: otter-env
channels:
  - conda-forge
dependencies:
  - python=3.9
  - pip
  - jupyter_server
  - conda-forge::not-here-either=1.4
  - numpy=1.0.*
  - pip:
      - otter-grader[grading,plugins]==7.0.0
      - scikit-nowhere>=1.2  # for question 3
      - -r more.txt
"""
IMPORTING = """OK_FORMAT = True
test = {'name': 'q', 'suites': [{'cases': [
    {'code': '>>> import numpy as np, nowhere_at_all.part\\n>>> from helpers import f\\n'}]}]}
"""


def test_only_what_is_imported_can_be_missing(tmp_path: Path) -> None:
    folder = write_autograder(
        tmp_path / "a", tests={"q": IMPORTING}, files={"helpers.py": "import json\n"}
    )
    (folder / "environment.yml").write_text(ENVIRONMENT, encoding="utf-8")
    (folder / "requirements.txt").write_text("# none\nnowhere-at-all==2.0\n", encoding="utf-8")
    loaded = load(folder, "hw")
    found = packages.compare(loaded)
    assert found.command == "pip install 'nowhere-at-all==2.0'"
    assert [text.split()[0] for text in found.other_versions] == ["numpy"]
    student = "from scikit_nowhere import fit\nimport my_own_idea\n  import json"
    assert packages.compare(loaded, [student]).missing == (
        "'nowhere-at-all==2.0'", "'scikit-nowhere>=1.2'",
    )  # fmt: skip


def test_a_module_that_students_hand_in_is_no_package(tmp_path: Path) -> None:
    folder = tmp_path / "hw"
    (folder / "tests").mkdir(parents=True)
    (folder / "otter_config.json").write_text("{}")
    (folder / "tests" / "q1.py").write_text(
        'OK_FORMAT = True\ntest = {"name": "q1", "suites": [{"type": "doctest", "cases": ['
        '{"code": ">>> import their_module", "hidden": False}]}]}\n'
    )
    loaded = load(folder, "hw")
    assert packages.compare(loaded).missing == ("their-module",)
    assert packages.compare(loaded, handed_in=["their_module.py", "data.csv"]).missing == ()


def test_what_many_notebooks_import_slowly_is_imported_once() -> None:
    code = ["import numpy as np\nimport matplotlib.pyplot as plt", "import torch", "x = 1", "y = 2"]
    assert packages.worth_importing_once(code) == ("matplotlib.pyplot", "torch")
    assert packages.worth_importing_once([*code, "z = 3"]) == ()
    assert packages.worth_importing_once([]) == ()
