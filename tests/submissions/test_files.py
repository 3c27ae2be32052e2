"""What lies in one student's folder, and what a file holds whatever it is called."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from grader.model import Limits, Submission
from grader.submissions.collection import Collection, collect
from grader.submissions.content import Wanted
from tests.support.downloads import QUESTIONS, SLUG, STUBS, book, owner_of, pack, write

WANTED = Wanted(SLUG, STUBS, QUESTIONS, files=("helpers.py",))
OTHER = book("other", own=False)
PICTURE = b"\x89PNG\r\n\x1a\n"
SMALL = Limits(notebook_bytes=50_000)


def gather(path: Path, limits: Limits = SMALL) -> Collection:
    return collect([path], limits=limits, assignment=WANTED)


def of(found: Collection, student: str) -> Submission:
    return next(one for one in found.submissions if one.student == student)


# Of several files of one attempt, the notebook that is this assignment's

BESIDE: dict[str, dict[str, bytes]] = {
    "a zip of pictures": {"small.ipynb": book("ada"), "zz.zip": pack({"figure1.png": PICTURE})},
    "a scratch notebook": {"a.ipynb": book("ada"), "small.ipynb": OTHER},
    "another assignment": {"a.ipynb": book("ada"), "large.ipynb": OTHER},
    "a data folder": {"small.ipynb": book("ada"), "data/x.csv": b"1", "data.zip": pack({"x": b""})},
    "in a zip, the other beside": {"scratch.ipynb": OTHER, "w.zip": pack({"b.ipynb": book("ada")})},
    "its own older export": {
        "homework.zip": pack({"small.ipynb": book("ada"), "small_2026_11_01T10_00_00_000000.zip":
                              pack({"small.ipynb": book("old")})}),
    },
    "a zip in the zip": {"w.zip": pack({"inner.zip": pack({"small.ipynb": book("ada")})})},
    "a virtual environment": {
        "small.ipynb": book("ada"), "venv/pyvenv.cfg": b"", "venv/share/small.ipynb": book("venv"),
    },
    "in another case": {"Small.ipynb": book("ada"), "small.IPYNB": OTHER},
    "a zip that is called a notebook": {"small.ipynb": pack({"x/small.ipynb": book("ada")})},
    "a notebook that is called a zip": {"small.zip": book("ada")},
    "chrome": {"small.ipynb.json": book("ada")},
    "windows": {"small.ipynb.txt": book("ada")},
    "a bare json": {"small.json": book("ada"), "settings.json": b"{}"},
    "no suffix": {"small": book("ada"), "README": b"hello"},
    "utf-16": {"small.ipynb": book("ada").decode().encode("utf-16")},
    "utf-16 without a mark": {"small.ipynb": book("ada").decode().encode("utf-16-le")},
    "a byte order mark": {"small.ipynb": b"\xef\xbb\xbf" + book("ada")},
}  # fmt: skip


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("name", BESIDE)
def test_the_assignments_own_notebook_wins_whatever_lies_beside_it(
    tmp_path: Path, name: str, form: str
) -> None:
    files = {f"ada/{file}": content for file, content in BESIDE[name].items()}
    files["blaise/small.ipynb"] = book("blaise")
    path = write(tmp_path / "class", files)
    if form == "zip":
        path = tmp_path / "class.zip"
        path.write_bytes(pack(files))
    found = gather(path)
    assert {one.student: owner_of(one.content) for one in found.submissions} == {
        "ada": "ada", "blaise": "blaise",
    }  # fmt: skip
    assert not found.lost
    chosen = of(found, "ada").path
    left = {one.path for one in found.skipped}
    assert all(any(path.startswith(skip) for skip in left) or chosen.startswith(path)
               for path in files if path.startswith("ada/"))  # fmt: skip


def test_the_hand_out_beside_the_answer_is_not_taken_for_it(tmp_path: Path) -> None:
    given = book("hand-out").replace(b"return x", b"raise NotImplementedError")
    wanted = Wanted(SLUG, STUBS, QUESTIONS)
    wanted = replace(wanted, stubs=wanted.answers(given))
    files = {"ada/my answer.ipynb": book("ada"), "ada/small.ipynb": given, "bob/small.ipynb": given}
    found = collect([write(tmp_path, files)], limits=SMALL, assignment=wanted)
    assert owner_of(of(found, "ada").content) == "ada"
    assert owner_of(of(found, "bob").content) == "hand-out"  # there is nothing else


def test_without_its_content_the_newest_notebook_would_win(tmp_path: Path) -> None:
    files = {"ada/a.ipynb": book("ada"), "ada/small.ipynb": OTHER, "b/small.ipynb": book("b")}
    found = collect([write(tmp_path, files)], limits=SMALL, assignment=Wanted(SLUG))
    assert owner_of(of(found, "ada").content) == "other"


def test_an_older_attempt_counts_where_the_newest_holds_no_notebook(tmp_path: Path) -> None:
    top = "41-4711 - Ada Lovelace - Nov"
    files = {
        f"{top} 2, 2026 1015 AM/small.ipynb": book("ada"),
        f"{top} 3, 2026 1015 AM/report.pdf": b"%PDF",
        f"{top} 4, 2026 1015 AM/large.ipynb": OTHER,
        "42-4711 - Blaise Pascal - Nov 4, 2026 1015 AM/small.ipynb": book("blaise"),
    }
    found = gather(write(tmp_path / "class", files))
    assert owner_of(of(found, "Ada Lovelace").content) == "ada"
    why = {choice.submission.student: choice.why for choice in found.chosen}
    assert why["Ada Lovelace"] == "the newest attempt with this notebook"


@pytest.mark.parametrize(
    "files",
    [
        {"ada/small.ipynb": book("ada"), "ada/helpers.py": b"mine", "ada/old/helpers.py": b"old"},
        {"ada/w.zip": pack({"x/small.ipynb": book("ada"), "x/helpers.py": b"mine"}),
         "ada/helpers.py": b"old"},
    ],
)  # fmt: skip
def test_the_files_that_an_assignment_names_go_with_the_notebook(
    tmp_path: Path, files: dict[str, bytes]
) -> None:
    found = gather(write(tmp_path / "class", {**files, "blaise/small.ipynb": book("ada")}))
    ada, blaise = found.submissions
    assert ada.files == (("helpers.py", b"mine"),)
    assert blaise.files == ()
    assert ada.content == blaise.content
    assert ada.sha256 != blaise.sha256  # what it is judged with is part of what it is


def test_a_platforms_prefix_does_not_hide_such_a_file(tmp_path: Path) -> None:
    files = {
        "lovelaceada_1_10_small.ipynb": book("ada"), "lovelaceada_1_11_helpers-1.py": b"mine",
        "pascalblaise_2_12_small.ipynb": book("blaise"),
    }  # fmt: skip
    found = gather(write(tmp_path / "class", files))
    assert of(found, "lovelaceada").files == (("helpers.py", b"mine"),)


# What cannot be read is one sentence with the cause and the next step

CONFLICT = book("ada").replace(
    b'"cells"', b'\n<<<<<<< HEAD\n"x": 1,\n=======\n>>>>>>> 3f2a\n"cells"'
)
SENTENCES: dict[str, tuple[bytes, str]] = {
    "conflict": (CONFLICT, "git's marks of a merge conflict, the first on line 2 (<<<<<<< HEAD)"),
    "conflict at once": (b"<<<<<<< HEAD\n" + book("ada"), "the first on line 1"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "`git lfs pull`"),
    "web page": (b"<!DOCTYPE html><title>Sign in", "seems to be a web page"),
    "latin-1": ("é".encode("latin-1"), "not UTF-8 text"),
    "link": (b"https://colab.research.google.com/drive/1a?usp=sharing\n", "seems to be a link"),
    "link of Drive": (b'{"url": "https://docs.google.com/x", "doc_id": "1"}', "seems to be a link"),
    "web page with a mark": (b"\xef\xbb\xbf\n<!DOCTYPE html>", "seems to be a web page"),
    "rich text": (b"{\\rtf1\\ansi {\\fonttbl}}", "seems to be a text with formats"),
    "script": (b"import numpy as np\n", "seems to be a Python script"),
    "broken zip": (b"PK\3\4broken", "is not a readable zip"),
    "empty zip": (pack({}), "holds no file at all; hand in the .ipynb"),
    "zip of a picture": (pack({"a.png": b"x"}), "holds no notebook, but a.png; hand in the .ipynb"),
    "large": (json.dumps({"cells": "x" * 60_000}).encode(), "Clear Outputs of All Cells"),
}


@pytest.mark.parametrize("name", SENTENCES)
def test_what_cannot_be_read_is_one_sentence_with_the_next_step(tmp_path: Path, name: str) -> None:
    content, said = SENTENCES[name]
    files = {"ada/small.ipynb": content, "blaise/small.ipynb": book("blaise")}
    problem = of(gather(write(tmp_path, files)), "ada").problem or ""
    assert said in problem
    assert problem.count(". ") == 0
    assert problem.endswith(".")


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8", "damaged"])
def test_what_an_editor_of_windows_saved_is_read(tmp_path: Path, encoding: str) -> None:
    data = json.loads(book("ada")) | {"note": "größer als 255²: “ja”, 5 €"}
    text = json.dumps(data, ensure_ascii=False)
    content = text.encode("utf-8" if encoding == "damaged" else encoding)
    if encoding == "damaged":
        content = content.replace("²".encode(), b"\xc2")
        data["note"] = data["note"].replace("²", "\ufffd")
    one = of(gather(write(tmp_path / "class", {"ada.ipynb": content, "b.ipynb": book("b")})), "ada")
    assert one.problem is None
    assert json.loads(one.content) == data


def test_what_is_no_fault_of_the_students_is_marked(tmp_path: Path) -> None:
    files = {"ada/small.ipynb": SENTENCES["pointer"][0], "blaise/small.ipynb": CONFLICT}
    found = gather(write(tmp_path / "class", files))
    assert {one.student: one.is_ours for one in found.submissions} == {"ada": True, "blaise": False}
    metadata = "---\nsubmission_1:\n  :submitters:\n  - :name: Ada\n    :email: ada@x.edu\n"
    listed = metadata + metadata.removeprefix("---\n").replace("_1", "_2").replace("ada", "bob")
    export = {"submission_1/small.ipynb": book("ada"), "submission_metadata.yml": listed.encode()}
    found = gather(write(tmp_path / "export", export))
    assert {one.student: one.is_ours for one in found.submissions} == {
        "ada@x.edu": False, "bob@x.edu": True,
    }  # fmt: skip


def test_outputs_do_not_count_in_the_size(tmp_path: Path) -> None:
    data = json.loads(book("ada"))
    data["cells"][0] |= {"outputs": [{"text": "x" * 200_000}], "id": "a", "attachments": {"b": {}}}
    data["cells"].append(
        {"cell_type": "markdown", "metadata": {"id": "r1"}, "source": ["é\n", "f"]}
    )
    (tmp_path / "ada.ipynb").write_text(json.dumps(data, ensure_ascii=False), "utf-8")
    one = of(gather(tmp_path / "ada.ipynb"), "ada")
    assert one.problem is None
    del data["cells"][0]["outputs"][0]
    assert json.loads(one.content) == data
    small = of(gather(tmp_path / "ada.ipynb", Limits()), "ada")
    assert small.content == (tmp_path / "ada.ipynb").read_bytes()  # nothing is touched without need


def test_half_a_surrogate_pair_is_read_and_a_whole_one_kept(tmp_path: Path) -> None:
    text = book("ada").decode().replace('"2 + 2"', "").replace("return x", r"return '\ud83d'", 1)
    text = text.replace("return x", r"return '\\ud83d \ud83d\ude00'", 1)
    (tmp_path / "ada.ipynb").write_text(text)
    content = of(gather(tmp_path / "ada.ipynb"), "ada").content
    sources = [cell["source"] for cell in json.loads(content)["cells"]]
    assert "return '\ufffd'" in sources[0]
    assert "return '\\ud83d 😀'" in sources[1]
    raw = book("ada").replace(b"return x", b"return '\xed\xa0\xbd'", 1)
    (tmp_path / "bob.ipynb").write_bytes(raw)
    assert b"\xed\xa0" not in of(gather(tmp_path / "bob.ipynb"), "bob").content


# Zips of other systems

NAMES = {
    "utf-8": ("Müller Zoë", "Ólafsdóttir Björk"),
    "cp437": ("Müller Zoë", "Señor Núñez"),
    "cp1252": ("Müller Zoë", "Bjørk Åse"),
    "gbk": ("张伟", "李 Homework", "朱镕基_hw"),
    "shift_jis": ("田中 ひろし", "たなか"),
    "cp866": ("Иванов Пётр", "Орлова"),
}


@pytest.mark.parametrize("page", NAMES)
def test_names_without_the_flag_are_read_as_their_author_saw_them(
    tmp_path: Path, page: str
) -> None:
    from tests.support.downloads import pack_raw

    members = {f"hw/{name}/作业.ipynb" if page == "gbk" else f"hw/{name}/hw.ipynb": book(name)
               for name in NAMES[page]}  # fmt: skip
    (tmp_path / "hw.zip").write_bytes(pack_raw({n.encode(page): c for n, c in members.items()}))
    found = gather(tmp_path / "hw.zip")
    assert {one.student: owner_of(one.content) for one in found.submissions} == {
        name: name for name in NAMES[page]
    }


def test_one_students_folder_is_one_submission_whatever_lies_in_it(tmp_path: Path) -> None:
    files = {"zz.ipynb": book("ada"), "small.ipynb": OTHER, "a/scratch.ipynb": OTHER, "b.png": b"x"}
    path = write(tmp_path / "submission", files)
    found = collect([path], limits=SMALL, assignment=WANTED, layout="single")
    assert [owner_of(one.content) for one in found.submissions] == ["ada"]
