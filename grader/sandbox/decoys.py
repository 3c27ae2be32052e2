"""Arguments of the same kind as a test's, with other numbers in them."""

from typing import Any


def decoys(value: Any) -> Any:
    """Return a value in which each tensor of floats has other entries: standard normal ones.

    Shape, strides, dtype and device stay, and so does everything that is no tensor of floats.
    """
    import torch

    if isinstance(value, torch.Tensor):
        return _decoy(value) if value.is_floating_point() else value
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
    flat = torch.randn(reach + 1, dtype=torch.float32, device=tensor.device).to(tensor.dtype)
    return flat.as_strided(tensor.shape, tensor.stride())
