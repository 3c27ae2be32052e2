import warnings

import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q4_row"
points = None


@test_case(name="three rows in two tiles", points=0.25, hidden=False)
def test_rows(row_logsumexp, device):
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(3, 128, generator=draw)
    x[1, 64:] += 6  # so that the second tile raises the maximum of the second row
    x[2] -= 200  # so that every exp is 0 without the maximum
    x = x.to(device or "cpu").half()
    rights = torch.logsumexp(x.double(), 1).tolist()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        got = row_logsumexp(x)
    asked = "row_logsumexp of 3 rows of 128 scores"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (3,), f"{asked} has shape {tuple(got.shape)}, not (3,)."
    assert got.dtype == torch.float32, f"{asked} is {got.dtype}, not float32."
    for row, hint in enumerate(
        (
            "is every tile of the row visited?",
            "where the maximum rises, the old sum is multiplied by exp(old m - new m).",
            "does each program find the start of its own row, and subtract the row's maximum?",
        )
    ):
        right = rights[row]
        assert abs(float(got[row]) - right) < 1e-4, (
            f"{asked} is {float(got[row]):.5f} in row {row} where {right:.5f} is right: {hint}"
        )
