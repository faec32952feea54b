"""Where bodies are, from the adapter to the model: its numbers, what is refused, and the same numbers in a dataset."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from strands_robots.core.body_state import BodyQuantity, place_of
from strands_robots.core.errors import AdapterError, ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.pose import Pose, rotation_matrix
from strands_robots.core.types import Element, Observation, PolicyNeeds
from strands_robots.dataset.schema import CameraPart, RobotPart, Schema, schema_from_json
from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import load_robot
from strands_robots.policies.adapt.adapted import AdaptedPolicy
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.adapt.dataset_adapter import adapter_text
from strands_robots.policies.adapt.own_links import OwnLinks
from strands_robots.policies.provider import PolicyContext

from .models import ADAPTER, GIVES, RecordingModel
from .observations import NAMES, observe

PLACED = """
environment:
  - {name: cube.x, body: cube, quantity: x, unit: mm}
  - {name: cube.yaw, body: cube, quantity: yaw, unit: deg}
  - {name: bowl.z, body: bowl, quantity: z, unit: m}
"""
NEEDS = PolicyNeeds(
    (Element("pan.pos", "deg"), Element("elbow.pos", "range_0_100")),
    environment=(Element("cube.x"), Element("cube.yaw", "deg"), Element("bowl.z")),
)
BLIND = ADAPTER.replace("cameras:\n  front: {camera: wrist}\nabsent_cameras: [side]\n", "")
CONTEXT = PolicyContext("arm", NAMES, None, "", 0.0, {})
TURNED = Pose(np.array([0.2, 0.1, 0.05]), rotation_matrix(np.array([0.0, 0.0, 0.5])))
LEVEL = Pose(np.array([0.0, 0.3, 0.02]), np.eye(3))


def _seeing(**bodies: Pose) -> Observation:
    return replace(observe(1.0, 0.5, 0.0), bodies=bodies)


def test_model_gets_its_environment_state_in_its_units() -> None:
    model = RecordingModel(needs=NEEDS)
    policy = AdaptedPolicy(model, load_adapter(BLIND + PLACED), CONTEXT)
    assert policy.needs.bodies == ("cube", "bowl")
    policy.infer(_seeing(cube=TURNED, bowl=LEVEL))
    np.testing.assert_allclose(model.given[0].environment, [[200.0, math.degrees(0.5), 0.02]])


def test_model_with_a_history_gets_the_place_at_each_instant() -> None:
    model = RecordingModel(needs=replace(NEEDS, history=2))
    policy = AdaptedPolicy(model, load_adapter(BLIND + PLACED), CONTEXT)
    before = _seeing(cube=LEVEL, bowl=LEVEL)
    policy.infer(replace(_seeing(cube=TURNED, bowl=LEVEL), earlier=(before,)))
    np.testing.assert_allclose(model.given[0].environment[:, 0], [0.0, 200.0])


def test_body_that_is_not_seen_is_an_error_and_never_zero() -> None:
    policy = AdaptedPolicy(RecordingModel(needs=NEEDS), load_adapter(BLIND + PLACED), CONTEXT)
    with pytest.raises(PolicyError, match="no pose of body 'bowl'; there are cube"):
        policy.infer(_seeing(cube=TURNED))
    lost = Pose(np.array([math.nan, 0.0, 0.0]), np.eye(3))
    with pytest.raises(PolicyError, match="x of body 'cube' is nan; valid: finite"):
        policy.infer(_seeing(cube=lost, bowl=LEVEL))


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ("", "environment: the policy has [cube.x, cube.yaw (deg), bowl.z], the adapter []"),
        (
            PLACED.replace("unit: deg", "unit: rad"),
            "the policy has [cube.x, cube.yaw (deg), bowl.z], the adapter [cube.x (mm), cube.yaw (rad), bowl.z (m)]",
        ),
    ],
)
def test_environment_that_does_not_fit_is_refused_with_both_lists(environment: str, words: str) -> None:
    with pytest.raises(AdapterError) as refused:
        AdaptedPolicy(RecordingModel(needs=NEEDS), load_adapter(BLIND + environment), CONTEXT)
    assert words in str(refused.value)


def test_environment_for_a_model_that_has_none_is_refused() -> None:
    needs = replace(NEEDS, environment=())
    with pytest.raises(AdapterError, match=r"environment: the policy has \[\], the adapter \[cube.x \(mm\)"):
        AdaptedPolicy(RecordingModel(needs=needs), load_adapter(BLIND + PLACED), CONTEXT)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("quantity: x, unit: mm", "quantity: x, unit: deg"), "x of a body has unit 'deg'; valid: m, mm"),
        (("quantity: yaw", "quantity: heading"), "environment.1.quantity"),
        (("name: bowl.z", "name: cube.x"), "environment names an element twice"),
    ],
)
def test_environment_that_cannot_be_read_is_refused(changed: tuple[str, str], words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_adapter(BLIND + PLACED.replace(*changed))
    assert words in str(refused.value)


@pytest.mark.parametrize("vector", [(0.4, 0.0, 0.0), (0.0, -0.7, 0.0), (0.0, 0.0, 3.0)])
def test_angles_turn_about_the_fixed_axes(vector: tuple[float, float, float]) -> None:
    pose = Pose(np.zeros(3), rotation_matrix(np.array(vector)))
    angles = [BodyQuantity("a", "cube", name, "rad").read(pose) for name in ("roll", "pitch", "yaw")]
    np.testing.assert_allclose(angles, vector, atol=1e-12)


def _schema(units: str = "lerobot") -> Schema:
    from strands_robots.description.lerobot_units import Units

    codec = robot_codec(load_robot("so101"), Units(units))
    return Schema(
        20, (RobotPart("so101", codec),), (CameraPart("so101/wrist", 480, 640),), units, environment=place_of("cube")
    )  # fmt: skip


@pytest.mark.parametrize("units", ["lerobot", "si"])
def test_adapter_of_a_dataset_gives_back_the_numbers_that_were_recorded(units: str) -> None:
    schema = schema_from_json(_schema(units).to_json())
    adapter = load_adapter(adapter_text(schema))
    assert (adapter.rate, list(adapter.cameras)) == (20.0, ["observation.images.wrist"])
    names = schema.robots[0].codec.names
    position = np.linspace(-0.3, 0.4, len(names))
    elements = tuple(Element(element.name, element.unit) for element in adapter.state)
    needs = PolicyNeeds(elements, environment=tuple(Element(entry.name, entry.unit) for entry in schema.environment))
    model = RecordingModel(lambda given: given.state, needs, replace(GIVES, action=elements, horizon=1, rate=20.0))
    policy = AdaptedPolicy(model, adapter.model_copy(update={"cameras": {}}), replace(CONTEXT, joint_names=names))
    seen = replace(observe(0.0, *position, names=names), bodies={"cube": TURNED})
    action = policy.infer(seen)
    np.testing.assert_allclose(model.given[0].state[0], schema.vector([position]), rtol=1e-6)
    np.testing.assert_allclose(model.given[0].environment[0], [entry.read(TURNED) for entry in schema.environment])
    np.testing.assert_allclose(action.values[0], position, atol=1e-9)


def test_camera_of_the_world_is_in_the_adapter_with_a_slash() -> None:
    (robot,) = _schema().robots
    cameras = (CameraPart("so101/wrist", 48, 64), CameraPart("overhead", 48, 64))
    adapter = load_adapter(adapter_text(Schema(20, (robot,), cameras)))
    assert [entry.camera for entry in adapter.cameras.values()] == ["wrist", "/overhead"]


def test_dataset_of_two_robots_or_of_another_robots_camera_has_no_adapter() -> None:
    (robot,) = _schema().robots
    two = Schema(20, (robot, replace(robot, name="left")))
    with pytest.raises(ConfigurationError, match="of the robots so101, left; valid: of one robot"):
        adapter_text(two)
    with pytest.raises(ConfigurationError, match="camera 'left/wrist' is another robot's"):
        adapter_text(Schema(20, (robot,), (CameraPart("left/wrist", 48, 64),)))
    with pytest.raises(ConfigurationError, match="base frame of one robot; given so101, left"):
        Schema(20, (robot, replace(robot, name="left")), environment=place_of("cube"))


def test_link_of_the_robot_itself_follows_from_the_measured_joints_without_a_world() -> None:
    config = load_robot("so101")
    names = tuple(config.joints)
    entry = "{name: hand.x, body: gripper_link, quantity: x, unit: m, model: so101}"
    joints = ", ".join(f"{{name: {name}.pos, joint: {name}, unit: rad}}" for name in names)
    adapter = load_adapter(f"{{state: [{joints}], environment: [{entry}], action: [{joints}], rate: 20}}")
    links = OwnLinks(adapter.environment, names)
    zero = Observation(0.0, names, np.zeros(len(names)), np.zeros(len(names)), np.zeros(len(names)))
    straight = links.poses(zero)["gripper_link"].position
    turned = links.poses(replace(zero, position=np.array([0.5, *[0.0] * (len(names) - 1)])))["gripper_link"].position
    assert math.hypot(straight[0], straight[1]) > 0.1 and abs(turned[1] - straight[1]) > 0.05
    assert turned[2] == pytest.approx(straight[2])
    unknown = load_adapter(
        f"{{state: [{joints}], environment: [{entry.replace('gripper_link', 'wing')}], action: [{joints}], rate: 20}}"
    )
    with pytest.raises(UnknownNameError, match=r"unknown link of 'so101' 'wing'; valid: .*gripper_link"):
        OwnLinks(unknown.environment, names)
    with pytest.raises(AdapterError, match=r"environment\.model 'so101' has joints"):
        OwnLinks(adapter.environment, names[:-1])


def test_adapter_of_a_dataset_names_the_model_of_own_links_only() -> None:
    schema = Schema(
        20,
        (RobotPart("so101", robot_codec(load_robot("so101"))),),
        environment=(*place_of("gripper_link"), *place_of("cube")),
    )
    text = adapter_text(schema, "so101")
    entries = {entry.name: entry.model for entry in load_adapter(text).environment}
    assert {name: model for name, model in entries.items() if model} == {
        name: "so101" for name in entries if name.startswith("gripper_link")
    }
    assert not [entry for entry in load_adapter(adapter_text(schema)).environment if entry.model]
