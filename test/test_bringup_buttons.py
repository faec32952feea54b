"""Stop buttons of a graph: how they are written, the node of each, and that safety_node waits for them."""

from __future__ import annotations

import pytest

from strands_robots.bringup.buttons import ButtonSpec, parse_buttons
from strands_robots.bringup.graph import OnExit
from strands_robots.bringup.robots import BringupRobot
from strands_robots.bringup.sim import SimOptions, options_from_text, sim_graph
from strands_robots.core.errors import ConfigurationError

ONE = (BringupRobot("so101", "so101"),)


def test_buttons_have_names_of_their_own_or_the_default_one() -> None:
    assert parse_buttons("", "") == ()
    assert parse_buttons("/dev/input/event3", "gpiochip0:17") == (
        ButtonSpec("usb", "device", "/dev/input/event3"),
        ButtonSpec("gpio", "gpio", "gpiochip0:17"),
    )
    assert parse_buttons("left=/dev/input/event3; right=Big Red Button", "") == (
        ButtonSpec("left", "device", "/dev/input/event3"),
        ButtonSpec("right", "device", "Big Red Button"),
    )


@pytest.mark.parametrize(("devices", "words"), [
    ("/dev/input/event3;/dev/input/event4", "usb come twice"), ("Left=/dev/input/event3", "valid: <device> or <name>=<device>"),
    ("left=", "cannot be read"), ("a b=c", "cannot be read"),
])  # fmt: skip
def test_buttons_that_cannot_be_read_are_refused_before_anything_starts(devices: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        SimOptions(ONE, stop_button=devices)


def test_each_button_has_a_node_that_is_started_again_and_safety_node_waits_for_it() -> None:
    given = {"robot": "so101", "stop_button": "/dev/input/event3", "stop_gpio": "gpiochip0:17"}
    nodes = {spec.name: spec for spec in sim_graph(options_from_text(given)).nodes}
    assert nodes["safety_node"].parameters["buttons"] == ("usb", "gpio")
    for name, parameter in (("usb", "device"), ("gpio", "gpio")):
        spec = nodes[f"stop_button_{name}"]
        assert (spec.executable, spec.on_exit, spec.parameters["name"]) == ("stop_button_node", OnExit.RESTART, name)
        assert spec.parameters[parameter] and spec.parameters["use_sim_time"] is False


def test_graph_without_buttons_waits_for_none() -> None:
    nodes = {spec.name: spec for spec in sim_graph(SimOptions(ONE)).nodes}
    assert "buttons" not in nodes["safety_node"].parameters
    assert not any(name.startswith("stop_button") for name in nodes)
