"""Plain values into messages of any type: what fits is set, what does not is named with its field."""

from __future__ import annotations

import math
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped, PoseWithCovariance
from sensor_msgs.msg import Image, JointState, JoyFeedback
from std_msgs.msg import Float32, String, UInt8MultiArray
from strands_robots.msg import GateState, JointCommand, SafetyState
from strands_robots.srv import StopGraph

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.ros.messages.interfaces import load_interface
from strands_robots.ros.messages.message_values import fill_message, plain_values


def test_nested_fields_lists_and_defaults() -> None:
    message = fill_message(PoseStamped(), {"header": {"frame_id": "world"}, "pose": {"position": {"x": 1, "z": -0.5}}})
    assert (message.header.frame_id, message.pose.position.x, message.pose.position.z) == ("world", 1.0, -0.5)
    assert message.pose.orientation.w == 1.0
    state = fill_message(JointState(), {"name": ["a", "b"], "position": [1, 2.5]})
    assert list(state.position) == [1.0, 2.5] and state.name == ["a", "b"]


def test_lists_of_messages_and_bytes() -> None:
    status = fill_message(DiagnosticStatus(), {"level": 2, "values": [{"key": "a", "value": "1"}]})
    assert status.level == b"\x02" and status.values[0].key == "a"
    assert list(fill_message(UInt8MultiArray(), {"data": [0, 255]}).data) == [0, 255]


def test_values_go_there_and_back() -> None:
    values = {"source": "a/b", "sequence": 7, "joint_names": ["x"], "values": [0.25]}
    shown = plain_values(fill_message(JointCommand(), values))
    assert {name: shown[name] for name in values} == values
    assert fill_message(JointCommand(), shown) == fill_message(JointCommand(), values)


def test_constant_of_the_type_goes_by_its_name() -> None:
    assert fill_message(GateState(), {"stop_category": 2}).stop_category == 2
    assert fill_message(SafetyState(), {"state": "armed"}).state == SafetyState.ARMED
    with pytest.raises(ConfigurationError, match="state is 'happy'; valid: a whole number"):
        fill_message(SafetyState(), {"state": "happy"})


def test_times_are_seconds_fields_or_now() -> None:
    command = fill_message(JointCommand(), {"lifetime": 1.5, "header": {"stamp": 2}})
    assert (command.lifetime.sec, command.lifetime.nanosec, command.header.stamp.sec) == (1, 500_000_000, 2)
    assert fill_message(JointCommand(), {"header": {"stamp": {"sec": 3}}}).header.stamp.sec == 3
    assert fill_message(JointCommand(), {"header": {"stamp": "now"}}).header.stamp.sec > 1_500_000_000


@pytest.mark.parametrize(("kind", "values", "words"), [
    (StopGraph.Request, {"sauce": "x"}, r"unknown field of strands_robots/StopGraph_Request 'sauce'; valid: .*did you mean 'source'"),
    (PoseStamped, {"pose": {"position": {"q": 1}}}, r"field of geometry_msgs/Point at pose.position 'q'; valid: x, y, z"),
    (PoseStamped, {"pose": 3}, r"pose is 3; valid: fields of geometry_msgs/Pose"),
    (PoseStamped, {"pose": {"position": {"x": "1"}}}, r"pose.position.x is '1'; valid: a number"),
    (JointState, {"position": [1, "two"]}, r"position\[1\] is 'two'; valid: a number"),
    (JointState, {"position": 1}, r"position is 1; valid: a list"),
    (JointState, {"name": "abc"}, r"name is 'abc'; valid: a list"),
    (String, {"data": 12}, r"data is 12; valid: a text, in quotes"),
    (GateState, {"robot": "x" * 65}, r"valid: a text, .* at most 64 bytes"),
    (GateState, {"refusals": [{}] * 33}, r"refusals is 'a list of 33'; valid: a list of at most 32"),
    (PoseWithCovariance, {"covariance": [1.0]}, r"covariance is 'a list of 1'; valid: a list of exactly 36"),
    (JoyFeedback, {"type": 256}, r"type is 256; valid: a whole number from 0 to 255"),
    (Image, {"height": True}, r"height is True; valid: a whole number"),
    (Image, {"height": 1.5}, r"height is 1.5; valid: a whole number"),
    (Float32, {"data": 1e39}, r"data is 1e\+39; valid: a number of at most"),
    (JointCommand, {"lifetime": "soon"}, r"lifetime is 'soon'; valid: seconds"),
    (JointCommand, {"lifetime": math.nan}, r"lifetime is nan; valid: seconds"),
    (String, ["data"], r"std_msgs/String is \['data'\]; valid: fields of std_msgs/String"),
])  # fmt: skip
def test_what_does_not_fit_is_named_with_its_field(kind: Any, values: Any, words: str) -> None:
    with pytest.raises((ConfigurationError, UnknownNameError), match=words) as caught:
        fill_message(kind(), values)
    assert str(caught.value).isascii()


def test_every_installed_message_can_be_filled_with_its_own_defaults() -> None:
    from strands_robots.core.interface_files import interface_names

    for name in interface_names():
        _, part, _ = name.split("/")
        kind = load_interface(name, part)
        for message in {"msg": [kind], "srv": [kind.Request, kind.Response] if part == "srv" else [],
                        "action": [kind.Goal, kind.Result, kind.Feedback] if part == "action" else []}[part]:  # fmt: skip
            if "wchar" in message.get_fields_and_field_types().values():
                continue
            assert fill_message(message(), plain_values(message())) == message(), name


def test_long_lists_are_shown_by_their_beginning() -> None:
    shown = plain_values(JointState(position=[0.0] * 20), 3)
    assert shown["position"] == [0.0, 0.0, 0.0, "... 20 in all"]


def test_type_is_found_by_both_names_and_a_wrong_one_shows_the_near() -> None:
    assert load_interface("std_msgs/String", "msg") is load_interface("std_msgs/msg/String", "msg") is String
    with pytest.raises(UnknownNameError, match="did you mean 'std_msgs/msg/String'"):
        load_interface("std_msgs/Sting", "msg")
