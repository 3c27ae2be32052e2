"""Classes as platforms hand them out, made as each platform makes them."""

import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

STUBS = ("double", "square")
QUESTIONS = ("q1", "q2")
SLUG = "small"
PACKED = (2026, 11, 5, 12, 0, 0)  # all members of a zip that a platform packs at once

Files = dict[str, bytes]
Made = Callable[[Sequence["Student"]], Files]


@dataclass(frozen=True)
class Student:
    """One person of a class, and the notebook that is to be graded for them."""

    first: str
    last: str
    login: str
    number: int

    @property
    def name(self) -> str:
        return f"{self.first} {self.last}"

    @property
    def notebook(self) -> bytes:
        return book(self.login)

    @property
    def earlier(self) -> bytes:
        """What they handed in before, where a platform keeps that."""
        return book(f"earlier {self.login}")


def book(owner: str, *, own: bool = True) -> bytes:
    """Return a notebook that tells whose it is; `own` where it is the assignment's."""
    sources = [f"def {name}(x):\n    return x" for name in STUBS]
    sources += [f"grader.check('{name}')" for name in QUESTIONS]
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": one}
        for one in (sources if own else ["2 + 2"])
    ]
    whole = {"cells": cells, "metadata": {"of": owner}, "nbformat": 4, "nbformat_minor": 4}
    return json.dumps(whole).encode()


def owner_of(content: bytes) -> str:
    return str(json.loads(content)["metadata"]["of"])


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return a zip of these members, all of one moment."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, PACKED), content)
    return stream.getvalue()


class RawName(zipfile.ZipInfo):
    """A member whose name is written as these very bytes, without the flag that says UTF-8."""

    def __init__(self, raw: bytes) -> None:
        super().__init__(raw.decode("latin-1"), PACKED)
        self.raw = raw

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802 - zipfile's own name
        return self.raw, self.flag_bits & ~0x800


def pack_raw(members: Mapping[bytes, bytes]) -> bytes:
    """Return a zip whose names are these very bytes, as macOS and old systems write them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for raw, content in members.items():
            archive.writestr(RawName(raw), content)
    return stream.getvalue()


def table_of(count: int, name: bytes, *, honest: bool = False) -> bytes:
    """Return a zip that is all table of contents; if not honest, a mark hides how long it is."""
    mark = b"PK\x05\x06"
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 3, 20, *[0] * 4, 33, *[0] * 3,
                        len(name), *[0] * 6) + name  # fmt: skip
    table, offset = entry * count, 30 if honest else int.from_bytes(mark, "little")
    told = (0, 0, count & 0xFFFF, count & 0xFFFF, len(table), offset, 0)
    return b"PK\x03\x04" + bytes(26) + table + struct.pack("<4s4H2LH", mark, *told)


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def exported(student: Student, day: int) -> tuple[str, bytes]:
    """Return the name and the content of otter's export of a notebook."""
    name = f"{SLUG}_2026_11_{day:02}T10_00_00_123456"
    inside = {f"{SLUG}.ipynb": student.notebook, ".OTTER_LOG": b"\x80\x04.",
              "__zip_filename__": f"{name}.zip".encode()}  # fmt: skip
    return name, pack(inside)


def canvas(people: Sequence[Student]) -> Files:
    files = {}
    for one in people:
        name = "".join(c for c in f"{one.last}{one.first}".casefold() if c.isalnum())
        files[f"{name}_{one.number}_{one.number * 7}_{SLUG}.ipynb"] = one.notebook
    return files


def moodle(people: Sequence[Student]) -> Files:
    return {f"{one.name}_{one.number}_assignsubmission_file_/{SLUG}.ipynb": one.notebook
            for one in people}  # fmt: skip


def moodle_flat(people: Sequence[Student]) -> Files:
    return {f"{one.name}_{one.number}_assignsubmission_file_{SLUG}.ipynb": one.notebook
            for one in people}  # fmt: skip


def brightspace(people: Sequence[Student]) -> Files:
    files = {"index.html": b"<html>"}
    for one in people:
        top = f"{one.number}-4711 - {one.name} - Nov"
        files[f"{top} 12, 2026 1015 AM/{SLUG}.ipynb"] = one.notebook
        files[f"{top} 2, 2026 1115 PM/{SLUG}.ipynb"] = one.earlier
    return files


def brightspace_flat(people: Sequence[Student]) -> Files:
    return {f"397063-4711 - {one.name} - 5 November, 2026 1015 AM - {SLUG}.ipynb": one.notebook
            for one in people}  # fmt: skip


def blackboard(people: Sequence[Student]) -> Files:
    files = {}
    for one in people:
        top = f"Homework_3_{one.login}_attempt_2026-11"
        files[f"{top}-12-10-15-00_{SLUG}.ipynb"] = one.notebook
        files[f"{top}-05-10-15-00_{SLUG}.ipynb"] = one.earlier
        text = f"Name: {one.name} ({one.login})\nAssignment: Homework 3\n"
        files[f"{top}-12-10-15-00.txt"] = text.encode()
    return files


def sakai(people: Sequence[Student]) -> Files:
    files = {"grades.csv": b"x"}
    for one in people:
        top = f"{one.last}, {one.first}({one.login})"
        files[f"{top}/Submission attachment(s)/{SLUG}.ipynb"] = one.notebook
        files[f"{top}/timestamp.txt"] = b"20261105101500000"
        files[f"{top}/comments.txt"] = b""
        files[f"{top}/Feedback Attachment(s)/corrected.pdf"] = b"%PDF"
    return files


def ilias(people: Sequence[Student]) -> Files:
    return {f"{one.last}_{one.first}_{one.login}_{one.number}/20261105101500_{SLUG}.ipynb":
            one.notebook for one in people}  # fmt: skip


def autolab(people: Sequence[Student]) -> Files:
    files = {f"{one.login}@example.edu_10_{SLUG}.ipynb": one.notebook for one in people}
    return files | {f"{one.login}@example.edu_2_{SLUG}.ipynb": one.earlier for one in people}


def teams(people: Sequence[Student]) -> Files:
    files = {}
    for one in people:
        top = f"Submitted files/{one.name}/Homework 3"
        files[f"{top}/Version 10/{SLUG}.ipynb"] = one.notebook
        files[f"{top}/Version 2/{SLUG}.ipynb"] = one.earlier
        files[f"Working files/{one.name}/Homework 3/{SLUG}.ipynb"] = one.earlier
    return files


def google_forms(people: Sequence[Student]) -> Files:
    return {f"Hand in (File responses)/{SLUG} - {one.name}.ipynb": one.notebook for one in people}


def google_forms_exports(people: Sequence[Student]) -> Files:
    files = {}
    for day, one in enumerate(people, 1):
        name, content = exported(one, day)
        files[f"{name} - {one.name}.zip"] = content
    return files


def google_classroom(people: Sequence[Student]) -> Files:
    return {f"{one.name} - Homework 3.ipynb": one.notebook for one in people}


def microsoft_forms(people: Sequence[Student]) -> Files:
    return {f"{SLUG}_{one.name}.ipynb": one.notebook for one in people}


def otter_exports(people: Sequence[Student]) -> Files:
    made = dict(exported(one, day) for day, one in enumerate(people, 1))
    return {f"{name}.zip": content for name, content in made.items()}


def nbgrader(people: Sequence[Student]) -> Files:
    files = {f"source/{SLUG}/{SLUG}.ipynb": book("staff"), "gradebook.db": b"x"}
    for one in people:
        files[f"submitted/{one.login}/{SLUG}/{SLUG}.ipynb"] = one.notebook
        files[f"submitted/{one.login}/{SLUG}/timestamp.txt"] = b"2026-11-05 10:15:00 UTC"
    return files


def nbgrader_exchange(people: Sequence[Student]) -> Files:
    files = {}
    for one in people:
        for day, content in (("12", one.notebook), ("02", one.earlier)):
            moment = f"2026-11-{day} 10:15:00.000000 UTC"
            top = f"inbound/{one.login}+{SLUG}+{moment}+cmFuZG9t"
            files |= {f"{top}/{SLUG}.ipynb": content, f"{top}/timestamp.txt": moment.encode()}
    return files


def gradescope(people: Sequence[Student]) -> Files:
    metadata, files = "---\n", {}
    for one in people:
        metadata += (
            f"submission_{one.number}:\n  :submitters:\n  - :name: {json.dumps(one.name)}\n"
            f"    :sid: '{one.number}'\n    :email: {one.login}@example.edu\n"
        )
        files[f"submission_{one.number}/{SLUG}.ipynb"] = one.notebook
    return files | {"submission_metadata.yml": metadata.encode()}


def github(people: Sequence[Student]) -> Files:
    files = {f"{SLUG}-{one.login}/{SLUG}.ipynb": one.notebook for one in people}
    return files | {f"{SLUG}-{one.login}/.git/HEAD": b"ref: x" for one in people}


def folders(people: Sequence[Student]) -> Files:
    return {f"{one.name}/{SLUG}.ipynb": one.notebook for one in people}


def one_clone(people: Sequence[Student]) -> Files:
    return folders(people) | {f"{people[-1].name}/.git/HEAD": b"ref: x"}


def files_alone(people: Sequence[Student]) -> Files:
    files = {f"{one.name}.ipynb": one.earlier for one in people}
    return files | {f"{one.name} ({n}).ipynb": one.notebook for n, one in enumerate(people, 1)}


def versions(people: Sequence[Student]) -> Files:
    files = {f"{one.name}/Version 10/{SLUG}.ipynb": one.notebook for one in people}
    return files | {f"{one.name}/Version 2/{SLUG}.ipynb": one.earlier for one in people}


def zips(people: Sequence[Student]) -> Files:
    return {f"{one.name}.zip": pack({f"work/{SLUG}.ipynb": one.notebook}) for one in people}


def sections(people: Sequence[Student]) -> Files:
    half = (len(people) + 1) // 2
    halves = {"Section A": people[:half], "Section B": people[half:]}
    return {f"{section}/{name}": content for section, inside in halves.items() if inside
            for name, content in folders(inside).items()}  # fmt: skip


# Each with the layout that is to be recognised; otter's exports are named after nobody.
DOWNLOADS: dict[str, tuple[str, Made]] = {
    "canvas": ("canvas", canvas),
    "moodle": ("moodle", moodle),
    "moodle flat": ("moodle", moodle_flat),
    "brightspace": ("brightspace", brightspace),
    "brightspace flat": ("brightspace", brightspace_flat),
    "blackboard": ("blackboard", blackboard),
    "sakai": ("sakai", sakai),
    "ilias": ("ilias", ilias),
    "autolab": ("autolab", autolab),
    "teams": ("teams", teams),
    "google forms": ("google_forms", google_forms),
    "google forms, exports": ("google_forms", google_forms_exports),
    "google classroom": ("google_classroom", google_classroom),
    "microsoft forms": ("microsoft_forms", microsoft_forms),
    "otter exports": ("otter_exports", otter_exports),
    "nbgrader": ("nbgrader", nbgrader),
    "nbgrader exchange": ("nbgrader_exchange", nbgrader_exchange),
    "gradescope": ("gradescope", gradescope),
    "github": ("github", github),
    "folders": ("plain", folders),
    "folders, one a clone": ("plain", one_clone),
    "files and their copies": ("plain", files_alone),
    "versions": ("plain", versions),
    "zips": ("plain", zips),
    "sections": ("sections", sections),
}
