"""The stop: its own port, whatever the server is busy with; the same press over several ways; words of any kind."""

from __future__ import annotations

import os
import resource
import socket
import threading
import time

import pytest
from graph import wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from strands_robots.console.stop_line import StopLine

from .rig import Console, receive

AT_ONCE = 0.5
"""A press is a stop within this, on a machine with other work [s]."""


def test_a_press_is_a_stop_though_every_worker_and_the_loop_are_held(console: Console) -> None:
    console.enter()
    console.hand.blocks.clear()
    line = console.stop_line()
    body = {"stop_id": 1, "reason": "wait"}
    waiting = [
        threading.Thread(target=console.http.post, args=("/do/resume",), kwargs={"json": body}) for _ in range(45)
    ]
    for thread in waiting:
        thread.start()
    wait_for(lambda: len(console.hand.orders) >= 40, 20.0, "every worker is held")
    held = threading.Event()
    loop = console.server._viewers  # The loop itself is held by a callback, as a mistake in a route would.
    feed = console.feed()
    wait_for(lambda: loop._looking(), 5.0, "a page")
    loop._looking()[0]._loop.call_soon_threadsafe(held.wait, 20.0)
    pressed = time.monotonic()
    line.send('{"number": "1"}')
    assert line.recv(timeout=5.0) in ("open", "asked 1")
    wait_for(lambda: console.hand.stops, 5.0, "the stop")
    assert console.hand.stops[0][2] - pressed < AT_ONCE
    held.set()
    console.hand.blocks.set()
    for thread in waiting:
        thread.join(10.0)
    feed.close()
    line.close()


def test_one_press_over_three_ways_is_one_stop_and_two_presses_are_two(console: Console) -> None:
    console.enter()
    with console.stop_line() as line, console.feed() as feed:
        for number in ("a", "b"):
            message = f'{{"type": "stop", "number": "{number}"}}'
            line.send(message)
            feed.send(message)
            console.http.post(f"/stop?number={number}")
        wait_for(lambda: len(console.hand.stops) == 2, 5.0)
        assert receive(feed, "state")["stop"].get("verdict", "") in ("", "STOPPED and latched")
        wait_for(lambda: receive(feed, "state")["stop"].get("is_at_rest"), 5.0)
    assert [reason for _, reason, _ in console.hand.stops] == ["stop button of the console"] * 2


@pytest.mark.parametrize(
    "words",
    [
        "",
        "stop",
        "{",
        "[]",
        '{"number": 7}',
        '{"number": "", "reason": null}',
        "\u2028",
        b"\xff\x00",
        "x" * 70000,
        "[" * 4096,
    ],
)
def test_whatever_arrives_on_the_stops_own_way_is_a_stop(console: Console, words: str | bytes) -> None:
    with console.stop_line() as line:
        line.send(words)
        wait_for(lambda: console.hand.stops, 5.0, "the stop")


@pytest.mark.parametrize(
    "query", ["", "?", "?number=", "?number=%ff&reason=%00", "?" + "x" * 9000, "?reason=a&reason=b"]
)
def test_a_posted_stop_needs_no_session_no_token_and_no_words(console: Console, query: str) -> None:
    answer = console.http.post(f"/stop{query}", headers={"Origin": console.url})
    assert answer.status_code == 202
    wait_for(lambda: console.hand.stops, 5.0)


@pytest.mark.parametrize("length", [0, 100_000_000])
def test_a_stop_does_not_wait_for_a_body(console: Console, length: int) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", console.server.port), 5.0) as wire:
        wire.sendall(f"POST /stop HTTP/1.1\r\nHost: {console.host}\r\nContent-Length: {length}\r\n\r\n".encode())
        wait_for(lambda: console.hand.stops, 5.0)


def test_a_page_hears_that_the_way_is_open(console: Console) -> None:
    with console.stop_line() as line:
        assert line.recv(timeout=2.0) == "open"
        assert line.recv(timeout=2.0) == "open"


def test_a_stop_that_fails_says_that_there_is_no_evidence(console: Console) -> None:
    console.enter()

    def broken(source: str, reason: str, wait: float) -> None:
        raise RuntimeError("no middleware")

    console.server.stops._stop = broken  # type: ignore[assignment]
    with console.feed() as feed:
        feed.send('{"type": "stop"}')
        wait_for(lambda: "no middleware" in receive(feed, "state")["stop"].get("verdict", ""), 5.0)


def test_the_last_pages_stop_is_taken_though_the_page_is_gone(console: Console) -> None:
    line = console.stop_line()
    line.send("stop")
    line.socket.close()
    wait_for(lambda: console.hand.stops, 5.0)


def test_a_connection_that_cannot_be_accepted_does_not_end_the_stops_own_way(console: Console) -> None:
    console.enter()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.socket() as waiting:
        free = os.dup(waiting.fileno())
        os.close(free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, hard))  # No further file may be opened in this process.
        try:
            waiting.connect(("127.0.0.1", console.server.stop_port))
            waiting.settimeout(0.5)
            with pytest.raises(TimeoutError):  # It waits to be accepted.
                waiting.recv(1)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with console.stop_line() as line:
        line.send("stop")
        wait_for(lambda: console.hand.stops, 5.0, "the stop")


def test_an_open_connection_ends_with_the_stops_own_way_and_does_not_hold_the_process(console: Console) -> None:
    listener = StopLine(console.server.stops, 0)
    before = threading.active_count()
    with connect(f"ws://127.0.0.1:{listener.port}/") as line:
        assert line.recv(timeout=5.0) == "open"
        listener.close()
        with pytest.raises(ConnectionClosed):
            while True:
                line.recv(timeout=5.0)
    wait_for(lambda: threading.active_count() < before, 5.0, "the end of the connection's thread and the listener's")
