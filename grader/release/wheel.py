"""Our own wheel, made of the package that is running: no network, no build tool, no checkout."""

import base64
import hashlib
from importlib import metadata
from pathlib import Path

import grader
from grader.errors import UsageError

from .archives import pack

DISTRIBUTION = "ulp-grader"
LEFT_OUT = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


def build() -> tuple[str, bytes]:
    """Return the wheel's file name and its bytes; UsageError where we are not installed."""
    try:
        ours = metadata.distribution(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        raise UsageError(
            f"{DISTRIBUTION} is not installed, so its wheel cannot be made; "
            "run `pip install -e .` in its checkout."
        ) from None
    root = Path(grader.__file__).resolve().parent
    files = {
        f"grader/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not LEFT_OUT.intersection(path.parts)
    }
    stem = f"{DISTRIBUTION.replace('-', '_')}-{ours.version}"
    info = f"{stem}.dist-info"
    for name in ("METADATA", "entry_points.txt"):
        files[f"{info}/{name}"] = (ours.read_text(name) or "").encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: grader\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [f"{name},{_digest(data)},{len(data)}" for name, data in sorted(files.items())]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return f"{stem}-py3-none-any.whl", pack(files)


def _digest(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}"
