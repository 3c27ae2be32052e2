"""The names of a notebook in its child: what they stand for, and what the judge knows of that.

Executed from source beside student code.
"""

import builtins
import hashlib
import itertools
from types import FunctionType
from typing import Any

import msgspec

from ..wire.protocol import Answer

MOST_NAMES = 10_000  # that are listed


class NotebookNames:
    """The names of one notebook, in IPython's shell."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._watched: dict[str, bytes] = {}  # what a name's value was, in short
        self._told: dict[str, Any] = {}  # functions that the judge knows by these names
        self._own = dict(shell.user_ns)  # which IPython has put there

    def __contains__(self, name: str) -> bool:
        """Say whether a name is the notebook's; IPython's form of a builtin is none."""
        names = self._shell.user_ns
        is_a_builtins = hasattr(builtins, name) and names.get(name) is self._own.get(name, self)
        return name in names and not is_a_builtins

    def __getitem__(self, name: str) -> Any:
        return self._shell.user_ns[name]

    def tell(self, name: str, value: Any) -> None:
        """Note that the judge knows a function by a name."""
        self._told[name] = value

    def untold_functions(self, names: list[str]) -> list[tuple[str, Any]]:
        """Return those of some names that stand for functions, and note that the judge knows."""
        found = [
            (name, self[name])
            for name in names
            if name in self and type(self[name]) is FunctionType
            if self._told.get(name) is not self[name]
        ]
        self._told.update(found)
        return found

    def rebound(self) -> list[str]:
        """Return the names of functions that stand for something else by now, once each."""
        names = self._shell.user_ns
        found = [name for name, value in self._told.items() if names.get(name, self) is not value]
        for name in found:
            del self._told[name]
        return found

    def is_known(self, name: str, reply: Answer, buffers: list[memoryview]) -> bool:
        """Say whether an answer about a name is what the last one was, and remember it."""
        digest = hashlib.blake2b(msgspec.msgpack.encode(reply.value), digest_size=16)
        for buffer in buffers:
            digest.update(buffer)
        before = self._watched.get(name)
        self._watched[name] = digest.digest()
        return before == digest.digest() and not reply.contents

    def bound(self) -> list[str]:
        """Return the names that cells have bound, in their order."""
        names = (
            name
            for name, value in list(self._shell.user_ns.items())
            if isinstance(name, str) and self._own.get(name, self) is not value
        )
        return list(itertools.islice(names, MOST_NAMES))
