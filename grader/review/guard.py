"""Who may ask the page anything: whoever knows its address, from a page of its own.

The token is a part of the path, and no cookie: a browser sends cookies for 127.0.0.1 to every
port of it, so that another user of this machine could collect one with a server of their own.
"""

import hmac
import secrets
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

ADDRESS = "127.0.0.1"
MOST_BYTES = 256_000  # of what a form sends
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer` a browser would not say which page a form comes from.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def new_token() -> str:
    """Return what nobody guesses: 256 random bits."""
    return secrets.token_urlsafe(32)


class Guard:
    """Wraps the page: refuses whatever did not come to its address from its address."""

    def __init__(self, app: ASGIApp, port: int, token: str) -> None:
        self._app = app
        self._host = f"{ADDRESS}:{port}"
        self._root = f"/{token}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on below its token."""
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal is not None:
            await PlainTextResponse(refusal, 403)(scope, receive, send_guarded)
            return
        rest = scope["path"][len(self._root) :]
        inner = {**scope, "root_path": self._root, "path": self._root + (rest or "/")}
        await self._app(inner, receive, send_guarded)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        if headers.getlist("host") != [self._host]:
            return "This page answers to its own address only."
        first = f"/{unquote(scope['path']).split('/')[1]}"
        if not hmac.compare_digest(first.encode("utf-8", "replace"), self._root.encode()):
            return "The address lacks its token: use the one that `grader review` printed."
        origins = headers.getlist("origin")
        wanted = [f"http://{self._host}"]
        writes = scope["method"] not in {"GET", "HEAD"}
        if (writes or origins) and origins != wanted:
            return "Another page asked for this; it was not done."
        site = headers.get("sec-fetch-site", "none")
        is_visit = headers.get("sec-fetch-mode") == "navigate" and not writes
        if site not in {"none", "same-origin"} and not is_visit:
            return "Another page asked for this; it was not done."
        length = headers.get("content-length", "")
        if writes and not (length.isdecimal() and int(length) <= MOST_BYTES):
            return f"That is more than {MOST_BYTES:,} bytes; shorten it."
        return None
