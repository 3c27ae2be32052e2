import warnings

import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q4_head"
points = None


@test_case(name="one head of two key tiles", points=0.5, hidden=False)
def test_head(head_attention, device):
    draw = torch.Generator().manual_seed(4)
    q, k, v = (torch.randn(rows, 32, generator=draw) for rows in (128, 128, 128))
    k[64:] *= 2  # so that the second tile raises most maxima
    q[64:] *= 40  # so that no exp is finite without the maximum
    q, k, v = (x.to(device or "cpu").half() for x in (q, k, v))
    scores = q.double() @ k.double().T / 32**0.5
    weights = torch.softmax(scores, 1)
    right = weights @ v.double()
    # Rounding the weights and the result once each.
    tolerance = 2 * (2**-10 * (weights @ v.double().abs()) + 2**-11 * right.abs() + 1e-5)
    last = torch.softmax(scores[:, 64:], 1) @ v[64:].double()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        got = head_attention(q, k, v)
    asked = "head_attention of 128 queries and 128 keys, d = 32,"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (128, 32), f"{asked} has shape {tuple(got.shape)}, not (128, 32)."
    assert got.dtype == torch.float16, f"{asked} is {got.dtype}, not float16."
    wrong = ~((got.double() - right).abs() <= tolerance)
    if wrong.any():
        index = wrong.nonzero()[0].tolist()
        hint = "are l and acc repaired with the same factor, before the new tile's share is added?"
        if index[0] >= 64:
            hint = "does each program find its own queries, and subtract the maximum?"
        if torch.allclose(got.double(), last, atol=2e-3):
            hint = "it is the answer of the last tile alone; carry m, l and acc through the loop."
        raise AssertionError(
            f"{asked} is {float(got[tuple(index)]):.5g} at {index} where "
            f"{float(right[tuple(index)]):.5g} is right, and wrong in {int(wrong.sum())} of "
            f"{wrong.numel()} entries: {hint}"
        )
