"""How leaders are written on the command line and in launch files."""

from __future__ import annotations

import pytest

from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.real import real_graph, real_options_from_text
from strands_robots.bringup.sim import options_from_text, sim_graph
from strands_robots.bringup.teleop import parse_teleop, teleop_node
from strands_robots.core.errors import ConfigurationError
from strands_robots.teleop.frame import TeleopMode
from strands_robots.teleop.joystick import JoystickConfig
from strands_robots.teleop.making import free_joints, make_leader, parse_joints, parse_options

from .arm import CONFIG

TWO = ("left=so101", "right=so101")


def test_leader_of_a_launch_argument_becomes_a_node_without_which_the_graph_goes_on() -> None:
    spec = parse_teleop("so101-leader, port=/dev/ttyACM1, id=my_leader, robot=right")
    assert spec is not None
    node = teleop_node(spec, TWO, "run")
    assert node.executable == "teleop_node" and node.on_exit is OnExit.OPTIONAL
    assert node.parameters["robot"] == "right=so101" and node.parameters["leader"] == "so101_leader"
    assert parse_options(str(node.parameters["leader_options"])) == {"port": "/dev/ttyACM1", "id": "my_leader"}
    assert parse_teleop(" ") is None


@pytest.mark.parametrize(("text", "words"), [
    ("keyboard", "strands-robots teleop keyboard"), ("joy,robot", "valid: <leader>,<option>=<value>"), ("J o y", "cannot be read"),
])  # fmt: skip
def test_leader_that_cannot_be_used_is_refused_before_anything_starts(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse_teleop(text)


def test_simulated_and_real_graphs_have_the_leader_that_was_asked_for() -> None:
    sim = sim_graph(options_from_text({"robot": "so101", "teleop": "joy"}))
    (node,) = [spec for spec in sim.nodes if spec.name == "teleop_node"]
    assert node.parameters["robot"] == "so101=so101" and node.parameters["leader"] == "joy"
    given = {
        "robot": "so101",
        "port": "/dev/ttyACM0",
        "arm": "mine",
        "teleop": "so101_leader,port=/dev/ttyACM1,id=lead",
    }
    real = real_graph(real_options_from_text(given))
    assert [spec.parameters["leader"] for spec in real.nodes if spec.name == "teleop_node"] == ["so101_leader"]
    assert not [spec for spec in sim_graph(options_from_text({"robot": "so101"})).nodes if spec.name == "teleop_node"]


def test_leader_needs_a_robot_of_the_graph() -> None:
    spec = parse_teleop("joy")
    assert spec is not None
    with pytest.raises(ConfigurationError, match="left, right"):
        teleop_node(spec, TWO, "run")
    other = parse_teleop("joy,robot=middle")
    assert other is not None
    with pytest.raises(Exception, match="middle"):
        teleop_node(other, TWO, "run")


def test_options_and_joints_that_cannot_be_read_are_named() -> None:
    assert parse_options("") == {} and parse_options("{port: x}") == {"port": "x"}
    assert parse_joints(["a=b"]) == {"a": "b"}
    for text in ("[1]", "{1: 2}", "{"):
        with pytest.raises(ConfigurationError, match="leader_options"):
            parse_options(text)
    with pytest.raises(ConfigurationError, match="leader's joint"):
        parse_joints(["a="])


def test_keyboard_takes_no_options_and_turns_every_joint_but_the_grippers() -> None:
    assert free_joints(CONFIG) == tuple(name for name in CONFIG.joints if name != "gripper")
    with pytest.raises(ConfigurationError, match="takes no"):
        make_leader("keyboard", {"port": "x"}, {}, CONFIG, TeleopMode.TOOL, JoystickConfig(), lambda order: None)
