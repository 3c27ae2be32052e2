"""Arguments of the same kind as a test's, with other numbers in them."""

import sys
from typing import Any

from grader.errors import CannotJudgeError


def decoys(value: Any) -> Any:
    """Return a value in which each tensor of floats has other entries: standard normal ones.

    Shape, strides, dtype and device stay, and so does everything that is no tensor of floats: whole
    numbers may be shapes and places. CannotJudgeError where a test hands over a NumPy array.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return _decoy(value) if value.is_floating_point() or value.is_complex() else value
    if "numpy" in sys.modules and isinstance(value, sys.modules["numpy"].ndarray):
        raise CannotJudgeError(
            "A test asks how a call with a NumPy array is made, which torch's operations do not "
            "show; hand over a tensor."
        )
    if isinstance(value, list | tuple):
        return type(value)(decoys(item) for item in value)
    if isinstance(value, dict):
        return {key: decoys(item) for key, item in value.items()}
    return value


def _decoy(tensor: Any) -> Any:
    import torch

    if not tensor.numel():
        return tensor.clone()
    reach = sum((n - 1) * s for n, s in zip(tensor.shape, tensor.stride(), strict=True))
    kind = tensor.dtype if tensor.is_complex() else torch.float32
    flat = torch.randn(reach + 1, dtype=kind, device=tensor.device).to(tensor.dtype)
    return flat.as_strided(tensor.shape, tensor.stride())
