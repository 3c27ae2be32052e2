"""Zip archives that depend on nothing but their contents: the same files give the same bytes."""

import io
import zipfile
from collections.abc import Mapping

# The earliest moment that a zip can name; no file of ours has a time worth keeping.
MOMENT = (1980, 1, 1, 0, 0, 0)
PLAIN, EXECUTABLE = 0o644, 0o755
UNIX = 3


def pack(files: Mapping[str, bytes], executable: frozenset[str] = frozenset()) -> bytes:
    """Return a zip of some files, sorted by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = (0o100000 | (EXECUTABLE if name in executable else PLAIN)) << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()
