"""The MCP server over HTTP: token, Host and Origin are checked before anything else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("mcp")
import httpx

from strands_robots.agent.mcp.server import http_app
from strands_robots.agent.tools.toolset import Toolset

from .ports import FakePort

TOKEN = "a-token-of-sixteen-characters"
CALL = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip


def answer(**headers: str) -> int:
    given = {"accept": "application/json, text/event-stream", "host": "127.0.0.1:8790", **headers}

    async def ask() -> int:
        app: Any = http_app(Toolset(FakePort([])), 8790, TOKEN)
        server = app
        while not hasattr(server, "router"):  # what stands before it wraps it
            server = next(cell.cell_contents for cell in server.__closure__ if callable(cell.cell_contents))
        async with server.router.lifespan_context(server):
            transport = httpx.ASGITransport(app=app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8790") as client:
                return (await client.post("/mcp", json=CALL, headers=given)).status_code

    return asyncio.run(ask())


def test_request_with_the_token_is_answered() -> None:
    assert answer(authorization=f"Bearer {TOKEN}") == 200


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer "])
def test_scheme_of_the_token_counts_in_any_case(scheme: str) -> None:
    assert answer(authorization=f"{scheme} {TOKEN}") == 200


def test_protocol_without_sessions_is_refused_with_the_versions_that_are_served() -> None:
    assert answer(authorization=f"Bearer {TOKEN}", **{"mcp-protocol-version": "2026-07-28"}) == 400
    assert answer(authorization="Bearer x", **{"mcp-protocol-version": "2026-07-28"}) == 401


@pytest.mark.parametrize("value", ["", "Bearer ", f"Bearer {TOKEN}x", TOKEN, "Basic abc"])
def test_request_without_the_token_is_refused(value: str) -> None:
    assert answer(authorization=value) == 401


def test_request_of_another_origin_or_host_is_refused() -> None:
    assert answer(authorization=f"Bearer {TOKEN}", origin="http://evil.example") == 403
    assert answer(authorization=f"Bearer {TOKEN}", host="evil.example") == 421
