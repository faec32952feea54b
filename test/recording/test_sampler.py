"""Frames from streams: what is in one, when it is made, and what a stale stream does."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.dataset.errors import RecordingError
from strands_robots.dataset.schema import schema_from_json
from strands_robots.recording.sampler import (
    CommandSample,
    DatasetFrame,
    JointSample,
    OnStale,
    Sampler,
    SamplerConfig,
    StaleError,
)
from strands_robots.recording.stream import SECOND

from .made import JOINTS, make_schema

MS = SECOND // 1000
ZERO = np.zeros(len(JOINTS))


class Robot:
    """Feeds a sampler: joint states and commands every 10 ms, pictures every 40 ms; numbers tell the stamp."""

    def __init__(self, config: SamplerConfig, fps: int = 25, cameras: int = 1) -> None:
        self.sampler = Sampler(make_schema(cameras, fps), config)
        self.frames: list[DatasetFrame] = []

    def push_state(self, ms: int) -> None:
        self.sampler.streams["so101/joint_states"].push(ms * MS, JointSample(ZERO + ms * 1e-3, ZERO, ZERO))

    def push_command(self, ms: int) -> None:
        self.sampler.streams["so101/command_applied"].push(ms * MS, CommandSample(ZERO + ms * 1e-3, "policy/x"))

    def push_picture(self, ms: int) -> None:
        self.sampler.streams["so101/camera0/image_raw"].push(ms * MS, np.full((48, 64, 3), ms // 40, np.uint8))

    def run(self, begin: int, end: int, pictures: bool = True) -> None:
        for ms in range(begin, end, 10):
            self.push_command(ms)
            self.push_state(ms)
            if pictures and ms % 40 == 0:
                self.push_picture(ms)
            self.poll(ms)

    def poll(self, now: int, until: int | None = None) -> None:
        self.frames += self.sampler.due(now * MS, None if until is None else until * MS)

    def joints(self, feature: str) -> list[float]:
        """Return the stamp [ms] of what each frame holds, from the first joint's degrees."""
        return [round(float(np.deg2rad(frame.values[feature][0])) * 1e3) for frame in self.frames]


LOCKSTEP = SamplerConfig(grace=None, slack=0.015)


def test_observation_is_of_the_instant_and_action_the_command_before_the_next() -> None:
    robot = Robot(LOCKSTEP)
    robot.sampler.begin(0)
    robot.run(0, 200)
    robot.poll(200, until=200)
    assert robot.joints("observation.state") == [0, 40, 80, 120, 160]
    assert robot.joints("action") == [30, 70, 110, 150, 190]
    assert [int(frame.values["observation.images.camera0"][0, 0, 0]) for frame in robot.frames] == [0, 1, 2, 3, 4]
    assert [frame.stamp for frame in robot.frames] == [k * 40 * MS for k in range(5)]


def test_stamps_that_were_rounded_belong_to_their_instants() -> None:
    """1/30 s is no whole number of nanoseconds: stamps of a world and instants of frames are rounded each in its way."""
    robot = Robot(LOCKSTEP, fps=30)
    streams = robot.sampler.streams
    for off in (-1, 0, 1):
        robot.sampler.begin(0, keep_counts=True)
        robot.frames.clear()
        for k in range(31):
            stamp = round(k * SECOND / 30) + off
            streams["so101/command_applied"].push(stamp, CommandSample(ZERO + k * 1e-3, "policy/x"))
            streams["so101/joint_states"].push(stamp, JointSample(ZERO + k * 1e-3, ZERO, ZERO))
            streams["so101/camera0/image_raw"].push(stamp, np.full((48, 64, 3), k, np.uint8))
            robot.frames += robot.sampler.due(stamp)
        for stream in streams.values():
            stream.clear()
        assert robot.joints("observation.state") == list(range(30)), off
        assert robot.joints("action") == list(range(30)), off


def test_joint_without_a_number_ends_the_episode_and_is_named() -> None:
    sampler = Sampler(make_schema(0, 25, with_effort=True), LOCKSTEP)
    sampler.begin(0)
    unknown = np.where(np.arange(len(JOINTS)) == 2, np.nan, 0.0)
    for ms in (0, 10, 20, 30, 40):
        sampler.streams["so101/command_applied"].push(ms * MS, CommandSample(ZERO, "policy/x"))
        sampler.streams["so101/joint_states"].push(ms * MS, JointSample(ZERO, ZERO, unknown))
    with pytest.raises(
        RecordingError, match=r"observation.effort has no number for elbow_flex.pos; valid: a recording"
    ):
        list(sampler.due(40 * MS))


def test_delay_of_frames_is_told_where_time_passes_by_itself() -> None:
    live, steps = Robot(SamplerConfig(), cameras=0), Robot(LOCKSTEP, cameras=0)
    for robot in (live, steps):
        robot.sampler.begin(0)
        robot.run(0, 400, pictures=False)
    given = {"episode": 0, "task": "x", "ended": 0, "began_wall": 0.0, "provenance": {}}
    assert live.sampler.account(**given)["delay"] == {"p50": 0.0, "p99": 0.0, "max": 0.0}
    assert steps.sampler.account(**given)["delay"] is None


def test_instants_do_not_drift_at_30_hz() -> None:
    robot = Robot(LOCKSTEP, fps=30)
    robot.sampler.begin(5)
    assert robot.sampler.instant(3_000_000) - 5 == 100_000 * SECOND


def test_frame_waits_for_a_stream_that_is_behind_and_never_uses_what_came_after() -> None:
    robot = Robot(LOCKSTEP)
    robot.sampler.begin(0)
    robot.push_picture(0)
    for ms in range(0, 200, 10):
        robot.push_state(ms)
        robot.push_command(ms)
        robot.poll(ms)
    assert len(robot.frames) == 1
    for ms in (40, 80, 120, 160):
        robot.push_picture(ms)
    robot.poll(200)
    assert [int(frame.values["observation.images.camera0"][0, 0, 0]) for frame in robot.frames] == [0, 1, 2, 3]
    assert robot.joints("observation.state") == [0, 40, 80, 120]


def test_silent_stream_is_waited_for_no_longer_than_the_grace_and_then_stale() -> None:
    robot = Robot(SamplerConfig(max_age_images=0.1, grace=0.05))
    robot.sampler.begin(0)
    robot.run(0, 100)
    robot.run(100, 400, pictures=False)
    counts = robot.sampler.counts["so101/camera0/image_raw"]
    assert counts.stale > 0 and counts.repeated >= counts.stale
    assert all("camera0" in topic for _, topics in robot.sampler.marked for topic in topics)
    before = counts.late
    robot.push_picture(200)
    assert counts.late == before + 1


def test_stream_that_is_only_behind_is_waited_for_beyond_the_grace() -> None:
    """A busy machine hands messages over late: each poll sees some, and no frame is made of old samples."""
    robot = Robot(SamplerConfig(grace=0.05), cameras=0)
    robot.sampler.begin(0)
    for ms in range(0, 1000, 10):
        robot.push_state(ms)
        robot.push_command(ms)
        robot.poll(5 * ms + 2000)
    assert robot.joints("observation.state") == [40 * k for k in range(len(robot.frames))] and len(robot.frames) == 24
    assert not robot.sampler.marked and robot.sampler.counts["so101/joint_states"].late == 0


@pytest.mark.parametrize("choice", [OnStale.DROP, OnStale.FAIL])
def test_stale_stream_drops_the_frame_or_ends_the_episode_by_choice(choice: OnStale) -> None:
    robot = Robot(SamplerConfig(max_age_images=0.1, grace=0.05, on_stale=choice))
    robot.sampler.begin(0)
    if choice is OnStale.FAIL:
        with pytest.raises(StaleError, match="so101/camera0/image_raw"):
            robot.run(0, 100)
            robot.run(100, 400, pictures=False)
        return
    robot.run(0, 100)
    robot.run(100, 400, pictures=False)
    assert robot.sampler.dropped > 0 and not robot.sampler.marked
    assert [frame.index for frame in robot.frames] == list(range(len(robot.frames)))


def test_instants_before_every_stream_has_a_sample_are_skipped_and_counted() -> None:
    robot = Robot(SamplerConfig(grace=0.05))
    robot.sampler.begin(0)
    robot.run(0, 200, pictures=False)
    robot.run(200, 400)
    assert robot.sampler.skipped == 5
    assert robot.joints("observation.state")[0] == 200


def test_sample_from_before_a_reset_is_forgotten_when_the_next_episode_begins() -> None:
    robot = Robot(LOCKSTEP)
    robot.run(0, 200)
    robot.sampler.begin(0)
    robot.run(0, 200)
    robot.poll(200, until=200)
    assert robot.joints("observation.state") == [0, 40, 80, 120, 160]


def test_reset_of_the_world_ends_the_episode() -> None:
    robot = Robot(LOCKSTEP)
    robot.sampler.begin(0)
    robot.run(0, 200)
    with pytest.raises(StaleError, match="went back"):
        robot.run(0, 40)


def test_several_robots_have_their_prefix_and_one_has_not() -> None:
    one, two = make_schema(), make_schema(robots=("left", "right"))
    assert one.names()[0] == "shoulder_pan.pos"
    assert list(one.keys.values()) == ["observation.images.camera0"]
    assert two.names()[0] == "left_shoulder_pan.pos" and two.names()[6] == "right_shoulder_pan.pos"
    assert list(two.keys.values()) == ["observation.images.left_camera0"]


def test_frames_whose_command_is_a_persons_are_interventions_where_that_is_recorded() -> None:
    sampler = Sampler(make_schema(0, 25, with_intervention=True), LOCKSTEP)
    sampler.begin(0)
    frames: list[DatasetFrame] = []
    for ms in range(0, 400, 10):
        source = "policy/x" if ms < 120 else "teleop/hand" if ms < 240 else "operator/motion" if ms < 320 else ""
        sampler.streams["so101/command_applied"].push(ms * MS, CommandSample(ZERO, source))
        sampler.streams["so101/joint_states"].push(ms * MS, JointSample(ZERO, ZERO, ZERO))
        frames += sampler.due(ms * MS)
    marks = [frame.values["intervention"] for frame in frames]
    assert [bool(mark[0]) for mark in marks[:9]] == [False] * 3 + [True] * 3 + [False] * 3
    assert all(mark.dtype == np.bool_ and mark.shape == (1,) for mark in marks)
    assert sampler.schema.features()["intervention"] == {"dtype": "bool", "shape": (1,), "names": None}
    assert schema_from_json(sampler.schema.to_json()).with_intervention
    assert (
        "intervention" not in make_schema(0).features()
        and not schema_from_json(make_schema(0).to_json()).with_intervention
    )


REAL = SamplerConfig()
"""Where time passes by itself."""


def test_dead_camera_ends_the_episode_within_a_second_of_its_maximum_age_and_is_named_with_its_rate() -> None:
    robot = Robot(REAL)
    robot.sampler.begin(0)
    robot.run(0, 1000)
    with pytest.raises(
        StaleError, match=r"so101/camera0/image_raw is dead: nothing has come for 0\.9\d s \(it came at 25.0 Hz;"
    ):
        robot.run(1000, 3000, pictures=False)
    (last,) = [stream.watermark for stream in robot.sampler.streams.values() if "image" in stream.topic]
    newest = max(stream.watermark or 0 for stream in robot.sampler.streams.values())
    assert newest - (last or 0) < 1.2 * SECOND


@pytest.mark.parametrize("choice", [OnStale.MARK, OnStale.DROP])
def test_dead_stream_ends_the_episode_whatever_a_stale_one_does(choice: OnStale) -> None:
    robot = Robot(SamplerConfig(on_stale=choice))
    robot.sampler.begin(0)
    robot.run(0, 400)
    with pytest.raises(StaleError, match="so101/joint_states is dead"):
        for ms in range(400, 3000, 10):
            robot.push_command(ms)
            if ms % 40 == 0:
                robot.push_picture(ms)
            robot.poll(ms)


def test_recorder_that_stood_still_does_not_take_that_for_silence() -> None:
    robot = Robot(REAL)
    robot.sampler.begin(0)
    robot.run(0, 400)
    robot.poll(5000)  # Whatever came meanwhile waits for the executor.
    for ms in range(400, 5000, 10):
        robot.push_command(ms)
        robot.push_state(ms)
        if ms % 40 == 0:
            robot.push_picture(ms)
        robot.poll(5000 + ms // 100)


def test_slow_camera_with_samples_that_may_be_old_is_not_dead() -> None:
    robot = Robot(SamplerConfig(max_age_images=3.0))
    robot.sampler.begin(0)
    robot.push_picture(0)
    for ms in range(0, 6000, 10):
        robot.push_command(ms)
        robot.push_state(ms)
        if ms % 2000 == 0:
            robot.push_picture(ms)
        robot.poll(ms)
    assert len(robot.frames) > 100


def test_stream_that_lags_is_named_with_its_rate_when_the_others_run_out_of_samples() -> None:
    robot = Robot(REAL)
    robot.sampler.begin(0)
    with pytest.raises(StaleError) as error:
        for ms in range(0, 9000, 10):
            robot.push_command(ms)
            if ms % 40 == 0:
                robot.push_picture(ms)
            if ms < 400:
                robot.push_state(ms)
            elif ms % 100 == 0:
                robot.push_state(400 + ms // 100)  # Alive, and further behind all the time.
            robot.poll(ms)
    words = str(error.value)
    assert words.startswith("no sample is left of so101/camera0/image_raw (it came at 25.0 Hz; 64 are kept)"), words
    assert "so101/joint_states lags by" in words and "Hz), and frames wait for it" in words


def hold(robot: Robot, begin: int, end: int, source: str, leader: bool = False) -> None:
    """Let time pass with commands of a source; empty for a robot that holds."""
    for ms in range(begin, end, 10):
        command = CommandSample(ZERO + min(ms, 500) * 1e-3, source)
        robot.sampler.streams["so101/command_applied"].push(ms * MS, command)
        robot.push_state(ms)
        if ms % 40 == 0:
            robot.push_picture(ms)
        if leader:
            robot.sampler.leaders["teleop/leader"] = ms * MS
        robot.poll(ms)


def test_leader_that_dies_ends_the_episode() -> None:
    robot = Robot(REAL)
    robot.sampler.begin(0)
    hold(robot, 0, 500, "teleop/leader")
    with pytest.raises(
        StaleError, match=r"no source commands so101 any more: nothing has come from 'teleop/leader' for 1\.0"
    ):
        hold(robot, 500, 3000, "")


def test_hand_that_lets_go_of_a_leader_that_lives_and_policy_that_is_done_do_not() -> None:
    for source, leader in (("teleop/leader", True), ("policy/x", False)):
        robot = Robot(REAL)
        robot.sampler.begin(0)
        hold(robot, 0, 500, source, leader)
        hold(robot, 500, 3000, "", leader)
        account = robot.sampler.account(episode=0, task="x", ended=0, began_wall=0.0, provenance={})
        ((first, last),) = account["uncommanded"]
        assert 11 <= first <= 13 and last == robot.sampler.frames - 1, account["uncommanded"]
        assert any("no source commanded in" in note for note in account["notes"]), account["notes"]


def test_motionless_start_frozen_pictures_and_nobody_are_noted() -> None:
    robot = Robot(LOCKSTEP)
    robot.sampler.begin(0)
    for ms in range(0, 3000, 10):
        target = ZERO + max(ms - 1000, 0) * 1e-3
        robot.sampler.streams["so101/command_applied"].push(ms * MS, CommandSample(target, ""))
        robot.sampler.streams["so101/joint_states"].push(ms * MS, JointSample(target, ZERO, ZERO))
        if ms % 40 == 0:
            robot.sampler.streams["so101/camera0/image_raw"].push(
                ms * MS, np.full((48, 64, 3), min(ms, 2000) // 40, np.uint8)
            )
        robot.poll(ms)
    notes = robot.sampler.account(episode=0, task="x", ended=0, began_wall=0.0, provenance={})["notes"]
    assert notes[0] == "nothing moves in the first 25 frames (1.0 s): a policy would learn to wait"
    assert notes[1].startswith("so101/camera0/image_raw shows the same picture in frames 50 to 7")
    assert notes[2] == "no source commanded: every action is the robot holding its position"
