"""The Zenoh router of this machine: watched by every graph, started again, on localhost only. The routers here are real ones, in Python."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strands_robots.bringup import zenoh_router
from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.zenoh_router import RouterWatch, router_environment, router_watch
from strands_robots.doctor.zenoh_router import no_router_words, router_answers, uses_zenoh

pytest.importorskip("zenoh")

ROUTER = """
import os, signal, sys, threading, zenoh
config = zenoh.Config()
config.insert_json5("mode", '"router"')
config.insert_json5("listen/endpoints", '["tcp/[::]:7447"]')
config.insert_json5("scouting/multicast/enabled", "false")
for pair in os.environ.get("ZENOH_CONFIG_OVERRIDE", "").split(";"):
    key, _, value = pair.partition("=")
    if key:
        config.insert_json5(key, value.replace("7447", sys.argv[1]))
end = threading.Event()
signal.signal(signal.SIGINT, lambda *_: end.set())
session = zenoh.open(config)
end.wait()
session.close()
"""
"""Configured as rmw_zenohd: listens on every address unless ZENOH_CONFIG_OVERRIDE says otherwise. Its port is the first argument."""


class Watched:
    """A watch in a thread of its own, over a router on a port of its own."""

    def __init__(self, port: int, command: list[str] | None = None) -> None:
        self.said: list[str] = []
        self.command = command or [sys.executable, "-c", ROUTER, str(port)]
        self.watch = RouterWatch(
            self.command, router_environment(os.environ), lambda: router_answers(("localhost", port)), self.said.append
        )
        self.thread = threading.Thread(target=self.watch.run, daemon=True)
        self.thread.start()

    @property
    def pid(self) -> int:
        child = self.watch._child
        return 0 if child is None or child.poll() is not None else child.pid

    def end(self) -> None:
        self.watch.end()
        self.thread.join(10.0)
        assert not self.thread.is_alive()


def wait_until(condition: Callable[[], object], timeout: float) -> bool:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def watched(port: int) -> Iterator[list[Watched]]:
    graphs: list[Watched] = []
    yield graphs
    for graph in graphs:
        graph.end()
    assert not router_answers(("localhost", port)), "a router ends with the graph that started it"


def listening(port: int) -> set[str]:
    """Return the local addresses on which a port is listened on, as ss says."""
    lines = subprocess.run(["ss", "-Hltn"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    found = [line.split()[3].rpartition(":") for line in lines]
    return {address for address, _, number in found if number == str(port)}


def test_one_router_is_started_on_localhost_and_the_next_graph_starts_it_again(
    port: int, watched: list[Watched]
) -> None:
    watched.append(Watched(port))
    assert wait_until(lambda: router_answers(("localhost", port)), 20.0)
    assert listening(port) <= {"127.0.0.1", "[::1]"}
    watched.append(Watched(port))
    assert wait_until(lambda: watched[0].pid != 0, 5.0) and watched[1].pid == 0
    watched.pop(0).end()
    assert wait_until(lambda: watched[0].pid != 0 and router_answers(("localhost", port)), 20.0), watched[0].said
    # However often it is killed, the watch goes on.
    for _ in range(3):
        killed = watched[0].pid
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda killed=killed: watched[0].pid not in (0, killed), 20.0), watched[0].said
        assert wait_until(lambda: router_answers(("localhost", port)), 20.0)


def test_router_that_hangs_is_killed_and_started_again(port: int, watched: list[Watched]) -> None:
    watched.append(Watched(port))
    assert wait_until(lambda: router_answers(("localhost", port)), 20.0)
    hung = watched[0].pid
    os.kill(hung, signal.SIGSTOP)
    assert not router_answers(("localhost", port), 0.3), "the kernel takes the connection, and no router answers"
    assert wait_until(lambda: watched[0].pid not in (0, hung) and router_answers(("localhost", port)), 20.0)
    assert any("does not answer; it is killed" in text for text in watched[0].said)


def test_router_that_cannot_run_is_tried_again_with_longer_waits(port: int, watched: list[Watched]) -> None:
    began = time.monotonic()
    watched.append(Watched(port, ["/bin/false"]))
    assert wait_until(lambda: sum("ended with 1" in text for text in watched[0].said) == 3, 20.0)
    assert time.monotonic() - began > 0.3
    watched.append(Watched(port, ["/no/such/program"]))
    assert wait_until(lambda: any("cannot be started" in text for text in watched[1].said), 5.0)


def test_what_listens_and_is_no_router_does_not_answer() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        assert not router_answers(server.getsockname(), 0.2)
        server.listen()
        assert not router_answers(server.getsockname(), 0.2)


def test_configuration_of_the_user_stays() -> None:
    assert router_environment({"ZENOH_ROUTER_CONFIG_URI": "/me/router.json5"}) == {
        "ZENOH_ROUTER_CONFIG_URI": "/me/router.json5"
    }
    given = 'listen/endpoints=["tcp/10.0.0.1:7447"]'
    override = router_environment({"ZENOH_CONFIG_OVERRIDE": given})["ZENOH_CONFIG_OVERRIDE"]
    assert override == f'listen/endpoints=["tcp/localhost:7447"];{given}', "the later pair wins"
    assert not uses_zenoh({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp", "ZENOH_SESSION_CONFIG_URI": "/me/session.json5"})


def test_watch_ends_last_and_its_end_ends_no_graph() -> None:
    spec = router_watch(Path("/opt/ros/jazzy/lib/rmw_zenoh_cpp/rmw_zenohd"))
    assert spec.on_exit is OnExit.OPTIONAL and spec.end_stage > 3 and not spec.is_ros_node
    assert spec.arguments[-1].endswith("rmw_zenohd") and spec.arguments[1] == zenoh_router.__name__


def test_missing_router_is_said_where_one_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strands_robots.doctor.zenoh_router.router_answers", lambda: False)
    assert no_router_words({}) == ""
    assert "no Zenoh router answers on port 7447" in no_router_words({"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"})
