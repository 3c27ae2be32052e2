"""The pictures of a written answer: taken out of its cell, checked, and limited in size."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from grader.reports import Picture

MAX_PICTURES = 8
MAX_BYTES = 4_000_000  # of all pictures of one answer
MAX_PIXELS = 50_000_000  # what a small file can unpack to in a reader's browser
# What a browser shows as a picture and as nothing else, by the file's first bytes.
MAGIC = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}
MARKDOWN = re.compile(r"!\[[^\]\n]*\]\(\s*<?(attachment:[^)>\n\"]+|[^)>\s]+)>?[^)\n]*\)")
HTML = re.compile(r"<img\b[^>]*?\bsrc\s*=\s*[\"']?([^\"'\s>]+)[^>]*>", re.IGNORECASE)
REFERRED = re.compile(r"!\[([^\]\n]*)\]\[([^\]\n]*)\]")
DEFINED = re.compile(r"^[ ]{0,3}\[([^\]\n]+)\]:[ \t]*<?(data:image/[^>\s]+)>?[ \t]*$", re.MULTILINE)
DATA = re.compile(r"data:image/[\w.+-]+;base64,")
SHORT = 80  # of a link that is named


class Pictures:
    """Collects the pictures of one answer's cells."""

    def __init__(self) -> None:
        self.found: list[Picture] = []
        self._bytes = 0

    def taken_from(self, text: str, attachments: Mapping[str, Any]) -> str:
        """Return a cell's text with a word in place of each picture, which is kept or said not to.

        A picture that is attached and stands nowhere in the text comes after it.
        """
        used: set[str] = set()
        links = dict(DEFINED.findall(text))
        text = DEFINED.sub("", text) if links else text

        def word(target: str) -> str:
            if target.startswith("attachment:"):
                name = _named(target.removeprefix("attachment:").strip(), attachments)
                used.add(name)
                return self._attached(name, attachments.get(name))
            if DATA.match(target):
                return self._kept("", DATA.sub("", target, count=1))
            return f"[a picture that is not in the notebook: {target[:SHORT]}]"

        def referred(found: re.Match[str]) -> str:
            target = links.get(found[2] or found[1])
            return found[0] if target is None else word(target)

        text = REFERRED.sub(referred, text)
        text = MARKDOWN.sub(lambda found: word(found[1]), text)
        text = HTML.sub(lambda found: word(found[1]), text)
        rest = [self._attached(n, one) for n, one in attachments.items() if n not in used]
        return "\n".join([text.strip(), *rest]).strip()

    def _attached(self, name: str, bundle: Any) -> str:
        """Keep one attachment; a bundle holds one picture in one or more formats."""
        if isinstance(bundle, dict):
            for data in bundle.values():
                lines = data if isinstance(data, list) else [data]
                return self._kept(name, "".join(line for line in lines if isinstance(line, str)))
        return f"[a picture that is not in the notebook: {name[:SHORT]}]"

    def _kept(self, name: str, encoded: str) -> str:
        label = f"picture {len(self.found) + 1}" + (f", {name[:SHORT]}" if name else "")
        try:
            data = base64.b64decode("".join(encoded.split()), validate=True)
        except (binascii.Error, ValueError):
            return f"[{label}: its data is damaged]"
        kind = next((kind for magic, kind in MAGIC.items() if data.startswith(magic)), None)
        if kind is None:
            return f"[{label}: it is neither PNG nor JPEG nor GIF, so look into the notebook]"
        if self._bytes + len(data) > MAX_BYTES or len(self.found) == MAX_PICTURES:
            return f"[{label}: {len(data) / 1e6:.1f} MB, too large to show; look into the notebook]"
        if _pixels(kind, data) > MAX_PIXELS:
            return f"[{label}: it has too many pixels to show; look into the notebook]"
        self._bytes += len(data)
        self.found.append(Picture(label, kind, base64.b64encode(data).decode()))
        return f"[{label}]"


def _named(target: str, attachments: Mapping[str, Any]) -> str:
    """Return the attachment that a link means: as it is, as in an address, or cut at a bracket."""
    known = (target, unquote(target), *(name for name in attachments if name.startswith(target)))
    return next((name for name in known if name in attachments), target)


def _pixels(kind: str, data: bytes) -> int:
    """Return a picture's size as its header states it; a JPEG of these few bytes is never large."""
    if kind == "image/png":
        return int.from_bytes(data[16:20], "big") * int.from_bytes(data[20:24], "big")
    if kind == "image/gif":
        return int.from_bytes(data[6:8], "little") * int.from_bytes(data[8:10], "little")
    return 0
