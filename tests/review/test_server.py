"""The page's server over plain HTTP: who is answered, and what comes of what is asked."""

import contextlib
import http.client
import re
import socket
import stat
import tomllib
from pathlib import Path
from urllib.parse import urlencode

import pytest

from grader.review import server
from grader.review.guard import POLICY
from grader.review.room import Room
from grader.review.server import Serving
from tests.support.reading import student_of


class Visitor:
    """Asks as a browser's page of that address would, unless told otherwise."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self.origin = f"http://127.0.0.1:{serving.port}"

    def ask(
        self, path: str, form: dict[str, object] | None = None, **more: str | None
    ) -> tuple[int, str, dict[str, str]]:
        """Return status, text and headers; `more` replaces headers, None leaves one out."""
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=30)
        body = urlencode(form, doseq=True) if form is not None else None
        headers = {"host": f"127.0.0.1:{self.serving.port}"}
        if body is not None:
            headers |= {"origin": self.origin, "content-length": str(len(body))}
        changed = {name.replace("_", "-"): value for name, value in more.items()}
        sent = {name: value for name, value in (headers | changed).items() if value is not None}
        connection.putrequest("POST" if body is not None else "GET", path, skip_host=True,
                              skip_accept_encoding=True)  # fmt: skip
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders(body.encode() if body is not None else None)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text, {key.lower(): value for key, value in answer.getheaders()}

    def below(
        self, path: str, form: dict[str, object] | None = None, **more: str | None
    ) -> tuple[int, str, dict[str, str]]:
        """Ask below the token."""
        return self.ask(f"/{self.serving.token}{path}", form, **more)

    def answer(self, question: str = "r1") -> tuple[str, dict[str, object]]:
        """Return where an answer is that nobody has read, and its form's hidden fields."""
        place = self.below(f"/written/{question}")[2]["location"]
        return place, self.fields(self.ask(place)[1])

    @staticmethod
    def fields(page: str) -> dict[str, object]:
        form = page[page.index('id="marking"') :]
        found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form)
        return dict(found)


@pytest.fixture
def visitor(serving: Serving) -> Visitor:
    return Visitor(serving)


def test_it_listens_on_this_machine_only_and_says_so(serving: Serving) -> None:
    assert serving.address.startswith("http://127.0.0.1:")
    assert len(serving.token) >= 43  # 256 bits


def test_every_answer_forbids_what_the_page_does_not_need(visitor: Visitor) -> None:
    for path in ("/", "/review.js", "/nothing"):
        headers = visitor.below(path)[2]
        assert headers["content-security-policy"] == POLICY
        assert headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in headers


def test_without_the_token_nobody_is_answered(visitor: Visitor) -> None:
    token = visitor.serving.token
    for path in ("/", "/written/r1", f"/{token[:-1]}/", f"/{token}x/", f"//{token}/", "/%00/"):
        status, text, _ = visitor.ask(path)
        assert (status, "student" in text) == (403, False)
    assert visitor.below("/")[0] == 200  # the control


@pytest.mark.parametrize("host", ["example.org", "127.0.0.1", "localhost:{port}", None])
def test_another_name_for_this_machine_is_not_answered(visitor: Visitor, host: str | None) -> None:
    """A page elsewhere may have its own name lead to 127.0.0.1; its requests carry that name."""
    name = host.format(port=visitor.serving.port) if host else None
    status, text, _ = visitor.below("/students", host=name)
    assert (status == 200, "student0001" in text) == (False, False)


@pytest.mark.parametrize("origin", ["http://example.org", "null", "http://127.0.0.1:1", None])
def test_a_form_of_another_page_does_nothing(visitor: Visitor, origin: str | None) -> None:
    place, fields = visitor.answer()
    form = fields | {"item": "variance"}
    assert visitor.ask(place, form, origin=origin)[0] == 403
    assert "0 of 12" in visitor.below("/")[1]
    assert visitor.ask(place, form)[0] == 303  # the control
    assert "1 of 12" in visitor.below("/")[1]


def test_another_page_cannot_read_by_a_request_of_its_own(visitor: Visitor) -> None:
    assert visitor.below("/", origin="http://example.org")[0] == 403
    assert visitor.below("/", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")[0] == 403
    assert visitor.below("/", sec_fetch_site="cross-site", sec_fetch_mode="navigate")[0] == 200


def test_a_form_beyond_all_reason_is_not_read(visitor: Visitor) -> None:
    place, fields = visitor.answer()
    assert visitor.ask(place, fields | {"comment": "x" * 300_000})[0] == 403
    assert visitor.ask(place, fields, content_length=None, transfer_encoding="chunked")[0] == 403


def test_the_browser_gets_the_address_by_a_file_that_only_its_user_reads(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A program's arguments can be read by everybody on the machine."""
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    server._open(tmp_path, "http://127.0.0.1:1/secret/")
    assert "secret" not in opened[0]
    page = Path(opened[0].removeprefix("file://"))
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "http://127.0.0.1:1/secret/" in page.read_text()


def test_who_is_told_the_address_finds_somebody_there(room: Room) -> None:
    """The command says it before its server runs, which takes a moment longer."""
    _, listening, serving = server._server(room)
    with contextlib.closing(listening):
        socket.create_connection((server.ADDRESS, serving.port), timeout=30).close()


def test_saving_goes_on_to_the_next_and_can_be_undone(visitor: Visitor) -> None:
    place, fields = visitor.answer()
    status, _, headers = visitor.ask(place, fields | {"item": ["variance", "overflow"]})
    assert status == 303
    following = headers["location"]
    assert following.split("?")[0] != place
    assert "1 of 12" in visitor.ask(following)[1]
    query = following.partition("?")[2]
    back = visitor.below(f"/undo/r1?{query}", {})[2]["location"]
    assert back.split("?")[0] == place
    assert "0 of 12" in visitor.ask(back)[1]


def test_nothing_is_overwritten_that_was_not_seen(visitor: Visitor) -> None:
    place, fields = visitor.answer()
    assert visitor.ask(place, fields | {"item": "variance"})[0] == 303
    status, page, _ = visitor.ask(place, fields | {"item": "vague", "comment": "mine"})
    assert status == 409
    assert "1.5 by ada" in page  # theirs
    assert "mine" in page  # and mine is not lost
    assert "1.5 by ada" in visitor.ask(place)[1]
    seen = visitor.fields(page)
    assert visitor.ask(place, seen | {"item": "vague", "comment": "mine"})[0] == 303
    assert "0 by ada" in visitor.ask(place)[1]


def test_the_same_is_given_to_others_only_where_they_are_ticked(
    room: Room, visitor: Visitor
) -> None:
    def place_of(student: str) -> str:
        with room.open() as store:
            found = room.answers(store, "r1").all
        one = next(one for one in found if one.written.student == student)
        return f"/{visitor.serving.token}/written/r1/{one.id}"

    place = place_of(student_of(1))  # the same text as student 11's
    page = visitor.ask(place)[1]
    assert "1 other has this very text" in page
    [ticket] = re.findall(r'name="together" form="marking" value="([^"]+)"', page)
    form = visitor.fields(page) | {"item": "variance"}
    visitor.ask(place, form)
    assert "1 of 12" in visitor.below("/")[1]
    form = visitor.fields(visitor.ask(place)[1]) | {"item": "overflow", "together": ticket}
    visitor.ask(place, form)
    assert "2 of 12" in visitor.below("/")[1]


def test_names_are_hidden_until_somebody_asks(visitor: Visitor) -> None:
    place, _ = visitor.answer()
    assert "student00" not in visitor.ask(place)[1]
    assert "student00" in visitor.ask(f"{place}?names=1")[1]


def test_where_an_answer_is_missing_the_students_other_words_are_shown(
    room: Room, visitor: Visitor
) -> None:
    with room.open() as store:
        found = room.answers(store, "r1").all
    missing = next(one for one in found if one.written.student == student_of(0))
    page = visitor.below(f"/written/r1/{missing.id}")[1]
    assert "Nothing was written." in page
    assert "What the notebook has besides" in page
    assert "moved elsewhere: &lt;b&gt;not HTML" in page


def test_a_changed_rubric_is_previewed_taken_and_written_back(room: Room, visitor: Visitor) -> None:
    place, fields = visitor.answer()
    visitor.ask(place, fields | {"item": "variance"})
    page = visitor.below("/rubric/r1")[1]
    form: dict[str, object] = {
        "basis": re.findall(r'name="basis" value="([^"]+)"', page)[0],
        "name": ["variance", "overflow", "vague", ""],
        "points": ["1", "0.5", "", "0,25"],
        "comment": ["Names the variance.", "Says what overflows.", "", "Neat."],
    }
    preview = visitor.below("/rubric/r1", form | {"do": "preview"})[1]
    assert "1.5 → <b>1</b>" in preview
    assert "1.5 by ada" in visitor.ask(place)[1]
    assert visitor.below("/rubric/r1", form | {"do": "apply"})[0] == 303
    assert "1 by ada" in visitor.ask(place)[1]
    assert visitor.below("/rubric/r1", form | {"do": "apply"})[0] == 409  # that preview is spent
    path = room.rubric_path()
    assert path is not None
    text = path.read_text(encoding="utf-8")
    assert "# Points for why, not for how long." in text
    stated = tomllib.loads(text)["r1"]
    assert stated["reference"] == "The variance of a score is $d$."
    assert [item["points"] for item in stated["items"]] == [1, 0.5, 0.25]


def test_a_rubric_is_made_where_there_is_none(room: Room) -> None:
    path = room.rubric_path()
    assert path is not None
    stated = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(stated) == {"r1", "r2", "r3"}
    assert [item["points"] for item in stated["r2"]["items"]] == [2, 1, 0]


def test_a_student_shows_both_messages_the_code_and_takes_an_override(visitor: Visitor) -> None:
    listed = visitor.below("/students")[1]
    place = re.findall(r'href="([^"]*/student/[^"]+)"><bdi>student0004', listed)[0]
    page = visitor.ask(place)[1]
    assert "got 4, expected -0.0" in page
    assert "A hidden test that your answer did not pass." in page
    assert '<span class="k">def</span>' in page
    form: dict[str, object] = {"question": "q1", "version": "0", "score": "2", "do": "set"}
    assert "needs a reason" in visitor.ask(place, form)[1]
    assert visitor.ask(place, form | {"why": "the case is wrong"})[0] == 303
    page = visitor.ask(place)[1]
    assert "set to 2 by ada: the case is wrong" in page
    assert "by ada: the case is wrong</bdi>" in page  # the history
    assert "since" in visitor.ask(place, form | {"why": "again"})[1]  # seen before that
    visitor.ask(place, form | {"why": "was right", "do": "withdraw", "version": "1"})
    assert "took the score by hand back: was right" in visitor.ask(place)[1]


def test_a_request_is_answered_and_its_student_reads_why(room: Room, visitor: Visitor) -> None:
    text = "student,question,text\nstudent0004,q1,Why?\neve,q1,x\n"
    (room.out / "requests.csv").write_text(text, encoding="utf-8")
    page = visitor.below("/requests")[1]
    assert "the store knows no student &#39;eve&#39;" in page
    place = re.findall(r'href="([^"]*/request/\d+)"', page)[0]
    form: dict[str, object] = {"version": "0", "do": "score", "score": "1.5", "reply": ""}
    assert "write an answer" in visitor.ask(place, form)[1]
    assert visitor.ask(place, form | {"reply": "Half of it is."})[0] == 303
    assert "1.5</b> of 2" in visitor.ask(place)[1]
    with room.open() as store:
        report = next(r for r in store.gradebook().reports if r.student == student_of(4))
    assert (report.questions[0].score, report.questions[0].reply) == (1.5, "Half of it is.")
    assert "answered this request since" in visitor.ask(place, form | {"reply": "No."})[1]


def test_the_class_shows_cases_and_wrong_answers_side_by_side(visitor: Visitor) -> None:
    page = visitor.below("/class")[1]
    place = re.findall(r'href="([^"]*/class/q1/[^"]+)"><bdi>half of -0.0', page)[0]
    page = visitor.ask(place)[1]
    assert "6 students" in page
    assert page.count('<pre class="source"') == 6


def test_code_is_compared_only_where_that_is_asked_for(room: Room, visitor: Visitor) -> None:
    assert "no verdict" in visitor.below("/similar")[1]
    room.compares = False
    assert "--similar" in visitor.below("/similar")[1]


@pytest.mark.parametrize("path", ["/nothing", "/written/r9", "/written/r1/x", "/student/x",
                                  "/class/q1/x", "/request/9", "/rubric/q1"])  # fmt: skip
def test_what_is_not_there_is_said(visitor: Visitor, path: str) -> None:
    assert visitor.below(path)[0] == 404
