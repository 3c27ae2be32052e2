"""Import what lies in the working folder, as Jupyter does.

Executed from source in the worker.
"""

import importlib.machinery
import sys
from pathlib import Path
from types import ModuleType


class _FolderOfNow(importlib.machinery.FileFinder):
    """Looks into its folder at every import: a cell may have written the file just now.

    Python goes by the time of a folder's last change, which is too coarse for two cells in a row.
    """

    def find_spec(
        self, fullname: str, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        self.invalidate_caches()
        return super().find_spec(fullname, target)


def import_from_here() -> None:
    """Let cells import files that lie in the working folder, as Jupyter does."""
    machinery = importlib.machinery
    here = str(Path.cwd())
    sys.path_importer_cache[here] = _FolderOfNow(
        here,
        (machinery.ExtensionFileLoader, machinery.EXTENSION_SUFFIXES),
        (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES),
        (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES),
    )
    sys.path.insert(0, "")
    sys.dont_write_bytecode = True  # its age in seconds would hide a file that is written again
