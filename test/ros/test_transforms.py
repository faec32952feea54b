"""Frames of a world as transforms. tf2_msgs exists in ROS installations only; elsewhere a stand-in of its one message takes its place."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest
from geometry_msgs.msg import TransformStamped

from strands_robots.nodes.sim import transforms
from strands_robots.nodes.sim.transforms import WorldTransforms
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import AddBody, SetPose
from strands_robots.sim.edit.shapes import Shape
from strands_robots.sim.edit.world_edits import AddCamera
from strands_robots.sim.world.world import World
from strands_robots.sim.world.world_setup import world_config


@dataclass
class TFMessage:
    transforms: list[TransformStamped] = field(default_factory=list)


@dataclass
class Topic:
    readers: int = 1
    messages: list[list[tuple[str, str, float, float]]] = field(default_factory=list)

    def get_subscription_count(self) -> int:
        return self.readers

    def publish(self, message: Any) -> None:
        self.messages.append(
            [
                (each.header.frame_id, each.child_frame_id, each.transform.translation.x, each.transform.rotation.w)
                for each in message.transforms
            ]
        )


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> dict[str, Topic]:
    if not transforms.has_transforms():
        package, module = ModuleType("tf2_msgs"), ModuleType("tf2_msgs.msg")
        module.TFMessage = TFMessage  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "tf2_msgs", package)
        monkeypatch.setitem(sys.modules, "tf2_msgs.msg", module)
    made: dict[str, Topic] = {}
    monkeypatch.setattr(
        transforms, "create_publisher", lambda node, kind, topic, profile: made.setdefault(topic, Topic())
    )
    return made


def frames(topic: Topic) -> dict[str, tuple[str, float]]:
    """Return parent and x of each frame of the last message."""
    return {child: (parent, x) for parent, child, x, _ in topic.messages[-1]}


def test_links_objects_and_cameras_are_frames_and_follow_the_world(topics: dict[str, Topic]) -> None:
    world = World(world_config(["so101=so101"], "", 0.002, 30.0))
    cube = Shape("box", [0.02, 0.02, 0.02], mass=0.1)
    edit(
        world,
        [
            AddBody("cube", [cube], position=(0.5, 0.0, 0.02), is_free=True),
            AddBody("table", [cube], position=(1.0, 0.0, 0.1)),
        ],
    )
    tree = WorldTransforms(None, world)  # type: ignore[arg-type]
    tree.publish(1.0)
    fixed, moving = frames(topics["/tf_static"]), frames(topics["/tf"])
    assert fixed["table"] == ("world", pytest.approx(1.0)) and fixed["so101/base_link"][0] == "world"
    assert fixed["so101/wrist_optical_frame"][0].startswith("so101/") and "overhead_optical_frame" in fixed
    assert moving["cube"] == ("world", pytest.approx(0.5)) and "so101/gripper_link" in moving
    assert not set(fixed) & set(moving)

    camera = AddCamera("side", body="cube", position=(0.1, 0.0, 0.0))
    edit(world, [camera, SetPose("table", (2.0, 0.0, 0.1)), SetPose("cube", (0.7, 0.0, 0.02))])
    tree.follow()()
    tree.publish(2.0)
    fixed, moving = frames(topics["/tf_static"]), frames(topics["/tf"])
    assert fixed["side_optical_frame"] == ("cube", pytest.approx(0.1)) and fixed["table"][1] == pytest.approx(2.0)
    assert moving["cube"][1] == pytest.approx(0.7)


def test_nothing_is_published_while_nobody_listens(topics: dict[str, Topic]) -> None:
    tree = WorldTransforms(None, World(world_config(["so101=so101"], "", 0.002, 30.0)))  # type: ignore[arg-type]
    topics["/tf"].readers = 0
    tree.publish(1.0)
    assert topics["/tf"].messages == [] and len(topics["/tf_static"].messages) == 1
