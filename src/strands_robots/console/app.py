"""The console's routes. Who may use them is decided in guard.py. No ROS."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from strands_robots.console.feed import Feed
from strands_robots.console.guard import COOKIE, ENTER, Guard, TooLargeError
from strands_robots.console.loopback import Names
from strands_robots.console.orders import ORDERS, read_order
from strands_robots.console.port import Orders
from strands_robots.console.sessions import LONGEST, Sessions
from strands_robots.console.stops import Stops
from strands_robots.core.errors import StrandsRobotsError

PAGES = Path(__file__).parent / "pages"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}

_ENTERED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Console</title>
<meta http-equiv="refresh" content="0;url=/"><p><a href="/">To the console</a></p></html>
"""
_NOT_ENTERED = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Console</title>
<h1>This address was used already, or is not one of this console</h1>
<p>Each works once. The terminal shows a new one. After ten wrong ones within a minute, none is looked at for a minute.</p></html>
"""


@dataclass(frozen=True)
class Facts:
    """What a page is told once: the graph's name, where the stop button that always works is, and the stop's own ports.

    Attributes:
        stop_port: For browsers of this machine.
        remote_stop_port: For those of others; 0 where the console listens to none.
    """

    graph: str
    stop_port: int
    stop_button: str
    remote_stop_port: int = 0


@dataclass(frozen=True)
class Parts:
    """What the routes need.

    Attributes:
        sessions, stops, feed: As their classes say.
        orders: Does what pages ask for.
        facts: What a page is told once.
        on_enter: Called when a one-time address was used, so that the next one can be shown.
        reads: Routes that only read: data sets, audit, doctor.
    """

    sessions: Sessions
    stops: Stops
    feed: Feed
    orders: Orders
    facts: Facts
    on_enter: Any
    reads: tuple[Route, ...] = ()


def console_app(parts: Parts, names: Names | None = None) -> tuple[ASGIApp, ASGIApp | None]:
    """Return the console as ASGI applications behind their guards: for browsers of this machine, and for those of others.

    Args:
        parts: What the routes need.
        names: Names under which other machines address the console; None where it listens to none.
    """

    async def enter(request: Request) -> Response:
        cookie = parts.sessions.enter(request.query_params.get("key", ""), request.url.scheme)
        if cookie is None:
            return HTMLResponse(_NOT_ENTERED, 403)
        answer = HTMLResponse(
            _ENTERED
        )  # A page that goes on by itself: a redirect would carry no cookie of SameSite=Strict.
        answer.set_cookie(
            COOKIE, cookie, max_age=int(LONGEST), path="/", httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        parts.on_enter()
        return answer

    async def session(request: Request) -> Response:
        facts, name = parts.facts, request.state.session
        is_remote = request.url.scheme == "https"
        return JSONResponse(
            {
                "token": "" if name is None else parts.sessions.token(name), "graph": facts.graph, "stop_button": facts.stop_button,
                "stop_port": facts.remote_stop_port if is_remote else facts.stop_port, "is_signed_in": name is not None,
            }
        )  # fmt: skip

    async def order(request: Request) -> Response:
        return await _ordered(parts.orders, request)

    routes = [
        Route(ENTER, enter),
        Route("/session", session),
        Route("/do/{name}", order, methods=["POST"]),
        WebSocketRoute("/feed", parts.feed.serve),
        *parts.reads,
        Route("/", _page("index.html")),
        Route("/favicon.ico", _page("icon.svg")),
        *(
            Route(f"/pages/{path.relative_to(PAGES).as_posix()}", _page(path.relative_to(PAGES).as_posix()))
            for path in _files()
        ),
    ]
    app = Starlette(routes=routes, exception_handlers={StrandsRobotsError: _failed, TooLargeError: _too_large})
    here = Guard(app, parts.sessions, parts.stops, lambda: parts.facts.stop_port)
    if names is None:
        return here, None
    return here, Guard(app, parts.sessions, parts.stops, lambda: parts.facts.remote_stop_port, names)


def _files() -> list[Path]:
    """Return every file of the pages. Each has a route of its own, so that no path is ever made of a request."""
    return sorted(path for path in PAGES.rglob("*") if path.suffix in _KINDS)


def _page(name: str) -> Any:
    """Return the answer of one file. It is kept in memory: a first page asks for twenty, and none shall wait for a thread."""
    path = PAGES / name
    kept: tuple[str, bytes] = ("", b"")

    async def page(request: Request) -> Response:
        nonlocal kept
        state = path.stat()
        tag = f'"{state.st_mtime_ns:x}-{state.st_size:x}"'
        if kept[0] != tag:
            kept = (tag, path.read_bytes())
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(kept[1], headers=headers, media_type=_KINDS[path.suffix])

    return page


async def _ordered(orders: Orders, request: Request) -> Response:
    """Do an order in a thread: some take seconds, and the server goes on."""
    name = request.path_params["name"]
    try:
        given = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        return JSONResponse({"is_done": False, "message": "the body is not JSON; valid: an object"}, 400)
    try:
        order = read_order(name, given)
    except StrandsRobotsError as error:
        return JSONResponse({"is_done": False, "message": str(error)}, 404 if name not in ORDERS else 422)
    try:
        answer = await run_in_threadpool(orders.make, order, request.state.session)
    except StrandsRobotsError as error:
        return JSONResponse({"is_done": False, "message": str(error)}, 409)
    return JSONResponse({"is_done": answer.is_done, "message": answer.message, "details": answer.details})


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": str(error)}, 409)


async def _too_large(request: Request, error: Exception) -> Response:
    return JSONResponse({"message": "the body is too large"}, 413)
