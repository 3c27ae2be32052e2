"""What a call is made of is run where no student's cell ran: lies gain nothing, honest code all."""

import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from grader.errors import CannotJudgeError
from grader.model import Limits, Status
from grader.sandbox import ChildEnded, Session, StudentError, StudentFunction, Worker
from grader.sandbox.bench import NotAloneError
from grader.sandbox.decoys import decoys
from grader.sandbox.wire.findings import Compilation, Observation

SCALE = """
import math, sys, torch, triton, triton.language as tl

HALF = tl.constexpr(0.5)
LN2 = 0.6931

@triton.jit
def twice(x):
    return x * 2

@triton.jit
def scale(X, OUT, n, factor, BLOCK: tl.constexpr, MORE: tl.constexpr = True):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(X + at, mask=at < n)
    if MORE:
        x = twice(x) * HALF
    tl.store(OUT + at, tl.exp2(x * factor), mask=at < n)

def launch(kernel, x, *args, **options):
    out = torch.empty(x.shape, dtype=x.dtype)
    kernel[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](
        x, out, x.numel(), *args, BLOCK=16, **options)
    return out

def honest(x):
    return launch(scale, x, 2.0)
"""
X = torch.linspace(-1, 1, 24)
RIGHT = torch.exp2(2 * X)


def opened(worker: Worker) -> Session:
    limits = Limits.from_mapping({"call_seconds": 30, "cell_seconds": 30})
    session = worker.session(limits, deadline=time.monotonic() + 600)
    assert session.run_cell(SCALE, 1).failure is None
    return session


@pytest.fixture(scope="module")
def session(kernel_worker: Worker) -> Iterator[Session]:
    with opened(kernel_worker) as session:
        yield session


@pytest.fixture
def function(session: Session) -> Callable[[str], StudentFunction]:
    def defined(cell: str) -> StudentFunction:
        failure = session.run_cell(cell, 2).failure
        assert failure is None, failure
        found = session.value("f")
        assert isinstance(found, StudentFunction)
        return found

    return defined


Function = Callable[[str], StudentFunction]


def observed(function: StudentFunction, *args: Any) -> Observation:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return function.observe(*args)


def is_right(seen: Observation) -> bool:
    return isinstance(seen.value, torch.Tensor) and torch.allclose(seen.value, RIGHT)


COMPILER = """
import sys
from torch.utils._python_dispatch import TorchDispatchMode

def has_compiler():
    return "torch._dynamo" in sys.modules

def note_as_torch_does():
    class Log(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    with Log():
        torch.zeros(1)
"""


def test_no_operation_is_noted_at_the_price_of_torchs_compiler(kernel_worker: Worker) -> None:
    """It takes as long to import as torch itself, in each process that notes operations."""
    with opened(kernel_worker) as session:
        for number, cell in enumerate((COMPILER, "def f(x):\n    return torch.exp(x) + 1"), 2):
            assert session.run_cell(cell, number).failure is None
        function, has_compiler = session.value("f"), session.value("has_compiler")
        seen = observed(function, torch.ones(2))
        assert seen.operations == ("aten::exp", "aten::add.Tensor")
        assert has_compiler() is False
        session.value("note_as_torch_does")()
        assert has_compiler() is True
        assert observed(function, torch.ones(2)).operations == seen.operations


UNWRITTEN = {
    "of a shape": "torch.empty(x.shape, dtype=x.dtype)",
    "like another": "torch.empty_like(x)",
    "of a tensor's kind": "x.new_empty(24)",
    "with strides": "torch.empty_strided((24,), (1,))",
    "of a legacy class": "torch.Tensor(24)",
    "of a legacy method": "x.new(24)",
    "in another order": "torch.empty_permuted((24,), (0,))",
    "of another size": "x.new_empty(0).resize_(24)",
    "of another dtype": "torch.empty(24, dtype=torch.float8_e5m2).float()",
}


@pytest.mark.parametrize("how", UNWRITTEN)
def test_what_no_kernel_has_written_is_nan_and_nothing_of_an_earlier_call(
    function: Function, how: str
) -> None:
    found = function(f"""
def f(x, is_written):
    if is_written:
        return honest(x)
    return {UNWRITTEN[how]}
""")
    for _ in range(3):
        assert is_right(observed(found, X, True))
        assert observed(found, X, False).value.isnan().all()


# What honest code may do.

HONEST = {
    "a kernel with helpers, constants and names of Triton's": "f = honest",
    "a kernel on a copy, padded": """
def f(x):
    wide = torch.zeros(32, dtype=x.dtype)
    wide[:24] = x
    return honest(wide)[:24].clone()
""",
    "numbers of its own as a tensor": """
def f(x):
    return honest(x) * torch.tensor(3.0) / torch.tensor([3.0])
""",
    "a workspace that is kept between calls": """
room = torch.zeros(24)
def f(x):
    room.copy_(x)
    return honest(room)
""",
    "a kernel of a closure, with its default left out": """
def f(x):
    power = tl.constexpr(2.0)
    @triton.jit
    def inner(X, OUT, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(OUT + at, tl.math.exp2(tl.load(X + at, mask=at < n) * power), mask=at < n)
    return launch(inner, x)
""",
    "heuristics and a grid of numbers": """
tuned = triton.heuristics({"MORE": lambda arguments: False})(scale)
def f(x):
    out = torch.empty_like(x)
    tuned[(2, 1, 1)](x, out, x.numel(), np.float32(2.0), BLOCK=16)
    return out
import numpy as np
""",
    "a kernel that is tuned": """
import triton.runtime.autotuner as tuner
tuner.Autotuner._bench = lambda self, *args, config, **meta: [float(config.kwargs["BLOCK"])]
tuned = triton.autotune([triton.Config({"BLOCK": size}) for size in (32, 16, 64)], key=["n"])(scale)
def f(x):
    out = torch.empty_like(x)
    tuned[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, out, x.numel(), 2.0)
    return out
""",
    "torch all the way": "f = lambda x: torch.exp2(x + x)",
}


@pytest.mark.parametrize("what", HONEST)
def test_what_an_honest_call_is_made_of_gives_its_value(function: Function, what: str) -> None:
    seen = observed(function(HONEST[what]), X)
    assert is_right(seen)
    assert any(name.startswith("triton::") for name in seen.operations) == ("torch" not in what)


def test_strides_and_several_results_are_as_in_a_call(function: Function) -> None:
    student = function("def f(x, y=None): return [honest(x.contiguous()), (y.t(), 3, None)]")
    x = torch.arange(48.0).reshape(2, 24).t()[:, 1].neg() / 24
    y = torch.arange(6.0).reshape(2, 3)
    first, (second, three, nothing) = observed(student, x, y).value
    assert torch.allclose(first, torch.exp2(2 * x))
    assert torch.equal(second, y.t())
    assert (three, nothing) == (3, None)


def test_the_log_is_of_what_was_run(function: Function) -> None:
    seen = observed(function("f = lambda x: honest(x).add_(1)"), X)
    assert seen.operations[-2:] == ("triton::scale", "aten::add_.Tensor")
    assert torch.allclose(seen.value, RIGHT + 1)


# What a dishonest call may try. Each works out the right answer in its own process.

LIES = {
    "the answer from NumPy, beside a kernel": """
def f(x):
    out = honest(x)
    out.copy_(torch.from_numpy(np.exp2(2 * x.numpy())))
    return out
import numpy as np
""",
    "the answer from another thread": """
import threading
def f(x):
    out = torch.empty_like(x)
    thread = threading.Thread(target=lambda: out.copy_(torch.exp2(2 * x)))
    thread.start(); thread.join()
    return out
""",
    "the answer as numbers among the arguments": """
@triton.jit
def say(OUT, values, BLOCK: tl.constexpr):
    for i in tl.static_range(24):
        tl.store(OUT + i, values[i])
def f(x):
    out = torch.empty_like(x)
    say[(1,)](out, tuple(torch.exp2(2 * x).tolist()), BLOCK=16)
    return out
""",
    "the answer as a tensor that a kernel copies": """
@triton.jit
def copy(X, OUT, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(OUT + at, tl.load(X + at, mask=at < n), mask=at < n)
def f(x):
    return launch(copy, torch.from_numpy(np.exp2(2 * x.numpy())))
import numpy as np
""",
    "operations written by hand": """
from sandbox.inside import child
from sandbox.wire.kernels import KernelLaunch, Operation, Ref, Tape
def forged(function, args, kwargs):
    return Tape(1, [], {}, [Operation("aten::clone", [Ref(0)], {})], Ref(1)), []
child.record = forged
f = lambda x: torch.exp2(2 * x)
""",
    "the answer to the numbers that it was shown, remembered": """
known = {}
def f(x):
    key = len(known)
    known[key] = torch.exp2(2 * x)
    return known[key].data
""",
}
RESTORED = """
from sandbox.inside import child, recording
child.record = recording.record
"""


@pytest.mark.parametrize("what", LIES)
def test_what_only_the_students_process_knows_is_worth_nothing(
    function: Function, what: str
) -> None:
    student = function(LIES[what])
    answered = student(X)
    try:
        seen = observed(student, X)
    finally:
        function(RESTORED + "f = honest")
    # A torch operation that gives the value stands in the log, for the test to judge.
    assert not is_right(seen) or "aten::exp2" in seen.operations
    assert is_right(Observation(answered, ())), "the control: what its process answers"


def test_the_control_with_the_tests_own_numbers_in_the_process_lies_are_right(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without decoys a process could put its answer into what it says of the call."""
    monkeypatch.setattr("grader.sandbox.proxies.decoys", lambda value: value)
    for what in (
        "the answer from NumPy, beside a kernel",
        "the answer as a tensor that a kernel copies",
    ):
        assert is_right(observed(function(LIES[what]), X))


def test_a_process_is_shown_other_numbers_of_the_same_kind() -> None:
    buffer = torch.full((3, 8), torch.nan, dtype=torch.float16)
    for given in (buffer[:, 2:5], buffer.t()[::2], buffer[:1].expand(4, 8), torch.ones(0, 2)):
        other = decoys([given])[0]
        assert (other.shape, other.stride(), other.dtype) == (
            given.shape, given.stride(), given.dtype,
        )  # fmt: skip
        assert other.isfinite().all()
    given = torch.ones(2, 3, dtype=torch.complex64).t()
    assert decoys(given).stride() == given.stride()
    assert not torch.equal(decoys(given), given)
    with pytest.raises(CannotJudgeError, match="NumPy array"):
        decoys((1.0, [np.ones(2)]))
    whole = torch.arange(3)
    assert decoys({"a": (whole, 2.5, "x")}) == {"a": (whole, 2.5, "x")}


# A kernel's text.

AROUND = {
    "another function of Python's": "torch.exp2(x)",
    "an import": "__import__('torch')",
    "NumPy's array beneath": "x.handle.data",
    "a way to Python's own": "tl.load.__globals__",
    "what the interpreter leaves in a kernel's names": "np.exp2(x)",
    "a module behind Triton's": "tl.core.os",
    "an attribute by its name": "getattr(x, 'handle')",
}


@pytest.mark.parametrize("what", AROUND)
def test_a_kernel_is_only_what_tritons_language_has(function: Function, what: str) -> None:
    kernel = f"""
import numpy as np
@triton.jit
def around(X, OUT, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(X + at, mask=at < n)
    y = {AROUND[what]}
    tl.store(OUT + at, tl.exp2(2 * x), mask=at < n)
f = lambda x: launch(around, x)
"""
    with pytest.raises(NotAloneError, match=r"cannot do so here: the kernel around (uses|has)"):
        observed(function(kernel), X)


def test_a_text_that_is_not_the_kernels_own_is_what_is_run(function: Function) -> None:
    """A text from a lying `inspect` is run as it says; what the process would run is nobody's."""
    kernel = """
import inspect
@triton.jit
def twofold(X, OUT, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(OUT + at, tl.load(X + at, mask=at < n) * 2, mask=at < n)
real, text = inspect.getsource, inspect.getsource(twofold.fn)
inspect.getsource = lambda item: text if item is twofold.fn else real(item)
def stands_in(X, OUT, n, BLOCK): OUT.copy_(torch.exp2(2 * X))
stands_in.__wrapped__ = twofold.fn
f = lambda x: launch(twofold, x)
"""
    seen = observed(function(kernel), X)
    function("import importlib; importlib.reload(inspect); f = honest")
    assert torch.allclose(seen.value, 2 * X)


def test_a_replaced_triton_launches_nothing_that_counts(function: Function) -> None:
    student = function("""
import types
class Kernel:
    fn = types.SimpleNamespace(__name__="scale")
    def __getitem__(self, grid): return lambda X, OUT, *rest, **more: OUT.copy_(torch.exp2(2 * X))
f = lambda x: launch(Kernel(), x)
""")
    assert is_right(Observation(student(X), ()))
    assert "aten::exp2" in observed(student, X).operations


def test_compiled_is_what_gave_the_value(function: Function) -> None:
    def compiled(cell: str) -> Compilation:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return function(cell).compile_kernels(X, targets=("sm_80",))

    made = compiled("f = honest")
    assert is_right(made.seen)
    assert [(item.kernel, item.error, item.fault) for item in made.findings] == [
        ("scale", None, None)
    ]
    wrong = compiled("""
@triton.jit
def plain(X, OUT, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(OUT + at, tl.exp2(tl.load(X + at, mask=at < n) * LN2), mask=at < n)
f = lambda x: launch(plain, x)
""")
    assert [item.fault for item in wrong.findings] == ["kernel"]
    assert "LN2" in str(wrong.findings[0].error)


# What goes wrong.


def test_a_kernel_that_raises_is_the_students_with_its_line(function: Function) -> None:
    kernel = """
@triton.jit
def fails(X, OUT, n, BLOCK: tl.constexpr):
    tl.store(OUT, tl.load(X) + tl.arange(0, 3))
f = lambda x: launch(fails, x)
"""
    with pytest.raises(StudentError) as caught:
        observed(function(kernel), X)
    assert "Kernel fails, line 2" in caught.value.describe()


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("f = lambda x: {'y': x}", "a dict takes part"),
        ("f = lambda x: honest(x).numpy()", "a ndarray takes part"),
        ("f = lambda x: launch(scale, x, object())", "a object takes part"),
    ],
)
def test_what_no_tape_can_hold_is_said(function: Function, cell: str, says: str) -> None:
    with pytest.raises(NotAloneError, match=says):
        observed(function(cell), X)


def test_a_kernel_that_ends_its_process_ends_the_session(
    kernel_worker: Worker, session: Session, function: Function
) -> None:
    kernel = """
@triton.jit
def wild(X, OUT, n, far, BLOCK: tl.constexpr):  # with a number that may be an address
    tl.store(OUT + tl.arange(0, 16).to(tl.int64) * far, tl.arange(0, 16))
f = lambda x: launch(wild, x, 1 << 41)
"""
    with pytest.raises(ChildEnded, match="SIGSEGV") as caught:
        observed(function(kernel), X)
    assert caught.value.status is Status.KILLED
    assert session.ended is caught.value
    with opened(kernel_worker) as another:
        assert is_right(observed(another.value("honest"), X))


def test_it_outlasts_the_folder_of_the_case_that_it_was_started_for(
    kernel_worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_worker, "_bench", None)  # as if it had served nobody yet
    with monkeypatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))  # as while a test works with files
        with opened(kernel_worker) as session:
            assert observed(session.value("honest"), X).operations
    assert not [*tmp_path.iterdir()]
    with opened(kernel_worker) as session:
        assert torch.allclose(observed(session.value("honest"), X).value, RIGHT)
    started = kernel_worker._bench
    assert started is not None
    started.close()
