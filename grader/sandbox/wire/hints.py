"""Hints of types as functions have them: `list[int]`, `typing.Optional[str]`, `int | None`.

Both sides run this file; in the child it is executed from source.
"""

import types
import typing
from typing import Any

from . import standard
from .kinds import TABLE, Kind, NotByValueError

GENERIC = types.GenericAlias
UNION = types.UnionType
OF_TYPING = (type(typing.List[int]), type(typing.Union[int, str]), type(typing.Callable[[], int]))  # noqa: UP006, UP007
NAMES = frozenset({
    "Callable", "ClassVar", "Collection", "Counter", "DefaultDict", "Deque", "Dict", "FrozenSet",
    "Generator", "Iterable", "Iterator", "List", "Mapping", "MutableMapping", "MutableSequence",
    "OrderedDict", "Sequence", "Set", "Tuple", "Type", "Union",
})  # fmt: skip
BY_PIPE = "|"


def _parts(value: Any) -> list[Any]:
    arguments = [*value.__args__]
    if not all(map(_travels, arguments)):
        raise NotByValueError("a hint of a class that stays")
    if type(value) is UNION:
        return [BY_PIPE, arguments]
    if type(value) is GENERIC:
        return [_name_of(value.__origin__), arguments]
    name = "Union" if value.__origin__ is typing.Union else value._name  # noqa: SLF001 - its own
    if name not in NAMES:
        raise NotByValueError("a hint that is not known")
    return [f"typing.{name}", arguments]


def _name_of(kind: Any) -> str:
    name = standard.builtin_name(kind)
    if name is None:
        raise NotByValueError("a hint that is not known")
    return name


def _travels(one: Any) -> bool:
    return standard.builtin_name(one) is not None or type(one) in {GENERIC, UNION, *OF_TYPING}


def _built(name: str, arguments: list[Any]) -> Any:
    given = tuple(arguments)
    if name == BY_PIPE:
        found = given[0]
        for one in given[1:]:
            found = found | one
        return found
    if not name.startswith("typing."):
        return GENERIC(standard.BUILTINS[name], given)
    form = getattr(typing, name.removeprefix("typing."))
    return form[[*given[:-1]], given[-1]] if name == "typing.Callable" else form[given]


def _is_name(name: Any) -> bool:
    if type(name) is not str:
        return False
    is_of_typing = name.startswith("typing.") and name.removeprefix("typing.") in NAMES
    return name == BY_PIPE or is_of_typing or name in standard.CLASSES


TABLE.add(Kind("hint", (GENERIC, UNION, *OF_TYPING), _parts, _built, (_is_name, list)))
