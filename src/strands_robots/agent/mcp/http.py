"""What every HTTP request for the MCP server passes: the token, the protocol's era, and who notices when it is cut off."""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types import UNSUPPORTED_PROTOCOL_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from strands_robots.agent.mcp.sessions import McpSessions
from strands_robots.agent.mcp.text import whole_characters

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

GONE = "strands_robots.gone"
"""Key in an ASGI scope of the event that is set when the client cannot receive the answer any more."""


def behind_token(app: Asgi, token: str) -> Asgi:
    """Return the application, which answers 401 to requests without "Authorization: Bearer <token>"."""

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not is_authorized(_header(scope, b"authorization"), token):
            await _answer(send, 401, b"the token is missing or wrong\n", (b"www-authenticate", b"Bearer"))
            return
        await app(scope, receive, send)

    return serve


def with_sessions(app: Asgi, sessions: McpSessions) -> Asgi:
    """Return the application for protocols with sessions, to which permits and goals belong; others are refused.

    Args:
        app: The application.
        sessions: Is told of every connection of a session.
    """

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        version = _header(scope, b"mcp-protocol-version").decode("latin-1")
        if version and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            await _answer(send, 400, _wrong_version(version), (b"content-type", b"application/json"))
            return
        session = _header(scope, b"mcp-session-id").decode("latin-1")
        await _watched(app, scope, receive, send, session, sessions)

    return serve


def _header(scope: Any, name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key.lower() == name), b"")


def is_authorized(header: bytes, token: str) -> bool:
    """Return whether an Authorization header carries the token. The scheme's letters count in any case (RFC 9110, 11.1)."""
    scheme, _, given = header.strip().partition(b" ")
    is_bearer = scheme.lower() == b"bearer"
    return hmac.compare_digest(given.strip(b" "), token.encode()) and is_bearer


async def _watched(app: Asgi, scope: Any, receive: Any, send: Any, session: str, sessions: McpSessions) -> None:
    """Serve one request, and say when its client goes before it has the answer."""
    gone, is_answered = asyncio.Event(), False

    async def hear() -> Any:
        message = await receive()
        if message["type"] == "http.disconnect" and not is_answered:
            gone.set()
        if message["type"] == "http.request" and not message.get("more_body", False) and message.get("body"):
            # A body in several pieces is left to the SDK, which answers that half a character is no JSON.
            text = message["body"].decode("utf-8", "surrogateescape")
            message = {**message, "body": whole_characters(text).encode("utf-8", "surrogateescape")}
        return message

    async def tell(message: Any) -> None:
        nonlocal is_answered
        is_answered = is_answered or (message["type"] == "http.response.body" and not message.get("more_body", False))
        await send(message)

    if session:
        sessions.enter(session, scope["method"] == "GET")
    try:
        await app({**scope, GONE: gone}, hear, tell)
    finally:
        if session:
            sessions.leave(session)
            if scope["method"] == "DELETE":
                sessions.end(session)


async def _answer(send: Any, status: int, body: bytes, *headers: tuple[bytes, bytes]) -> None:
    kept = (
        [*headers]
        if any(name == b"content-type" for name, _ in headers)
        else [(b"content-type", b"text/plain"), *headers]
    )
    await send({"type": "http.response.start", "status": status, "headers": kept})
    await send({"type": "http.response.body", "body": body})


def _wrong_version(version: str) -> bytes:
    data = {"supported": list(HANDSHAKE_PROTOCOL_VERSIONS), "requested": version[:40]}
    words = "this server needs a session: initialize with one of the supported versions"
    error = {"code": UNSUPPORTED_PROTOCOL_VERSION, "message": words, "data": data}
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": error}).encode("ascii")
