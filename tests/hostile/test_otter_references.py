"""Threats 1 to 5 against an otter assignment whose tests ask objects that stayed with the student.

Every case of `forged` is lost or is nobody's: none is passed. `purse`, which the same notebook
answers honestly, has full marks beside each attack.
"""

import contextlib
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.grading.assemble import assemble, start_worker
from grader.grading.judge import Engine, Request, judge
from grader.model import Isolation, Status
from grader.reports import Outcome, QuestionReport
from grader.submissions.autograders import load
from grader.submissions.unpacking import FOLDER_VARIABLE
from tests.conftest import notebook_of, submission_of

CANARY = "CANARY-77b0c1a2d3e4f596"

FORGED = """
from otter.test_files import test_case

OK_FORMAT = False
name = "forged"
EXPECTED = {"CANARY-77b0c1a2d3e4f596": 12.625}

@test_case(hidden=True)
def test_equal(number):
    assert number == EXPECTED["CANARY-77b0c1a2d3e4f596"]

@test_case(hidden=True)
def test_turned(number):
    assert not 12.625 != number

@test_case(hidden=True)
def test_close(number):
    assert abs(number - 12.625) < 1e-9

@test_case(hidden=True)
def test_between(number):
    assert 12.6 < number < 12.7

@test_case(hidden=True)
def test_isclose(np, number):
    assert bool(np.isclose(number, 12.625))

@test_case(hidden=True)
def test_float(number):
    assert float(number) == 12.625

@test_case(hidden=True)
def test_kind(number):
    assert isinstance(number, float) and number == 12.625

@test_case(hidden=True)
def test_words(words):
    assert words == ["ash", "elm"]

@test_case(hidden=True)
def test_table(table):
    assert table == {"ash": 3}

@test_case(hidden=True)
def test_allclose(np, array):
    np.testing.assert_allclose(array, [1.5, 2.25])

@test_case(hidden=True)
def test_all_equal(np, array):
    assert bool((np.array([1.5, 2.25]) == array).all())

@test_case(hidden=True)
def test_sum(np, array):
    assert float(np.sum(array)) == 3.75

@test_case(hidden=True)
def test_tensor(torch, tensor):
    assert torch.allclose(tensor, torch.tensor([1.5, 2.25]))

@test_case(hidden=True)
def test_returned(work):
    assert work(3) == 12.625

@test_case(hidden=True)
def test_attribute(work):
    assert work.answer == 12.625

@test_case(hidden=True)
def test_of_a_function(work):
    assert work(lambda x: x * 12.625) == 12.625
"""

PURSE = """
from otter.test_files import test_case

OK_FORMAT = False
name = "purse"

@test_case(points=1)
def test_state(Purse):
    purse = Purse(5)
    purse.put(3)
    assert purse.coins == 8 and len(purse) == 8 and purse == Purse(8)

@test_case(points=1, hidden=True)
def test_kinds(Purse):
    assert isinstance(Purse(1), Purse) and type(Purse(1)).__name__ == "Purse"
"""

HONEST = """
import numpy as np, torch
class Purse:
    def __init__(self, coins): self.coins = coins
    def put(self, coins): self.coins += coins
    def __len__(self): return self.coins
    def __eq__(self, other): return isinstance(other, Purse) and self.coins == other.coins
"""

# 1: objects that say yes to everything, of no class and of plain ones.
LIAR = """
import operator
def yes(*args, **kwargs): return True
def nothing(*args, **kwargs): return 0.0
MORE = {
    **{f"__{n}__": yes for n in ("eq", "lt", "le", "gt", "ge", "contains", "bool")},
    **{f"__{n}__": nothing for n in ("sub", "rsub", "abs")},
    "__ne__": lambda *args: False, "__hash__": lambda self: 0,
}
"""
OBJECTS = (
    LIAR
    + """
number = words = table = array = tensor = type("Liar", (), {**MORE, "__float__": nothing})()
class Work:
    answer = number
    def __call__(self, x): return number
work = Work()
"""
)
SUBCLASSES = (
    LIAR
    + """
number = type("F", (float,), MORE)(1.0)
words = type("L", (list,), MORE)()
table = type("D", (dict,), MORE)()
array, tensor = number, number
class Work:
    answer = number
    def __call__(self, x): return number
work = Work()
"""
)
# 2 and 3: arrays and tensors that answer for the libraries' functions.
ARRAYS = (
    LIAR
    + """
import numpy as np
class A(np.ndarray):
    def __array_function__(self, *args, **kwargs): return True
    def __array_ufunc__(self, *args, **kwargs): return np.True_
    __eq__ = yes
number = array = np.array([9.0, 9.0]).view(A)
words = table = tensor = array
def work(x): return array
work.answer = array
"""
)
TENSORS = (
    LIAR
    + """
import torch
class T(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *args, **kwargs): return True
    __eq__ = yes
number = tensor = array = torch.tensor([9.0, 9.0]).as_subclass(T)
words = table = tensor
def work(x): return tensor
work.answer = tensor
"""
)
# 4: what was handed over, the frames and the collector are searched whenever anything is asked.
SEARCH = """
import gc, re, sys
MARK = re.compile("CANA" + "RY-[0-9a-f]{16}")
seen = []
def search(*operands):
    seen.extend(operands)
    frame = sys._getframe()
    while frame is not None:
        seen.extend(v for v in list(frame.f_locals.values()) if isinstance(v, float))
        frame = frame.f_back
    for item in gc.get_objects():
        if isinstance(item, dict) and any(isinstance(k, str) and MARK.fullmatch(k) for k in item):
            seen.extend(item.values())
    for operand in operands:
        if callable(operand):
            for place in ("__globals__", "__code__", "__closure__", "__wrapped__", "__self__"):
                seen.append(getattr(operand, place, None))
def best():
    found = [v for v in seen if isinstance(v, float) and v > 12.6]
    return found[0] if found else 0.0
class Searcher:
    def __getattr__(self, name):
        search()
        return best()
    def __call__(self, *args):
        search(*args)
        return best()
for name in ("eq", "ne", "lt", "le", "gt", "ge", "sub", "rsub", "contains", "getitem", "float"):
    def method(self, *args):
        search(*args)
        return best()
    setattr(Searcher, f"__{name}__", method)
number = words = table = array = tensor = work = Searcher()
"""
# 5: what compares is replaced, in libraries, in Python and in what carries values here.
PATCHES = """
import builtins, sys, types
import numpy as np, torch
np.isclose = np.allclose = np.array_equal = torch.allclose = lambda *a, **k: True
np.testing.assert_allclose = lambda *a, **k: None
np.sum = lambda x: 3.75
builtins.isinstance_ = isinstance
for name, module in list(sys.modules.items()):
    operations = getattr(module, "OPERATIONS", None)
    if isinstance(operations, dict):
        for operation in list(operations):
            if operation not in ("getattr", "len", "class", "isinstance"):
                operations[operation] = lambda *a, **k: True
number, words, table = 1.0, [], {}
array, tensor = np.zeros(2), torch.zeros(2)
def work(x): return 0.0
work.answer = 0.0
"""
MODULES = """
import types
class Anything(types.ModuleType):
    def __getattr__(self, name):
        return lambda *a, **k: True
class Agreeing:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return True
np, torch = Agreeing(), Anything("torch")
number, words, table, array, tensor = 1.0, [], {}, [0.0, 0.0], [0.0]
def work(x): return 0.0
work.answer = 0.0
"""

ATTACKS = {
    "1 objects": OBJECTS, "1 subclasses": SUBCLASSES, "2 arrays": ARRAYS, "3 tensors": TENSORS,
    "4 search": SEARCH, "5 patches": PATCHES, "5 modules": MODULES,
}  # fmt: skip


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory, isolation: Isolation) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("autograder")
    (folder / "tests").mkdir()
    (folder / "tests" / "forged.py").write_text(FORGED)
    (folder / "tests" / "purse.py").write_text(PURSE)
    (folder / "otter_config.json").write_text("{}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER_VARIABLE, str(tmp_path_factory.mktemp("unpacked")))
        assignment = load(str(folder))
        with start_worker(assignment, isolation) as worker:
            yield assemble(assignment, {"cpu": worker})


def judged(engine: Engine, attack: str) -> dict[str, QuestionReport]:
    cells = ("import otter\ngrader = otter.Notebook()", HONEST, ATTACKS[attack])
    checks = ('grader.check("forged")', 'grader.check("purse")')
    report = judge(Request(submission_of(notebook_of(*cells, *checks))), engine)
    return {question.name: question for question in report.questions}


def gained(question: QuestionReport) -> list[Outcome]:
    return [case for case in question.cases if case.status is Status.PASSED]


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_gains_a_point_and_none_harms_what_is_honest(engine: Engine, attack: str) -> None:
    found = judged(engine, attack)
    assert [case.name for case in gained(found["forged"])] == []
    assert found["forged"].score == 0
    assert found["purse"].score == found["purse"].max_score
    text = " ".join(case.message for question in found.values() for case in question.cases)
    assert CANARY not in text
    assert "12.625" not in text


def passes_in_one_process(attack: str) -> int:
    """Return how many cases of `forged` pass where the notebook's own objects are compared."""
    cases: list[Callable[..., None]] = []

    def keep(**_kwargs: Any) -> Callable[..., Any]:
        return lambda function: cases.append(function) or function

    space: dict[str, Any] = {"test_case": keep}
    exec(FORGED.replace("from otter.test_files import test_case", ""), space)  # noqa: S102
    names: dict[str, Any] = {"np": np, "torch": torch}
    exec(HONEST + ATTACKS[attack], names)  # noqa: S102 - an attack of our own, on itself
    passed = 0
    for case in cases:
        arguments = {name: names[name] for name in inspect.signature(case).parameters}
        with contextlib.suppress(Exception):
            case(**arguments)
            passed += 1
    return passed


# What searches or patches a whole process has one of its own, and patches come last.
WHOLE_PROCESS = ("4 search", "5 patches")


@pytest.mark.parametrize("attack", [name for name in ATTACKS if name not in WHOLE_PROCESS])
def test_without_a_process_between_each_attack_gains_points(attack: str) -> None:
    assert passes_in_one_process(attack) >= 2


def test_without_a_process_between_what_is_hidden_is_found_and_what_compares_replaced() -> None:
    code = (
        f"from {__name__} import WHOLE_PROCESS, passes_in_one_process\n"
        "print(*map(passes_in_one_process, WHOLE_PROCESS))"
    )
    root = Path(__file__).parents[2]
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert all(int(passed) >= 2 for passed in ended.stdout.split()), ended.stdout
    assert len(ended.stdout.split()) == len(WHOLE_PROCESS), ended.stderr


def test_the_page_lists_these_threats() -> None:
    page = Path(__file__).with_name("THREATS.md").read_text(encoding="utf-8")
    numbers = {name.split()[0] for name in ATTACKS}
    assert numbers == {"1", "2", "3", "4", "5"}
    assert all(re.search(rf"^{number}\. ", page, re.MULTILINE) for number in numbers)
