"""Robot() without a graph: how it chooses between simulation and hardware, what it sends, and what it says."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import strands_robots.robot.robot as robot_module
from strands_robots import Robot
from strands_robots.bringup.child_graph import start_real, start_simulation
from strands_robots.clients.results import RobotObservation
from strands_robots.core.errors import ConfigurationError, MotionError, NoAnswerError, PolicyError, UnknownNameError
from strands_robots.dataset.errors import RecordingError
from strands_robots.robot import connection as robot_connection
from strands_robots.robot.connection import Wish
from strands_robots.robot.recording import Recording

SEEN = RobotObservation(1.0, {"pan": 0.1, "<b>": 0.2}, {}, {}, ("wrist",), False, True, "")
MOVED = {
    "termination_reason": "reached", "message": "there", "joint_names": ["pan"], "positions": [0.3], "joint_error": 0.001,
    "position_error": 0.0, "orientation_error": 0.0, "elapsed": 1.0,
    "tool_pose": {"header": {"frame_id": ""}, "pose": {"position": {"x": 0.0, "y": 0.0, "z": 0.0}}},
}  # fmt: skip


class Link:
    """The way to a robot that does what it was told to; everything that was sent is in `sent`."""

    def __init__(self, client: Any = None, goals: Any = None, robot: str = "so101") -> None:
        self.sent: list[Any] = []
        self.answer: tuple[str, dict[str, Any]] = ("succeeded", dict(MOVED))
        self.refused: dict[str, str] = {}
        self.simulated = True
        self.closed = 0

    def close(self) -> None:
        self.closed += 1

    def is_simulated(self) -> bool:
        return LINK.simulated

    def observe(self) -> RobotObservation:
        return SEEN

    def cameras(self, robot: str = "") -> tuple[str, ...]:
        return ("wrist",)

    def run_goal(self, *given: Any) -> tuple[str, dict[str, Any]]:
        self.sent.append(given)
        return self.answer

    def has_recorder(self, timeout: float) -> bool:
        return True

    def open_dataset(self, fields: Any, timeout: float) -> Any:
        self.sent.append(("OPEN", dict(fields)))
        return SimpleNamespace(success="OPEN" not in self.refused, message=self.refused.get("OPEN", "open"))

    def order_episode(self, command: str, fields: Any, timeout: float) -> Any:
        self.sent.append((command, dict(fields)))
        state = SimpleNamespace(frames=25, episode=3, streams=[])
        words = self.refused.get(command, "")
        return SimpleNamespace(success=not words, message=words or "done", episode=3, frames=25, state=state)


LINK = Link()


@pytest.fixture
def wishes(monkeypatch: pytest.MonkeyPatch) -> list[Wish]:
    """A graph with the robot so101; the wishes of the Robots that attached to it."""
    import strands_robots.clients.robot_client as link_module

    global LINK
    LINK = Link()
    made: list[Wish] = []
    graph = SimpleNamespace(robots=lambda: ["so101"], await_robots=lambda wanted="": ["so101"], client=None, goals=None)

    def attach(wish: Wish) -> Any:
        made.append(wish)
        return SimpleNamespace(graph=graph, tools=None, started=None, require_alive=lambda: None)

    monkeypatch.setattr(robot_module, "attach", attach)
    monkeypatch.setattr(robot_module, "release", lambda namespace, connection: made.append(namespace))
    monkeypatch.setattr(link_module, "RobotClient", lambda *given: LINK)
    monkeypatch.delenv("STRANDS_ROBOT_MODE", raising=False)
    return made


def test_nothing_but_mode_real_chooses_hardware(wishes: list[Wish], monkeypatch: pytest.MonkeyPatch) -> None:
    assert Robot() and wishes[-1].mode == "sim"
    assert Robot("so101", port="/dev/ttyACM0") and wishes[-1].mode == "sim"
    monkeypatch.setenv("STRANDS_ROBOT_MODE", "real")
    assert Robot() and wishes[-1].mode == "real"
    assert Robot(mode="sim") and wishes[-1].mode == "sim"
    monkeypatch.setenv("STRANDS_ROBOT_MODE", "")
    assert Robot() and wishes[-1].mode == "sim"
    assert Robot(mode="real") and wishes[-1].mode == "real"
    for wrong in ("Real", "hardware"):
        monkeypatch.setenv("STRANDS_ROBOT_MODE", wrong)
        with pytest.raises(UnknownNameError, match="valid: real, sim"):
            Robot()


def test_hardware_is_started_only_with_its_port() -> None:
    assert not Wish("so101", "real", "", None).may_start
    assert Wish("so101", "sim", "", None).may_start
    with pytest.raises(ConfigurationError, match="no port is given"):
        start_real("so101", "", {"arm": "mine"})
    with pytest.raises(ConfigurationError, match="neither arm nor calibration"):
        start_real("so101", "", {"port": "/dev/null"})
    for words in ({"port": "/dev/ttyACM0"}, {"arm": "mine"}, {"mode": "real"}, {"run_id": "x"}):
        with pytest.raises(UnknownNameError, match="unknown option"):
            start_simulation("so101", "", words)
    with pytest.raises(ConfigurationError, match="camera_rate is 'fast'; valid: float"):
        start_simulation("so101", "", {"camera_rate": "fast"})


def test_robot_that_is_not_simulated_is_refused_in_mode_sim_and_let_go(wishes: list[Wish]) -> None:
    LINK.simulated = False
    with pytest.raises(ConfigurationError, match="not simulated; valid: mode='real'"):
        Robot("so101")
    assert LINK.closed == 1 and wishes[-1] == ""
    assert Robot("so101", mode="real")
    with pytest.raises(UnknownNameError, match="unknown robot 'so100'; valid: so101"):
        Robot("so100")


@pytest.mark.parametrize("given", ["arm=so101", "arm:=so101", "arm=so101@0,0.2,0"])
def test_name_on_the_graph_is_the_part_before_the_model(given: str) -> None:
    assert Wish(given, "sim", "", None).name == "arm"


def test_name_of_a_file_is_its_own(tmp_path: Path) -> None:
    path = tmp_path / "My-Arm.urdf"
    path.write_text("<robot/>", encoding="ascii")
    assert Wish(str(path), "sim", "", None).name == "my_arm"
    assert Wish(f"left={path}", "sim", "", None).name == "left"


def test_second_robot_with_other_rules_or_options_than_the_connection_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = robot_connection.GraphConnection(SimpleNamespace(), SimpleNamespace(), None, Wish("a", "sim", "ns", None))  # type: ignore[arg-type]
    monkeypatch.setattr(robot_connection, "_connections", {"ns": made})
    assert robot_connection.attach(Wish("b", "sim", "ns", None)) is made and made.users == 1
    with pytest.raises(ConfigurationError, match=r"policy is .*valid: 'none'"):
        robot_connection.attach(Wish("b", "sim", "ns", tmp_path / "mine.yaml"))
    with pytest.raises(ConfigurationError, match="runs already"):
        robot_connection.attach(Wish("b", "sim", "ns", None, {"seed": 3}))
    assert made.users == 1


def test_goals_carry_what_was_given_and_results_are_typed(wishes: list[Wish]) -> None:
    robot = Robot("so101")
    moved = robot.move_to({"pan": 0.3}, speed=0.2)
    assert (moved.reason, moved.joints, moved.position) == ("reached", {"pan": 0.3}, None)
    kind, name, goal, timeout = LINK.sent[-1]
    assert (kind, name, timeout) == ("MoveTo", "move_to", 60.0)
    assert (goal["joint_names"], goal["positions"], goal["speed_scale"]) == (["pan"], [0.3], 0.2)
    robot.move_to(position=(0.2, 0.0, 0.1), orientation=(0.0, 1.0, 0.0, 0.0))
    goal = LINK.sent[-1][2]
    assert (goal["target"], goal["orientation"]) == ("TARGET_POSE", "ORIENTATION_FULL")
    assert goal["pose"]["pose"]["position"] == {"x": 0.2, "y": 0.0, "z": 0.1}
    for wrong in ({}, {"joints": {"pan": 0.1}, "position": (0, 0, 0)}, {"position": (0, 0)}):
        with pytest.raises(ConfigurationError):
            robot.move_to(**wrong)


def test_policy_takes_settings_by_keyword(wishes: list[Wish]) -> None:
    import json

    import numpy as np

    ran = {"steps": 5, "chunks": 2, "underruns": 0, "motion": [0.1], "latency_p50": 0.01, "latency_p99": 0.02}
    robot, LINK.answer = Robot("so101"), ("succeeded", {**MOVED, **ran, "termination_reason": "completed"})
    result = robot.run_policy("lerobot", path=Path("out/act"), task="pick", gain=np.float64(0.5), stop_when={"any": []})
    assert (result.reason, result.motion) == ("completed", {"pan": 0.1})
    goal = LINK.sent[-1][2]
    assert json.loads(goal["config"]) == {"path": "out/act", "gain": 0.5}
    assert (goal["task"], goal["duration"], json.loads(goal["stop_when"])) == ("pick", 30.0, {"any": []})
    with pytest.raises(ConfigurationError, match="a setting is <object"):
        robot.run_policy("sine", joints=object())


def test_what_did_not_get_to_its_end_raises_with_the_reason(wishes: list[Wish]) -> None:
    robot = Robot("so101")
    LINK.answer = "aborted", {**MOVED, "termination_reason": "unreachable", "message": "too far", "position_error": 0.2}
    with pytest.raises(MotionError, match="ended 'unreachable': too far") as motion:
        robot.move_to(position=(9.0, 0.0, 0.0))
    assert (motion.value.reason, motion.value.miss[0]) == ("unreachable", 0.2)
    LINK.answer = "aborted", {"termination_reason": "policy_failed", "message": "no such file"}
    with pytest.raises(PolicyError, match="no such file") as policy:
        robot.run_policy("lerobot", path="x")
    assert policy.value.reason == "policy_failed"


def test_closed_robot_says_so(wishes: list[Wish]) -> None:
    with Robot("so101") as robot:
        assert "armed" in repr(robot) and "pan=0.100" in repr(robot)
        page = robot._repr_html_()
        assert "<b>so101</b>" in page and "&lt;b&gt;" in page, "names of the graph are text, never markup"
    assert repr(robot) == "Robot('so101', closed)" and "closed" in robot._repr_html_()
    robot.close()
    for call in (robot.observe, robot.stop, lambda: list(robot), lambda: robot.cameras):
        with pytest.raises(ConfigurationError, match="'so101' is closed"):
            call()


def test_stopped_robot_is_waited_for_until_somebody_resumes(
    wishes: list[Wish], monkeypatch: pytest.MonkeyPatch
) -> None:
    robot, states = Robot("so101"), iter([True, True, False])
    monkeypatch.setattr(LINK, "observe", lambda: dataclasses.replace(SEEN, is_stopped=next(states), why="a button"))
    robot.wait_until_armed()
    monkeypatch.setattr(LINK, "observe", lambda: dataclasses.replace(SEEN, is_stopped=True, why="a button"))
    with pytest.raises(MotionError, match=r"is stopped: a button; .*strands-robots resume"):
        robot.wait_until_armed(0.0)


def record(robot: Robot, root: Path, **given: Any) -> Recording:
    LINK.sent.clear()
    return robot.record("me/pick", "pick the cube", root=root, **given)


def test_episode_is_saved_at_the_end_of_its_block(wishes: list[Wish], tmp_path: Path) -> None:
    with record(Robot("so101"), tmp_path, fps=20) as episode:
        assert episode.frames == 25 and episode.result is None
        episode.succeeded()
    assert episode.result is not None and episode.result.is_saved and episode.result.episode == 3
    fields = LINK.sent[0][1]
    assert (fields["mode"], fields["robots"], fields["cameras"]) == (0, ["so101"], ["so101/wrist"])
    assert [name for name, _ in LINK.sent if name != "STATE"] == ["OPEN", "BEGIN", "END", "STOP"]
    assert ("END", {"outcome": 1}) in LINK.sent
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text("{}")
    with record(Robot("so101"), tmp_path):
        assert LINK.sent[0][1]["mode"] == 1, "the dataset that is there gets one more episode"


def test_exception_discards_the_episode_or_keeps_it_as_failed(wishes: list[Wish], tmp_path: Path) -> None:
    for on_error, wanted, saved in (("discard", ("DISCARD", {}), False), ("mark", ("END", {"outcome": 2}), True)):
        with pytest.raises(KeyboardInterrupt), record(Robot("so101"), tmp_path, on_error=on_error) as episode:
            raise KeyboardInterrupt
        assert wanted in LINK.sent and LINK.sent[-1][0] == "STOP"
        assert episode.result is not None and episode.result.is_saved is saved
    with record(Robot("so101"), tmp_path) as episode:
        episode.discard()
    assert ("DISCARD", {}) in LINK.sent and episode.result is not None and not episode.result.is_saved


def test_episode_that_cannot_begin_or_be_saved_raises_and_the_dataset_is_closed(
    wishes: list[Wish], tmp_path: Path
) -> None:
    robot = Robot("so101")
    LINK.refused = {"BEGIN": "nothing has come"}
    with pytest.raises(RecordingError, match="nothing has come"), record(robot, tmp_path):
        pass
    assert LINK.sent[-1][0] == "STOP"
    LINK.refused = {"END": "the disk is full"}
    with pytest.raises(RecordingError, match="the disk is full"), record(robot, tmp_path):
        pass
    LINK.refused = {"DISCARD": "no", "STOP": "not closed"}
    with warnings.catch_warnings(record=True) as said, pytest.raises(ZeroDivisionError), record(robot, tmp_path):
        warnings.simplefilter("always")
        raise ZeroDivisionError
    assert "not closed" in str(said[-1].message), "the exception of the block goes on, the trouble is a warning"
    for wrong in ({"existing": "maybe"}, {"on_error": "ignore"}):
        with pytest.raises(UnknownNameError):
            record(robot, tmp_path, **wrong)
    with pytest.raises(ConfigurationError, match="the task is empty"):
        robot.record("me/pick", " ")


def test_picture_of_an_unknown_camera_names_the_known_ones(wishes: list[Wish]) -> None:
    with pytest.raises(UnknownNameError, match="unknown camera 'wirst'; valid: wrist; did you mean 'wrist'"):
        Robot("so101").look("wirst")


def test_import_of_robot_loads_nothing_heavy() -> None:
    heavy = ("rclpy", "torch", "mujoco", "pydantic", "numpy", "PIL", "strands", "lerobot", "asyncio")
    code = f"import sys; from strands_robots import Robot; print([name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_errors_are_of_the_one_tree_and_need_no_ros() -> None:
    from strands_robots.clients.client import NoAnswerError as RosNoAnswerError

    assert RosNoAnswerError is NoAnswerError
