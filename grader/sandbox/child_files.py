"""The files of a child's folder, as the judge asks for them and writes them."""

import posixpath
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from .inside.files import MOST_FILES
from .wire.protocol import ListFiles, ReadFile, WriteFile

if TYPE_CHECKING:
    from .session import Session

LONGEST_NAME = 255


class ChildFiles:
    """The files of one session's child."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self.folder_of_test = ""  # where the test works, whose files are in the child's folder too
        self.said: set[str] = set()  # names that a case has got from the notebook, as values

    def may_be_named_by(self, value: Any) -> bool:
        """Note a value by which a test may name a file; say whether it is a new one."""
        if not isinstance(value, str | PurePath) or len(str(value)) > LONGEST_NAME:
            return False
        name = posixpath.normpath(str(value))
        if not is_inside(name) or name in self.said or len(self.said) > MOST_FILES:
            return False
        self.said.add(name)
        return True

    def listed(self) -> dict[str, tuple[int, int, int]]:
        """Return the files of the child's folder, each with what is another when it has changed.

        That is its bytes, its time in ns, and its checksum where the time is too near to tell. A
        child may claim any; the names lead nowhere out of a folder.
        """
        encoder = self._session.encoder()
        found = self._session.ask(ListFiles, "listing files", encoder=encoder)
        if not isinstance(found, list) or len(found) > MOST_FILES:
            self._session.broken("files were not a list")
        listed = {}
        for item in found:
            match item:
                case (str() as name, int() as size, int() as moment, int() as sum_) if is_inside(
                    name
                ):
                    listed[name] = size, moment, sum_
                case _:
                    self._session.broken("a file's name leads out of the folder")
        return listed

    def read(self, name: str) -> bytes:
        """Return what a file of the child's folder holds; StudentError where it cannot be read."""
        encoder = self._session.encoder()
        found = self._session.ask(ReadFile, "reading a file", name, encoder=encoder)
        if not isinstance(found, np.ndarray) or found.dtype != np.uint8:
            self._session.broken("a file was not an array of bytes")
        return found.tobytes()

    def write(self, name: str, content: bytes | None) -> None:
        """Give a file of the child's folder what a test has written to its own; None removes it.

        A name that ends in "/" is a folder's.

        StudentError where the child cannot, as where its code has closed the folder to itself.
        """
        encoder = self._session.encoder()
        node = encoder.encode(None if content is None else np.frombuffer(content, np.uint8))
        self._session.ask(WriteFile, "writing a file", name, node, [], encoder=encoder)

    def as_there(self, value: Any) -> Any:
        """Return a path into the test's folder as it leads to the same file in the child's.

        Any other that the test has made on this machine is no path there, which is noted.
        """
        if not isinstance(value, str | Path):
            return value
        path = Path(value)
        if path.is_relative_to(self.folder_of_test):
            return type(value)(path.relative_to(self.folder_of_test))
        if _is_temporary(path, self.folder_of_test):
            self._session.refuse(
                f"The test hands over the path {value}, which is not in the student's process; "
                "have it write the file beside itself"
            )
        return value


def _is_temporary(path: Path, folder: str) -> bool:
    """Say whether a path leads to something that lies where a test's folder was made."""
    root = Path(folder).parents[1]
    try:
        is_there = path.is_absolute() and path.exists()
        return is_there and path.resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):
        return False


def is_inside(name: str) -> bool:
    """Say whether a name is one of a file in a folder or below, on any system."""
    parts = name.split("/")
    return (
        len(name) <= LONGEST_NAME
        and name.isprintable()
        and not {"\\", ":"} & {*name}
        and all(part.strip(". ") for part in parts)
    )
