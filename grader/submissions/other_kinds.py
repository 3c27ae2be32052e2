"""What people hand in that is no notebook: its kinds, and whom such a file is called after.

In a folder a student, or under a platform's name, whatever lies there is somebody's. In a flat
folder of a class, only a file's name and its kind can say so.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from grader.submissions.claims import NOTEBOOK, SIDE_FILE
from grader.submissions.names import names_nobody, without_copy_mark
from grader.submissions.sources import Entry

ARCHIVES = frozenset({
    ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".tbz2", ".xz", ".txz", ".zst", ".lz",
    ".lzma", ".lzh", ".z", ".zipx", ".cab", ".ace", ".arj", ".iso", ".dmg", ".sit", ".sitx",
})  # fmt: skip
DOCUMENTS = frozenset({
    ".pdf", ".doc", ".docx", ".docm", ".odt", ".rtf", ".pages", ".ps", ".djvu", ".epub", ".xps",
    ".ppt", ".pptx", ".key", ".odp", ".html", ".htm", ".mht", ".mhtml", ".tex",
})  # fmt: skip
# A class's folder may hold some of its own, so that one notebook beside them proves no class.
OTHERS = frozenset({
    ".py", ".r", ".rmd", ".qmd", ".m", ".jl", ".cu", ".c", ".cpp", ".java", ".txt", ".md", ".rst",
    ".url", ".webloc", ".lnk", ".desktop", ".gdoc", ".jpg", ".jpeg", ".png", ".heic", ".heif",
    ".webp", ".tif", ".tiff", ".gif", ".bmp", ".mp4", ".mov", ".avi", ".mkv", ".webm",
})  # fmt: skip
WORK = ARCHIVES | DOCUMENTS | OTHERS
SCRIPT = ".py"
SEVERAL = 2  # notebooks that are called after people, and the folder is a class's
OPEN = "~$"  # what an office program puts beside a document that is open
OF_NOBODY = re.compile(
    r"(?:answers?|appendix|changelog|charts?|cheat ?sheet|code|comments?|common|conftest|diagrams?|"
    r"fig|functions?|graphs?|handouts?|helpers?|image|img|index|info|instructions?|lectures?|"
    r"licen[cs]e|links?|logo|main|makefile|my|outputs?|part|photos?|plots?|questions?|report|"
    r"requirements|setup|sheet|slides?|summary|templates?|todo|utils?|write-?up)"
)
ADDED = re.compile(r"[\W_]*\d{0,2}[\W_]*")
WORD = re.compile(r"[^\W\d_]+")


def kind_of(entry: Entry) -> str:
    """Return what is said behind the name of an archive that is not opened, for others nothing."""
    return ", an archive that is not opened here" if entry.suffix in ARCHIVES else ""


@dataclass(frozen=True, slots=True)
class Class:
    """The people of a flat folder, by its notebooks and folders."""

    people: dict[str, str]  # by their name without case
    slug: str | None

    @classmethod
    def of(cls, names: Iterable[str], slug: str | None) -> "Class":
        """Return those of the names of notebooks and folders that are people's, by their words."""
        people = {name.casefold(): name for name in names if not is_nobodys(name, slug)}
        return cls(people, slug)

    def owner(self, entry: Entry) -> str | None:
        """Return who handed in a file that is no notebook; None where nobody can tell.

        `ada report.pdf` beside `ada.ipynb` is Ada's.
        """
        name = bare_name(entry)
        is_work = entry.suffix in WORK or is_renamed(entry)
        if not is_work or is_beside(entry) or is_nobodys(name, self.slug):
            return None
        known = self.people.get(name.casefold()) or self._begun(name)
        if known is not None:
            return known
        needed = SEVERAL if entry.suffix in OTHERS and not is_renamed(entry) else 1
        return name if len(self.people) >= needed else None

    def _begun(self, name: str) -> str | None:
        found = [person for person in self.people.values() if adds_to(name, person, self.slug)]
        return max(found, key=len, default=None)


def may_be_work(entry: Entry, slug: str | None, *, is_marked: bool) -> bool:
    """Say whether a file of which nobody can tell whose it is may be somebody's all the same.

    is_marked: whether a platform marks what students hand in, so that a document is none of it.
    """
    kinds = ARCHIVES if is_marked else ARCHIVES | DOCUMENTS | {SCRIPT}
    is_work = entry.suffix in kinds or is_renamed(entry)
    return is_work and not (is_beside(entry) or is_nobodys(bare_name(entry), slug))


def is_renamed(entry: Entry) -> bool:
    """Say whether a file of another kind is called like a notebook: `ada.ipynb.docx`."""
    return NOTEBOOK in entry.name.lower()


def is_beside(entry: Entry) -> bool:
    """Say whether a system or a program has put a file beside another one."""
    return entry.name.startswith((".", SIDE_FILE, OPEN))


def bare_name(entry: Entry) -> str:
    """Return whom a file is called after: its name without its endings and a copy's number."""
    at = entry.name.lower().find(NOTEBOOK)
    stem = entry.name[:at] if at > 0 else entry.name
    endings = WORK | {".zip", ".json"}
    while (at := stem.rfind(".")) > 0 and stem[at:].lower().rstrip() in endings:
        stem = stem[:at]
    return without_copy_mark(stem).strip()


def is_nobodys(name: str, slug: str | None) -> bool:
    """Say whether a file's name is a file's in every word: `lecture slides`, `my plots 2`."""
    words = WORD.findall(name.casefold())
    all_files = all(OF_NOBODY.fullmatch(word) or names_nobody(word, slug) for word in words)
    return names_nobody(name, slug) or (bool(words) and all_files)


def adds_to(name: str, person: str, slug: str | None) -> bool:
    """Say whether a name is a person's and more, which is a file's: `ada_final`, `ada report`."""
    name, person = name.casefold(), person.casefold()
    rest = name[len(person) :]
    return name.startswith(person) and not rest[:1].isalnum() and _is_addition(rest, slug)


def _is_addition(rest: str, slug: str | None) -> bool:
    """Say whether what follows a person's name belongs to the file; a long number is a person's."""
    return bool(ADDED.fullmatch(rest)) or is_nobodys(rest, slug)
