"""LeRobot's own leader classes, unmodified: the SO-101 leader on a simulated servo bus, and what every leader's numbers mean."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from drivers.simulated_bus import MOUNTS, RANGES, SimulatedBus, wait_for, write_calibration

from strands_robots.core.errors import ConfigurationError
from strands_robots.teleop.frame import BadFrameError, FrameCheck, InputFrame, TeleopMode
from strands_robots.teleop.leader import LeaderError, LeaderThread
from strands_robots.teleop.lerobot_leader import LeRobotLeader, arm_codec, joint_positions, joint_unit

from .arm import CONFIG, LIMITS, NAMES

pytestmark = pytest.mark.learning


@pytest.fixture(scope="module")
def bus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedBus]:
    pytest.importorskip("lerobot")
    bus = SimulatedBus(tmp_path_factory.mktemp("leader"))
    yield bus
    bus.close()


def leader(bus: SimulatedBus, folder: Path, **options: object) -> LeRobotLeader:
    write_calibration(folder / "mine.json")
    return LeRobotLeader(
        "so101_leader", {"port": bus.port, "id": "mine", "calibration_dir": str(folder), **options}, CONFIG
    )


def test_leader_arm_without_torque_is_read_in_radians_where_it_really_is(bus: SimulatedBus, tmp_path: Path) -> None:
    bus.do("heal")
    arm = leader(bus, tmp_path)
    connect(arm)
    try:
        assert bus.torque() == "000000" and not arm.has_dead_man
        frames: list[InputFrame] = []

        def is_where_it_says() -> bool:
            try:
                frame = arm.read()
            except LeaderError:
                return False
            FrameCheck(LIMITS, 0.25).check(frame, frame.stamp)
            frames.append(frame)
            return frame.mode is TeleopMode.FOLLOW and all(
                abs(frame.positions[name] - _degrees(name, bus.joint(name))) < 0.02
                for name in NAMES
                if name != "gripper"
            )

        wait_for(is_where_it_says, timeout=60.0, what="a frame of where the leader is")
        # LeRobot gives the gripper as a part of its calibrated range; closed is 0.
        assert frames[-1].positions["gripper"] == pytest.approx(_gripper(bus.joint("gripper")), abs=0.05)
    finally:
        arm.close()


def connect(arm: LeRobotLeader) -> None:
    """Connect; LeRobot's classes wait 34 ms for an answer, which a busy machine may not give in time."""

    def is_connected() -> bool:
        try:
            arm.connect()
        except LeaderError:
            arm.close()
            return False
        return True

    wait_for(is_connected, 60.0, "the leader")


def refusal(arm: LeRobotLeader) -> str:
    """What is wrong with the calibration; nothing while the arm does not answer in time."""
    try:
        arm.connect()
    except LeaderError as error:
        arm.close()
        return str(error) if "calibrate" in str(error) else ""
    raise AssertionError("the leader was accepted")


def _degrees(name: str, angle: float) -> float:
    """What LeRobot's degrees are for a joint [rad]: it counts them from the middle of the calibrated range."""
    return angle + (2047 - sum(RANGES[name]) / 2.0) * 2.0 * np.pi / 4096


def _gripper(angle: float) -> float:
    """What the follower's gripper shall be for the leader's: the same part of the way."""
    low, high = RANGES["gripper"]
    steps = 2047 + angle * 4096 / (2 * np.pi)
    part = (steps - low) / (high - low)
    assert CONFIG.gripper is not None
    return CONFIG.gripper.closed + min(max(part, 0.0), 1.0) * (CONFIG.gripper.open - CONFIG.gripper.closed)


def test_leader_with_another_calibration_is_refused_with_the_command_that_helps(
    bus: SimulatedBus, tmp_path: Path
) -> None:
    write_calibration(tmp_path / "other.json", tuple(mount + 5 for mount in MOUNTS))
    arm = LeRobotLeader("so101_leader", {"port": bus.port, "id": "other", "calibration_dir": str(tmp_path)}, CONFIG)
    said = wait_for(lambda: refusal(arm), 60.0, what="a refusal for the calibration")
    assert "lerobot-calibrate --teleop.type=so101_leader" in said
    arm.close()


def test_unplugged_leader_is_told_and_comes_back_by_itself(bus: SimulatedBus, tmp_path: Path) -> None:
    frames: list[InputFrame] = []
    bad: list[str] = []
    listener = SimpleNamespace(on_frame=frames.append, on_bad=lambda reason, message: bad.append(message))
    thread = LeaderThread(leader(bus, tmp_path), listener, 0.01, lambda text: None)
    thread.start()
    try:
        wait_for(lambda: len(frames) > 5, 60.0, "frames")
        bus.do("unplug")
        wait_for(lambda: bad, what="word of the lost leader")
        wait_for(lambda: any("connected" in text for text in bad), what="attempts to connect")
        bus.do("plug")
        count = len(frames)
        wait_for(lambda: len(frames) > count + 5, 60.0, "frames again")
    finally:
        bus.do("heal")
        thread.stop()


def test_missing_port_unknown_type_and_unknown_option_are_named(tmp_path: Path) -> None:
    pytest.importorskip("lerobot")
    write_calibration(tmp_path / "mine.json")
    options = {"port": str(tmp_path / "nothing"), "id": "mine", "calibration_dir": str(tmp_path)}
    arm = LeRobotLeader("so101_leader", options, CONFIG)
    with pytest.raises(LeaderError, match="cannot be connected"):
        arm.connect()
    with pytest.raises(ConfigurationError, match=r"valid: keyboard, joy, so101_leader"):
        LeRobotLeader("banana", {}, CONFIG)
    with pytest.raises(ConfigurationError, match=r"has no option baud; valid: .*port"):
        LeRobotLeader("so101_leader", {"port": "x", "baud": 1}, CONFIG)


def test_every_arm_of_lerobot_that_has_the_robots_joints_is_mapped_by_its_motors_ranges() -> None:
    pytest.importorskip("lerobot")
    koch = LeRobotLeader("koch_leader", {"port": "/dev/null", "id": "none"}, CONFIG)
    so100 = LeRobotLeader("so100_leader", {"port": "/dev/null", "id": "none", "use_degrees": False}, CONFIG)
    for arm in (koch, so100):
        codec = arm._codec
        assert codec is not None
        ends = dict.fromkeys(codec.keys, 100.0)
        positions = joint_positions(ends, codec, {})
        assert positions["elbow_flex"] == pytest.approx(CONFIG.joints["elbow_flex"].upper)
        assert positions["gripper"] == pytest.approx(CONFIG.joints["gripper"].upper)
        middle = joint_positions(dict.fromkeys(codec.keys, 0.0), codec, {})
        pan = CONFIG.joints["wrist_roll"]
        assert middle["wrist_roll"] == pytest.approx((pan.lower + pan.upper) / 2.0)


def test_names_that_differ_are_mapped_and_others_are_refused() -> None:
    motors = {"pan": SimpleNamespace(norm_mode="degrees")}
    device = SimpleNamespace(bus=SimpleNamespace(motors=motors))
    codec = arm_codec(device, CONFIG, {"pan": "shoulder_pan"})
    assert codec is not None
    assert joint_positions({"pan.pos": 180.0 / np.pi}, codec, {"pan": "shoulder_pan"}) == {
        "shoulder_pan": pytest.approx(1.0)
    }
    with pytest.raises(ConfigurationError, match="leader's joint 'pan' is none of"):
        arm_codec(device, CONFIG, {})
    with pytest.raises(BadFrameError, match=r"valid: shoulder_pan\.pos"):
        joint_positions({"tilt.pos": 1.0}, codec, {"pan": "shoulder_pan"})
    with pytest.raises(ConfigurationError, match="valid: degrees"):
        joint_unit("shoulder_pan", "furlongs", CONFIG)


class Event(Enum):
    """As lerobot's TeleopEvents."""

    IS_INTERVENTION = "is_intervention"


@pytest.mark.parametrize("kind", ["gamepad", "keyboard_ee"])
def test_deltas_of_lerobots_hand_devices_move_the_tool_while_it_says_intervention(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    action = {"delta_x": 0.5, "delta_y": -1.0, "delta_z": 0.0, "gripper": 2}
    events = {Event.IS_INTERVENTION: True}
    device = SimpleNamespace(
        is_connected=True, connect=lambda: None, get_action=lambda: action, get_teleop_events=lambda: events,
        disconnect=lambda: None,
    )  # fmt: skip
    monkeypatch.setattr("strands_robots.teleop.lerobot_leader.make_device", lambda kind, options: device)
    hand = LeRobotLeader(kind, {}, CONFIG)
    hand.connect()
    frame = hand.read()
    assert hand.has_dead_man and frame is not None and frame.is_held
    assert (frame.mode, frame.linear, frame.gripper) == (TeleopMode.TOOL, (0.5, -1.0, 0.0), 1.0)
    hand.close()
