"""How a download is read is evidence of the whole: no single file turns it, and doubts are said."""

import re
import zipfile
from pathlib import Path

import pytest

from grader.errors import UsageError
from grader.model import Limits
from grader.submissions import roster, sources, tables
from grader.submissions.collection import Collection, collect
from grader.submissions.content import Wanted
from grader.submissions.names import names_nobody
from tests.support.downloads import (
    QUESTIONS,
    SLUG,
    STUBS,
    Student,
    book,
    canvas,
    exported,
    owner_of,
    pack,
    table_of,
    write,
)

WANTED = Wanted(SLUG, STUBS, QUESTIONS)
HONEST = {f"{name}/small.ipynb": book(name) for name in ("ann", "bob", "cyd")}


def gather(
    *paths: Path, layout: str | None = None, people: roster.Roster | None = None
) -> Collection:
    return collect(paths, layout=layout, limits=Limits(), assignment=WANTED, roster=people)


def by_student(found: Collection) -> dict[str, str]:
    return {one.student: owner_of(one.content) for one in found.submissions if one.content}


# One student's names turn nobody's

TURNS = {
    "a clone": {"eve/.git/HEAD": b"x", "eve/small.ipynb": book("eve")},
    "a timestamp": {"eve/x/timestamp.txt": b"2026-11-05 1:15 UTC", "eve/x/y.ipynb": book("eve")},
    "moodle": {"Eve_9_assignsubmission_file_y.ipynb": book("eve")},
    "moodle inside": {f"eve/E_{n}_assignsubmission_file_/y.ipynb": book("eve") for n in range(9)},
    "canvas": {"eve/eve_9_1_small.ipynb": book("eve")},
    "canvas, many": {f"eve/x{n}_{n}_1_small.ipynb": book("eve") for n in range(9)},
    "submitted": {"eve/submitted/ann/small/small.ipynb": book("eve")},
    "exchange": {"eve/inbound/ann+small+2026-11-05 10:15:00 UTC/small.ipynb": book("eve")},
    "metadata": {"eve/submission_metadata.yml": b"a: [1", "eve/small.ipynb": book("eve")},
    "sakai": {"eve/Ann, A(ann)/Submission attachment(s)/small.ipynb": book("eve")},
    "brightspace": {"eve/9-9 - ann - Nov 5, 2026 1015 AM/small.ipynb": book("eve")},
    "others' names": {f"eve/{name}/small.ipynb": book("eve") for name in ("ann", "bob", "cyd")},
    "others' names, zipped": {"eve/w.zip": pack({"ann/small.ipynb": book("eve")})},
}  # fmt: skip


@pytest.mark.parametrize("name", TURNS)
def test_no_name_that_a_student_chooses_turns_the_layout(tmp_path: Path, name: str) -> None:
    found = gather(write(tmp_path / "class", {**HONEST, **TURNS[name]}))
    told = by_student(found)
    assert {who: told[who] for who in ("ann", "bob", "cyd")} == {
        "ann": "ann", "bob": "bob", "cyd": "cyd",
    }  # fmt: skip
    assert [owner for owner in told.values() if owner == "eve"] == ["eve"]
    assert all(one.identity == "" for one in found.submissions)
    assert all(one.path.startswith("eve/") for one in found.lost)  # who else's could they be?


def test_people_in_one_folder_or_zip_among_others_are_lost_and_said(tmp_path: Path) -> None:
    inside = {f"{name}/small.ipynb": book(name) for name in ("dan", "eli")}
    for files in ({"group.zip": pack(inside)}, {f"group/{n}": c for n, c in inside.items()}):
        folder = tmp_path / str(len(files))
        found = gather(write(folder, {**HONEST, **files}))
        assert len(found.lost) == 1
        assert "may be another person's" in found.lost[0].reason
    older = {"ann/old/small.ipynb": book("ann"), "ann/backup 2/small.ipynb": book("ann")}
    assert not gather(write(tmp_path / "older", {**HONEST, **older})).lost


def test_several_folders_of_the_same_files_are_several_people(tmp_path: Path) -> None:
    for name in ("ann", "bob"):
        files = {"small.ipynb": book(name), "scratch.ipynb": book(name, own=False)}
        write(tmp_path / name / "work", files)
        write(tmp_path / "named" / name, files)
        (tmp_path / f"{name}.zip").write_bytes(pack(files))
    works = gather(tmp_path / "ann" / "work", tmp_path / "bob" / "work")
    assert {owner_of(one.content) for one in works.submissions} == {"ann", "bob"}
    for paths in (
        [tmp_path / "named" / "ann", tmp_path / "named" / "bob"],
        [tmp_path / "ann.zip", tmp_path / "bob.zip"],
    ):
        assert by_student(gather(*paths)) == {"ann": "ann", "bob": "bob"}


def test_the_first_pattern_that_fits_would_lose_the_others(tmp_path: Path) -> None:
    files = {**HONEST, **TURNS["moodle"]}
    found = gather(write(tmp_path / "class", files), layout="moodle")
    assert list(by_student(found)) == ["Eve"]
    assert len(found.lost) == 3


def test_a_number_in_a_files_name_is_nobodys_identity(tmp_path: Path) -> None:
    files = {**HONEST, "eve/x_999_1_small.ipynb": book("eve")}
    found = gather(write(tmp_path / "class", files))
    assert {one.identity for one in found.submissions} == {""}
    control = gather(write(tmp_path / "canvas", canvas([Student("Eve", "E", "eve", 999)])))
    assert [one.identity for one in control.submissions] == ["canvas:999"]


def test_a_notebook_that_belongs_to_nobody_is_lost_and_said(tmp_path: Path) -> None:
    files = canvas([Student(n, "X", n, k) for k, n in enumerate(("ann", "bob", "cyd"), 100)])
    found = gather(write(tmp_path / "c", {**files, "solution.ipynb": book("x"), "a.pdf": b"x"}))
    assert [one.path for one in found.lost] == ["solution.ipynb"]
    assert len(found.skipped) == 2


# Two readings


def test_where_two_readings_are_close_a_person_must_say(tmp_path: Path) -> None:
    files = {f"hw/{name}.ipynb": book(name) for name in ("ann", "bob")} | {
        "cyd/small.ipynb": book("c")
    }
    path = write(tmp_path / "class", files)
    with pytest.raises(
        UsageError, match=r"2 students, .* or 3 students, .*--layout plain or --layou"
    ):
        gather(path)
    assert set(by_student(gather(path, layout="sections"))) >= {"ann", "bob"}
    assert set(by_student(gather(path, layout="plain"))) == {"hw", "cyd"}
    (tmp_path / "r.csv").write_text("name,id\nann,1\nbob,2\ncyd,3\n")
    assert set(by_student(gather(path, people=roster.read(tmp_path / "r.csv")))) >= {"ann", "bob"}


@pytest.mark.parametrize(
    "name", ["softmax", "softmax (2)", "softmax_2026_11_01T10_00_00_123456", "Section A", "hw3",
             "submissions", "ada.ipynb", "File responses", "softmax homework"]
)  # fmt: skip
def test_names_of_files_and_folders_are_pointed_out(name: str) -> None:
    assert names_nobody(name, "softmax")


@pytest.mark.parametrize(
    "name",
    ["ada", "Ada Lovelace", "s1234", "张伟 😀", "lovelaceada", "ada@x.edu", "Max Section", "a"],
)
def test_names_of_people_are_not(name: str) -> None:
    assert not names_nobody(name, "softmax")


def test_such_names_are_said_once(tmp_path: Path) -> None:
    ada = Student("Ada", "Lovelace", "ada", 1)
    made = [exported(ada, day) for day in (1, 2)]
    found = gather(write(tmp_path / "c", {f"{name}.zip": content for name, content in made}))
    (note,) = found.notes
    assert note.startswith("Not a person's name, it seems, but a file's or a folder's: small_2026_")


# Nobody who handed in something else is left out

TYPED: dict[str, dict[str, bytes]] = {
    "canvas": {"lovelaceada_1_9_small.ipynb": book("ada"), "pascalblaise_LATE_2_text.html": b"<p>"},
    "moodle": {
        "Ada_1_assignsubmission_file_/small.ipynb": book("ada"),
        "Blaise Pascal_2_assignsubmission_onlinetext_/onlinetext.html": b"<p>",
    },
    "blackboard": {
        "H_ada_attempt_2026-11-05-10-15-00_small.ipynb": book("ada"),
        "H_pascalblaise_attempt_2026-11-05-10-15-00.txt": b"Name: Pascal Blaise (pascalblaise)",
    },
    "sakai": {
        "L, A(ada)/Submission attachment(s)/small.ipynb": book("ada"),
        "Pascal, Blaise(b)/timestamp.txt": b"20261105101500000",
        "Pascal, Blaise(b)/Pascal, Blaise(b)_submissionText.html": b"<p>",
    },
    "plain": {"Ada/small.ipynb": book("ada"), "Pascal Blaise/report.pdf": b"%PDF"},
}


@pytest.mark.parametrize("platform", TYPED)
def test_who_handed_in_no_notebook_has_a_row_that_says_so(tmp_path: Path, platform: str) -> None:
    found = gather(write(tmp_path / "class", TYPED[platform]))
    problems = {one.student: one.problem for one in found.submissions if one.problem}
    (who,) = problems
    assert "pascal" in who.casefold()
    assert "No notebook was handed in, but " in (problems[who] or "")


ANOTHER_KIND = {
    "rar": b"Rar!\x1a\x07\x01\x00", "7z": b"7z\xbc\xaf\x27\x1c", "tar.gz": b"\x1f\x8b",
    "pdf": b"%PDF", "docx": pack({"word/document.xml": b""}), "ipynb.docx": pack({"a.xml": b""}),
    "ipynb.pdf": b"%PDF", "ipynb.gz": b"\x1f\x8b", "html": b"<html>", "pages": b"PK",
    "py": b"x = 1\n", "txt": b"See my mail.", "jpg": b"\xff\xd8", "url": b"[InternetShortcut]",
    "mp4": b"", "zip": b"", "ipynb": b"", "ipynb.crdownload": b"", "ipynb.xlsx": b"PK",
}  # fmt: skip


@pytest.mark.parametrize("beside", ["files", "folders", "a folder", "zip"])
def test_in_a_flat_folder_too_whoever_handed_in_another_kind_of_file_has_a_row(
    tmp_path: Path, beside: str
) -> None:
    """The same file in a folder of its own is what it is compared with."""
    own = "{0}.ipynb" if beside in {"files", "zip"} else "{0}/small.ipynb"
    class_of = {own.format(name): book(name) for name in ("ada", "emmy")}
    flat = {f"blaise{n} p.{end}": content for n, (end, content) in enumerate(ANOTHER_KIND.items())}
    top = "" if beside != "a folder" else "class/"
    files = {f"{top}{name}": content for name, content in {**class_of, **flat}.items()}
    path = write(tmp_path / "class", files)
    if beside == "zip":
        path = tmp_path / "class.zip"
        path.write_bytes(pack(files))
    found = gather(path)
    said = {one.student: one.problem for one in found.submissions if one.problem}
    assert list(said) == sorted(f"blaise{n} p" for n in range(len(ANOTHER_KIND)))
    assert not found.lost
    apart = {**class_of} | {
        f"{name.partition('.')[0]}/{name}": content for name, content in flat.items()
    }
    alike = gather(write(tmp_path / "apart", apart))
    assert said == {one.student: one.problem for one in alike.submissions if one.problem}
    told = "blaise0 p.rar, an archive that is not opened here. Hand in the .ipynb."
    assert said["blaise0 p"] == f"No notebook was handed in, but {told}"
    assert not [one.path for one in found.skipped if "blaise" in one.path]


def test_what_belongs_to_a_notebook_beside_it_or_to_nobody_is_no_row(tmp_path: Path) -> None:
    nobodys = ["notes.pdf", "README.md", "lecture slides.pdf", "my plots 2.png", "helpers.py",
               "report.html", "instructions.docx", "requirements.txt", "small.rar", "grades.xlsx",
               "data.tar.gz", ".DS_Store", "~$blaise.docx", "._blaise.rar"]  # fmt: skip
    adas = ["ada.pdf", "Ada.rar", "ada report.pdf", "ada_figures.jpg", "ada-2.docx", "ada (1).7z"]
    files = {"ada.ipynb": book("ada"), "emmy.ipynb": book("emmy")}
    files |= dict.fromkeys([*nobodys, *adas], b"%PDF")
    found = gather(write(tmp_path / "class", files))
    assert by_student(found) == {"ada": "ada", "emmy": "emmy"}
    assert [one.path for one in found.skipped] == sorted([*nobodys, *adas])
    assert not found.lost
    assert not found.notes


def test_beside_one_notebook_only_what_stands_for_one_is_somebodys(tmp_path: Path) -> None:
    files = {"ada.ipynb": book("ada"), "blaise.pdf": b"%PDF", "emmy.rar": b"Rar!", "euler.png": b"",
             "noether.py": b"x = 1"}  # fmt: skip
    found = gather(write(tmp_path / "class", files))
    assert [one.student for one in found.submissions] == ["ada", "blaise", "emmy"]
    assert [one.path for one in found.lost] == ["noether.py"]


def test_what_is_named_by_itself_or_lies_beside_sections_is_somebodys(tmp_path: Path) -> None:
    sections = {
        f"{place}/{name}.ipynb": book(name)
        for place, names in {"Section A": ("ann", "ben"), "Section B": ("cyd", "dot")}.items()
        for name in names
    }
    other = {"Section B/fred.rar": b"Rar!", "gina.7z": b"7z", "README.md": b""}
    path = write(tmp_path / "class", {**sections, **other})
    found = gather(path)
    told = {one.student for one in found.submissions if one.problem}
    assert (told, found.lost) == ({"fred", "gina"}, ())
    found = gather(path / "Section A" / "ann.ipynb", path / "Section B" / "fred.rar")
    assert [one.student for one in found.submissions] == ["ann", "fred"]
    with pytest.raises(UsageError, match=r"No notebook was found in .*It holds fred\.rar; ask for"):
        gather(path / "Section B" / "fred.rar")


def test_an_archive_among_a_platforms_files_is_lost_as_a_notebook_there_is(tmp_path: Path) -> None:
    files = {f"l{name}_{n}_9_small.ipynb": book(name) for n, name in enumerate(("ada", "bo", "cy"))}
    for stray in ("blaise.ipynb", "blaise.rar", "blaise.ipynb.docx"):
        found = gather(write(tmp_path / stray, {**files, stray: b"", "header.png": b""}))
        assert len(found.submissions) == 3
        assert [one.path for one in found.lost] == [stray]


def test_who_may_be_one_person_under_two_names_is_pointed_out(tmp_path: Path) -> None:
    names = ("ada", "ada_final", "ada (old)", "adam", "bo_small", "bo_small_2", "emmy", "s1", "s12",
             "s1 1815", "Pascal Blaise", "blaise pascal", "🦊", "🐼")  # fmt: skip
    found = gather(write(tmp_path / "class", {f"{name}.ipynb": book(name) for name in names}))
    assert len(found.submissions) == len(names)
    assert [note.partition(". If so")[0] for note in found.notes] == [
        "Perhaps one person, graded as 2: Pascal Blaise, blaise pascal",
        "Perhaps one person, graded as 3: ada, ada (old), ada_final",
        "Perhaps one person, graded as 2: bo_small, bo_small_2",
    ]
    told = {f"{name}{n}_{n}_9_small.ipynb": book(name) for n, name in enumerate(("ada", "ada-2"))}
    assert not gather(write(tmp_path / "canvas", told)).notes


def test_zips_named_by_a_platform_may_be_given_one_by_one(tmp_path: Path) -> None:
    people = [Student("Ada", "L", "ada", 1), Student("Blaise", "P", "blaise", 2)]
    files = {f"l{one.login}_{one.number}_9_hw.zip": exported(one, 1)[1] for one in people}
    paths = [write(tmp_path, files) / name for name in files]
    found = gather(*paths)
    assert by_student(found) == {"lada": "ada", "lblaise": "blaise"}
    assert [one.identity for one in found.submissions] == ["canvas:1", "canvas:2"]


def test_files_that_everybody_names_otherwise_are_told_by_what_is_a_name(tmp_path: Path) -> None:
    names = ("hw3 final - Ada Lovelace", "homework - Blaise Pascal", "Small (2) - Emmy Noether")
    files = {f"{name}.ipynb": book(name) for name in names}
    told = by_student(gather(write(tmp_path / "class", files)))
    assert set(told) == {"Ada Lovelace", "Blaise Pascal", "Emmy Noether"}


# The roster

ROSTERS = {
    "canvas": 'Student,ID,SIS User ID,SIS Login ID,Section\n    Points Possible,,,,\n'
              '"Lovelace, Ada",41230,3001,ada,S\n"Müller, Zoë",41231,3002,zoe,S\n'
              '"Pascal, Blaise",41232,3003,blaise,S\n',
    "gradescope": "First Name,Last Name,SID,Email,Role\nAda,Lovelace,3001,ada@x.edu,Student\n"
                  "Zoë,Müller,3002,zoe@x.edu,Student\nBlaise,Pascal,3003,blaise@x.edu,Student\n",
    "moodle": "\ufeffVorname;Nachname;ID number;Email address\nAda;Lovelace;3001;ada@x.edu\n"
              "Zoë;Müller;3002;zoe@x.edu\nBlaise;Pascal;3003;blaise@x.edu\n",
    "any": "name,id\nAda Lovelace,3001\nZoë Müller,3002\nBlaise Pascal,3003\n",
}  # fmt: skip
WRITTEN = ("Ada Lovelace", "Lovelace_Ada", "lovelaceada", "ADA LOVELACE", "Lovelace, Ada")


@pytest.mark.parametrize("kind", ROSTERS)
@pytest.mark.parametrize("written", WRITTEN)
def test_people_are_matched_and_who_is_missing_has_a_row(
    tmp_path: Path, kind: str, written: str
) -> None:
    (tmp_path / "r.csv").write_text(ROSTERS[kind], "utf-8")
    files = {f"{written}/small.ipynb": book("ada"), "Muller Zoe/small.ipynb": book("zoe")}
    found = gather(write(tmp_path / "class", files), people=roster.read(tmp_path / "r.csv"))
    told = {one.student: one for one in found.submissions}
    assert list(told) == ["Ada Lovelace", "Blaise Pascal", "Zoë Müller"]
    assert told["Blaise Pascal"].problem == "Nothing handed in."
    assert told["Blaise Pascal"].content == b""
    assert told["Ada Lovelace"].identity == ("canvas:41230" if kind == "canvas" else "roster:3001")
    assert found.notes == ()


SAVED = {
    "Excel, German": "Name;ID\r\nAda Lovelace;1\r\nZoë Müller;2\r\nÉva Ö;3\r\n".encode("cp1252"),
    "Excel, Unicode text": "Name\tID\nAda Lovelace\t1\nZoë Müller\t2\nÉva Ö\t3\n".encode("utf-16"),
    "Excel on a Mac": "Name;ID\rAda Lovelace;1\rZoë Müller;2\rÉva Ö;3\r".encode("mac_roman"),
    "with a separator's line": "sep=;\nName;ID\nAda Lovelace;1\nZoë Müller;2\nÉva Ö;3\n".encode(),
    "blank lines": "\n,\nName,ID\n\nAda Lovelace,1\nZoë Müller,2\n\nÉva Ö,3\n".encode(),
}


@pytest.mark.parametrize("saved", SAVED)
def test_a_roster_is_read_as_a_spreadsheet_saved_it(tmp_path: Path, saved: str) -> None:
    (tmp_path / "r.csv").write_bytes(SAVED[saved])
    people = roster.read(tmp_path / "r.csv").people
    assert [(one.name, one.ids) for one in people] == [
        ("Ada Lovelace", ("1",)), ("Zoë Müller", ("2",)), ("Éva Ö", ("3",)),
    ]  # fmt: skip


TWO = [("Ada Lovelace", ("1",)), ("Zoë Müller", ("2",))]
HEADERS = {
    "an office's": "Student_Name,Student_Number\nAda Lovelace,1\nZoë Müller,2\n",
    "Moodle, French": "Nom de famille;Prénom;Numéro d'identification\nLovelace;Ada;1\nMüller;Zoë;2",
    "French": "Nom;Prénom;ID\nLovelace;Ada;1\nMüller;Zoë;2\n",
    "Catalan": "Cognoms;Nom;ID\nLovelace;Ada;1\nMüller;Zoë;2\n",
    "Moodle, Spanish": "Apellido(s),Nombre,Número de ID\nLovelace,Ada,1\nMüller,Zoë,2\n",
    "Brightspace": "OrgDefinedId,Last Name,First Name,End-of-Line Indicator\n"
                   "#1,Lovelace,Ada,#\n#2,Müller,Zoë,#\n",
    "GitHub Classroom": '"identifier","github_username","name"\n"Ada Lovelace","1",""\n'
                        '"Zoë Müller","2",""\n',
    "kept from computing": 'Name,ID\n"=""Ada Lovelace""","=""1"""\nZoë Müller,2\n',
    "bars": "Name|ID\nAda Lovelace|1\nZoë Müller|2\n",
    "somebody in two sections": "Name,ID\nAda Lovelace,1\nZoë Müller,2\nAda Lovelace,1\n",
    "Canvas of a teacher without numbers": "Student,ID,SIS Login ID\n  Points Possible,,\n"
                                           '"Lovelace, Ada",1,\n"Müller, Zoë",2,\n',
}  # fmt: skip


@pytest.mark.parametrize("kind", HEADERS)
def test_names_and_ids_are_found_whatever_their_columns_are_called(
    tmp_path: Path, kind: str
) -> None:
    (tmp_path / "r.csv").write_text(HEADERS[kind], "utf-8")
    people = roster.read(tmp_path / "r.csv").people
    assert [(one.name, one.ids) for one in people] == TWO


def test_whoever_has_no_id_or_anothers_is_not_forgotten(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("name,id\nAda Lovelace,\nBlaise Pascal,7\nEmmy Noether,7\n,8\n")
    files = {"Ada Lovelace/small.ipynb": book("ada")}
    found = gather(write(tmp_path / "class", files), people=roster.read(tmp_path / "r.csv"))
    told = {one.student: one.problem for one in found.submissions}
    assert told.pop("Ada Lovelace") is None
    assert told == dict.fromkeys(["8", "Blaise Pascal", "Emmy Noether"], "Nothing handed in.")
    assert found.notes[0].startswith("The roster gives the id 7 to Blaise Pascal, Emmy Noether.")


@pytest.mark.parametrize(("name", "page"), [("Иван Петров", "cp1251"), ("张伟", "gb18030")])
def test_other_alphabets_code_pages_are_told_by_their_words(name: str, page: str) -> None:
    assert tables.rows_of(f"name,id\n{name},1\n".encode(page), "r.csv")[1] == [name, "1"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (pack({"xl/workbook.xml": b"<"}), "an Excel or LibreOffice file, not a CSV file"),
        (b"name,id\n", "names nobody"),
        (b"name,id\n\xff\xff\xff a\x98,1\n", "an encoding that is not known here"),
        (None, "Name a CSV file"),
    ],
)
def test_what_is_no_roster_is_said(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(UsageError, match=said):
        roster.read(tmp_path / "r.csv")


STAFF = {
    "canvas": ROSTERS["canvas"] + '"Student, Test",99,,x,S\n',
    "gradescope": ROSTERS["gradescope"] + "Tim,Turing,,tim@x.edu,TA\nIna,I,,i@x.edu,Instructor\n",
}


@pytest.mark.parametrize("kind", STAFF)
def test_staff_and_canvas_test_student_are_not_missing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "r.csv").write_text(STAFF[kind], "utf-8")
    files = {"Ada Lovelace/small.ipynb": book("ada"), "Tim Turing/small.ipynb": book("tim")}
    found = gather(write(tmp_path / "class", files), people=roster.read(tmp_path / "r.csv"))
    here = {one.student for one in found.submissions}
    assert here == {"Ada Lovelace", "Tim Turing", "Zoë Müller", "Blaise Pascal"}
    assert bool(found.notes) == (kind == "canvas")  # which does not know Tim


def test_two_spellings_of_one_person_are_one_and_strangers_are_said(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(ROSTERS["any"], "utf-8")
    files = {
        "Ada Lovelace/small.ipynb": book("ada"), "lovelace ada/scratch.ipynb": book("x", own=False),
        "Mallory/small.ipynb": book("mallory"),
    }  # fmt: skip
    found = gather(write(tmp_path / "class", files), people=roster.read(tmp_path / "r.csv"))
    assert by_student(found) == {"Ada Lovelace": "ada", "Mallory": "mallory"}
    assert found.notes == (
        "On no line of the roster, or on several: Mallory. Graded all the same.",
    )


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "name\nAda\n", "id\n1\n"])
def test_a_roster_without_names_or_ids_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(UsageError, match="needs a column with a name and one with an id"):
        roster.read(tmp_path / "r.csv")


# In time


@pytest.mark.parametrize(("count", "name"), [(669_303, b"a"), (90_000, b"a"), (100, b" " * 60_000)])
def test_a_large_table_of_contents_is_refused_by_its_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, name: bytes
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the table was parsed")

    files = {"eve.zip": table_of(count, name), "ann.ipynb": book("ann")}
    path = write(tmp_path / "class", files)
    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", never)
    found = gather(path)
    assert by_student(found) == {"ann": "ann"}
    problem = next(one.problem for one in found.submissions if one.student == "eve")
    assert "holds more than 10,000 files, or names too long" in (problem or "")
    monkeypatch.setattr(sources, "_directory_bytes", lambda *_: 0)  # what the zip says of itself
    with pytest.raises(AssertionError, match="the table was parsed"):
        gather(path)
    monkeypatch.undo()


@pytest.mark.parametrize(
    "name", [" " * 60_000, "_1" * 30_000, " (1)" * 15_000, "a - " * 15_000, "\u0301" * 20_000]
)
@pytest.mark.parametrize("place", ["{}.ipynb", "{}/small.ipynb", "eve_1_2_{}.ipynb"])
def test_a_name_without_end_costs_no_time(tmp_path: Path, name: str, place: str) -> None:
    members = {place.format(name): book("eve"), "ann/small.ipynb": book("ann")}
    (tmp_path / "class.zip").write_bytes(pack(members))
    (tmp_path / "eve.zip").write_bytes(pack(members))
    found = gather(tmp_path / "class.zip")
    assert by_student(found)["ann"] == "ann"
    assert len(found.lost) == 1
    assert all(len(one.path) <= 200 * len("\\u0301") for one in found.skipped)
    gather(tmp_path / "eve.zip", tmp_path / "class.zip")  # hours, if an expression is quadratic


def test_a_zip_that_holds_itself_ends(tmp_path: Path) -> None:
    content = pack({"small.ipynb": b""})
    for _ in range(6):
        content = pack({"small.ipynb": content})
    files = {"eve/small.ipynb": content, "ann/small.ipynb": book("ann")}
    problem = next(
        o.problem for o in gather(write(tmp_path, files)).submissions if o.student == "eve"
    )
    assert re.search("a zip in a zip in a zip", problem or "")


@pytest.mark.parametrize(
    "name",
    ["eve.ipynb ", "eve.ipynb (1)", "eve.ipynb.1", "eve.ipynb~", "eve.IPYNB.bak", "eve.ipynb.part"],
)
def test_a_notebook_whose_name_goes_on_is_one(tmp_path: Path, name: str) -> None:
    found = gather(write(tmp_path / "class", {**HONEST, name: book("eve")}))
    assert by_student(found)["eve"] == "eve"
    assert not found.lost


def test_who_handed_in_nothing_but_jupyters_own_copies_is_not_passed_over(tmp_path: Path) -> None:
    copy = ".ipynb_checkpoints/small-checkpoint.ipynb"
    files = {**HONEST, f"ann/{copy}": book("ann"), f"bob/data/{copy}": book("bob")}
    assert not gather(write(tmp_path / "honest", files)).lost
    for top in ("", "class/"):
        more = {f"{top}{name}": content for name, content in files.items()}
        found = gather(write(tmp_path / f"a{len(top)}", {**more, f"{top}eve/{copy}": book("eve")}))
        assert [one.path for one in found.lost] == [f"{top}eve/.ipynb_checkpoints"]
