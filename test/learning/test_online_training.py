"""LeRobot's actor and learner for ten minutes on a task, and on robots of a graph: hands and stops at the gate. Minutes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from graph import Graph, wait_for
from recording.recorded_graph import RecordedGraph
from strands_robots.msg import JointCommand, SafetyState
from strands_robots.srv import ResumeGraph, StopGraph
from system.real_arm import real_arm

from strands_robots.ros.messages import qos
from strands_robots.ros.messages.stamps import to_duration

pytest.importorskip("lerobot", reason="needs make setup-learning")

pytestmark = [
    pytest.mark.learning,
    pytest.mark.long,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="lerobot 0.6 needs Python 3.12 or newer"),
]

SOURCES = Path(__file__).resolve().parents[2] / "src"
PLUGINS = os.pathsep.join(str(SOURCES / name) for name in ("lerobot_env_strands", "lerobot_robot_strands"))
HAND = "teleop/test"


@pytest.mark.timeout(1500)
def test_ten_minutes_of_training_beat_the_start(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{PLUGINS}:{os.environ.get('PYTHONPATH', '')}", "OMP_NUM_THREADS": "1"}
    joints = [word for joint in ("shoulder_pan", "shoulder_lift", "elbow_flex") for word in ("--joint", joint)]
    words = ["reach", "--output", str(tmp_path / "run"), "--minutes", "10", "--episodes", "10", *joints]
    done = subprocess.run(
        [sys.executable, "-m", "strands_robots.cli.entry", "train-online", *words], env=environment, capture_output=True,
        text=True, timeout=1400,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    said = re.search(r"first \d+ episodes (-?[\d.]+), of the last \d+ (-?[\d.]+)", done.stdout)
    assert said is not None, done.stdout
    first, last = float(said[1]), float(said[2])
    assert last > first, done.stdout
    before, after = map(int, re.findall(r"(\d+) of 10 succeeded", done.stdout))
    assert after > before, done.stdout


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in PLUGINS.split(os.pathsep):
        monkeypatch.syspath_prepend(name)
    return __import__("lerobot_env_strands")


class _Hand:
    """Commands the robot as a teleoperator does, and lets go."""

    def __init__(self, client: Any) -> None:
        self._client, self._sequence = client, time.time_ns()
        self._publisher = client.create_publisher(JointCommand, "so101/command", qos.COMMAND)
        self._timer: Any = None

    def take(self, stamp: Any, position: float) -> None:
        def send() -> None:
            self._sequence += 1
            message = JointCommand(
                source=HAND, sequence=self._sequence, lifetime=to_duration(0.5), joint_names=["shoulder_pan"],
                values=[position],
            )  # fmt: skip
            message.header.stamp = stamp()
            self._publisher.publish(message)

        self._timer = self._client.create_timer(0.05, send)

    def let_go(self) -> None:
        self._timer.cancel()


@contextmanager
def simulated(folder: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    with Graph() as processes:
        graph = RecordedGraph(processes, folder, "realtime", cameras=False)
        yield graph.client, graph.environment


@contextmanager
def servo_bus(folder: Path) -> Iterator[tuple[Any, dict[str, str]]]:
    with real_arm(folder) as arm:
        arm.resume()
        yield arm.client, arm.graph.environment


@pytest.mark.timeout(400)
@pytest.mark.parametrize("robot", [simulated, servo_bus])
def test_a_robot_of_the_graph_is_the_environment_with_hands_and_stops(
    robot: Any, plugin: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lerobot_env_strands.online_worlds import GraphWorld
    from sensor_msgs.msg import JointState

    from .test_online_env import _Run

    with robot(tmp_path) as (client, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        safety = client.listen(SafetyState, "safety/state", qos.SAFETY)
        states = client.listen(JointState, "so101/joint_states", qos.STATE)
        applied = client.listen(JointCommand, "so101/command_applied", qos.COMMAND)
        wait_for(lambda: states and applied, 30.0, "a robot")
        config = plugin.StrandsOnlineEnvConfig(task="reach", world="graph", fps=5, reset_timeout=60.0)
        world = GraphWorld(config)
        run = _Run(config, world)
        try:
            run.reset()
            applied.clear()
            for _ in range(4):
                run.step(np.full(6, 0.1))
                assert not run.is_intervention
            assert any(message.source == "policy/online" for message in applied), "nothing went through the gate"
            hand = _Hand(client)
            hand.take(lambda: states[-1].header.stamp, 0.4)
            for _ in range(10):
                run.step(np.full(6, -0.5))
            assert run.is_intervention and run.executed[0] == pytest.approx(0.5, abs=0.2), run.executed
            hand.let_go()
            for _ in range(10):
                run.step(np.zeros(6))
            assert not run.is_intervention
            stop = StopGraph.Request(source="operator/test", reason="test")
            assert client.call(StopGraph, "safety/stop", stop).success
            applied.clear()
            for _ in range(20):
                transition = run.step(np.full(6, 0.9))
                if transition[run.key.TRUNCATED]:
                    break
            assert transition[run.key.INFO]["reason"].startswith("stopped: "), transition[run.key.INFO]
            assert not any(message.source == "policy/online" for message in list(applied)[5:])
            _resume(client, safety)
            assert run.reset().shape == (1, 6)
        finally:
            world.close()


def _resume(client: Any, safety: Any) -> None:
    def is_armed() -> bool:
        request = ResumeGraph.Request(source="operator/test", reason="test", stop_id=safety[-1].stop_id)
        return bool(client.call(ResumeGraph, "safety/resume", request).success)

    wait_for(is_armed, 30.0, "an armed robot")
