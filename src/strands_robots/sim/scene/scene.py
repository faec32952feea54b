"""Building the spec of a world: surroundings, robots side by side, and the camera above them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ModelError
from strands_robots.description.base_contacts import exclude_base_contacts
from strands_robots.description.file_camera import LARGEST_SIDE
from strands_robots.description.model_file import open_model, parse_model
from strands_robots.description.robot_model import load_robot_model
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.sim.edit.prefixes import delete_robot
from strands_robots.sim.scene.terrain import FLAT, Terrain, add_terrain
from strands_robots.sim.world.world_config import WorldConfig

OVERHEAD = "overhead"
FLOOR = "floor"
OVERHEAD_FOVY = math.radians(45.0)
VIEW_MARGIN = 1.15
SMALLEST_VIEW = np.array([0.25, 0.25, 0.0])  # half the ground that the overhead camera sees at least [m]
SHADOW_MAP = 1024  # [px]; 4096, MuJoCo's default, costs most of a picture's time in software rendering


def build_scene(config: WorldConfig) -> mujoco.MjSpec:
    """Return the spec of a world, not yet compiled.

    Every robot is attached with the prefix "<name>/", and its actuators are in group 1 + its index, so that they can be switched off
    without touching the others.

    Raises:
        ModelError: If the scene file or a robot's model cannot be used.
    """
    spec = _surroundings(config)
    for name in (*config.left_out, *(robot.name for robot in config.robots)):
        if any(body.name.startswith(f"{name}/") for body in spec.worldbody.bodies):
            delete_robot(spec, name)  # the surroundings are an export of this world; the robots are attached anew
    if config.ground is not None:
        replace_ground(spec, config.ground)
    boxes = [attach_robot(spec, robot, index + 1) for index, robot in enumerate(config.robots)]
    if config.overhead is not None and spec.camera(OVERHEAD) is None:
        _add_overhead(spec, boxes, config.overhead.width / config.overhead.height)
    spec.option.timestep = config.timestep
    if config.gravity is not None:
        spec.option.gravity = list(config.gravity)
    # Without this flag MuJoCo restarts a diverged simulation by itself; the world reports it instead.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
    set_picture_size(spec, config)
    spec.visual.quality.offsamples = 0
    spec.visual.quality.shadowsize = SHADOW_MAP
    # Boxes and cylinders are drawn as meshes; fewer facets look the same and save 8 ms a frame with one SO-101.
    spec.visual.quality.numslices, spec.visual.quality.numstacks, spec.visual.quality.numquads = 20, 8, 1
    return spec


def set_picture_size(spec: mujoco.MjSpec, config: WorldConfig) -> None:
    """Make room for the largest picture of a world's cameras."""
    sizes = [camera for robot in config.robots for camera in robot.config.cameras.values()]
    sizes += [*config.cameras.values(), *([config.overhead] if config.overhead is not None else [])]
    own = [
        (min(int(width), LARGEST_SIDE), min(int(height), LARGEST_SIDE))
        for width, height in (each.resolution for each in spec.cameras)
    ]
    stated = [size for size in own if size != (1, 1)]
    widths = [camera.width for camera in sizes] + [width for width, _ in stated]
    heights = [camera.height for camera in sizes] + [height for _, height in stated]
    spec.visual.global_.offwidth = max(widths, default=640)
    spec.visual.global_.offheight = max(heights, default=480)


def _surroundings(config: WorldConfig) -> mujoco.MjSpec:
    if config.scene_xml:
        return parse_model(config.scene_xml, "the scene", config.scene_rule)
    return (
        open_model(config.scene, "the scene", config.scene_rule)
        if config.scene is not None
        else _default_surroundings()
    )


def scene_source(config: WorldConfig) -> Path:
    """Return the file to name when the whole world does not compile."""
    if config.scene_xml:
        return Path("(MJCF text)")
    return config.scene if config.scene is not None else Path("(built-in scene)")


def attach_robot(spec: mujoco.MjSpec, robot: RobotSpec, group: int) -> FloatArray:
    """Attach a robot and return the corners (2, 3) of what it takes up in the world frame [m]."""
    model = load_robot_model(robot.config, robot.name, robot.rule)
    child = model.spec
    for actuator in child.actuators:
        actuator.group = group
    exclude_base_contacts(child)
    half = 0.5 * robot.yaw
    frame = spec.worldbody.add_frame(pos=list(robot.position), quat=[math.cos(half), 0.0, 0.0, math.sin(half)])
    try:
        spec.attach(child, prefix=f"{robot.name}/", frame=frame)
    except ValueError as error:
        raise ModelError(
            f"model file '{model.path}' of robot '{robot.name}' cannot be attached; MuJoCo says: {error}"
        ) from error
    cos, sin = math.cos(robot.yaw), math.sin(robot.yaw)
    rotation = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    corners = np.array(list(itertools.product(*model.box.T))) @ rotation.T + robot.position
    return np.stack([corners.min(axis=0), corners.max(axis=0)])


def _add_overhead(spec: mujoco.MjSpec, boxes: list[FloatArray], aspect: float) -> None:
    """Add the camera that looks straight down: the picture's up is the world's +x, as seen from behind a robot that faces +x."""
    lower = np.min([box[0] for box in boxes], axis=0) if boxes else -SMALLEST_VIEW
    upper = np.max([box[1] for box in boxes], axis=0) if boxes else SMALLEST_VIEW
    centre, half = 0.5 * (lower + upper), np.maximum(VIEW_MARGIN * 0.5 * (upper - lower), SMALLEST_VIEW)
    distance = max(half[0], half[1] / aspect) / math.tan(0.5 * OVERHEAD_FOVY)
    spec.worldbody.add_camera(
        name=OVERHEAD,
        pos=[float(centre[0]), float(centre[1]), float(upper[2] + distance)],
        quat=[math.sqrt(0.5), 0.0, 0.0, -math.sqrt(0.5)],
        fovy=math.degrees(OVERHEAD_FOVY),
    )


def _default_surroundings() -> mujoco.MjSpec:
    spec = mujoco.MjSpec()
    spec.modelname = "world"
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    # Elliptic cones with a high friction-to-normal impedance ratio: grasped objects do not creep out of the fingers.
    spec.option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    spec.option.impratio = 10.0
    spec.stat.extent = 1.0
    spec.stat.center = [0.0, 0.0, 0.2]
    spec.visual.map.znear = 0.005
    spec.visual.map.zfar = 30.0
    # Half the width of the lit ground [m]; at the corners of the shadow map the ground shadows itself.
    spec.visual.map.shadowclip = 4.0
    spec.visual.headlight.ambient = [0.35, 0.35, 0.35]
    spec.visual.headlight.diffuse = [0.25, 0.25, 0.25]
    spec.visual.headlight.specular = [0.0, 0.0, 0.0]
    spec.visual.rgba.haze = [0.62, 0.68, 0.74, 1.0]
    _add_sky_and_floor(spec)
    spec.worldbody.add_light(
        name="key",
        pos=[-0.4, -1.2, 2.6],
        dir=[0.2, 0.4, -0.9],
        diffuse=[0.42, 0.42, 0.40],
        specular=[0.15, 0.15, 0.15],
        ambient=[0.0, 0.0, 0.0],
        castshadow=True,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
    )
    spec.worldbody.add_light(
        name="fill",
        pos=[-1.0, 1.0, 1.5],
        dir=[0.6, -0.6, -0.7],
        diffuse=[0.15, 0.16, 0.18],
        specular=[0.0, 0.0, 0.0],
        ambient=[0.0, 0.0, 0.0],
        castshadow=False,
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
    )
    return spec


def _add_sky_and_floor(spec: mujoco.MjSpec) -> None:
    spec.add_texture(
        name="sky",
        type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.72, 0.78, 0.84],
        rgb2=[0.42, 0.48, 0.56],
        width=256,
        height=1536,
    )
    # A plain colour: sampling a texture over the whole picture takes as long as everything else in software rendering.
    spec.add_material(name=FLOOR, rgba=[0.47, 0.49, 0.51, 1.0], specular=0.0, shininess=0.0)
    add_floor(spec)


def replace_ground(spec: mujoco.MjSpec, terrain: Terrain | None) -> None:
    """Put a terrain where the floor is; None and the kind "flat" give the flat floor.

    Raises:
        UnknownNameError, ConfigurationError: If there can be no such terrain.
    """
    for geom in [geom for geom in spec.worldbody.geoms if geom.name == FLOOR]:
        spec.delete(geom)
    for hfield in [hfield for hfield in spec.hfields if hfield.name == FLOOR]:
        spec.delete(hfield)
    if terrain is None or terrain.kind == FLAT:
        add_floor(spec)
    else:
        add_terrain(spec, FLOOR, terrain)


def add_floor(spec: mujoco.MjSpec) -> None:
    """Add the flat ground, in the material of that name if there is one."""
    material = FLOOR if any(each.name == FLOOR for each in spec.materials) else ""
    spec.worldbody.add_geom(
        name=FLOOR, type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.05], material=material, friction=[0.8, 0.005, 0.0001],
    )  # fmt: skip
