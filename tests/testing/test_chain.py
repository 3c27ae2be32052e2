"""A chain of timed calls commits to all of their work: numerically, and in a real child."""

import importlib.util
import math
import sys
import time
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from grader.model import Limits
from grader.sandbox import Session, StudentError, Worker
from grader.sandbox.inside import instruments
from grader.sandbox.wire.findings import Sums
from grader.testing import chain, timing

Attention = Callable[..., torch.Tensor]
PERF = Path(__file__).resolve().parents[2] / "solutions/attention/tests/q4_perf.py"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Compute with one thread, as a child does: more of them only wait for each other here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool = False
) -> torch.Tensor:
    """Stand in for the reference: float32 all through."""
    scores = q.float() @ k.float().transpose(-2, -1) / math.sqrt(q.shape[-1])
    if causal:
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~visible, -math.inf)
    return (torch.softmax(scores, -1) @ v.float()).to(q.dtype)


# What a chain does.


def test_each_call_is_drawn_afresh_and_fed_with_the_last_result() -> None:
    seen: list[torch.Tensor] = []
    others: list[torch.Tensor] = []

    def ones(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        assert k.shape == v.shape == q.shape
        seen.append(q)
        others.extend([k.clone(), v.clone()])
        return torch.ones_like(q)

    def zeros(q: torch.Tensor, _k: torch.Tensor, _v: torch.Tensor) -> torch.Tensor:
        seen.append(q)
        return torch.zeros_like(q)

    kind = {"shape": (1, 2, 8, 4), "dtype": "float32", "seed": 3, "steps": 3}
    for function in (ones, zeros):
        instruments.chain(function, (), {}, **kind)  # type: ignore[arg-type]
    fed, drawn = seen[:3], seen[3:]
    assert torch.equal(fed[0], drawn[0])
    for first, second in zip(fed[1:], drawn[1:], strict=True):
        assert torch.allclose(first, second + 0.125)
    correlation = torch.corrcoef(torch.stack([one.flatten() for one in (*drawn, *others)]))
    assert float((correlation - torch.eye(9)).abs().max()) < 0.5


def test_a_chain_commits_to_every_result_and_every_entry() -> None:
    def told(wrong_call: int, entry: tuple[int, ...]) -> torch.Tensor:
        calls = iter(range(5))

        def function(q: torch.Tensor, _k: torch.Tensor, _v: torch.Tensor) -> torch.Tensor:
            result = torch.zeros_like(q)
            if next(calls) == wrong_call:
                result[entry] = 1.0
            return result

        kind = {"shape": (2, 2, 8, 4), "dtype": "float32", "seed": 3, "steps": 5}
        return instruments.chain(function, (), {}, **kind).projections  # type: ignore[arg-type]

    for call in range(5):
        for entry in ((0, 0, 0, 0), (0, 1, 7, 3), (1, 0, 3, 2), (1, 1, 7, 3)):
            sums = told(call, entry)
            head = 2 * entry[0] + entry[1]
            assert torch.equal(sums[head].abs(), torch.ones(8, dtype=torch.float64))
            assert float(sums.abs().sum()) == 8
            assert len(set(sums[head].tolist())) == 2  # random signs


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (lambda q: q.float(), "torch.float16, and has"),
        (lambda q: q[..., :1], "must have the query's shape"),
        (lambda _q: None, "must be a tensor, and is of type NoneType"),
    ],
)
def test_a_result_of_another_kind_ends_a_chain(result: Attention, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        instruments.chain(
            lambda q, _k, _v: result(q),
            (),
            {},
            shape=(1, 1, 8, 4),
            dtype="float16",
            seed=1,
            steps=2,
        )


# What is right and what is wrong.


def excess(
    function: Attention,
    *,
    shape: tuple[int, ...] = (1, 2, 256, 32),
    dtype: str = "float16",
    steps: int = 6,
    seed: int = 1,
    other_seed: int | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """Return each head's worst error over its bound; a right function stays below 1."""
    kind: dict[str, Any] = {"shape": shape, "dtype": dtype, "steps": steps}
    keywords = {"causal": causal}
    right = instruments.chain(attention, (), keywords, seed=seed, **kind)
    mine = instruments.chain(function, (), keywords, seed=other_seed or seed, **kind)
    length, d = shape[2:]
    bound = timing.projection_bound(right.norms, steps=steps, length=length, d=d, dtype=dtype)
    off: torch.Tensor = (mine.projections - right.projections).abs().amax(1) / bound
    complaint = timing.projection_complaint(mine, right, bound=bound)
    assert bool(complaint) == bool((off > 1).any())
    return off


def half_weights(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    """Round the weights to the inputs' dtype, as a kernel does; exp2 for exp."""
    scores = q.float() @ k.float().transpose(-2, -1) * (math.log2(math.e) / math.sqrt(q.shape[-1]))
    if causal:
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~visible, -math.inf)
    weights = torch.exp2(scores - scores.amax(-1, keepdim=True))
    sums = weights.sum(-1, keepdim=True)
    return (weights.to(v.dtype).float() @ v.float() / sums).to(q.dtype)


def normalised_first(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    """Round the normalised weights, which are much smaller, and scale the query in its dtype."""
    q = (q.float() / math.sqrt(q.shape[-1]) * 1.1).to(q.dtype)
    scores = q.float() @ k.float().transpose(-2, -1) / 1.1
    if causal:
        visible = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        scores = scores.masked_fill(~visible, -math.inf)
    return (torch.softmax(scores, -1).to(v.dtype).float() @ v.float()).to(q.dtype)


RIGHT = (attention, half_weights, normalised_first)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("shape", [(1, 2, 64, 16), (2, 2, 256, 64)])
def test_right_functions_stay_far_below_the_bound(
    shape: tuple[int, ...], dtype: str, causal: bool
) -> None:
    rights = RIGHT if dtype != "float32" else (attention, half_weights)
    worst = max(
        float(excess(function, shape=shape, dtype=dtype, causal=causal, seed=seed).max())
        for function in rights
        for seed in range(5)
    )
    assert worst < 0.35


def test_the_bound_holds_over_many_steps_and_at_the_length_that_is_timed() -> None:
    assert float(excess(half_weights, shape=(1, 1, 64, 16), steps=1000).max()) < 0.35
    assert float(excess(half_weights, shape=(1, 1, 4096, 64), steps=2).max()) < 0.35


def half_of_the_keys(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    half = k.shape[2] // 2
    return attention(q, k[:, :, :half], v[:, :, :half], causal=causal)


def half_of_the_values(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    v = v.clone()
    v[:, :, v.shape[2] // 2 :] = 0
    return attention(q, k, v, causal=causal)


def one_key_in_sixteen_dropped(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    kept = torch.arange(k.shape[2]) % 16 > 0
    return attention(q, k[:, :, kept], v[:, :, kept], causal=causal)


def eight_bits(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool) -> torch.Tensor:
    coarse = [item.to(torch.float8_e4m3fn).to(item.dtype) for item in (q, k, v)]
    return attention(*coarse, causal=causal)


def off_by_the_same_each_time(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool
) -> torch.Tensor:
    return attention(q, k, v, causal=causal) - v.mean(2, keepdim=True)


def zeros(q: torch.Tensor, _k: torch.Tensor, _v: torch.Tensor, *, causal: bool) -> torch.Tensor:
    del causal
    return torch.zeros_like(q)


def first_order(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """Take exp(s) for 1 + s, which needs no score matrix."""
    del causal
    q, k = q.float() / math.sqrt(q.shape[-1]), k.float()
    mean = v.float().mean(2, keepdim=True)
    spread = k.transpose(-2, -1) @ (v.float() - mean) / k.shape[2]
    return (mean + q @ spread).to(v.dtype)


@pytest.mark.parametrize(
    ("function", "margin"),
    [
        (half_of_the_keys, 30),
        (half_of_the_values, 30),
        (zeros, 30),
        (off_by_the_same_each_time, 30),
        (first_order, 30),
        (one_key_in_sixteen_dropped, 10),
        (eight_bits, 2),
    ],
)
def test_less_work_is_far_beyond_the_bound_in_every_head(
    function: Attention, margin: float
) -> None:
    worst = [excess(function, shape=(1, 2, 512, 32), steps=5, seed=seed) for seed in range(3)]
    assert float(torch.stack(worst).min()) > margin


def test_values_for_another_seed_are_far_beyond_the_bound() -> None:
    assert float(excess(attention, other_seed=2).min()) > 30


@pytest.mark.parametrize("head", [0, 5, 31])
def test_one_wrong_head_of_32_is_named(head: int) -> None:
    def function(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool) -> Any:
        result = attention(q, k, v, causal=causal)
        result[head // 16, head % 16] = 0
        return result

    off = excess(function, shape=(2, 16, 64, 16))
    assert float(off[head]) > 30
    assert float(off[torch.arange(32) != head].max()) < 0.35


class SkipsEverySecond:
    """Give the last result again in every second call."""

    def __init__(self) -> None:
        self.calls = 0
        self.kept: torch.Tensor | None = None

    def __call__(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, *, causal: bool) -> Any:
        self.calls += 1
        if self.calls % 2 or self.kept is None:
            self.kept = attention(q, k, v, causal=causal)
        return self.kept


def test_a_skipped_call_is_far_beyond_the_bound() -> None:
    assert float(excess(SkipsEverySecond(), steps=100).min()) > 30


def test_a_chain_that_only_feeds_back_would_not_see_a_skipped_call() -> None:
    """The control: with one query for all calls the last value comes to rest after two of them."""

    def last_value(function: Attention, steps: int) -> torch.Tensor:
        draw = torch.Generator().manual_seed(1)
        q, k, v = (torch.randn(1, 2, 512, 64, generator=draw).half() for _ in "qkv")
        value = torch.zeros_like(q)
        for _ in range(steps):
            value = function(torch.add(q, value, alpha=0.125), k, v, causal=False)
        return value.double()

    right, skipped = last_value(attention, 12), last_value(SkipsEverySecond(), 12)
    assert float((right - skipped).norm() / right.norm()) < 2**-11


def test_what_is_no_tensor_of_projections_is_told_apart() -> None:
    norms = torch.ones(2)
    right = Sums(torch.zeros(2, 8, dtype=torch.float64), norms)
    bound = torch.ones(2, dtype=torch.float64)
    assert timing.projection_complaint(right, right, bound=bound) == ""
    for told in (None, "x", [[0.0] * 8] * 2, torch.zeros(2, 4), torch.full((2, 8), math.nan)):
        assert timing.projection_complaint(Sums(told, norms), right, bound=bound)  # type: ignore[arg-type]


# A real child.

SIZE = (2, 16, 64, 32, False)

HONEST = """
import math, threading, time, torch

def honest(q, k, v, causal=False):
    scores = q.float() @ k.float().transpose(-2, -1) / math.sqrt(q.shape[-1])
    return (torch.softmax(scores, -1) @ v.float()).to(q.dtype)
"""


@pytest.fixture
def perf(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    files = types.ModuleType("otter.test_files")
    files.test_case = lambda **_options: lambda case: case  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "otter", types.ModuleType("otter"))
    monkeypatch.setitem(sys.modules, "otter.test_files", files)
    spec = importlib.util.spec_from_file_location("perf", PERF)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def session(worker: Worker) -> Iterator[Session]:
    limits = Limits.from_mapping({"cell_seconds": 10, "call_seconds": 10})
    with worker.session(limits, deadline=time.monotonic() + 600) as open_session:
        yield open_session


Complaint = Callable[[str], str]


@pytest.fixture
def complaint(session: Session) -> Complaint:
    """Return what is wrong with the chains of a cell's `attention`, of which each is a new call."""

    def judged(cell: str) -> str:
        assert session.run_cell(HONEST + cell, 1).failure is None
        *shape, _causal = SIZE
        student = chain.prepare(session.value("attention"), shape=shape, dtype="float16")
        said = ""
        for seed, steps in ((1, 2), (2, 5), (3, 5)):
            right = instruments.chain(
                attention, (), {}, shape=shape, dtype="float16", seed=seed, steps=steps
            )
            bound = timing.projection_bound(
                right.norms, steps=steps, length=shape[2], d=shape[3], dtype="float16"
            )
            said = said or timing.projection_complaint(student(seed, steps), right, bound=bound)
        return said

    return judged


def test_torch_in_a_kernels_place_is_named(session: Session, perf: types.ModuleType) -> None:
    assert session.run_cell(HONEST + "attention = honest", 1).failure is None
    with pytest.raises(AssertionError, match="Torch's bmm works beside the kernel"):
        perf.measure(session.value("attention"), None, "cpu", SIZE)


def test_an_honest_function_of_a_child_is_right_in_each_chain(complaint: Complaint) -> None:
    assert complaint("attention = honest") == ""


def test_a_request_and_its_reply_are_small(session: Session) -> None:
    session.run_cell(HONEST + "attention = honest", 1)
    prepared = chain.prepare(session.value("attention"), shape=(1, 4, 512, 64), dtype="float16")
    told = prepared(1, 1)
    assert tuple(told.projections.shape) == (4, 8)
    assert tuple(told.norms.shape) == (4,)


ONE_HEAD = """
def attention(q, k, v, causal=False):
    out = torch.zeros_like(q)
    out[:1, 1:2] = honest(q[:1, 1:2], k[:1, 1:2], v[:1, 1:2])
    return out
"""

HALF = """
def attention(q, k, v, causal=False):
    half = k.shape[2] // 2
    return honest(q, k[:, :, :half], v[:, :, :half])
"""

# The thread does the whole work, but later.
AFTERWARDS = """
def attention(q, k, v, causal=False):
    out = torch.zeros_like(q)
    def work():
        time.sleep(0.05)
        out.copy_(honest(q, k, v))
    threading.Thread(target=work).start()
    return out
"""

# A process that remembers, puts off, or answers by itself: it is not asked again.
REMEMBERS = """
calls, kept = 0, None
def attention(q, k, v, causal=False):
    global calls, kept
    calls += 1
    if calls % 2 or calls < 8:
        kept = honest(q, k, v)
    return kept
"""

FORGES = """
from sandbox.inside import instruments, recording, bench
attention = honest
def forged(*args, **kwargs): raise SystemExit
instruments.chain = bench.Bench.chain = forged
"""


@pytest.mark.parametrize("cell", [ONE_HEAD, HALF, AFTERWARDS], ids=["head", "half", "later"])
def test_work_that_is_not_done_in_a_call_is_a_wrong_answer(complaint: Complaint, cell: str) -> None:
    assert "the sums of a chain's values" in complaint(cell)


@pytest.mark.parametrize("cell", [REMEMBERS, FORGES], ids=["remembers", "forges"])
def test_what_a_students_process_does_between_calls_is_nothing(
    complaint: Complaint, cell: str
) -> None:
    assert complaint(cell) == ""


# What is looked at is worked out then; by then the call is over, and its operations are written.
LAZY = """
class Late(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        with torch._C.DisableTorchFunctionSubclass():
            for item in args:
                if isinstance(item, Late) and item.job is not None:
                    job, item.job = item.job, None
                    item.copy_(honest(*job))
            return function(*args, **(kwargs or {}))

def attention(q, k, v, causal=False):
    with torch._C.DisableTorchFunctionSubclass():
        late = torch.empty_like(q).as_subclass(Late)
        late.job = (q, k, v)
    return late
"""


def test_work_put_off_until_somebody_looks_is_not_in_the_call(complaint: Complaint) -> None:
    assert "the sums of a chain's values" in complaint(LAZY)


def test_a_childs_exception_is_the_students(complaint: Complaint) -> None:
    with pytest.raises(StudentError, match="must have the query's shape and dtype"):
        complaint("attention = lambda q, k, v: q.float()")
    with pytest.raises(StudentError, match="division by zero"):
        complaint("attention = lambda q, k, v: 1 / 0")
