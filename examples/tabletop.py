"""Two SO-101 arms at a table, built only through the services of a running world, and its picture.

Start a world whose robot stands at table height, then this:

    strands-robots sim --robots left=so101@0,0.25,0.4
    python examples/tabletop.py tabletop.png
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion
from PIL import Image
from std_msgs.msg import ColorRGBA
from strands_robots.msg import SceneBody, SceneCamera, SceneRobot, SceneShape
from strands_robots.srv import DescribeWorld, EditScene, LoadScene, SetWorldState

from strands_robots.clients.client import GraphClient
from strands_robots.clients.render_client import render_cameras

TOP = 0.4 - 0.0024  # under the arms' base plates [m]
WOOD, DARK_WOOD, STEEL, FELT = (0.64, 0.47, 0.31), (0.42, 0.29, 0.18), (0.33, 0.35, 0.38), (0.17, 0.23, 0.24)
RED, GREEN, BLUE, YELLOW, WHITE, ORANGE = (
    (0.72, 0.14, 0.13),
    (0.18, 0.48, 0.27),
    (0.14, 0.31, 0.62),
    (0.86, 0.66, 0.14),
    (0.82, 0.82, 0.80),
    (0.86, 0.42, 0.10),
)
POSES = {
    "left": {
        "shoulder_pan": 0.45,
        "shoulder_lift": 0.1,
        "elbow_flex": 0.1,
        "wrist_flex": 1.1,
        "wrist_roll": 0.2,
        "gripper": 0.9,
    },
    "right": {
        "shoulder_pan": -0.3,
        "shoulder_lift": -0.5,
        "elbow_flex": 0.45,
        "wrist_flex": 0.9,
        "wrist_roll": 0.0,
        "gripper": 0.5,
    },
}


def shape(
    kind: str,
    size: list[float],
    color: tuple[float, float, float],
    mass: float = 0.0,
    turn: Quaternion | None = None,
    **place: float,
) -> SceneShape:
    """Return a shape at x, y, z of its body [m]."""
    red, green, blue = color
    pose = Pose(position=Point(**place), orientation=turn or Quaternion())
    return SceneShape(kind=kind, size=size, mass=mass, color=ColorRGBA(r=red, g=green, b=blue, a=1.0), pose=pose)


def thing(name: str, x: float, y: float, height: float, *shapes: SceneShape, yaw: float = 0.0) -> SceneBody:
    """Return an object that lies on the table; `height` is that of its origin above the table [m]."""
    turn = Quaternion(z=np.sin(0.5 * yaw), w=np.cos(0.5 * yaw))
    pose = Pose(position=Point(x=x, y=y, z=TOP + height), orientation=turn)
    return SceneBody(name=name, is_free=True, pose=pose, shapes=list(shapes))


def table() -> SceneBody:
    """Return the table, as wide as two arms, with a mat to work on."""
    legs = [
        shape("box", [0.022, 0.022, 0.18], DARK_WOOD, x=x, y=y, z=-0.22) for x in (-0.2, 0.42) for y in (-0.46, 0.46)
    ]
    frame = [shape("box", [0.31, 0.012, 0.03], DARK_WOOD, x=0.11, y=y, z=-0.07) for y in (-0.46, 0.46)]
    frame += [shape("box", [0.012, 0.46, 0.03], DARK_WOOD, x=x, z=-0.07) for x in (-0.2, 0.42)]
    top = shape("box", [0.36, 0.52, 0.02], WOOD, x=0.11, z=-0.02)
    return SceneBody(name="table", pose=Pose(position=Point(z=TOP)), shapes=[top, *frame, *legs])


def tray() -> SceneBody:
    """Return a tray with a rim."""
    sides = [shape("box", [0.07, 0.004, 0.014], STEEL, 0.01, y=y, z=0.012) for y in (-0.096, 0.096)]
    sides += [shape("box", [0.004, 0.1, 0.014], STEEL, 0.01, x=x, z=0.012) for x in (-0.066, 0.066)]
    return thing("tray", 0.29, 0.0, 0.002, shape("box", [0.07, 0.1, 0.002], FELT, 0.1), *sides)


def mug() -> SceneBody:
    """Return a mug with its handle."""
    across = Quaternion(x=np.sin(0.25 * np.pi), w=np.cos(0.25 * np.pi))
    handle = [shape("capsule", [0.0045, 0.008], WHITE, 0.005, across, y=0.036, z=z) for z in (-0.017, 0.017)]
    handle.append(shape("capsule", [0.0045, 0.017], WHITE, 0.005, y=0.046))
    inside = shape("cylinder", [0.025, 0.001], (0.25, 0.14, 0.08), 0.001, z=0.0356)
    return thing("mug", 0.32, 0.36, 0.035, shape("cylinder", [0.029, 0.035], WHITE, 0.15), inside, *handle, yaw=-2.2)


def objects() -> list[SceneBody]:
    """Return what lies on the table."""
    return [
        tray(),
        mug(),
        thing("cube", 0.29, 0.05, 0.0166, shape("box", [0.0125] * 3, RED, 0.02), yaw=0.4),
        thing("block", 0.265, -0.03, 0.0165, shape("box", [0.03, 0.0125, 0.0125], BLUE, 0.04), yaw=1.2),
        thing("ball", 0.318, -0.045, 0.022, shape("sphere", [0.018], YELLOW, 0.03)),
        thing("tower", 0.16, 0.06, 0.0301, shape("box", [0.015, 0.015, 0.03], ORANGE, 0.04), yaw=0.3),
        thing("can", 0.30, -0.34, 0.0451, shape("cylinder", [0.026, 0.045], GREEN, 0.2), shape("cylinder", [0.0262, 0.012], WHITE, 0.001)),
        thing("pill", 0.17, -0.06, 0.0121, shape("capsule", [0.012, 0.02], WHITE, 0.02, Quaternion(y=0.7071, w=0.7071)), yaw=0.8),
    ]  # fmt: skip


def scene() -> EditScene.Request:
    """Return everything in one request: all of it is added, or nothing."""
    return EditScene.Request(
        bodies=[table(), *objects()],
        cameras=[
            SceneCamera(
                name="front", pose=Pose(position=Point(x=1.0, y=0.16, z=1.12)), look_at=[Point(x=0.12, y=0.0, z=0.44)], fovy=0.66
            ),
            SceneCamera(
                name="side", pose=Pose(position=Point(x=0.72, y=-0.78, z=0.78)), look_at=[Point(x=0.15, y=0.0, z=0.45)], fovy=0.68
            ),
        ],
    )  # fmt: skip


def main(file: Path) -> None:
    """Build the scene and write its picture."""
    client = GraphClient()
    try:
        build(client)
        pictures = render_cameras(client, ["front", "side"], 640, 480, fine=True)
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate(pictures, axis=1)).save(file)
        print(client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), 10.0).text)
    finally:
        client.close()


def build(client: GraphClient) -> None:
    """Load an empty world, fill it, and pose the arms."""
    answers = [client.call(LoadScene, "world/load", LoadScene.Request(), 10.0)]
    request = scene()
    if "right" not in client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), 10.0).robots:
        request.robots = [SceneRobot(name="right", robot="so101", position=Point(y=-0.25, z=0.4))]
    answers.append(client.call(EditScene, "world/edit", request, 30.0))
    joints = [(f"{robot}/{joint}", value) for robot, pose in POSES.items() for joint, value in pose.items()]
    poses = SetWorldState.Request(joint_names=[name for name, _ in joints], positions=[value for _, value in joints])
    answers.append(client.call(SetWorldState, "world/set_state", poses, 10.0))
    for answer in answers:
        if not answer.success:
            raise SystemExit(answer.message)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "tabletop.png"))
