"""Gradients that go through both processes: a tensor that one side has worked out of the other's.

Such a tensor is one of this side's whose gradient is sent to the other when somebody here asks for
gradients of what was made of it. Those of that side's own parameters stay there, and are told;
those of this side's tensors come back. Both sides run this file; in the child it is executed from
source.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .shared import Shared

# Has the other side work gradients out: of a number's tensor, with respect to those of others.
Ask = Callable[[int, list[int], Any], list[Any]]


def attached(value: Any, number: int, *, shared: Shared, own: Iterable[int], ask: Ask) -> Any:
    """Return a tensor of a number by which both sides know it, as one that has a graph there.

    own: the numbers of this side's tensors, of which it may have been worked out.
    """
    import torch

    found = [(one, shared.array(one)) for one in own]
    given = {one: x for one, x in found if isinstance(x, torch.Tensor) and x.requires_grad}
    anchor = torch.empty(0, requires_grad=True)  # without which nothing asks for a gradient
    link = _Link(shared, number, given, ask)
    with torch.enable_grad():
        return _remote().apply(link, [value.clone()], anchor, *given.values())


def sources(value: Any, shared: Shared, *, ours: bool) -> list[int]:
    """Return the other side's tensors from which one was worked out, by their numbers.

    ours: whether these are the judge's.
    """
    found: dict[int, None] = {}
    due, seen = [value.grad_fn], set()
    while due:
        node = due.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        link = getattr(node, "link", None)
        leaf = getattr(node, "variable", None)
        number = link.number if type(link) is _Link else None
        if leaf is not None:
            number = shared.number_of(leaf)
        if number is not None and (number >= 0) is ours:
            found[number] = None
        due += [one for one, _ in node.next_functions]
    return [*found]


class _Link:
    """What a graph of this side's holds of the other's, for as long as it is there itself."""

    def __init__(self, shared: Shared, number: int, given: dict[int, Any], ask: Ask) -> None:
        self._shared, self.number, self._given, self._ask = shared, number, given, ask
        shared.pinned.add(number)

    def gradients(self, gradient: Any) -> list[Any]:
        return self._ask(self.number, [*self._given], gradient)

    def __del__(self) -> None:
        self._shared.pinned.discard(self.number)


@functools.cache
def _remote() -> Any:
    import torch

    class Remote(torch.autograd.Function):
        """What the other side has worked out, as an operation of torch's."""

        @staticmethod
        def forward(ctx: Any, link: _Link, made: list[Any], _anchor: Any, *_given: Any) -> Any:
            ctx.link = link
            return made.pop()

        @staticmethod
        def backward(ctx: Any, *gradients: Any) -> Any:
            return None, None, None, *ctx.link.gradients(gradients[0])

    return Remote
