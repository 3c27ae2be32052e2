"""The network: closed, or opened by name; and then pages and names, and nothing of this machine."""

import http.server
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from grader.grading.assemble import assemble
from grader.grading.judge import Engine, Request, judge
from grader.model import Assignment, Isolation, Limits, Status
from grader.reports import Report
from grader.sandbox import Session, Worker, launch
from grader.sandbox.levels import recipes
from grader.sandbox.proof import probes
from tests.conftest import notebook_of, submission_of

pytestmark = pytest.mark.needs("isolation")


class Page(http.server.BaseHTTPRequestHandler):
    """Answers every request alike."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"2")

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page() -> Iterator[int]:
    """Return the port of a server on this machine."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def opened(page: int) -> Isolation:
    """The isolation with an open network, of which the page's port is one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "PORTS", (*launch.PORTS, page))
        return probes.choose_isolation(network=True)


def child(isolation: Isolation, page: int) -> Iterator[Session]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(launch, "PORTS", (*launch.PORTS, page))
        worker = Worker(isolation=isolation, libraries=())
    with worker:
        yield worker.session(Limits(), deadline=time.monotonic() + 600)


@pytest.fixture(scope="module")
def closed_child(isolation: Isolation, page: int) -> Iterator[Session]:
    yield from child(isolation, page)


@pytest.fixture(scope="module")
def open_child(opened: Isolation, page: int) -> Iterator[Session]:
    yield from child(opened, page)


def fetch(port: int) -> str:
    return f"import urllib.request\nprint(urllib.request.urlopen('http://127.0.0.1:{port}').read())"


def test_a_page_is_read_where_the_network_is_open_and_only_there(
    closed_child: Session, open_child: Session, page: int
) -> None:
    assert open_child.run_cell(fetch(page), 1).output == "b'2'\n"
    failure = closed_child.run_cell(fetch(page), 1).failure
    assert failure is not None
    assert failure.type_name == "URLError"


@pytest.mark.needs("landlock")
def test_this_machines_other_ports_stay_closed(open_child: Session) -> None:
    with socket.create_server(("127.0.0.1", 0)) as waiting:
        port = waiting.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), 2).close()  # it can be reached
        connect = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 2)"
        failure = open_child.run_cell(connect, 1).failure
    assert failure is not None
    assert failure.builtin == "PermissionError"


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket().bind(('127.0.0.1', 0))",
        "socket.socket(socket.AF_UNIX)",
        "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
        "socket.socket(socket.AF_INET, socket.SOCK_RAW)",
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    ],
)
def test_an_open_network_opens_no_socket_that_waits_or_stays_here(
    open_child: Session, attempt: str
) -> None:
    failure = open_child.run_cell(f"import socket\n{attempt}", 1).failure
    assert failure is not None
    assert failure.builtin == "PermissionError"


def test_the_probes_say_what_was_opened(isolation: Isolation, opened: Isolation) -> None:
    assert opened.network
    assert not isolation.network
    assert isolation.probes["udp"] == "ok"
    assert opened.probes["udp"].startswith("open, as --network says")
    assert opened.probes["tcp"] == "ok" or opened.probes["tcp"].startswith("open, as")
    others = {name for name, found in opened.probes.items() if not found.startswith("ok")}
    assert others <= {"udp", "tcp", "stat"}
    assert not opened.is_made_like(isolation)
    assert recipes.likely_isolation(network=True).is_made_like(opened)


CELLS = ("import otter\ngrader = otter.Notebook('small.ipynb')", "", 'grader.check("q1")')
TRIES: dict[str, str] = {
    "urllib": "import urllib.request\nfactor = urllib.request.urlopen('http://example.org').read()",
    "name": "import socket\nfactor = socket.getaddrinfo('example.org', 80)",
    "socket": "import socket\nfactor = socket.create_connection(('192.0.2.1', 80), 2)",
    "raised again": "try:\n    import urllib.request\n    urllib.request.urlopen('http://x.org')\n"
    "except OSError as error:\n    raise RuntimeError(f'no data: {error}')",
}
NO_TRIES: dict[str, str] = {
    "a file": "factor = open('none.csv').read()",
    "a refusal": "import os\nos.chroot('.')",
    "a name": "factor = conect",
}


@pytest.fixture(scope="module")
def judged(small: Assignment, isolation: Isolation) -> Iterator[Callable[[str], Report]]:
    bare = replace(small, libraries=())
    with Worker(isolation=isolation, libraries=()) as worker:
        engine: Engine = assemble(bare, {"cpu": worker})

        def run(cell: str) -> Report:
            cells = (CELLS[0], f"{cell}\ndef double(x):\n    return 2 * x", CELLS[2])
            return judge(Request(submission_of(notebook_of(*cells)), only=("q1",)), engine)

        yield run


@pytest.mark.parametrize("name", [*TRIES, *NO_TRIES])
def test_a_cell_that_reached_for_the_network_is_named(
    judged: Callable[[str], Report], name: str
) -> None:
    report = judged({**TRIES, **NO_TRIES}[name])
    public = report.questions[0].cases[0]
    assert public.status is Status.FAILED
    assert "Cell 2 raised" in public.message
    is_named = name in TRIES
    assert ("It reads from the network, which is closed" in public.message) is is_named
    assert ("--network opens it" in report.questions[0].note) is is_named
