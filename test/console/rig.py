"""A console in the test's own process: the real server on real ports, before a graph that the test moves by hand."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="uvicorn is not installed: pip install -r requirements/console.txt")
pytest.importorskip("httpx", reason="httpx is not installed: pip install -r requirements/agent.txt")
import httpx
from websockets.sync.client import ClientConnection, connect

from strands_robots.console.orders import Order
from strands_robots.console.port import Answer, Picture
from strands_robots.console.server import ConsoleConfig, ConsoleServer
from strands_robots.console.tls import Listen
from strands_robots.console.world_scene import WorldScene
from strands_robots.core.errors import UnknownNameError
from strands_robots.safety.stop_report import RestReport, StopReport


class HandGraph:
    """A graph as the console sees it: what the test says it is, and a note of everything that was asked of it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.moment: dict[str, Any] = {"safety": None, "robots": [], "cameras": []}
        self.new_pictures: list[Picture] = []
        self.wanted: frozenset[str] = frozenset()
        self.looks = self.rests = 0
        self.stops: list[tuple[str, str, float]] = []
        self.stop_report = StopReport(True, True, 7, "stopped", (RestReport("so101", True, True, "stop", True),), True)
        self.orders: list[Order] = []
        self.answer = Answer(True, "done")
        self.blocks = threading.Event()
        self.blocks.set()
        self.holds: list[tuple[str, str, dict[str, Any]]] = []
        self.driving: list[tuple[str, str]] = []
        self.tabs: list[str] = []
        self.urdfs: dict[str, str] = {}
        self.world = WorldScene()
        self.around = WorldScene()

    def look(self) -> dict[str, Any]:
        self.looks += 1
        return dict(self.moment)

    def pictures(self, cameras: frozenset[str]) -> list[Picture]:
        with self.lock:
            self.wanted = cameras
            found = [picture for picture in self.new_pictures if picture.camera in cameras]
            self.new_pictures = []
        return found

    def urdf(self, robot: str) -> str | None:
        return self.urdfs.get(robot)

    def base(self, robot: str) -> dict[str, Any]:
        if robot not in self.urdfs:
            raise UnknownNameError("robot of the world", robot, self.urdfs)
        return {"xyz": [0.0, 0.0, 0.1], "quaternion": [0.0, 0.0, 0.0, 1.0]}

    def around_robot(self, robot: str, number: int) -> dict[str, Any]:
        return self.around.since(number)

    def rest(self) -> None:
        self.rests += 1
        self.wanted = frozenset()

    def stop(self, source: str, reason: str, wait: float) -> StopReport:
        self.stops.append((source, reason, time.monotonic()))
        return self.stop_report

    def make(self, order: Order, session: str) -> Answer:
        self.orders.append(order)
        assert self.blocks.wait(30.0)
        return self.answer

    def take(self, robot: str, tab: str) -> str:
        self.driving.append(("take", robot))
        self.tabs.append(tab)
        return "" if robot == "so101" else "unknown robot"

    def hold(self, tab: str, press: str, motion: Mapping[str, Any]) -> None:
        self.holds.append((tab, press, dict(motion)))

    def release(self, tab: str) -> None:
        self.driving.append(("release", tab))

    def leave(self, tab: str) -> None:
        self.driving.append(("leave", tab))


class Console:
    """The server, and a browser's part of HTTP."""

    def __init__(
        self, graph: HandGraph, secret: bytes = b"s" * 32, port: int = 0, stop_port: int = 0,
        listen: Listen | None = None, **more: Any,
    ) -> None:  # fmt: skip
        self.hand = graph
        self.addresses: list[str] = []
        config = ConsoleConfig(port, stop_port, graph="/test", stop_button="on the table, left", listen=listen)
        self.server = ConsoleServer(
            config, secret, graph.stop, graph, graph, graph, self.addresses.append, lambda line: None, **more
        )
        self.server.show_address()
        self.host = f"127.0.0.1:{self.server.port}"
        self.url = f"http://{self.host}"
        self.http = httpx.Client(base_url=self.url, timeout=10.0)
        self._sockets = contextlib.ExitStack()

    def enter(self) -> Console:
        assert self.http.get(self.addresses[-1]).status_code == 200
        self.http.headers["X-Console-Token"] = self.token
        self.http.headers["Origin"] = self.url
        return self

    @property
    def token(self) -> str:
        return str(self.http.get("/session").json()["token"])

    @property
    def cookie(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    def feed(self, token: str | None = None, **headers: str) -> ClientConnection:
        """Return the page's WebSocket; the token is said as the first message."""
        given = {"Origin": self.url, "Cookie": self.cookie, **headers}
        socket = self._open(f"ws://{self.host}/feed", given)
        socket.send(json.dumps({"token": self.token if token is None else token}))
        return socket

    def stop_line(self, **headers: str) -> ClientConnection:
        return self._open(f"ws://127.0.0.1:{self.server.stop_port}/", {"Origin": self.url, **headers})

    def _open(self, url: str, headers: Mapping[str, str]) -> ClientConnection:
        return self._sockets.enter_context(connect(url, additional_headers=dict(headers), max_size=1 << 24))

    def close(self) -> None:
        self._sockets.close()
        self.http.close()
        self.hand.blocks.set()
        self.server.close()


def receive(socket: ClientConnection, kind: str, timeout: float = 5.0) -> dict[str, Any]:
    """Return the next message of a type."""
    end = time.monotonic() + timeout
    while True:
        data = socket.recv(timeout=max(end - time.monotonic(), 0.0))
        if isinstance(data, str):
            message: dict[str, Any] = json.loads(data)
            if message.get("type") == kind:
                return message
