import math

import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q2"
points = None


def fresh(rows):
    return torch.full((rows,), -math.inf), torch.zeros(rows)


def check_state(state, asked, expected_m, expected_l, hint):
    is_pair = isinstance(state, tuple) and len(state) == 2
    assert is_pair, (
        f"{asked} must return the pair (m, l), but it returned a {type(state).__name__}."
    )
    for letter, got, entries in zip("ml", state, (expected_m, expected_l), strict=True):
        right = torch.tensor(entries, dtype=torch.float32)
        assert isinstance(got, torch.Tensor), f"{letter} after {asked} must be a tensor."
        fits = got.shape == right.shape and got.dtype == torch.float32
        kind = f"{got.dtype} of shape {tuple(got.shape)}"
        assert fits, (
            f"{letter} after {asked} must be float32 of shape {tuple(right.shape)}, not {kind}."
        )
        close = torch.allclose(got, right, rtol=1e-5, atol=0)
        values = f"{got.tolist()}, not {right.tolist()}"
        assert close, f"{letter} after {asked} is {values}: {hint}."


@test_case(name="a row in two chunks", points=0.75, hidden=False)
def test_two_chunks(online_softmax_update):
    first = online_softmax_update(*fresh(1), torch.tensor([[0.0, 1.0]]))
    asked = "the chunk [0, 1] on a fresh state"
    check_state(first, asked, [1.0], [1 + math.exp(-1)], "l sums exp(score - m)")
    second = online_softmax_update(*first, torch.tensor([[3.0, 2.0]]))
    total = sum(math.exp(score - 3) for score in (0, 1, 2, 3))
    hint = "when the maximum rises from 1 to 3, the old sum has to be multiplied by exp(1 - 3)"
    check_state(second, "the chunk [3, 2] on top of [0, 1]", [3.0], [total], hint)


@test_case(name="chunks of nothing but minus infinity", points=0.5, hidden=False)
def test_masked_chunk(online_softmax_update):
    masked = torch.full((1, 3), -math.inf)
    hint = "it must leave the state as it was, without a NaN from -inf minus -inf"
    after = online_softmax_update(*fresh(1), masked)
    check_state(after, "a chunk of only -inf on a fresh state", [-math.inf], [0.0], hint)
    state = torch.tensor([2.0]), torch.tensor([1.5])
    after = online_softmax_update(*state, masked)
    check_state(after, "a chunk of only -inf on m = 2, l = 1.5", [2.0], [1.5], hint)


@test_case(name="two halves of a row", points=0.5, hidden=False)
def test_merge(online_softmax_merge):
    left = torch.tensor([1.0]), torch.tensor([2.0])
    right = torch.tensor([4.0]), torch.tensor([3.0])
    total = 2 * math.exp(1 - 4) + 3
    hint = "the sum of the part with the smaller maximum is multiplied by exp(1 - 4)"
    asked = "online_softmax_merge of (m = 1, l = 2) and (m = 4, l = 3)"
    check_state(online_softmax_merge(*left, *right), asked, [4.0], [total], hint)
    check_state(online_softmax_merge(*right, *left), asked + ", swapped,", [4.0], [total], hint)


@test_case(name="the states stay as they are", points=0.25, hidden=False)
def test_states_kept(online_softmax_update, online_softmax_merge):
    m, l, chunk = torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([[3.0, 0.0]])  # noqa: E741
    after = online_softmax_update(m, l, chunk)
    total = 2 * math.exp(1 - 3) + 1 + math.exp(-3)
    hint = "both the old sum and the chunk's are relative to the new maximum"
    check_state(after, "the chunk [3, 0] on m = 1, l = 2", [3.0], [total], hint)
    online_softmax_merge(m, l, torch.tensor([4.0]), torch.tensor([3.0]))
    for letter, got, before in (("m", m, [1.0]), ("l", l, [2.0]), ("chunk", chunk, [[3.0, 0.0]])):
        assert got.tolist() == before, (
            f"{letter} was {before} and is {got.tolist()} after a call: return new tensors, and "
            "avoid *=, += and operations that end in an underscore."
        )
