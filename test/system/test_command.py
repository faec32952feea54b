"""`strands-robots` as a person uses it: a real simulation started by the command, and the other commands against it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import PIL.Image
import psutil
import pytest
from graph import claim_domain, wait_for

from .simulation import Command, Simulation

SWING = "{joints: {shoulder_pan: [{amplitude: 0.2, frequency: 0.5}]}}"


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulation]:
    started = Simulation(tmp_path_factory.mktemp("ros_home"))
    yield started
    started.close()


@pytest.fixture
def own_simulation(tmp_path: Path) -> Iterator[Simulation]:
    started = Simulation(tmp_path)
    yield started
    started.close()


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_state_shows_joints_rates_gate_and_safety(simulation: Simulation) -> None:
    simulation.arm()  # until then five processes share the cores for their imports
    code, output = simulation.run("state")
    assert code == 0 and "safety " in output, output
    for word in ("so101", "shoulder_pan", "gripper"):
        assert word in output
    rates = re.findall(r"\| (\d+\.\d) +\| shoulder_pan", output)
    assert rates and float(rates[0]) > 50.0


def test_local_graph_has_no_socket_that_another_machine_reaches(simulation: Simulation) -> None:
    """Also where a ROS installation was sourced, which sets SUBNET and ROS_LOCALHOST_ONLY=0 in every shell."""
    addresses = set()
    for pid in simulation.nodes().values():
        addresses |= {entry.laddr.ip for entry in psutil.Process(pid).net_connections("inet") if entry.laddr}
    # The group is joined on the loopback interface only. Cyclone DDS binds no socket to an address; see docs/reference/compatibility.md.
    cyclone = {"0.0.0.0"} if os.environ.get("RMW_IMPLEMENTATION") == "rmw_cyclonedds_cpp" else set()
    assert addresses <= {"127.0.0.1", "::1", "239.255.0.1"} | cyclone


def test_shell_that_was_not_sourced_finds_the_graph_and_is_told_of_what_it_had_otherwise(
    simulation: Simulation,
) -> None:
    ours = (
        "ROS_AUTOMATIC_DISCOVERY_RANGE",
        "ROS_LOCALHOST_ONLY",
        "FASTDDS_DEFAULT_PROFILES_FILE",
        "FASTRTPS_DEFAULT_PROFILES_FILE",
    )
    plain = {name: value for name, value in simulation.environment.items() if name not in ours}
    for added, told in (({}, False), ({"ROS_STATIC_PEERS": "192.0.2.77"}, True)):
        done = subprocess.run(
            simulation.words("state"), env={**plain, **added}, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0 and "so101" in done.stdout, done
        assert ("ROS_STATIC_PEERS is '192.0.2.77' in this shell; the graph has none" in done.stderr) is told


def test_follow_prints_a_line_each_second_where_there_is_no_terminal(simulation: Simulation, tmp_path: Path) -> None:
    command = Command(tmp_path, simulation.domain)
    process = command.start("state", "--follow")
    wait_for(
        lambda: len(re.findall(r"^safety .*real-time factor.*so101", command.output, re.M)) >= 2, 30.0, "two lines"
    )
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "\x1b" not in command.output


def test_estop_latches_and_only_resume_arms_again(simulation: Simulation) -> None:
    simulation.arm()
    code, output = simulation.run("estop", "--reason", "a test")
    assert code == 0 and output.startswith("STOPPED and latched (stop ")
    assert "so101: latched" in output and "at rest" in output
    assert "STOPPED by" in simulation.run("state")[1]
    code, output = simulation.run("resume", "--stop-id", "4711")
    assert code == 1 and "NOT ARMED" in output
    code, output = simulation.run("resume", "--reason", "a test")
    assert code == 0 and output.startswith("ARMED, epoch ")


def test_estop_stops_the_robots_when_safety_node_hangs(simulation: Simulation) -> None:
    simulation.arm()
    safety = simulation.nodes()["safety_node"]
    os.kill(safety, signal.SIGSTOP)
    try:
        code, output = simulation.run("estop")
    finally:
        os.kill(safety, signal.SIGCONT)
    assert code == 0
    assert "told directly" in output and "so101: latched" in output


@pytest.mark.long
def test_policy_run_moves_the_robot_and_says_how_far(simulation: Simulation) -> None:
    simulation.arm()
    code, output = simulation.run("policy", "run", "sine", "--robot", "so101", "--duration", "2", "--config", SWING)
    assert code == 0, output
    moved = re.search(r"shoulder_pan: moved (\d+\.\d+)", output)
    assert "completed" in output and moved and float(moved.group(1)) > 0.1


def test_policy_run_says_what_is_valid(simulation: Simulation) -> None:
    code, output = simulation.run("policy", "run", "sine", "--robot", "so10", "--duration", "1", "--config", SWING)
    assert code == 1 and "so101" in output


def test_ctrl_c_cancels_the_policy(simulation: Simulation, tmp_path: Path) -> None:
    simulation.arm()
    command = Command(tmp_path, simulation.domain)
    process = command.start("policy", "run", "sine", "--robot", "so101", "--duration", "60", "--config", SWING)
    wait_for(lambda: "chunks" in command.output, 30.0, "feedback")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert "cancelled" in command.output


def test_render_writes_a_picture(simulation: Simulation, tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    code, output = simulation.run("render", "so101/wrist", "--file", str(file), "--width", "64", "--height", "48")
    if "OpenGL" in output or "GL" in output:
        pytest.skip(f"no OpenGL here: {output}")
    assert code == 0, output
    assert file.read_bytes().startswith(b"\x89PNG")
    size = ("--width", "64", "--height", "48")
    code, output = simulation.run("render", "overhead", "--file", str(file), *size, "--segmentation")
    assert code == 0 and "so101 " in output and "world " in output, output
    colours = {line.split()[0] for line in output.splitlines() if line.startswith("#")}
    with PIL.Image.open(file) as picture:
        seen = {"#{:02x}{:02x}{:02x}".format(*pixel) for _, pixel in picture.getcolors() or []}
    assert len(colours) > 2 and seen - {"#000000"} == colours
    code, output = simulation.run("render", "nocam", "--file", str(file))
    assert code == 1 and "so101/wrist" in output


def test_ctrl_c_ends_every_node_with_status_zero(own_simulation: Simulation) -> None:
    nodes = own_simulation.nodes()
    assert {"sim_node", "safety_node", "policy_node"} <= nodes.keys()
    own_simulation.process.send_signal(signal.SIGINT)
    assert own_simulation.process.wait(5) == 0
    assert not any(map(is_alive, nodes.values()))


@pytest.mark.long
def test_the_end_of_sim_node_ends_the_graph_and_is_named(own_simulation: Simulation) -> None:
    nodes = own_simulation.nodes()
    os.kill(nodes["sim_node"], signal.SIGKILL)
    assert own_simulation.process.wait(10) == 1
    assert "sim_node was killed by SIGKILL" in own_simulation.output
    assert not any(map(is_alive, nodes.values()))


@pytest.mark.long
def test_killed_policy_node_is_started_again_and_runs_policies(own_simulation: Simulation) -> None:
    killed = own_simulation.nodes()["policy_node"]
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: own_simulation.nodes().get("policy_node", killed) != killed, 10.0, "another policy_node")
    assert "policy_node was killed by SIGKILL; restart 1 of 3" in own_simulation.output
    own_simulation.arm()
    code, output = own_simulation.run("policy", "run", "sine", "--robot", "so101", "--duration", "1", "--config", SWING)
    assert code == 0, output


def test_kill_of_the_command_leaves_no_node(own_simulation: Simulation) -> None:
    nodes = own_simulation.nodes()
    own_simulation.process.kill()
    wait_for(lambda: not any(map(is_alive, nodes.values())), 5.0, "the end of every node")


def test_estop_without_a_graph_says_that_nothing_confirmed(tmp_path: Path) -> None:
    domain, lock = claim_domain()
    with lock:
        code, output = Command(tmp_path, domain).run("estop", "--wait", "0.5")
    assert code == 1 and "NOT STOPPED: nothing confirmed the request" in output
