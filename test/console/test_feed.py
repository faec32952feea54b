"""What a page is told: states, pictures one at a time, nothing while it is hidden; and what its end means for a robot."""

from __future__ import annotations

import struct
import time

import pytest
from graph import wait_for
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from strands_robots.console import feed as feed_module
from strands_robots.console.port import Picture

from .rig import Console, receive

SHOW = '{"type": "show", "visible": true, "cameras": ["top"]}'
HIDE = '{"type": "show", "visible": false, "cameras": ["top"]}'


def read_picture(feed: ClientConnection) -> tuple[str, float, bytes]:
    while True:
        data = feed.recv(timeout=5.0)
        if isinstance(data, bytes):
            name = data[1 : 1 + data[0]].decode()
            return name, struct.unpack_from("<f", data, 1 + data[0])[0], data[5 + data[0] :]


def test_nobody_looks_at_the_graph_while_no_page_is_visible(console: Console) -> None:
    graph = console.enter().hand
    assert graph.looks == 0
    with console.feed() as feed:
        receive(feed, "state")
        feed.send(SHOW)
        wait_for(lambda: graph.wanted == {"top"}, 5.0, "the camera is asked for")
        feed.send(HIDE)
        wait_for(lambda: graph.rests == 1, 10.0, "the graph is let go")
        looks = graph.looks
        feed.send(SHOW)
        receive(feed, "state")
        wait_for(lambda: graph.looks > looks, 5.0)
    wait_for(lambda: graph.rests == 2, 10.0, "the page is gone")


def test_a_picture_comes_with_its_age_and_the_next_only_when_it_was_drawn(console: Console) -> None:
    graph = console.enter().hand
    with console.feed() as feed:
        feed.send(SHOW)
        wait_for(lambda: graph.wanted == {"top"}, 5.0)
        for number in range(3):
            graph.new_pictures = [Picture("top", 0.05, b"jpeg %d" % number), Picture("other", 0.0, b"unasked")]
            wait_for(lambda: not graph.new_pictures, 5.0)
        name, age, data = read_picture(feed)
        assert (name, data) == ("top", b"jpeg 0") and 0.05 <= age < 2.0
        feed.send('{"type": "drawn", "camera": "top"}')
        assert read_picture(feed)[2] == b"jpeg 2", "what was not drawn in time is left out"


def test_a_page_that_does_not_read_holds_up_no_other(console: Console) -> None:
    console.enter().hand.moment = {"robots": ["x" * 100_000]}
    slow, quick = console.feed(), console.feed()
    started = time.monotonic()
    numbers = [receive(quick, "state")["number"] for _ in range(10)]
    assert numbers == sorted(numbers) and time.monotonic() - started < 5.0
    slow.close()
    quick.close()


def test_a_page_that_ends_in_any_way_holds_no_button(console: Console) -> None:
    graph = console.enter().hand
    for end in ("close", "cut", "nonsense", "hidden"):
        feed = console.feed()
        tab = receive(feed, "welcome")["tab"]
        feed.send('{"type": "take", "robot": "so101"}')
        assert receive(feed, "seat")["refusal"] == ""
        feed.send('{"type": "hold", "press": "1", "motion": {"joint": "elbow", "rate": 1}}')
        wait_for(lambda tab=tab: graph.holds and graph.holds[-1][0] == tab, 5.0)
        if end == "close":
            feed.close()
        elif end == "cut":
            feed.socket.close()
        elif end == "nonsense":
            feed.send("nonsense")
        else:
            feed.send(HIDE)
        wanted = ("release", tab) if end == "hidden" else ("leave", tab)
        wait_for(lambda wanted=wanted: wanted in graph.driving, 5.0, f"the robot is let go after {end}")
        feed.close()


def test_a_graph_that_cannot_be_looked_at_is_said_and_looked_at_again(console: Console) -> None:
    from strands_robots.core.errors import NoAnswerError

    graph = console.enter().hand
    look = graph.look

    def failing() -> dict[str, object]:
        raise NoAnswerError("the middleware is gone")

    with console.feed() as feed:
        graph.look = failing  # type: ignore[method-assign]
        wait_for(lambda: receive(feed, "state").get("problem") == "the middleware is gone", 5.0)
        graph.look = look  # type: ignore[method-assign]
        wait_for(lambda: "problem" not in receive(feed, "state"), 5.0)


def test_a_page_that_floods_is_closed_and_its_stops_are_made(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "MOST_MESSAGES", 20)
    monkeypatch.setattr(feed_module, "MESSAGE_WINDOW", 60.0)  # A busy machine sends no flood within a second.
    console.enter()
    with console.feed() as feed:
        for _ in range(20):
            feed.send('{"type": "release"}')
        for number in range(5):
            feed.send(f'{{"type": "stop", "number": "{number}"}}')
        wait_for(lambda: len(console.hand.stops) == 5, 5.0)
        feed.send('{"type": "release"}')
        with pytest.raises(ConnectionClosed) as closed:
            receive(feed, "nothing")
    assert closed.value.rcvd is not None and closed.value.rcvd.code == 4429


def test_a_mistake_while_looking_is_logged_and_the_pages_are_served_again(console: Console) -> None:
    graph = console.enter().hand
    look = graph.look

    def broken() -> dict[str, object]:
        graph.look = look  # type: ignore[method-assign]
        raise RuntimeError("an invalid handle")

    with console.feed() as feed:
        number = receive(feed, "state")["number"]
        graph.look = broken  # type: ignore[method-assign]
        wait_for(lambda: receive(feed, "state")["number"] > number + 3, 5.0)
    assert graph.rests, "what was open is let go"


@pytest.mark.parametrize("jump", [-86400.0, 86400.0])
def test_a_clock_that_is_set_in_the_middle_changes_nothing(
    console: Console, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    console.enter()
    with console.feed() as feed, console.stop_line() as line:
        receive(feed, "state")
        wall = time.time
        monkeypatch.setattr(time, "time", lambda: wall() + jump)
        number = receive(feed, "state")["number"]
        wait_for(lambda: receive(feed, "state")["number"] > number + 3, 5.0, "states go on")
        feed.send('{"type": "take", "robot": "so101"}')
        assert receive(feed, "seat")["refusal"] == ""
        feed.send('{"type": "hold", "press": "a", "motion": {"robot": "so101", "joint": "elbow_flex", "rate": 1}}')
        wait_for(lambda: console.hand.holds, 5.0)
        assert console.http.post("/do/resume", json={"stop_id": 1, "reason": "clear"}).json()["is_done"]
        line.send("stop")
        wait_for(lambda: console.hand.stops, 5.0, "the stop")
