"""The camera thread: which frames are due, what is lost, and that every request is answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import RenderError
from strands_robots.sim.render.camera_feed import CameraFeed
from strands_robots.sim.render.camera_worker import DEPTH, RGB, CameraWorker, Renderers, RenderRequest


@dataclass
class FakeCamera:
    name: str
    rate: float = 30.0
    width: int = 4
    height: int = 2


@dataclass
class FakePort:
    rgb: bool = True
    depth: bool = False
    info: bool = True
    stamps: list[float] = field(default_factory=list)
    pictures: list[tuple[float, tuple[int, ...]]] = field(default_factory=list)

    def wants_rgb(self) -> bool:
        return self.rgb

    def wants_depth(self) -> bool:
        return self.depth

    def has_subscriber(self) -> bool:
        return self.rgb or self.depth or self.info

    def publish_info(self, stamp: float) -> None:
        self.stamps.append(stamp)

    def publish_rgb(self, stamp: float, pixels: Any) -> None:
        self.pictures.append((stamp, pixels.shape))

    publish_depth = publish_rgb


class FakeRenderer:
    def __init__(self) -> None:
        self.thread = threading.current_thread().name
        self.go = threading.Event()
        self.go.set()

    def render(self, state: Any, camera: str, kind: int, width: int = 0, height: int = 0, *, stage: Any = None) -> Any:
        assert threading.current_thread().name == self.thread, "a renderer belongs to the thread that made it"
        self.go.wait(5.0)
        if state[0] < 0.0:
            raise RenderError("no picture")
        return np.zeros((2, 4, 3), np.uint8) if kind == RGB else np.zeros((2, 4), np.float32)

    def close(self) -> None:
        self.thread = "closed"


class Bench:
    def __init__(self, *ports: FakePort, rate: float = 30.0) -> None:
        self.renderers: list[FakeRenderer] = []
        self.ports = ports
        self.worker = CameraWorker(
            self._make, [CameraFeed(FakeCamera(f"c{i}", rate), port) for i, port in enumerate(ports)]
        )
        self.worker.start()

    def _make(self, is_fine: bool) -> FakeRenderer:
        self.renderers.append(FakeRenderer())
        return self.renderers[-1]

    def request(self, state: float = 0.0) -> Any:
        answer: Future[Any] = Future()

        def draw(renderers: Renderers) -> Any:
            return renderers.get().render(np.array([state]), "c0", DEPTH).shape

        self.worker.request(RenderRequest(draw, answer))
        return answer.result(5.0)


@pytest.fixture
def benches() -> Iterator[list[Bench]]:
    made: list[Bench] = []
    yield made
    for bench in made:
        bench.worker.stop()


def run(bench: Bench, seconds: float) -> None:
    """Offer a state every 2 ms, and wait for the thread each time one is due."""
    for k in range(round(seconds / 0.002)):
        stamp = k * 0.002
        if stamp >= bench.worker.next_due:
            bench.worker.offer(stamp, lambda: np.zeros(1))
            bench.request()


def test_camera_without_a_subscriber_costs_a_look_now_and_then_and_begins_when_one_comes(benches: list[Bench]) -> None:
    quiet, seen = FakePort(rgb=False, info=False), FakePort()
    bench = Bench(quiet, seen)
    benches.append(bench)
    run(bench, 1.0)
    assert not quiet.stamps and len(seen.stamps) == pytest.approx(30, abs=1)
    alone = Bench(FakePort(rgb=False, info=False))
    benches.append(alone)
    states: list[float] = []
    for k in range(500):
        stamp = k * 0.002
        if stamp >= alone.worker.next_due:
            alone.worker.offer(stamp, lambda: states.append(1.0) or np.zeros(1))  # type: ignore[func-returns-value]
    assert not states and alone.worker.next_due == pytest.approx(1.0, abs=0.11)
    alone.ports[0].info = True
    for k in range(500, 1000):
        stamp = k * 0.002
        if stamp >= alone.worker.next_due:
            alone.worker.offer(stamp, lambda: np.zeros(1))
            alone.request()
    assert len(alone.ports[0].stamps) >= 27, "its rate, from the first look on"


def test_frames_come_at_the_cameras_rate_of_simulated_time(benches: list[Bench]) -> None:
    bench = Bench(FakePort(), FakePort())
    benches.append(bench)
    run(bench, 1.0)
    for port in bench.ports:
        assert len(port.pictures) == 30
        assert np.diff(port.stamps) == pytest.approx(1.0 / 30.0, abs=0.0021)
    assert [s for s, _ in bench.ports[0].pictures] == [s for s, _ in bench.ports[1].pictures], (
        "one state for all cameras"
    )
    assert bench.worker.lost == 0


def test_nothing_is_drawn_while_nobody_looks_but_calibration_goes_on(benches: list[Bench]) -> None:
    bench = Bench(FakePort(rgb=False))
    benches.append(bench)
    bench.worker.offer(0.0, lambda: np.zeros(1))
    deadline = threading.Event()
    while not bench.ports[0].stamps:
        assert not deadline.wait(0.005)
    assert bench.renderers == [] and bench.ports[0].pictures == []


def test_depth_is_drawn_only_on_demand(benches: list[Bench]) -> None:
    bench = Bench(FakePort(rgb=True, depth=True))
    benches.append(bench)
    bench.worker.offer(0.0, lambda: np.zeros(1))
    bench.request()
    assert [shape for _, shape in bench.ports[0].pictures] == [(2, 4, 3), (2, 4)]


def test_slow_renderer_loses_frames_and_draws_the_newest(benches: list[Bench]) -> None:
    bench = Bench(FakePort())
    benches.append(bench)
    bench.request()
    renderer = bench.renderers[0]
    renderer.go.clear()
    for k in range(5):
        bench.worker.offer(k / 30.0, lambda: np.zeros(1))
        if k == 0:
            while bench.worker._mail is not None:
                pass
    renderer.go.set()
    bench.request()
    assert [stamp for stamp, _ in bench.ports[0].pictures] == pytest.approx([0.0, 4 / 30.0])
    assert bench.worker.lost == 3


def test_every_camera_is_drawn_when_asked_for(benches: list[Bench]) -> None:
    bench = Bench(FakePort(), rate=1.0)
    benches.append(bench)
    for k in range(3):
        bench.worker.offer(k * 0.01, lambda: np.zeros(1), every_camera=True)
        bench.request()
    assert [stamp for stamp, _ in bench.ports[0].pictures] == pytest.approx([0.0, 0.01, 0.02])


@pytest.mark.parametrize(
    ("rate", "step", "expected"), [(25.0, 1, 20), (25.0, 2, 20), (30.0, 2, 20), (50.0, 1, 40), (1000.0, 1, 80)]
)
def test_lockstep_keeps_a_cameras_rate_in_whole_control_periods(
    benches: list[Bench], rate: float, step: int, expected: int
) -> None:
    bench = Bench(FakePort(), rate=rate)
    benches.append(bench)
    for k in range(step, 81, step):
        bench.worker.offer(k * 0.01, lambda: np.zeros(1), control_period=0.01)
        bench.request()
    assert len(bench.ports[0].pictures) == expected


def test_lockstep_takes_a_picture_after_a_reset(benches: list[Bench]) -> None:
    bench = Bench(FakePort(), rate=1.0)
    benches.append(bench)
    for stamp in (0.5, 0.51, 0.0, 0.01):
        bench.worker.offer(stamp, lambda: np.zeros(1), control_period=0.01)
        bench.request()
    assert [stamp for stamp, _ in bench.ports[0].pictures] == pytest.approx([0.5, 0.0])


def test_request_is_answered_with_the_finished_picture_or_the_error(benches: list[Bench]) -> None:
    bench = Bench(FakePort())
    benches.append(bench)
    assert bench.request() == (2, 4)
    with pytest.raises(RenderError, match="no picture"):
        bench.request(state=-1.0)
    assert bench.request() == (2, 4)


def test_requests_after_the_end_are_refused(benches: list[Bench]) -> None:
    bench = Bench(FakePort())
    bench.request()
    bench.worker.stop()
    assert bench.renderers[0].thread == "closed"
    with pytest.raises(RenderError, match="has ended"):
        bench.request()


def test_pictures_of_a_retired_camera_are_never_published(benches: list[Bench]) -> None:
    bench = Bench(FakePort(), FakePort())
    benches.append(bench)
    late = CameraFeed(FakeCamera("late"), bench.ports[0], delay=0.1)
    kept = CameraFeed(FakeCamera("kept"), bench.ports[1], delay=0.1)
    bench.worker.set_feeds([late, kept], 0.0)
    bench.worker.offer(0.0, lambda: np.zeros(1))
    bench.request()
    bench.worker.set_feeds([kept], 0.05)
    gone = threading.Event()
    bench.worker.retire(bench.ports[0], gone.set)
    assert gone.wait(5.0)
    bench.worker.offer(0.2, lambda: np.zeros(1))
    bench.request()
    assert bench.ports[0].pictures == []
    assert [stamp for stamp, _ in bench.ports[1].pictures] == [0.0]


def test_every_camera_counts_what_it_drew_and_lost(benches: list[Bench]) -> None:
    bench = Bench(FakePort(), FakePort(rgb=False))
    benches.append(bench)
    run(bench, 0.5)
    watched, other = (bench.worker.tallies[name] for name in ("c0", "c1"))
    assert (watched.drawn, watched.lost, watched.is_watched) == (15, 0, True)
    assert (other.drawn, other.is_watched) == (0, False)
