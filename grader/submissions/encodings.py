"""The names in a zip as their author saw them, whatever system wrote the zip."""

import re
import struct
import unicodedata
import zipfile
from collections.abc import Sequence

from grader.submissions.names import composed

UTF8_FLAG = 0x800
UNICODE_PATH = 0x7075  # Info-ZIP's extra field, as WinRAR and 7-Zip write it
# Without the flag a name is in the code page of whoever packed it: macOS writes UTF-8 all the same,
# Windows what its language says. Each page with the scripts of the letters that people write in it.
CODE_PAGES = {
    "gbk": {"CJK"},
    "shift_jis": {"CJK", "HIRAGANA", "KATAKANA"},
    "cp437": {"LATIN"},
    "cp866": {"CYRILLIC"},
    "cp1252": {"LATIN"},
}
HAN = "\u3400-\u9fff"
# Two bytes of another code page make a Chinese letter too, but one among Latin letters.
LONELY = re.compile(rf"[A-Za-z][{HAN}](?![{HAN}])|(?<![{HAN}])[{HAN}][A-Za-z]")


def zip_names(listed: Sequence[zipfile.ZipInfo]) -> list[str]:
    """Return the members' names, composed, with `/` between folders."""
    raw = [_raw(info) for info in listed]
    page = _code_page([name for name in raw if name is not None])
    names = [
        info.filename if name is None else _unicode_path(info) or name.decode(page, "replace")
        for name, info in zip(raw, listed, strict=True)
    ]
    return [composed(name).replace("\\", "/") for name in names]  # PowerShell writes \ for /


def _raw(info: zipfile.ZipInfo) -> bytes | None:
    """Return the bytes of a name that does not say how it is encoded, None where it does."""
    if info.flag_bits & UTF8_FLAG or info.filename.isascii():
        return None
    try:
        return info.filename.encode("cp437")
    except UnicodeEncodeError:
        return None


def _code_page(names: Sequence[bytes]) -> str:
    """Return the code page in which most names read as words: one archive has one author."""
    try:
        b"/".join(names).decode("utf-8")
    except UnicodeDecodeError:
        return max(CODE_PAGES, key=lambda page: sum(_reads_as_words(name, page) for name in names))
    return "utf-8"


def _reads_as_words(name: bytes, page: str) -> bool:
    """Say whether the letters outside ASCII are of the scripts that a code page is there for."""
    try:
        text = name.decode(page)
    except UnicodeDecodeError:
        return False
    letters = [character for character in text if not character.isascii()]
    if not {_script(letter) for letter in letters} <= CODE_PAGES[page]:
        return False
    han = [letter for letter in letters if _script(letter) == "CJK"]
    usual = sum(letter.encode("gb2312", "ignore") != b"" for letter in han)
    return LONELY.search(text) is None and (page != "gbk" or 2 * usual >= len(han))


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "")
    is_letter = unicodedata.category(letter) in {"Lu", "Ll", "Lo", "Lm"} and letter != "\u207f"
    return name.split(" ")[0] if is_letter else name


def _unicode_path(info: zipfile.ZipInfo) -> str | None:
    """Return the name in Info-ZIP's field for it, None where there is none."""
    extra = info.extra
    while len(extra) >= struct.calcsize("<HH"):
        kind, length = struct.unpack_from("<HH", extra)
        body, extra = extra[4 : 4 + length], extra[4 + length :]
        if kind == UNICODE_PATH:  # a version and a check sum come before the name
            try:
                return body[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None
