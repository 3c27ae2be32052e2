"""Containers: how each gives its items, and how one of the same form is filled with them.

A subclass is read as the form that it is of, by the base class's own methods. Both sides run this
file; in the child it is executed from source.
"""

import math
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .nodes import ProtocolViolationError

if TYPE_CHECKING:
    import numpy as np

MAX_DIMENSIONS = 32


def _nothing(_value: Any) -> list[Any]:
    return []


@dataclass(frozen=True, slots=True)
class Form:
    """One form of a container.

    items: what it holds; of one with keys all keys and then all values. about: what else an empty
    one is made from. make: an empty one, from that and the number of items. put: gives an empty
    one its items. refill: gives one the items of another.
    """

    name: str
    items: Callable[[Any], Sequence[Any]]
    make: Callable[[Sequence[Any], int], Any]
    put: Callable[[Any, list[Any]], Any]
    refill: Callable[[Any, Any], None] | None = None
    about: Callable[[Any], list[Any]] = _nothing
    has_keys: bool = False
    is_hashed: bool = False

    @property
    def is_mutable(self) -> bool:
        return self.refill is not None

    def copy(self, value: Any) -> Any:
        """Return another container that holds the same items."""
        items = list(self.items(value))
        return self.put(self.make(self.about(value), len(items)), items)


def _keyed(kind: type) -> Callable[[Any], list[Any]]:
    def items(value: Any) -> list[Any]:
        pairs = list(kind.items(value))  # type: ignore[attr-defined]
        return [key for key, _ in pairs] + [item for _, item in pairs]

    return items


def _put_pairs(target: Any, items: list[Any]) -> Any:
    half = len(items) // 2
    for key, item in zip(items[:half], items[half:], strict=True):
        dict.__setitem__(target, key, item)
    return target


def _put_ordered(target: Any, items: list[Any]) -> Any:
    half = len(items) // 2
    for key, item in zip(items[:half], items[half:], strict=True):
        OrderedDict.__setitem__(target, key, item)
    return target


def _put(method: Callable[[Any, Any], Any]) -> Callable[[Any, list[Any]], Any]:
    def put(target: Any, items: list[Any]) -> Any:
        method(target, items)
        return target

    return put


def _refill(kind: Any, add: Callable[[Any, Any], Any]) -> Callable[[Any, Any], None]:
    def refill(target: Any, other: Any) -> None:
        kind.clear(target)
        add(target, other)

    return refill


def _refill_default(target: Any, other: Any) -> None:
    dict.clear(target)
    dict.update(target, other)
    target.default_factory = other.default_factory


def _plain(kind: Callable[[], Any]) -> Callable[[Sequence[Any], int], Any]:
    def make(about: Sequence[Any], _count: int) -> Any:
        if about:
            raise ProtocolViolationError("a container with something beside its items")
        return kind()

    return make


def _one(about: Sequence[Any]) -> Sequence[Any]:
    if len(about) != 1:
        raise ProtocolViolationError("a container without what its form needs")
    return about


def _longest(value: Any) -> list[Any]:
    return [vars(deque)["maxlen"].__get__(value)]


def _deque(about: Sequence[Any], _count: int) -> Any:
    [longest] = _one(about)
    if longest is not None and (type(longest) is not int or not 0 <= longest < 2**62):
        raise ProtocolViolationError("a deque of an impossible length")
    return deque(maxlen=longest)


def _factory(value: Any) -> list[Any]:
    return [vars(defaultdict)["default_factory"].__get__(value)]


def _defaultdict(about: Sequence[Any], _count: int) -> Any:
    [factory] = _one(about)
    if factory is not None and not callable(factory):
        raise ProtocolViolationError("a defaultdict whose factory cannot be called")
    return defaultdict(factory)


def _objects(value: "np.ndarray") -> list[Any]:
    import numpy as np

    plain: np.ndarray = value.view(np.ndarray)
    items: list[Any] = plain.reshape(-1).tolist()
    return items


def _shape(value: "np.ndarray") -> list[Any]:
    import numpy as np

    return list(value.view(np.ndarray).shape)


def _object_array(about: Sequence[Any], count: int) -> Any:
    import numpy as np

    if len(about) > MAX_DIMENSIONS or not all(type(n) is int and n >= 0 for n in about):
        raise ProtocolViolationError("an array of objects of an impossible shape")
    if math.prod(about) != count or math.prod(max(n, 1) for n in about) > 2**48:
        raise ProtocolViolationError("an array of objects whose shape and items disagree")
    return np.empty(about, dtype=object)


def _put_objects(target: "np.ndarray", items: list[Any]) -> Any:
    flat = target.reshape(-1)
    if set(map(type, items)) <= {str, int, float, bool, type(None)}:
        flat[:] = items
        return target
    for number, item in enumerate(items):
        flat[number] = item
    return target


def _refill_objects(target: "np.ndarray", other: "np.ndarray") -> None:
    if target.shape != other.shape:
        raise ProtocolViolationError("a changed array of objects of another shape")
    target[...] = other


OBJECTS = Form(
    "array of objects", _objects, _object_array, _put_objects, _refill_objects, about=_shape
)
FORMS: dict[str, Form] = {
    form.name: form
    for form in (
        Form("list", lambda value: list(list.__iter__(value)), _plain(list), _put(list.extend),
             _refill(list, list.extend)),
        Form("tuple", lambda value: list(tuple.__iter__(value)), _plain(list),
             lambda _empty, items: tuple(items)),
        Form("dict", _keyed(dict), _plain(dict), _put_pairs, _refill(dict, dict.update),
             has_keys=True, is_hashed=True),
        Form("set", lambda value: list(set.__iter__(value)), _plain(set), _put(set.update),
             _refill(set, set.update), is_hashed=True),
        Form("frozenset", lambda value: list(frozenset.__iter__(value)), _plain(list),
             lambda _empty, items: frozenset(items), is_hashed=True),
        Form("deque", lambda value: list(deque.__iter__(value)), _deque, _put(deque.extend),
             _refill(deque, deque.extend), about=_longest),
        Form("Counter", _keyed(dict), _plain(Counter), _put_pairs, _refill(dict, dict.update),
             has_keys=True, is_hashed=True),
        Form("OrderedDict", _keyed(OrderedDict), _plain(OrderedDict), _put_ordered,
             _refill(OrderedDict, OrderedDict.update), has_keys=True, is_hashed=True),
        Form("defaultdict", _keyed(dict), _defaultdict, _put_pairs, _refill_default,
             about=_factory, has_keys=True, is_hashed=True),
        OBJECTS,
    )
}  # fmt: skip
CLASSES: dict[type, str] = {
    list: "list", tuple: "tuple", dict: "dict", set: "set", frozenset: "frozenset",
    deque: "deque", Counter: "Counter", OrderedDict: "OrderedDict", defaultdict: "defaultdict",
}  # fmt: skip
