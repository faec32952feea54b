"""Cameras of a world: names, sizes, calibration and where their optical frames are.

An optical frame has z forward, x right, y down (REP 103); a MuJoCo camera looks along -z with y up.
Pixel (u, v) has its centre at integer coordinates, so the optical axis meets a W x H picture at ((W - 1) / 2, (H - 1) / 2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.description.robot_config import CameraConfig
from strands_robots.sim.world.world_config import WorldConfig

# Optical frame in MuJoCo's camera frame: half a turn about x.
OPTICAL_QUATERNION = np.array([0.0, 1.0, 0.0, 0.0])  # wxyz


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole calibration of a picture: u = fx x / z + cx, v = fy y / z + cy in the optical frame, all in pixels."""

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float

    def matrix(self) -> FloatArray:
        """Return K (3, 3)."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])


@dataclass(frozen=True)
class Camera:
    """One camera.

    Attributes:
        name: "<robot>/<camera>", or "<camera>" when it belongs to the scene.
        robot: Name of the robot that carries it, or "".
        number: Camera number in the model.
        width, height: Size of its pictures [px].
        rate: Pictures per simulated second [Hz].
        fovy: Vertical field of view [rad].
        noise: Standard deviation of the noise on each colour value, 0 to 255.
        delay: How much later than it was taken a picture is published [s, simulated time].
        frame_id: Its optical frame.
        parent_frame: Frame that it is fixed to: a link of the robot, or the world.
        position: Origin of the optical frame in `parent_frame` [m].
        quaternion_xyzw: Rotation of the optical frame in `parent_frame`.
    """

    name: str
    robot: str
    number: int
    width: int
    height: int
    rate: float
    fovy: float
    frame_id: str
    parent_frame: str
    position: tuple[float, float, float]
    quaternion_xyzw: tuple[float, float, float, float]
    noise: float = 0.0
    delay: float = 0.0

    def intrinsics(self, width: int = 0, height: int = 0) -> Intrinsics:
        """Return the calibration of a picture of the given size [px]; 0 takes the camera's own."""
        return intrinsics(width or self.width, height or self.height, self.fovy)


def intrinsics(width: int, height: int, fovy: float) -> Intrinsics:
    """Return the calibration of an ideal camera with square pixels: size [px], vertical field of view [rad]."""
    focal = 0.5 * height / math.tan(0.5 * fovy)
    return Intrinsics(width, height, focal, focal, 0.5 * (width - 1), 0.5 * (height - 1))


def collect_cameras(model: mujoco.MjModel, config: WorldConfig) -> dict[str, Camera]:
    """Return the cameras of a world by name: those of the scene, then those that each robot's configuration lists.

    Args:
        model: The compiled world.
        config: What it is made of.

    Raises:
        ModelError: If a camera is not a pinhole camera fixed to a body.
    """
    robots = config.robots
    prefixes = tuple(f"{robot.name}/" for robot in robots)
    names = [model.camera(i).name for i in range(model.ncam)]
    cameras = {
        name: _camera(model, number, "", config.cameras.get(name) or config.overhead or CameraConfig())
        for number, name in enumerate(names)
        if name and not name.startswith(prefixes or ("\0",))
    }
    for robot in robots:
        for key, camera in robot.config.cameras.items():
            name = f"{robot.name}/{key}"
            cameras[name] = _camera(model, names.index(name), robot.name, camera)
    return cameras


def _camera(model: mujoco.MjModel, number: int, robot: str, config: CameraConfig) -> Camera:
    name = model.camera(number).name
    if int(model.cam_mode[number]) != int(mujoco.mjtCamLight.mjCAMLIGHT_FIXED):
        raise ModelError(f"camera '{name}' follows something; valid: mode='fixed', the pose of its frame must be known")
    if float(model.cam_sensorsize[number, 0]) > 0.0:
        raise ModelError(f"camera '{name}' is given by sensor size and focal length; valid: fovy")
    parent, position, rotation = _named_parent(model, number)
    quaternion = np.empty(4)
    mujoco.mju_mulQuat(quaternion, rotation, OPTICAL_QUATERNION)
    w, x, y, z = (float(value) for value in quaternion)
    px, py, pz = (float(value) for value in position)
    return Camera(
        name=name,
        robot=robot,
        number=number,
        width=config.width,
        height=config.height,
        rate=config.rate,
        fovy=math.radians(float(model.cam_fovy[number])),
        frame_id=f"{name}_optical_frame",
        parent_frame=parent,
        position=(px, py, pz),
        quaternion_xyzw=(x, y, z, w),
        noise=config.noise,
        delay=config.delay,
    )


def _named_parent(model: mujoco.MjModel, number: int) -> tuple[str, FloatArray, FloatArray]:
    """Return the next body with a name above a camera, and the camera's position and rotation (wxyz) in it.

    Raises:
        ModelError: If a body without a name in between can move.
    """
    body = int(model.cam_bodyid[number])
    position, rotation = model.cam_pos[number].copy(), model.cam_quat[number].copy()
    while not model.body(body).name:
        if model.body_jntnum[body] or model.body_mocapid[body] >= 0:
            raise ModelError(
                f"camera '{model.camera(number).name}' is on a body that moves and has no name; valid: name the body"
            )
        offset, turned = np.empty(3), np.empty(4)
        mujoco.mju_rotVecQuat(offset, position, model.body_quat[body])
        mujoco.mju_mulQuat(turned, model.body_quat[body], rotation)
        position, rotation = model.body_pos[body] + offset, turned
        body = int(model.body_parentid[body])
    return model.body(body).name, position, rotation
