"""Puts drawn values into a model and into where things start. Nothing here knows the world's lock or its threads."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from strands_robots.core.arrays import FloatArray
from strands_robots.sim.randomize.variations import Drawn, Subject
from strands_robots.sim.world.model_names import BODY, name_of

HEADLIGHT = "headlight"

_DEFAULT_COLOUR = np.array([0.5, 0.5, 0.5, 1.0], dtype=np.float32)
_FREE = int(mujoco.mjtJoint.mjJNT_FREE)
_STATS = ("meaninertia", "meanmass", "meansize", "extent")


def subjects(
    model: mujoco.MjModel, robots: Mapping[str, Sequence[str]], cameras: Iterable[str]
) -> dict[Subject, list[str]]:
    """Return the names of what can vary.

    Args:
        model: The model.
        robots: Joint names of each robot, without prefix.
        cameras: Names of the cameras.
    """
    bodies = [name_of(model, BODY, i) for i in range(model.nbody)]
    free = [i for i in range(1, model.nbody) if _free_address(model, i) >= 0]
    lights = [name for i in range(model.nlight) if (name := model.light(i).name)]
    return {
        Subject.BODY: [name for name in bodies if not name.startswith("#")],
        Subject.OBJECT: [
            bodies[i] for i in free if not bodies[i].startswith("#") and bodies[i].partition("/")[0] not in robots
        ],
        Subject.JOINT: [f"{robot}/{joint}" for robot, joints in robots.items() for joint in joints],
        Subject.LIGHT: [HEADLIGHT, *lights],
        Subject.CAMERA: list(cameras),
        Subject.ROBOT: list(robots),
    }


def changes_the_model(drawn: Collection[Drawn]) -> bool:
    """Return whether any of the values belongs into the model."""
    return any(each.quantity in _WRITERS for each in drawn)


def varied(model: mujoco.MjModel, drawn: Iterable[Drawn]) -> mujoco.MjModel:
    """Return a copy of a model with drawn values in it; inertia follows mass."""
    result = copy.copy(model)
    has_other_mass = False
    for each in drawn:
        write = _WRITERS.get(each.quantity)
        if write is not None:
            write(result, each)
            has_other_mass |= each.quantity == "mass"
    if has_other_mass:
        # What the engine keeps of masses is computed anew; sizes of the scene, which pictures depend on, stay.
        before = {name: float(getattr(result.stat, name)) for name in _STATS}, result.stat.center.copy()
        mujoco.mj_setConst(result, mujoco.MjData(result))
        for name in ("meansize", "extent"):
            setattr(result.stat, name, before[0][name])
        result.stat.center[:] = before[1]
    return result


def move_to_start(
    model: mujoco.MjModel, qpos: FloatArray, drawn: Iterable[Drawn], limits: Mapping[str, tuple[float, float]]
) -> None:
    """Add drawn offsets to where things start.

    Args:
        model: The model.
        qpos: Generalised positions (nq,), changed in place.
        drawn: The values; others than those of a start are passed over.
        limits: Lowest and highest position of each robot's joints, by name with prefix.
    """
    for each in drawn:
        value = each.values[0]
        if each.quantity in ("x", "y", "z"):
            qpos[_free_address(model, model.body(each.name).id) + "xyz".index(each.quantity)] += value
        elif each.quantity == "yaw":
            address = _free_address(model, model.body(each.name).id) + 3
            turn = np.array([math.cos(0.5 * value), 0.0, 0.0, math.sin(0.5 * value)])
            rotation = np.empty(4)
            mujoco.mju_mulQuat(rotation, turn, qpos[address : address + 4].copy())
            qpos[address : address + 4] = rotation
        elif each.quantity == "joint":
            address = int(model.joint(each.name).qposadr[0])
            qpos[address] = np.clip(qpos[address] + value, *limits[each.name])


def deepest_contact(model: mujoco.MjModel, data: mujoco.MjData) -> tuple[float, str]:
    """Return how deep shapes are in each other at the positions in `data` [m], 0 or more, and which bodies."""
    mujoco.mj_fwdPosition(model, data)
    worst = min(data.contact, key=lambda contact: float(contact.dist), default=None)
    if worst is None or worst.dist >= 0.0:
        return 0.0, ""
    first, second = (name_of(model, BODY, int(model.geom_bodyid[geom])) for geom in worst.geom)
    return -float(worst.dist), f"'{first}' in '{second}'"


def effective_colour(model: mujoco.MjModel, geom: int) -> NDArray[np.float32]:
    """Return the colour (4,) in which a shape is drawn: its own, or its material's when it has none."""
    rgba, material = model.geom_rgba[geom], int(model.geom_matid[geom])
    is_default = material >= 0 and np.array_equal(rgba, _DEFAULT_COLOUR)
    colour: NDArray[np.float32] = model.mat_rgba[material] if is_default else rgba
    return colour


def _free_address(model: mujoco.MjModel, body: int) -> int:
    """Return where a body's free joint has its position in qpos; -1 without one."""
    joint = int(model.body_jntadr[body])
    return int(model.jnt_qposadr[joint]) if joint >= 0 and int(model.jnt_type[joint]) == _FREE else -1


def _geoms(model: mujoco.MjModel, name: str) -> range:
    body = model.body(name)
    first = int(body.geomadr[0])
    return range(first, first + int(body.geomnum[0])) if first >= 0 else range(0)


def _color(model: mujoco.MjModel, drawn: Drawn) -> None:
    for geom in _geoms(model, drawn.name):
        rgba = model.geom_rgba[geom]
        rgba[:] = effective_colour(model, geom)
        rgba[:3] = np.clip(rgba[:3] + drawn.values, 0.0, 1.0)


def _friction(model: mujoco.MjModel, drawn: Drawn) -> None:
    for geom in _geoms(model, drawn.name):
        model.geom_friction[geom] *= drawn.values[0]


def _mass(model: mujoco.MjModel, drawn: Drawn) -> None:
    body = model.body(drawn.name).id
    model.body_mass[body] *= drawn.values[0]
    model.body_inertia[body] *= drawn.values[0]


def _light(model: mujoco.MjModel, drawn: Drawn) -> None:
    light = model.vis.headlight if drawn.name == HEADLIGHT else model.light(drawn.name)
    for part in (light.ambient, light.diffuse, light.specular):
        part *= drawn.values[0]


def _light_angle(model: mujoco.MjModel, drawn: Drawn) -> None:
    if drawn.name == HEADLIGHT:
        return  # it shines where the camera looks
    direction = model.light(drawn.name).dir
    unit = direction / np.linalg.norm(direction)
    across = np.cross(unit, [1.0, 0.0, 0.0] if abs(unit[0]) < 0.9 else [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    angle, around = drawn.values
    axis = math.cos(around) * across + math.sin(around) * np.cross(unit, across)
    direction[:] = unit * math.cos(angle) + np.cross(axis, unit) * math.sin(angle)


def _camera_position(model: mujoco.MjModel, drawn: Drawn) -> None:
    camera = model.camera(drawn.name)
    offset = np.empty(3)
    mujoco.mju_rotVecQuat(offset, np.array(drawn.values), camera.quat)
    camera.pos[:] += offset


def _camera_angle(model: mujoco.MjModel, drawn: Drawn) -> None:
    camera = model.camera(drawn.name)
    rotation = camera.quat.copy()
    mujoco.mju_quatIntegrate(rotation, np.array(drawn.values), 1.0)
    camera.quat[:] = rotation


def _camera_fovy(model: mujoco.MjModel, drawn: Drawn) -> None:
    camera = model.camera(drawn.name)
    before = float(camera.fovy[0])
    after = float(np.clip(before * drawn.values[0], 0.6, 177.0))
    camera.fovy[:] = after
    # A camera with a sensor size is drawn by its focal lengths; MuJoCo leaves them as they are when the field of view changes.
    model.cam_intrinsic[camera.id, :2] *= math.tan(math.radians(0.5 * before)) / math.tan(math.radians(0.5 * after))


_WRITERS: dict[str, Callable[[mujoco.MjModel, Drawn], None]] = {
    "color": _color,
    "friction": _friction,
    "mass": _mass,
    "light": _light,
    "light_angle": _light_angle,
    "camera_position": _camera_position,
    "camera_angle": _camera_angle,
    "camera_fovy": _camera_fovy,
}
