"""Gradients of the tensors that judge and child both have: what one side has made of them is told.

Both sides run this file; in the child it is executed from source.
"""

import sys
from typing import Any

from .encoding import Encoder
from .nodes import Array
from .shared import Shared


class Gradients:
    """Which gradients the other side knows of in a case, by the numbers of their tensors."""

    def __init__(self) -> None:
        # Each with its version, and whether its tensor is to have one.
        self._known: dict[int, tuple[Any, int, bool]] = {}

    def changed(self, shared: Shared) -> list[tuple[int, Any]]:
        """Return the tensors whose gradients the other side does not know, with their numbers."""
        torch = sys.modules.get("torch")
        if torch is None or not shared.with_arrays:
            return []
        return [
            (number, tensor)
            for number in shared
            if isinstance(tensor := shared.array(number), torch.Tensor)
            and (tensor.requires_grad or number in self._known)
            and tensor.is_leaf
            and self._is_new(number, tensor)
        ]

    def take(self, number: int, tensor: Any) -> None:
        """Know that the other side has the gradient that a tensor has by now."""
        self._is_new(number, tensor)

    def _is_new(self, number: int, tensor: Any) -> bool:
        found = tensor.grad
        version = -1 if found is None else found._version  # noqa: SLF001 - torch has no other
        before = self._known.get(number)
        self._known[number] = found, version, tensor.requires_grad
        if before is None:
            return True
        return found is not before[0] or (version, tensor.requires_grad) != before[1:]


Told = tuple[int, bool, Array | None]  # whether a tensor is to have a gradient, and which


def encoded(changed: list[tuple[int, Any]], encoder: Encoder) -> list[Told]:
    """Return what a message says of tensors' gradients."""
    return [(number, one.requires_grad, encoder.gradient_of(one)) for number, one in changed]


def backward(shared: Shared, number: int, gradient: Any, inputs: list[int]) -> list[Any]:
    """Work out gradients of a tensor, and return those of others, which keep none here."""
    found = [shared.array(one) for one in inputs]
    tensors = [one if one is not None and one.is_leaf else None for one in found]
    before = [None if one is None else one.grad for one in tensors]
    for one in tensors:
        if one is not None:
            one.grad = None
    shared.array(number).backward(gradient, retain_graph=True)
    made = [None if one is None else one.grad for one in tensors]
    for one, held in zip(tensors, before, strict=True):
        if one is not None:
            one.grad = held
    return made


def between(shared: Shared, number: int, gradient: Any, inputs: list[int]) -> list[Any]:
    """Return gradients of a tensor with respect to the other side's, and go no further there."""
    import torch

    found = [shared.array(one) for one in inputs]
    asked = [one for one in found if one is not None]
    made = iter(
        torch.autograd.grad(
            shared.array(number), asked, gradient, retain_graph=True, allow_unused=True
        )
    )
    return [None if one is None else next(made) for one in found]
