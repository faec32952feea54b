"""The WebSocket of one page: states and pictures go out, what it shows and which button it holds comes in. No ROS."""

from __future__ import annotations

import asyncio
import json
import secrets
import struct
import time
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from strands_robots.console.port import Driving, Picture
from strands_robots.console.sessions import Sessions
from strands_robots.console.stops import Stops
from strands_robots.console.viewers import Viewer, Viewers

HELLO_TIME = 5.0
"""A page says its token within this [s]."""

LONGEST_MESSAGE = 8192
MOST_CAMERAS = 16
MOST_PAGES = 32
MOST_LOOKING_ON = 8
"""Pages of browsers that have not signed in; they take no place of those that have."""

MOST_MESSAGES, MESSAGE_WINDOW = 400, 1.0
"""So many messages of one page within this time [s]: a held button sends 20, four cameras 120. A stop is not counted."""


_LOOKING_ON = ("stop", "drawn", "show")
"""What a page of a browser that has not signed in may say; the rest of its messages does nothing."""

_SIGN_IN = "this browser looks on; valid: sign in with the address that the console's terminal shows"

CLOSE_TOKEN, CLOSE_LIMIT, CLOSE_MESSAGE = 4403, 4429, 4400
"""Why a page's connection is closed: no or a wrong token, too many pages, a message that cannot be used."""


class Feed:
    """Serves the WebSockets of all pages.

    Args:
        sessions: Holds tokens against sessions.
        viewers: The pages that are open.
        stops: Takes stops that come this way, too.
        driving: Moves robots by hand.
    """

    def __init__(self, sessions: Sessions, viewers: Viewers, stops: Stops, driving: Driving) -> None:
        self._sessions, self._viewers, self._stops, self._driving = sessions, viewers, stops, driving
        self._open = {True: 0, False: 0}
        """Pages that are open, of browsers that have signed in and of others."""

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one page until it is closed."""
        await websocket.accept()
        is_known = websocket.state.session is not None
        most = MOST_PAGES if is_known else MOST_LOOKING_ON
        if self._open[is_known] >= most:
            await websocket.close(CLOSE_LIMIT, f"{most} pages are open; valid: close one")
            return
        self._open[is_known] += 1
        try:
            await self._welcome(websocket)
        except WebSocketDisconnect:
            return
        finally:
            self._open[is_known] -= 1

    async def _welcome(self, websocket: WebSocket) -> None:
        try:
            hello = _read(await asyncio.wait_for(websocket.receive_text(), HELLO_TIME))
        except (asyncio.TimeoutError, ValueError, KeyError):
            hello = {}
        token, session = hello.get("token"), websocket.state.session
        # The guard lets a browser without a session in only where it may look on.
        if not isinstance(token, str) or (session is not None and not self._sessions.is_token(session, token)):
            await websocket.close(CLOSE_TOKEN, "the first message has no token of this session")
            return
        tab, viewer = secrets.token_hex(8), Viewer()
        self._viewers.add(viewer)
        sending = asyncio.create_task(_send(websocket, viewer, tab))
        try:
            await self._receive(websocket, viewer, tab)
        finally:
            # First the robot: whatever ended the connection, no button is held any more.
            self._driving.leave(tab)
            self._viewers.remove(viewer)
            sending.cancel()

    async def _receive(self, websocket: WebSocket, viewer: Viewer, tab: str) -> None:
        count, since = 0, time.monotonic()
        while True:
            text = await websocket.receive_text()
            now = time.monotonic()
            count, since = (count + 1, since) if now - since < MESSAGE_WINDOW else (1, now)
            try:
                message = _read(text)
                if count > MOST_MESSAGES and message.get("type") != "stop":
                    await websocket.close(
                        CLOSE_LIMIT, f"more than {MOST_MESSAGES} messages within {MESSAGE_WINDOW:g} s"
                    )
                    return
                if websocket.state.session is None and message.get("type") not in _LOOKING_ON:
                    if message["type"] == "take":
                        await websocket.send_text(json.dumps({"type": "seat", "robot": "", "refusal": _SIGN_IN}))
                    continue
                answer = self._take(message, viewer, tab)
            except (ValueError, KeyError, TypeError) as error:
                await websocket.close(CLOSE_MESSAGE, f"a message cannot be used: {type(error).__name__}")
                return
            if answer:
                await websocket.send_text(json.dumps(answer))

    def _take(self, message: dict[str, Any], viewer: Viewer, tab: str) -> dict[str, Any] | None:
        """Do what a page says; returns what it is answered."""
        kind = message["type"]
        if kind == "stop":
            self._stops.take(json.dumps(message))
        elif kind == "drawn":
            viewer.drawn(str(message["camera"]))
        elif kind == "show":
            cameras = frozenset(str(name)[:128] for name in list(message["cameras"])[:MOST_CAMERAS])
            viewer.show(bool(message["visible"]), cameras)
            self._viewers.note_change()
            if not viewer.is_looking:
                self._driving.release(tab)
        elif kind == "take":
            return {
                "type": "seat",
                "robot": str(message["robot"]),
                "refusal": self._driving.take(str(message["robot"]), tab),
            }
        elif kind == "hold":
            self._driving.hold(tab, str(message["press"])[:64], dict(message["motion"]))
        elif kind == "release":
            self._driving.release(tab)
        elif kind == "leave":
            self._driving.leave(tab)
        else:
            raise ValueError(f"unknown type {kind!r}")
        return None


def packed(picture: Picture) -> bytes:
    """Return a picture as the page reads it: length of the name (1 byte), the name, its age (float32 [s]), the JPEG."""
    name = picture.camera.encode("utf-8")[:255]
    return struct.pack(f"<B{len(name)}sf", len(name), name, picture.age) + picture.data


async def _send(websocket: WebSocket, viewer: Viewer, tab: str) -> None:
    try:
        await websocket.send_text(json.dumps({"type": "welcome", "tab": tab}))
        while True:
            await viewer.news.wait()
            state, pictures = viewer.take()
            if state is not None:
                await websocket.send_text(state)
            for picture in pictures:
                await websocket.send_bytes(packed(picture))
    except (WebSocketDisconnect, RuntimeError):
        return  # The page is gone; the receiving side ends the rest.


def _read(text: str) -> dict[str, Any]:
    if len(text) > LONGEST_MESSAGE:
        raise ValueError(f"a message has {len(text)} characters; valid: up to {LONGEST_MESSAGE}")
    given = json.loads(text)
    if not isinstance(given, dict):
        raise ValueError("a message is no object")
    return given
