"""sim.launch.py under the real `launch`: arguments, nodes, and what the end of a node means."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("launch_ros", reason="launch is not installed; it exists only in a ROS installation")

from graph import claim_domain, wait_for

from strands_robots.bringup.ros_launch import sim_description
from strands_robots.bringup.sim import LAUNCH_ARGUMENTS
from strands_robots.core.share import share_directory

RUN = """
import sys
from launch import LaunchDescription, LaunchService
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

arguments = [word.split(":=", 1) for word in sys.argv[2:]]
service = LaunchService(noninteractive=True)
source = PythonLaunchDescriptionSource(sys.argv[1])
service.include_launch_description(IncludeLaunchDescription(source, launch_arguments=arguments))
sys.exit(service.run())
"""


def launch_file() -> str:
    return str(share_directory() / "launch" / "sim.launch.py")


class Launched:
    """The launch file in a process of its own, as `ros2 launch` runs it."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.domain, self._lock = claim_domain()
        environment = {
            **os.environ,
            "ROS_DOMAIN_ID": str(self.domain),
            "ROS_HOME": str(folder),
            "ROS_LOG_DIR": str(folder / "log"),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        }
        self._output = folder / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", RUN, launch_file(), *arguments],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_for_robot(self, name: str = "so101") -> None:
        wait_for(
            lambda: f"listening to robot '{name}'" in self.output or self.process.poll() is not None, 60.0, "the start"
        )
        assert self.process.poll() is None, self.output

    def pid(self, node: str) -> int:
        """Return the process id of the newest start of a node."""
        return int(re.findall(rf"\[{node}-\d+\]: process started with pid \[(\d+)\]", self.output)[-1])

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(10)
        self._lock.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Launched]:
    launched = Launched(tmp_path, "cameras:=false")
    launched.wait_for_robot()
    yield launched
    launched.close()


def test_arguments_are_declared_and_described() -> None:
    arguments = {argument.name: argument for argument in sim_description().get_launch_arguments()}
    assert arguments.keys() == LAUNCH_ARGUMENTS.keys()
    assert all(argument.description for argument in arguments.values())


REFUSED = [
    ("mode:=turbo", "valid: fast, lockstep, realtime"), ("robot:=so10", "valid: "), ("robots:=a:=so101,a:=so101", "given twice"),
    ("cameras:=perhaps", "valid: true or false"), ("headless:=perhaps", "valid: true or false"),
    ("rviz:=perhaps", "valid: true or false"), ("foxglove:=perhaps", "valid: true or false"),
    ("foxglove_port:=70000", "valid: 0 to 65535"), ("console:=perhaps", "valid: true or false"),
    ("console_port:=70000", "valid: 1 to 65534"), ("incidents:=perhaps", "valid: true or false"),
    ("params_file:=/no/such/file", "does not exist"), ("namespace:=a-b", "valid"), ("log_level:=loud", "valid: debug"),
    ("agent:=/no/such/file.yaml", "does not exist"), ("evaluation:=perhaps", "valid: true or false"),
    ("teleop:=keyboard", "needs a terminal of its own"),
    ("stop_button:=Not A Name=/dev/input/event0", "cannot be read"),
    ("stop_gpio:=Not A Name=gpiochip0:1", "cannot be read"),
]  # fmt: skip


def test_every_argument_is_exercised_with_a_value_that_is_not_valid() -> None:
    """A new argument needs a line in REFUSED; test_arguments_reach_the_graph is about valid ones."""
    assert {argument.split(":=")[0] for argument, _ in REFUSED} == LAUNCH_ARGUMENTS.keys()


@pytest.mark.parametrize(("argument", "words"), REFUSED)
def test_an_argument_that_is_not_valid_is_refused(tmp_path: Path, argument: str, words: str) -> None:
    launched = Launched(tmp_path, argument)
    assert launched.process.wait(30) != 0
    assert words in launched.output
    launched.close()


def test_the_end_of_sim_node_ends_the_graph_with_a_status_and_its_name(started: Launched) -> None:
    os.kill(started.pid("sim_node"), signal.SIGKILL)
    assert started.process.wait(15) != 0
    assert "sim_node was killed by SIGKILL; the graph ends" in started.output


def test_safety_node_is_restarted_three_times(started: Launched) -> None:
    killed = set()
    for _ in range(4):
        wait_for(lambda: started.pid("safety_node") not in killed, 20.0, "the restart of safety_node")
        killed.add(started.pid("safety_node"))
        os.kill(started.pid("safety_node"), signal.SIGKILL)
    assert started.process.wait(15) != 0
    assert "3 restarts of safety_node did not help" in started.output


def test_sigint_ends_the_graph_with_status_zero(started: Launched) -> None:
    started.process.send_signal(signal.SIGINT)
    assert started.process.wait(10) == 0


def test_kill_of_launch_leaves_no_node(started: Launched) -> None:
    nodes = [Path(f"/proc/{started.pid(name)}/status") for name in ("sim_node", "safety_node", "policy_node")]
    started.process.kill()
    wait_for(
        lambda: not any(path.is_file() and "State:\tZ" not in path.read_text() for path in nodes),
        5.0,
        "the end of every node",
    )


@pytest.fixture
def two_robots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Launched]:
    """The launch file with a valid value of nearly every argument; this process is on the same domain."""
    parameters = tmp_path / "parameters.yaml"
    parameters.write_text(
        "/**/sim_node:\n  ros__parameters:\n    camera_rate: 7.0\n    heartbeat_timeout: 5.0\n", encoding="utf-8"
    )
    arguments = {
        "robots": "left:=so101@0,0.3,0 right:=panda@0,-0.5,0",
        "namespace": "cell",
        "mode": "lockstep",
        "cameras": "false",
        "log_level": "warn",
        "foxglove": "true",
        "foxglove_port": "0",
        "incidents": "false",
        "params_file": str(parameters),
    }
    launched = Launched(tmp_path, *(f"{name}:={value}" for name, value in arguments.items()))
    monkeypatch.setenv("ROS_DOMAIN_ID", str(launched.domain))
    yield launched
    launched.close()


def test_arguments_reach_the_graph(two_robots: Launched) -> None:
    from rcl_interfaces.srv import GetParameters

    from strands_robots.clients.client import GraphClient
    from strands_robots.clients.state_client import StateWatch

    client = GraphClient("cell")
    try:
        watch = StateWatch(client)
        assert client.spin_until(lambda: len(watch.snapshot().robots) == 2, 60.0)
        assert [robot.name for robot in watch.snapshot().robots] == ["left", "right"]
        port = client.call(GetParameters, "foxglove_node/get_parameters", GetParameters.Request(names=["port"]), 20.0)
        assert port.values[0].integer_value == 0
        request = GetParameters.Request(names=["mode", "camera_rate", "cameras"])
        mode, rate, cameras = client.call(GetParameters, "sim_node/get_parameters", request, 10.0).values
        assert (mode.string_value, rate.double_value, cameras.bool_value) == ("lockstep", 7.0, False)
    finally:
        client.close()
