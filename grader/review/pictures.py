"""Pictures in an answer: those that came with the notebook, checked, small enough, and inlined."""

import base64
import binascii
import html
import io
import json
import re
import warnings
from typing import Any
from urllib.parse import unquote

from PIL import Image, UnidentifiedImageError

from grader.review.markdown import Picture, not_shown

MOST_BYTES = 2_000_000
MOST_PIXELS = 8_000_000
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
DATA = re.compile(r"data:image/[\w.+-]+;base64,(.+)", re.DOTALL)
ATTACHMENT = "attachment:"


def attachments(notebook: bytes | None, answer: str) -> dict[str, str]:
    """Return the pictures of the cell that holds an answer, as base64 by name."""
    if notebook is None:
        return {}
    found: dict[str, str] = {}
    for cell in json.loads(notebook)["cells"]:
        if isinstance(cell, dict) and isinstance(held := cell.get("attachments"), dict):
            source = cell.get("source", "")
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            if answer and (text.startswith(answer) or answer in text or text in answer):
                found |= {str(name): _first(kinds) for name, kinds in held.items()}
    return found


def _first(kinds: Any) -> str:
    values = kinds.values() if isinstance(kinds, dict) else ()
    data = next(iter(values), "")
    return "".join(map(str, data)) if isinstance(data, list) else str(data)


def inlined(held: dict[str, str]) -> Picture:
    """Return how a picture's source becomes HTML, given what came with the notebook."""

    def picture(source: str) -> str:
        if source.startswith(ATTACHMENT):
            data = held.get(unquote(source.removeprefix(ATTACHMENT)))
            if data is None:
                return not_shown(f"{source[:100]} is not in the notebook")
        elif found := DATA.fullmatch(source):
            data = found[1]
        else:
            return not_shown(f"{source[:100]} lies elsewhere")
        return _tag(data)

    return picture


def _tag(data: str) -> str:
    if len(data) > MOST_BYTES * 4 // 3 + 4:
        return not_shown(f"larger than {MOST_BYTES // 1_000_000} MB")
    try:
        content = base64.b64decode(data, validate=False)
        width, height, kind = _examined(content)
    except (binascii.Error, ValueError, UnidentifiedImageError, OSError, SyntaxError) as problem:
        return not_shown(f"no PNG, JPEG, GIF or WebP ({type(problem).__name__})")
    if width * height > MOST_PIXELS:
        return not_shown(f"{width:,} by {height:,} pixels")
    encoded = base64.b64encode(content).decode("ascii")
    return (
        f'<img src="data:{html.escape(kind)};base64,{encoded}" width="{width}" height="{height}" '
        f'alt="A picture of the answer">'
    )


def _examined(content: bytes) -> tuple[int, int, str]:
    """Return width, height and kind from a picture's head; nothing is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(io.BytesIO(content), formats=list(FORMATS)) as image:
                return image.width, image.height, FORMATS[image.format or ""]
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            return MOST_PIXELS, MOST_PIXELS, "image/png"
