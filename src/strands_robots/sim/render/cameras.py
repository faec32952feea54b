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
from strands_robots.description.file_camera import file_camera, is_fixed
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
class Lens:
    """A camera given by its sensor, in parts of the picture's width and height.

    Attributes:
        focal: Focal lengths.
        centre: Where the optical axis meets the picture, to the right of and below its middle.

    Source: MuJoCo documentation, "XML reference: body/camera" (focal, sensorsize, principal); signs measured on MuJoCo's frustum.
    """

    focal: tuple[float, float]
    centre: tuple[float, float]

    def intrinsics(self, width: int, height: int) -> Intrinsics:
        """Return the calibration of a picture of the given size [px]."""
        cx, cy = 0.5 * (width - 1) + self.centre[0] * width, 0.5 * (height - 1) + self.centre[1] * height
        return Intrinsics(width, height, self.focal[0] * width, self.focal[1] * height, cx, cy)


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
        is_fixed: False for a camera that turns to something: it has no frame to publish and is drawn on request only.
        lens: What the file says of the sensor; None for square pixels and a centred axis.
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
    is_fixed: bool = True
    lens: Lens | None = None

    def intrinsics(self, width: int = 0, height: int = 0) -> Intrinsics:
        """Return the calibration of a picture of the given size [px]; 0 takes the camera's own."""
        width, height = width or self.width, height or self.height
        return intrinsics(width, height, self.fovy) if self.lens is None else self.lens.intrinsics(width, height)


def intrinsics(width: int, height: int, fovy: float) -> Intrinsics:
    """Return the calibration of an ideal camera with square pixels: size [px], vertical field of view [rad]."""
    focal = 0.5 * height / math.tan(0.5 * fovy)
    return Intrinsics(width, height, focal, focal, 0.5 * (width - 1), 0.5 * (height - 1))


def collect_cameras(model: mujoco.MjModel, config: WorldConfig) -> dict[str, Camera]:
    """Return the cameras of a world by name: those of the scene, those that each robot's configuration lists, and moving ones.

    Args:
        model: The compiled world.
        config: What it is made of.

    Raises:
        ModelError: If a camera is on a body that cannot be named, or its resolution is not possible.
    """
    robots = config.robots
    prefixes = tuple(f"{robot.name}/" for robot in robots)
    names = [model.camera(i).name for i in range(model.ncam)]
    cameras = {
        name: _camera(model, number, "", config.cameras.get(name) or file_camera(model, number, config.overhead))
        for number, name in enumerate(names)
        if name and not name.startswith(prefixes or ("\0",))
    }
    for robot in robots:
        for key, camera in robot.config.cameras.items():
            name = f"{robot.name}/{key}"
            cameras[name] = _camera(model, names.index(name), robot.name, camera)
        for number, name in enumerate(names):
            if name.startswith(f"{robot.name}/") and name not in cameras and not is_fixed(model, number):
                cameras[name] = _camera(model, number, robot.name, file_camera(model, number))
    return cameras


def _camera(model: mujoco.MjModel, number: int, robot: str, config: CameraConfig) -> Camera:
    name = model.camera(number).name
    fixed = is_fixed(model, number)
    parent, position, rotation = (
        _named_parent(model, number) if fixed else ("", np.zeros(3), np.array([1.0, 0.0, 0.0, 0.0]))
    )
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
        is_fixed=fixed,
        lens=_lens(model, number),
    )


def _lens(model: mujoco.MjModel, number: int) -> Lens | None:
    width, height = (float(value) for value in model.cam_sensorsize[number])
    if width <= 0.0 or height <= 0.0:
        return None
    fx, fy, right, up = (float(value) for value in model.cam_intrinsic[number])
    return Lens((fx / width, fy / height), (-right / width, -up / height))


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
