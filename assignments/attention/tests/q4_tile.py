import warnings

import numpy as np
import torch
from otter.test_files import test_case

OK_FORMAT = False
name = "q4_tile"
points = None


@test_case(name="one tile of scores", points=0.25, hidden=False)
def test_tile(tile_scores, device):
    draw = torch.Generator().manual_seed(2)
    q, k = (torch.randn(rows, 64, generator=draw).to(device or "cpu").half() for rows in (16, 32))
    products = q.double() @ k.double().T
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        got = tile_scores(q, k)
    asked = "tile_scores of 16 queries and 32 keys, d = 64,"
    assert isinstance(got, torch.Tensor), f"{asked} returned a {type(got).__name__}, not a tensor."
    assert tuple(got.shape) == (16, 32), f"{asked} has shape {tuple(got.shape)}, not (16, 32)."
    assert got.dtype == torch.float32, f"{asked} is {got.dtype}: scores are float32."
    if torch.allclose(got.double(), products, atol=1e-3):
        raise AssertionError(f"{asked} is not divided by sqrt(d) = 8.")
    wrong = ~((got.double() - products / 8).abs() < 1e-4)
    assert not wrong.any(), (
        f"{asked} is wrong in {int(wrong.sum())} of 512 entries, the first at "
        f"{wrong.nonzero()[0].tolist()}: which element of k belongs at (column, key)?"
    )
