"""Episodes that begin in the past: the last seconds are kept between episodes, and nothing is lost between two of them. No graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.schema import CameraPart
from strands_robots.recording.recorder import Recorder
from strands_robots.recording.recording_options import NEW, RecordingOptions, require_memory
from strands_robots.recording.sampler import CommandSample, JointSample, Sampler, SamplerConfig, image_topic
from strands_robots.recording.stream import SECOND
from strands_robots.recording.writer import WriterThread

from .made import JOINTS, make_schema

MS = 1_000_000
ZERO = np.zeros(len(JOINTS))
FPS = 20


class _Store:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.saved: list[tuple[list[float], Mapping[str, Any]]] = []
        self._frames: list[float] = []

    @property
    def episodes(self) -> int:
        return len(self.saved)

    def add(self, values: Mapping[str, Any], task: str) -> None:
        self._frames.append(round(float(np.deg2rad(values["observation.state"][0])), 3))

    def save(self, account: Mapping[str, Any]) -> None:
        self.saved.append((self._frames, account))
        self._frames = []

    def discard(self) -> None:
        self._frames = []

    def delete_last(self) -> int:
        return len(self.saved)

    def close(self) -> None:
        return


class _Robot:
    """A robot whose first joint says the time [s], and a recorder that keeps `keep` seconds."""

    def __init__(self, keep: float) -> None:
        self.store = _Store()
        writer = WriterThread(10_000, can_wait=False)
        writer.open(lambda: self.store).result(5.0)
        sampler = Sampler(make_schema(0, FPS, with_intervention=True), SamplerConfig(keep=keep))
        self.recorder = Recorder(sampler, writer, 0, {})
        self.now = 0

    def run(self, seconds: float, source: str = "policy/x") -> None:
        streams = self.recorder.sampler.streams
        for _ in range(round(100 * seconds)):
            self.now += 10
            at = self.now * MS
            streams["so101/joint_states"].push(at, JointSample(ZERO + self.now * 1e-3, ZERO, ZERO))
            streams["so101/command_applied"].push(at, CommandSample(ZERO, source))
            self.recorder.on_push(at, self.now * 1e-3)

    def begin(self, **options: Any) -> None:
        self.recorder.begin(self.now * MS, "wave", {}, 0.0, **options)

    def end(self) -> list[float]:
        saving = self.recorder.end(self.now * MS, self.now * 1e-3)
        self.run(0.1)
        saving.result(5.0)
        return self.store.saved[-1][0]


def test_highlight_has_the_seconds_before_it_and_goes_on_live() -> None:
    robot = _Robot(keep=2.0)
    robot.run(5.0)
    robot.begin(before=2.0)
    robot.run(1.0)
    times = robot.end()
    np.testing.assert_allclose(times, np.arange(len(times)) / FPS + 3.0, atol=2e-3)
    assert len(times) == 3 * FPS
    account = robot.store.saved[-1][1]
    assert account["skipped"] == account["dropped"] == 0 and not account["marked"]
    assert account["delay"]["max"] < 0.2, "frames of the past count as late"


def test_nothing_is_lost_between_two_episodes_of_a_sentry() -> None:
    robot = _Robot(keep=5.0)
    robot.run(1.0)
    robot.begin()
    robot.run(1.0)
    first = robot.end()
    robot.run(0.7)  # The last episode is written meanwhile.
    robot.begin(gapless=True)
    robot.run(0.5)
    second = robot.end()
    times = first + second
    np.testing.assert_allclose(np.diff(times), 1.0 / FPS, atol=2e-3)


def test_camera_that_is_faster_than_the_dataset_keeps_the_same_seconds() -> None:
    sampler = Sampler(make_schema(1, 10), SamplerConfig(keep=10.0))
    stream = sampler.streams[image_topic("so101/camera0")]
    for k in range(30 * 15):
        stream.push(k * SECOND // 30, k)
        sampler.idle(k * SECOND // 30)
    assert stream.watermark is not None and stream.watermark - stream.oldest >= 9.9 * SECOND


def test_gap_that_is_longer_than_what_is_kept_is_told() -> None:
    robot = _Robot(keep=1.0)
    robot.run(1.0)
    robot.begin()
    robot.run(1.0)
    robot.end()
    robot.run(2.0)
    robot.begin(gapless=True)
    robot.run(0.5)
    robot.end()
    notes = [account["notes"] for _, account in robot.store.saved]
    assert notes == [[], ["1.1 s before it are lost: only 1 s were kept"]]


def test_hand_that_takes_and_gives_back_is_put_into_words_at_its_times() -> None:
    robot = _Robot(keep=0.0)
    robot.run(0.5)
    robot.begin()
    for source in ("policy/x", "teleop/hand", "policy/x"):
        robot.run(0.5, source)
    robot.end()
    rows = robot.store.saved[-1][1]["language"]
    assert [row["content"] for row in rows] == ["a hand corrects the policy", "the hand gives the robot back"]
    np.testing.assert_allclose([row["timestamp"] for row in rows], [0.45, 0.95], atol=0.051)


def test_past_that_is_not_kept_and_memory_that_is_not_there_are_refused() -> None:
    robot = _Robot(keep=1.0)
    robot.run(3.0)
    with pytest.raises(
        RecordingError, match=r"begin 2 s ago, and 1 s are kept; valid: a recording that was started with keep_sec"
    ):
        robot.begin(before=2.0)
    robot.begin(before=1.0)
    assert robot.recorder.episode == 0
    with pytest.raises(RecordingError, match="at the end of the last one, and 0 s are kept"):
        _Robot(keep=0.0).begin(gapless=True)
    options = RecordingOptions(Path("x"), "a/b", NEW, 30, keep_seconds=60.0)
    with pytest.raises(
        ConfigurationError, match=r"whose pictures take 1582 MiB|valid: up to \d+\.\d s with these cameras"
    ):
        require_memory(options, [CameraPart("so101/wrist", 720, 1280)])
    with pytest.raises(ConfigurationError, match="keep_seconds is for robots whose time passes by itself"):
        options.sampler(0.01)


def test_episode_begins_now_when_time_went_back_since_the_last_one() -> None:
    robot = _Robot(keep=5.0)
    robot.run(2.0)
    robot.begin()
    robot.run(1.0)
    robot.end()
    robot.now = 500  # The world was reset.
    robot.run(0.5)
    robot.begin(gapless=True)
    robot.run(0.5)
    np.testing.assert_allclose(robot.end(), np.arange(10) / FPS + 1.0, atol=2e-3)


def test_depth_takes_four_bytes_of_memory() -> None:
    options = RecordingOptions(Path("x"), "a/b", NEW, 30, keep_seconds=60.0)
    camera = CameraPart("so101/wrist/depth", 600, 640)
    require_memory(options, [replace(camera, name="so101/wrist")])
    with pytest.raises(ConfigurationError, match="whose pictures take 2637 MiB"):
        require_memory(options, [camera])


def test_a_highlight_ends_only_what_a_highlight_began() -> None:
    from strands_robots.nodes.recorder.open_recording import OpenRecording

    robot = _Robot(keep=1.0)
    nothing: Any = None
    recording = OpenRecording(nothing, robot.recorder, nothing, nothing, {}, "")
    robot.run(0.5)
    assert not recording.ends_highlight(), "between two episodes it begins one"
    robot.begin()
    with pytest.raises(RecordingError, match="episode 0 is no highlight; valid: one between two episodes"):
        recording.ends_highlight()
    recording.highlight = robot.recorder.episode
    assert recording.ends_highlight()
