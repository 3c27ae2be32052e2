"""The page's server: this machine only, a free port, an address that nobody else knows."""

import contextlib
import html
import socket
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from grader.review.app import app
from grader.review.guard import ADDRESS, new_token
from grader.review.room import Room

START_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Serving:
    """A page that can be asked."""

    address: str
    port: int
    token: str


def _server(room: Room) -> tuple[uvicorn.Server, socket.socket, Serving]:
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.bind((ADDRESS, 0))
    listening.listen()  # who is told the address may ask at once, and then waits for the server
    port = int(listening.getsockname()[1])
    token = new_token()
    config = uvicorn.Config(
        app(room, port, token),
        log_level="error",
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        ws="none",
        timeout_graceful_shutdown=2,
    )
    serving = Serving(f"http://{ADDRESS}:{port}/{token}/", port, token)
    return uvicorn.Server(config), listening, serving


def serve(room: Room, say: Callable[[str], None], *, opens: bool) -> None:
    """Answer until somebody stops it by Ctrl+C; `opens` shows the page in a browser."""
    server, listening, serving = _server(room)
    with contextlib.closing(listening), room.open(), contextlib.ExitStack() as stack:
        say(serving.address)
        if opens:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="grader-review-"))
            _open(Path(folder), serving.address)
        with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises it again after its end
            server.run(sockets=[listening])


@contextlib.contextmanager
def served(room: Room) -> Iterator[Serving]:
    """Answer from a thread of this process, until the block ends."""
    server, listening, serving = _server(room)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="review")
    thread.start()
    # While one connection stays open, the end of a request writes nothing that could have waited.
    held = room.open()
    try:
        until = time.monotonic() + START_SECONDS
        while not server.started and time.monotonic() < until:
            time.sleep(0.01)
        yield serving
    finally:
        server.should_exit = True
        thread.join()
        held.close()
        listening.close()


def _open(folder: Path, address: str) -> None:
    """Open the address by a file of one's own: a program's arguments can be read by everybody."""
    page = folder / "review.html"
    page.touch(mode=0o600)
    page.write_text(
        f'<!doctype html><meta http-equiv="refresh" content="0; url={html.escape(address)}">'
        f'<p><a href="{html.escape(address)}">The review</a></p>',
        encoding="utf-8",
    )
    webbrowser.open(page.as_uri())
