"""The recorder between streams and a store, without LeRobot: what is said to be saved, and when an episode is given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from strands_robots.dataset.errors import DiskFullError, RecordingError
from strands_robots.recording.recorder import EpisodeOutcome, Recorder, State
from strands_robots.recording.sampler import CommandSample, JointSample, OnStale, Sampler, SamplerConfig
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread

from .made import JOINTS, make_schema

ZERO = np.zeros(len(JOINTS))
PERIOD = SECOND // 10


class FakeStore:
    """Takes frames; stands still, or fails, when it is told to."""

    def __init__(self) -> None:
        self.episodes = 0
        self.frames: list[Mapping[str, Any]] = []
        self.saved: list[tuple[int, Mapping[str, Any]]] = []
        self.error: RecordingError | None = None
        self.go = threading.Event()
        self.go.set()

    def add(self, values: Mapping[str, Any], task: str) -> None:
        assert self.go.wait(10.0)
        if self.error is not None:
            raise self.error
        self.frames.append(values)

    def save(self, account: Mapping[str, Any]) -> int:
        if self.error is not None:
            raise self.error
        self.saved.append((len(self.frames), account))
        self.frames = []
        self.episodes += 1
        return self.episodes

    def discard(self) -> None:
        self.frames = []

    def close(self) -> None:
        return


class Desk:
    """A recorder at 10 Hz whose robot publishes at the frames' instants."""

    def __init__(
        self, capacity: int = 100, can_wait: bool = False, on_stale: OnStale = OnStale.MARK, **options: Any
    ) -> None:
        self.store = FakeStore()
        self.writer = WriterThread(capacity, can_wait)
        self.writer.open(lambda: self.store).result(5.0)
        self.sampler = Sampler(make_schema(cameras=0, fps=10, **options), SamplerConfig(grace=0.05, on_stale=on_stale))
        self.failures: list[str] = []
        self.recorder = Recorder(
            self.sampler, self.writer, 0, {"run": 1}, on_failure=lambda episode, reason: self.failures.append(reason)
        )
        self.k = 0

    def run(self, frames: int) -> None:
        for _ in range(frames):
            at = self.k * PERIOD
            self.sampler.streams["so101/joint_states"].push(at, JointSample(ZERO, ZERO, ZERO))
            self.sampler.streams["so101/command_applied"].push(at, CommandSample(ZERO + self.k, "policy/x"))
            self.recorder.on_push(at, time.monotonic())
            self.k += 1

    def begin(self) -> None:
        self.recorder.begin(self.k * PERIOD, "wave", {"seed": 3}, 0.0)

    def end(self, **how: Any) -> Any:
        future = self.recorder.end(self.k * PERIOD, time.monotonic(), **how)
        self.recorder.on_push((self.k + 1) * PERIOD, time.monotonic())
        return future


@pytest.fixture
def make_desk() -> Iterator[Callable[..., Desk]]:
    desks: list[Desk] = []

    def make(*arguments: Any, **options: Any) -> Desk:
        desks.append(Desk(*arguments, **options))
        return desks[-1]

    yield make
    for desk in desks:
        desk.store.go.set()
        desk.writer.close()
        assert desk.writer.join(5.0)


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_saved_is_said_only_after_the_store_has_saved(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.begin()
    desk.store.go.clear()
    desk.run(8)
    saved = desk.end()
    assert desk.recorder.state is State.SAVING and not saved.done()
    desk.store.go.set()
    assert saved.result(5.0).frames == 8
    assert desk.recorder.state is State.READY and desk.recorder.saved == 1
    frames, account = desk.store.saved[0]
    assert (
        frames == 8
        and account["provenance"] == {"run": 1, "seed": 3, "policies": []}
        and account["sources"] == ["policy/x"]
    )


def test_outcome_is_in_the_last_frame_only(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(with_outcome=True)
    desk.begin()
    desk.run(5)
    kept: list[Mapping[str, Any]] = desk.store.frames
    assert desk.end(outcome=EpisodeOutcome.SUCCEEDED, reward=2.5).result(5.0).frames == 5
    assert [bool(frame["next.done"][0]) for frame in kept] == [False] * 4 + [True]
    assert [bool(frame["next.success"][0]) for frame in kept] == [False] * 4 + [True]
    assert [float(frame["next.reward"][0]) for frame in kept] == [0.0] * 4 + [2.5]


def test_writer_that_does_not_keep_up_ends_the_episode_and_loses_nothing_silently(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(capacity=4)
    desk.begin()
    desk.store.go.clear()
    desk.run(12)
    assert desk.failures and "does not keep up" in desk.failures[0]
    assert desk.recorder.state is State.READY and desk.recorder.not_kept == 1
    desk.store.go.set()
    wait_until(lambda: desk.writer.queued == 0)
    desk.begin()
    desk.run(3)
    assert desk.end().result(5.0).frames == 3


def test_writer_that_may_wait_keeps_every_frame(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(capacity=4, can_wait=True)
    desk.begin()
    desk.store.go.clear()
    threading.Timer(0.1, desk.store.go.set).start()
    desk.run(12)
    assert desk.end().result(5.0).frames == 12


def test_full_disk_ends_the_recording_in_a_state_that_says_so(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.begin()
    desk.store.error = DiskFullError("the disk is full; the completed episodes are intact")
    desk.run(3)
    wait_until(lambda: desk.writer.failure is not None)
    desk.run(2)
    assert desk.recorder.state is State.FAILED and "disk is full" in desk.recorder.message
    with pytest.raises(RecordingError, match="recorder is FAILED"):
        desk.begin()


def test_episode_that_the_store_finds_broken_is_not_called_saved(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.begin()
    desk.run(4)
    wait_until(lambda: len(desk.store.frames) == 3)
    desk.store.error = RecordingError("the episode was written but is not whole")
    with pytest.raises(RecordingError, match=r"episode 0 is lost: .*not whole"):
        desk.end().result(5.0)
    assert (desk.recorder.saved, desk.recorder.not_kept) == (0, 1)


@pytest.mark.parametrize("choice", list(OnStale))
def test_stale_stream_marks_or_drops_frames_or_ends_the_episode_as_failed(
    make_desk: Callable[..., Desk], choice: OnStale
) -> None:
    desk = make_desk(on_stale=choice)
    desk.begin()
    desk.run(3)
    last, desk.k = desk.k, desk.k + 5
    for k in range(last, desk.k):  # The robot's joints are silent.
        desk.sampler.streams["so101/command_applied"].push(k * PERIOD, CommandSample(ZERO, "policy/x"))
        desk.recorder.on_push(k * PERIOD, time.monotonic())
    if choice is OnStale.FAIL:
        assert desk.recorder.state is State.READY and desk.recorder.not_kept == 1
        assert desk.failures == ["stale: so101/joint_states"]
        return
    desk.run(3)
    saved = desk.end().result(5.0)
    stale = saved.account["streams"]["so101/joint_states"]["stale"]
    assert stale > 0
    marked, dropped = (stale, 0) if choice is OnStale.MARK else (0, stale)
    assert (len(saved.account["marked"]), saved.account["dropped"]) == (marked, dropped)
    assert saved.frames == 11 - dropped


def test_policies_that_moved_the_robot_are_in_the_provenance_once(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.recorder.note_policy("so101", "before", "00")
    desk.begin()
    for _ in range(2):
        desk.recorder.note_policy("so101", "act", "1f")
    desk.run(3)
    assert desk.end().result(5.0).account["provenance"]["policies"] == [
        {"robot": "so101", "policy": "act", "goal": "1f"}
    ]


def test_orders_in_the_wrong_state_and_an_empty_task_are_refused(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    with pytest.raises(RecordingError, match="an episode can end when it is RECORDING"):
        desk.recorder.end(0, 0.0)
    with pytest.raises(RecordingError, match="task is empty"):
        desk.recorder.begin(0, " ", {}, 0.0)
    desk.begin()
    with pytest.raises(RecordingError, match="an episode can begin when it is READY"):
        desk.begin()
    desk.run(2)
    desk.recorder.discard()
    assert desk.recorder.not_kept == 1 and desk.failures == ["discarded"]


def test_episode_without_a_frame_is_not_saved(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    desk.begin()
    with pytest.raises(RecordingError, match="no frame was recorded"):
        desk.end().result(5.0)
