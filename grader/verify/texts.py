"""Read every text that a student could read: notebooks' strings, archives, base64."""

import base64
import binascii
import bz2
import contextlib
import gzip
import io
import json
import lzma
import re
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.model import MIB

DEPTH = 5
MAX_BYTES = 64 * MIB
BASE64 = re.compile(rb"[A-Za-z0-9+/]{32,}={0,2}")
# A zlib stream has no magic of its own; these are the first two bytes that Python writes.
ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def of_folder(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield every text in a folder with its place, down into notebooks and compressed files."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name = path.relative_to(folder).as_posix()
            yield f"the file name {name}", name
            yield from of_bytes(name, path.read_bytes())


def of_bytes(name: str, content: bytes, depth: int = DEPTH) -> Iterator[tuple[str, str]]:
    """Yield every text in some bytes: a notebook's strings, an archive's members, base64."""
    if depth == 0:
        return
    if name.endswith(".ipynb"):
        try:
            notebook = json.loads(content)
        except ValueError:
            notebook = None
        if isinstance(notebook, dict):
            yield from _of_notebook(name, notebook, depth)
            return
    unpacked = list(_unpack(name, content))
    for inner, data in unpacked:
        yield from of_bytes(inner, data, depth - 1)
    if not unpacked:
        yield name, content.decode("utf-8", "replace")
        yield from _in_base64(name, content, depth)


def _unpack(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    if content.startswith(b"PK\x03\x04"):
        # What is cut off or locked stays unread; a release refuses it.
        with (
            contextlib.suppress(zipfile.BadZipFile, RuntimeError, OSError, EOFError, zlib.error),
            zipfile.ZipFile(io.BytesIO(content)) as archive,
        ):
            for item in archive.infolist():
                if item.file_size <= MAX_BYTES:
                    yield f"{name}!{item.filename}", archive.read(item)
        return
    for magic, unpack, label in (
        ((b"\x1f\x8b",), gzip.decompress, "gzip"),
        ((b"BZh",), bz2.decompress, "bzip2"),
        ((b"\xfd7zXZ",), lzma.decompress, "xz"),
        (ZLIB, zlib.decompress, "zlib"),
    ):
        if content.startswith(magic):
            try:
                data = unpack(content)
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError):
                return
            yield f"{name}!{label}", data


def _in_base64(name: str, content: bytes, depth: int) -> Iterator[tuple[str, str]]:
    for number, found in enumerate(BASE64.findall(content), 1):
        with_padding = found + b"=" * (-len(found) % 4)
        try:
            data = base64.b64decode(with_padding, validate=True)
        except (binascii.Error, ValueError):
            continue
        yield from of_bytes(f"{name}, base64 text {number}", data, depth - 1)


def _of_notebook(name: str, data: dict[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    cells = data.get("cells", [])
    for number, cell in enumerate(cells, 1):
        where = f"{name}, cell {cell.get('id', number)}"
        yield from _strings(where, cell.get("source", ""), depth)
        yield from _strings(f"{where}, outputs", cell.get("outputs", []), depth)
        rest = {key: cell[key] for key in cell if key not in {"source", "outputs"}}
        yield from _strings(f"{where}, its", rest, depth)
    rest = {key: data[key] for key in data if key != "cells"}
    yield from _strings(f"{name}, its", rest, depth)


def _strings(place: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    """Yield the strings, numbers and keys somewhere in a JSON value, by their path."""
    match value:
        case dict():
            for key, item in value.items():
                yield f"{place} key {key}", str(key)
                yield from _strings(f"{place} {key}", item, depth)
        case list() if value and all(isinstance(item, str) for item in value):
            yield from _strings(place, "".join(value), depth)
        case list():
            for item in value:
                yield from _strings(place, item, depth)
        case str():
            yield place, value
            yield from _in_base64(place, value.encode("utf-8", "replace"), depth)
        case bool() | None:
            return
        case int() | float():
            yield place, repr(value)
