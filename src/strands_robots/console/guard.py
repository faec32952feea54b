"""What every request passes before a route sees it: whose page it is, who asks, how much and how often. No ROS.

Source: OWASP, "Cross-Site Request Forgery Prevention" and "DNS rebinding"; Fetch Metadata (W3C) for Sec-Fetch-Site.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from strands_robots.console.loopback import LOOPBACK, Names
from strands_robots.console.sessions import Sessions
from strands_robots.console.stops import Stops

COOKIE = "strands_robots_console"
TOKEN_HEADER = "X-Console-Token"
LARGEST_BODY = 65536
"""Bodies of writes [bytes]."""

WRITES, WRITE_WINDOW = 60, 1.0
"""So many writes of one session within this time [s]."""

ENTER, STOP, FEED = "/enter", "/stop", "/feed"
_READS = ("GET", "HEAD")

_NOT_SIGNED_IN = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Console</title>
<h1>This browser is not signed in</h1>
<p>Open the address that the terminal shows. It contains <code>/enter</code>, and works once.
A new one is printed each time one was used.</p>
<p><code>strands-robots estop</code> stops every robot from any terminal of this machine.</p></html>
"""


class Guard:
    """ASGI middleware around the console. A stop passes it with Host and Origin alone.

    Args:
        app: The routes; requests carry the session in `scope["state"]["session"]`.
        sessions: Who was let in.
        stops: Takes stops.
        stop_port: Port of the stop's own way, for the policy of what a page may connect to.
        names: Names of the listener.
    """

    def __init__(
        self, app: ASGIApp, sessions: Sessions, stops: Stops, stop_port: Callable[[], int], names: Names = LOOPBACK
    ) -> None:
        self._names = names
        self._app, self._sessions, self._stops, self._stop_port = app, sessions, stops, stop_port
        self._writes: dict[str, deque[float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        answer = _foreign(scope, headers, self._names)
        if answer is None and scope["type"] == "http" and (scope["path"], scope["method"]) == (STOP, "POST"):
            answer = self._stop(scope)
        elif answer is None:
            session = self._session(headers)
            scope.setdefault("state", {})["session"] = session
            answer = self._unwelcome(scope, headers, session)
        if answer is not None:
            await _refuse(scope, receive, send, answer)
            return
        limited = _Limited(receive) if scope["type"] == "http" else receive
        sockets = "wss" if scope["scheme"] in ("https", "wss") else "ws"
        await self._app(scope, limited, _dressed(send, headers.get("host", ""), self._stop_port(), sockets))

    def _stop(self, scope: Scope) -> Response:
        """Stop, with the number and the reason of the address; a body is not waited for."""
        given = QueryParams(scope["query_string"][:4096])
        return JSONResponse({"asked": self._stops.take(json.dumps(dict(given)))}, 202)

    def _session(self, headers: Headers) -> str | None:
        try:
            found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            return None
        return self._sessions.session(found.value) if found is not None else None

    def _unwelcome(self, scope: Scope, headers: Headers, session: str | None) -> Response | None:
        """Return why a request of our own page, or of no known origin, is not passed on; None when it is."""
        if scope["path"] == ENTER:
            return None
        if session is None and self._names.is_open and _is_looking_on(scope):
            return None
        if session is None:
            return HTMLResponse(_NOT_SIGNED_IN, 401)
        if scope["type"] == "websocket" or scope["method"] in _READS:
            return None
        if not self._sessions.is_token(session, headers.get(TOKEN_HEADER, "")):
            return _words(403, f"{TOKEN_HEADER} is missing or not this session's; valid: what GET /session says")
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > LARGEST_BODY:
            return _words(413, f"the body has {length[:20]} bytes; valid: up to {LARGEST_BODY}")
        if not self._may_write(session):
            return _words(
                429, f"more than {WRITES} writes within {WRITE_WINDOW:g} s; valid: fewer. A stop is not counted"
            )
        return None

    def _may_write(self, session: str) -> bool:
        now = time.monotonic()
        if len(self._writes) > 256 and session not in self._writes:
            self._writes = {name: made for name, made in self._writes.items() if made and now - made[-1] < WRITE_WINDOW}
        made = self._writes.setdefault(session, deque())
        while made and now - made[0] > WRITE_WINDOW:
            made.popleft()
        if len(made) >= WRITES:
            return False
        made.append(now)
        return True


class TooLargeError(Exception):
    """A body without a length, or with a wrong one, goes on beyond the limit."""


class _Limited:
    """Receives a body and ends it at the limit."""

    def __init__(self, receive: Receive) -> None:
        self._receive, self._left = receive, LARGEST_BODY

    async def __call__(self) -> Message:
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise TooLargeError
        return message


def _is_looking_on(scope: Scope) -> bool:
    """Return whether a request shows no more than what happens now."""
    path = str(scope["path"])
    if scope["type"] == "websocket":
        return path == FEED
    is_shown = path in ("/", "/session", "/favicon.ico") or path.startswith("/pages/")
    return scope["method"] in _READS and (is_shown or (path.startswith("/robot/") and path.endswith("/model")))


def _foreign(scope: Scope, headers: Headers, names: Names) -> Response | None:
    """Return the answer to a request that is not for this console, or comes from another site's page."""
    host, origin = headers.get("host", ""), headers.get("origin")
    if not names.is_host(host):
        return _words(421, f"Host is {host[:80]!a}; valid: {', '.join(names.names)}, with any port")
    if origin is not None and origin not in (f"http://{host}", f"https://{host}"):
        return _words(403, f"Origin is {origin[:80]!a}; valid: the console's own page, http://{host}")
    if origin is None and scope["type"] == "websocket":
        return _words(403, "no Origin; valid: a page of the console")
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "")
    if site not in ("same-origin", "none") and mode != "navigate":
        return _words(403, f"Sec-Fetch-Site is {site[:20]!a}; valid: the console's own page")
    return None


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    """Answer instead of the routes; before a WebSocket is accepted this is an HTTP answer, too."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 4401 if answer.status_code == 401 else 4403, "reason": ""})
        return
    answer.headers.update(_HEADERS)
    await answer(scope, receive, send)


def _words(status: int, text: str) -> Response:
    return JSONResponse({"message": text}, status)


_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def _dressed(send: Send, host: str, stop_port: int, sockets: str) -> Send:
    """Return the sender that adds what a browser must know of every answer."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self'; "
        f"connect-src 'self' {sockets}://{host} {sockets}://{name}:{stop_port}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for key, value in {**_HEADERS, "Content-Security-Policy": policy}.items():
                if key not in headers:
                    headers[key] = value
        await send(message)

    return dressed
