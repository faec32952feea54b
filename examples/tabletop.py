"""Two SO-101 arms at a table, built only through the services of a running world, and its picture.

Start a world whose robot stands at table height, then this:

    strands-robots sim --robots left=so101@0,0.25,0.4
    python examples/tabletop.py tabletop.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from geometry_msgs.msg import Point, Pose
from PIL import Image
from std_msgs.msg import ColorRGBA
from strands_robots.msg import SceneBody, SceneCamera, SceneRobot, SceneShape
from strands_robots.srv import DescribeWorld, EditScene, LoadScene, SetWorldState

from strands_robots.ros.client import GraphClient
from strands_robots.ros.render_client import render_camera

TOP = 0.4 - 0.0024  # under the arms' base plates [m]
WOOD, STEEL = (0.62, 0.46, 0.31), (0.35, 0.37, 0.40)
RED, GREEN, BLUE, YELLOW, WHITE = (
    (0.75, 0.16, 0.14),
    (0.2, 0.52, 0.27),
    (0.16, 0.33, 0.65),
    (0.85, 0.66, 0.15),
    (0.85, 0.85, 0.83),
)


def shape(
    kind: str, size: list[float], color: tuple[float, float, float], mass: float = 0.0, **pose: float
) -> SceneShape:
    """Return a shape at x, y, z of its body [m]."""
    red, green, blue = color
    place = Pose(position=Point(**pose))
    return SceneShape(kind=kind, size=size, mass=mass, color=ColorRGBA(r=red, g=green, b=blue, a=1.0), pose=place)


def thing(name: str, x: float, y: float, height: float, *shapes: SceneShape) -> SceneBody:
    """Return an object that lies on the table; `height` is that of its origin above the table [m]."""
    return SceneBody(name=name, is_free=True, pose=Pose(position=Point(x=x, y=y, z=TOP + height)), shapes=list(shapes))


def table() -> SceneBody:
    """Return the table, as wide as two arms."""
    legs = [shape("cylinder", [0.02, 0.18], STEEL, x=x, y=y, z=-0.2) for x in (-0.2, 0.2) for y in (-0.4, 0.4)]
    top = shape("box", [0.32, 0.5, 0.02], WOOD, z=-0.02)
    return SceneBody(name="table", pose=Pose(position=Point(x=0.15, z=TOP)), shapes=[top, *legs])


def main(file: Path) -> None:
    """Build the scene and write its picture."""
    client = GraphClient()
    try:
        build(client)
        pictures = [render_camera(client, camera, False, 640, 480) for camera in ("front", "side")]
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(pictures, axis=1)).save(file)
        print(client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), 10.0).text)
    finally:
        client.close()


def build(client: GraphClient) -> None:
    """Load an empty world, then add everything in one request: all of it or nothing."""
    answers = [client.call(LoadScene, "world/load", LoadScene.Request(), 10.0)]
    robots = [] if "right" in client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), 10.0).robots else [
        SceneRobot(name="right", robot="so101", position=Point(y=-0.25, z=0.4))
    ]  # fmt: skip
    request = EditScene.Request(
        robots=robots,
        bodies=[
            table(),
            thing("cube", 0.27, 0.18, 0.0125, shape("box", [0.0125] * 3, RED, 0.02)),
            thing("block", 0.22, 0.0, 0.015, shape("box", [0.03, 0.015, 0.015], BLUE, 0.04)),
            thing("tower", 0.30, -0.06, 0.03, shape("box", [0.015, 0.015, 0.03], YELLOW, 0.04)),
            thing("can", 0.36, 0.05, 0.03, shape("cylinder", [0.02, 0.03], GREEN, 0.1)),
            thing("ball", 0.26, -0.18, 0.02, shape("sphere", [0.02], RED, 0.03)),
            thing("pill", 0.20, -0.10, 0.012, shape("capsule", [0.012, 0.02], WHITE, 0.02)),
        ],
        cameras=[
            SceneCamera(
                name="front", pose=Pose(position=Point(x=1.0, y=0.0, z=0.95)), look_at=[Point(x=0.12, z=0.45)], fovy=0.8
            ),
            SceneCamera(
                name="side", pose=Pose(position=Point(x=0.75, y=-0.85, z=0.75)), look_at=[Point(x=0.15, z=0.45)], fovy=0.75
            ),
        ],
    )  # fmt: skip
    answers.append(client.call(EditScene, "world/edit", request, 30.0))
    joints = [f"{robot}/{joint}" for robot in ("left", "right") for joint in ("shoulder_pan", "gripper")]
    poses = SetWorldState.Request(joint_names=joints, positions=[0.35, 0.6, -0.35, 0.6])
    answers.append(client.call(SetWorldState, "world/set_state", poses, 10.0))
    for answer in answers:
        if not answer.success:
            raise SystemExit(answer.message)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tabletop.png"))
