"""Hostile and broken files: each is refused in one line while the rest of the class is collected.

Every refusal has a control: the same file without the hostile part is collected.
"""

import io
import os
import re
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.model import Limits
from grader.renderers.text import feedback_name
from grader.submissions import sources
from grader.submissions.collection import Collection, collect
from tests.support.downloads import table_of

NOTEBOOK = b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}'
SMALL = Limits(notebook_bytes=50_000)


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def special(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


def encrypted(content: bytes) -> bytes:
    """Set the flag of encryption in both headers of a zip with one member."""
    changed = bytearray(content)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[content.index(mark) + offset] |= 1
    return bytes(changed)


def liar(content: bytes, size: int) -> bytes:
    """Declare another uncompressed size in both headers of a zip with one member."""
    changed = bytearray(content)
    struct.pack_into("<I", changed, content.index(b"PK\x03\x04") + 22, size)
    struct.pack_into("<I", changed, content.index(b"PK\x01\x02") + 24, size)
    return bytes(changed)


def twice(first: str, second: str) -> bytes:
    """A zip with two names of the same length, the second patched in."""
    content = zipped((first, NOTEBOOK), ("z" * len(second), NOTEBOOK))
    return content.replace(b"z" * len(second), second.encode())


HOSTILE_ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "bomb": (lambda: zipped(("x.ipynb", b"[" + b"0," * 2_000_000)), "more than the 50,000"),
    "lying_bomb": (
        lambda: liar(zipped(("x.ipynb", b"[" + b"0," * 2_000_000)), 100),
        "cannot be unpacked|larger than",
    ),
    "slip": (lambda: zipped(("../x.ipynb", NOTEBOOK)), "leads out of the zip"),
    "slip_beside": (
        lambda: zipped(("x.ipynb", NOTEBOOK), ("a/../../../etc/cron.d/x", b"")),
        "leads out of the zip",
    ),
    "absolute": (lambda: zipped(("/etc/x.ipynb", NOTEBOOK)), "absolute path"),
    "drive": (lambda: zipped(("C:\\x.ipynb", NOTEBOOK)), "absolute path"),
    "symlink": (
        lambda: zipped((special("x.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd")),
        "symbolic link",
    ),
    "device": (lambda: zipped((special("x.ipynb", stat.S_IFCHR | 0o666), b"")), "a device"),
    "pipe": (lambda: zipped((special("x.ipynb", stat.S_IFIFO | 0o666), b"")), "a pipe"),
    "encrypted": (
        lambda: encrypted(zipped(("x.ipynb", NOTEBOOK))),
        "pack it again without a password",
    ),
    "nested": (
        lambda: zipped(("1.zip", zipped(("2.zip", zipped(("3.zip", zipped(("x.ipynb", b"")))))))),
        "zip in a zip in a zip|no notebook",
    ),
    "same_name": (lambda: twice("x.ipynb", "x.ipynb"), "more than once"),
    "entries": (lambda: table_of(20_000, b"a.txt", honest=True), "20,000 files, more than 10,000"),
    "no_zip": (lambda: b"PK but no more of it", "not a readable zip"),
    "cut": (lambda: zipped(("x.ipynb", NOTEBOOK))[:-30], "not a readable zip"),
    "no_notebook": (lambda: zipped(("report.docx", b"x")), "holds no notebook, but report.docx"),
    "nothing": (zipped, "holds no file at all"),
    "empty": (lambda: b"", "not a readable zip"),
}


def gather(*paths: Path, limits: Limits = SMALL) -> Collection:
    return collect(paths, limits=limits)


def problems(collection: Collection) -> dict[str, str | None]:
    return {one.student: one.problem for one in collection.submissions}


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_a_hostile_zip_is_refused_and_the_class_is_collected(tmp_path: Path, name: str) -> None:
    make, reason = HOSTILE_ZIPS[name]
    (tmp_path / "eve.zip").write_bytes(make())
    (tmp_path / "ada.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "bob.zip").write_bytes(zipped(("softmax.ipynb", NOTEBOOK)))
    before = sorted(path.name for path in tmp_path.parent.iterdir())

    found = gather(tmp_path)

    assert list(problems(found)) == ["ada", "bob", "eve"]
    assert problems(found)["ada"] is None
    assert problems(found)["bob"] is None  # the control: a zip of the same kind, without the trick
    problem = problems(found)["eve"]
    assert problem is not None
    assert re.search(reason, problem)
    assert problem.endswith(".")
    assert "\n" not in problem
    eve = next(one for one in found.submissions if one.student == "eve")
    assert eve.content == b""
    assert sorted(path.name for path in tmp_path.parent.iterdir()) == before


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_the_same_zip_alone_or_as_the_class_never_ends_in_a_crash(
    tmp_path: Path, name: str
) -> None:
    make, _ = HOSTILE_ZIPS[name]
    path = tmp_path / "class.zip"
    path.write_bytes(make())
    try:
        found = gather(path)
    except UsageError as error:
        assert "class.zip" in str(error)  # noqa: PT017 - either way is right, as the file decides
    else:
        refused = [*found.skipped, *(one for one in found.submissions if one.problem)]
        assert refused
    (tmp_path / "ada.ipynb").write_bytes(NOTEBOOK)
    assert problems(gather(path, tmp_path / "ada.ipynb"))["ada"] is None


def test_a_bomb_is_never_unpacked_beyond_the_limit(tmp_path: Path) -> None:
    bomb = liar(zipped(("x.ipynb", b" " * 200_000_000)), 100)
    (tmp_path / "eve.zip").write_bytes(bomb)
    (tmp_path / "ada.ipynb").write_bytes(NOTEBOOK)
    tracemalloc.start()
    try:
        gather(tmp_path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(bomb) < 300_000
    assert peak < 20_000_000


def test_a_class_whose_entries_are_small_bombs_together_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "EXPANSION_FLOOR", 200_000)
    monkeypatch.setattr(sources, "EXPANSION", 1)
    members = [(f"s{n:02}.ipynb", b'{"a":"' + b"0" * 40_000 + b'"}') for n in range(20)]
    (tmp_path / "class.zip").write_bytes(zipped(*members))
    found = problems(gather(tmp_path / "class.zip"))
    assert found["s00"] is None
    assert "larger than" in (found["s19"] or "")


def test_a_large_honest_zip_is_no_bomb(tmp_path: Path) -> None:
    members = [(f"s{n:02}.ipynb", b'{"a":"' + b"0" * 40_000 + b'"}') for n in range(20)]
    (tmp_path / "class.zip").write_bytes(zipped(*members))
    assert set(problems(gather(tmp_path / "class.zip")).values()) == {None}


def test_a_huge_table_of_contents_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "class.zip").write_bytes(zipped(("ada.ipynb", NOTEBOOK)))
    assert problems(gather(tmp_path / "class.zip")) == {"ada": None}
    monkeypatch.setattr(sources, "DIRECTORY_BYTES", 10)
    with pytest.raises(UsageError, match="more than 10,000 files"):
        gather(tmp_path / "class.zip")


def test_in_a_class_zip_each_bad_member_costs_only_itself(tmp_path: Path) -> None:
    members = [
        ("ada.ipynb", NOTEBOOK),
        ("../bob.ipynb", NOTEBOOK),
        (special("eve.ipynb", stat.S_IFLNK | 0o777), b"/etc/passwd"),
        ("mallory.zip", zipped(("softmax.ipynb", NOTEBOOK))),
        ("Zoe.ipynb", NOTEBOOK),
        ("zoe.ipynb", NOTEBOOK),
    ]
    (tmp_path / "class.zip").write_bytes(zipped(*members))
    found = gather(tmp_path / "class.zip")
    usable = {student for student, problem in problems(found).items() if problem is None}
    assert usable == {"ada", "mallory", "Zoe", "zoe"}
    assert [one.path for one in found.lost] == ["../bob.ipynb"]


# Files in a folder


def test_a_link_a_pipe_and_a_device_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(NOTEBOOK)
    folder = tmp_path / "class"
    folder.mkdir()
    (folder / "ada.ipynb").write_bytes(NOTEBOOK)
    (folder / "eve.ipynb").symlink_to(secret)
    (folder / "dir").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(folder / "pipe.ipynb")  # opening it would wait for ever
    found = gather(folder)
    assert problems(found)["ada"] is None
    assert "symbolic link" in (problems(found)["eve"] or "")
    assert "a pipe" in (problems(found)["pipe"] or "")
    assert set(problems(found)) == {"ada", "eve", "pipe"}
    assert [one.path for one in found.skipped] == ["dir"]


def test_a_file_exchanged_for_a_link_after_listing_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(NOTEBOOK)
    (tmp_path / "eve.ipynb").write_bytes(NOTEBOOK)
    (entry,) = (e for e in sources.open_path(tmp_path).entries if e.name == "eve.ipynb")
    assert entry.read(1_000) == NOTEBOOK
    (tmp_path / "eve.ipynb").unlink()
    (tmp_path / "eve.ipynb").symlink_to(tmp_path / "secret")
    with pytest.raises(sources.RejectedError, match="cannot be read"):
        entry.read(1_000)


def test_a_device_as_the_path_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="not a file or a folder"):
        gather(Path("/dev/zero"))


def test_a_folder_deeper_than_any_lms_makes_is_not_followed(tmp_path: Path) -> None:
    deep = tmp_path / "ada" / "/".join("d" * 40)
    deep.mkdir(parents=True)
    (deep / "x.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "bob.ipynb").write_bytes(NOTEBOOK)
    found = gather(tmp_path)
    assert problems(found)["bob"] is None
    assert "ada" in problems(found)
    assert problems(found)["ada"] is not None


CONTENTS = {
    "empty": (b"", "is empty"),
    "blank": (b" \n\t", "is empty"),
    "zeros": (bytes(5_000), "holds nothing but zero bytes, as a copy that broke off does"),
    "large": (b'{"a": "' + b"0" * 60_000 + b'"}', "more than the 50,000 allowed"),
    "latin1": ("é".encode("latin-1"), "not UTF-8"),
    "pdf": (b"%PDF-1.7 ...", "seems to be a PDF"),
    "docx": (zipped(("word/document.xml", b"<xml>")), "holds no notebook, but document.xml"),
    "html": (b"<!doctype html><title>Log in", "a web page"),
}


@pytest.mark.parametrize("name", CONTENTS)
def test_a_file_that_is_no_text_of_a_notebook_says_what_it_seems_to_be(
    tmp_path: Path, name: str
) -> None:
    content, reason = CONTENTS[name]
    (tmp_path / "ada.ipynb").write_bytes(content)
    (tmp_path / "bob.ipynb").write_bytes(NOTEBOOK)
    found = problems(gather(tmp_path))
    assert found["bob"] is None
    assert reason in (found["ada"] or "")


def test_a_file_that_grows_after_listing_is_still_read_within_the_limit(tmp_path: Path) -> None:
    (tmp_path / "ada.ipynb").write_bytes(NOTEBOOK)
    (entry,) = sources.open_path(tmp_path).entries
    (tmp_path / "ada.ipynb").write_bytes(b"0" * 2_000)
    with pytest.raises(sources.RejectedError, match="larger than"):
        entry.read(1_000)


# Names

NAMES = [
    "ada",
    "Ada",
    "ada lovelace",
    "ada-lovelace",
    'O\'Neil "Bob"',
    "🎈 party",
    "رزان",
    "abc\u202egpj.exe",
    "two\nlines",
    "x" * 240,
    "x" * 239 + "y",
    "-rf",
    "con",
    ".hidden",
    "a..b",
    "=cmd|calc",
    "<script>alert(1)</script>".replace("/", "\u2215"),
    "$(reboot)",
    "%s%n",
    "İi",
    "straße",
    "strasse",
]


def test_students_with_any_name_are_kept_apart(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / f"{name}.ipynb").write_bytes(NOTEBOOK)
    found = gather(tmp_path)
    visible = [name for name in NAMES if not name.startswith(".")]
    assert set(visible) <= set(problems(found))
    assert len(problems(found)) == len(NAMES)
    assert set(problems(found).values()) == {None}


def test_what_is_said_of_a_file_is_one_line_whatever_its_name(tmp_path: Path) -> None:
    name = "x\x1b[2J\n\u202eexe"
    (tmp_path / f"{name}.ipynb").write_bytes(b"")
    (tmp_path / f"{name}.docx").write_bytes(b"")
    (tmp_path / f"{name}.zip").write_bytes(zipped((f"{name}.txt", b"")))
    (tmp_path / "ada.ipynb").write_bytes(NOTEBOOK)
    found = gather(tmp_path)
    told = [text for one in found.skipped for text in (one.path, one.reason)]
    told += [one.problem for one in found.submissions if one.problem]
    assert len(told) >= 4
    assert all(text.isprintable() for text in told)
    with pytest.raises(UsageError) as caught:
        gather(tmp_path / f"{name}.docx")
    assert str(caught.value).isprintable()


def test_a_name_of_300_characters_in_a_zip_is_collected(tmp_path: Path) -> None:
    names = ["a" * 299 + end for end in "xy"]
    (tmp_path / "c.zip").write_bytes(zipped(*((f"{name}.ipynb", NOTEBOOK) for name in names)))
    assert set(problems(gather(tmp_path / "c.zip"))) == set(names)


def test_a_name_that_is_no_text_can_still_be_written_down(tmp_path: Path) -> None:
    for raw in (b"caf\xe9.ipynb", b"caf\xe8.ipynb"):
        Path(os.fsdecode(bytes(tmp_path) + b"/" + raw)).write_bytes(NOTEBOOK)
    found = gather(tmp_path)
    assert len(found.submissions) == 2
    assert all(one.student.encode("utf-8") for one in found.submissions)


def test_composed_and_decomposed_names_are_one_student(tmp_path: Path) -> None:
    (tmp_path / "Jos\u00e9.ipynb").write_bytes(NOTEBOOK)
    (tmp_path / "Jose\u0301.ipynb").write_bytes(NOTEBOOK)
    found = gather(tmp_path)
    assert [one.student for one in found.submissions] == ["Jos\u00e9"]
    assert len(found.skipped) == 1


def test_feedback_names_are_unique_and_safe_on_every_file_system(tmp_path: Path) -> None:
    names = [*NAMES, "a/b", "a\\b", "..", ".", "", "a\0b", "a" * 299 + "x", "a" * 299 + "y"]
    made = [feedback_name(name) for name in names]
    assert len({name.casefold() for name in made}) == len(names)
    for name in made:
        assert len(name.encode()) < 100
        assert all(character.isalnum() or character in "~-_." for character in name)
        assert not set(name) & set("/\\:*?\"<>| '$%&;`\n\0")
        assert name[0] not in ".-"
        (tmp_path / f"{name}.html").write_text("x")
    assert len(list(tmp_path.iterdir())) == len(names)
    assert feedback_name("ada") == "ada"


def test_a_feedback_file_can_be_told_by_its_students_name() -> None:
    assert feedback_name("张伟 😀").startswith("张伟~")
    assert feedback_name("Müller, Zoë").startswith("Muller-Zoe~")
    assert feedback_name("رزان").startswith("رزان~")
    assert feedback_name("Иванов").startswith("Иванов~")


def test_nobody_can_choose_a_name_whose_feedback_is_another_students() -> None:
    target = feedback_name("ada lovelace")
    assert feedback_name(target) != target  # a student whose file is called just like hers
