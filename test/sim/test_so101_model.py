"""The SO-101 files agree with each other and with the published model, and the arm behaves like one."""

from __future__ import annotations

from pathlib import Path

import mujoco
import numpy as np
import pytest

from strands_robots.description.robot_config import RobotConfig, load_robot

from .urdf_kinematics import Matrix, UrdfTree, numbers, transform_of

TABLE = Path(__file__).parents[1] / "data" / "so101_forward_kinematics.csv"
TIMESTEP = 0.002
FLOOR = -0.0024
REST = {"shoulder_lift": -1.70, "elbow_flex": 1.55, "wrist_flex": 1.00}
GRASP = {"shoulder_lift": -0.0821, "elbow_flex": 0.5966, "wrist_flex": 1.0563, "gripper": 0.6}
CUBE_HALF = 0.0125


@pytest.fixture(scope="module")
def robot() -> RobotConfig:
    return load_robot("so101")


@pytest.fixture(scope="module")
def urdf(robot: RobotConfig) -> UrdfTree:
    assert robot.urdf is not None
    return UrdfTree(robot.urdf)


@pytest.fixture(scope="module")
def model(robot: RobotConfig) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(robot.mjcf))


def scene_with_cube(robot: RobotConfig, cone: int) -> mujoco.MjModel:
    """The robot attached with a prefix to a floor with a 25 mm, 20 g cube, as the simulator does it."""
    scene = mujoco.MjSpec()
    scene.option.timestep = TIMESTEP
    scene.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    scene.option.cone = cone
    scene.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 0.1], pos=[0, 0, FLOOR])
    cube = scene.worldbody.add_body(name="cube", pos=[0.2 + CUBE_HALF + 0.004, 0, FLOOR + CUBE_HALF])
    cube.add_freejoint()
    cube.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[CUBE_HALF] * 3, mass=0.02)
    scene.attach(mujoco.MjSpec.from_file(str(robot.mjcf)), prefix="arm/", frame=scene.worldbody.add_frame())
    return scene.compile()


def set_positions(model: mujoco.MjModel, data: mujoco.MjData, positions: dict[str, float], prefix: str = "") -> None:
    for name, value in positions.items():
        data.joint(prefix + name).qpos[0] = value
        data.actuator(prefix + name).ctrl[0] = value
    mujoco.mj_forward(model, data)


def run(model: mujoco.MjModel, data: mujoco.MjData, seconds: float) -> None:
    for _ in range(round(seconds / model.opt.timestep)):
        mujoco.mj_step(model, data)


def move(model: mujoco.MjModel, data: mujoco.MjData, joint: str, target: float, seconds: float) -> None:
    """Ramp one joint's target, then let it settle for 0.3 s."""
    start = float(data.actuator(joint).ctrl[0])
    for step in range(1, steps := round(seconds / model.opt.timestep)):
        data.actuator(joint).ctrl[0] = start + (target - start) * step / steps
        mujoco.mj_step(model, data)
    data.actuator(joint).ctrl[0] = target
    run(model, data, 0.3)


def contact_pairs(model: mujoco.MjModel, data: mujoco.MjData) -> set[tuple[str, str]]:
    bodies = model.geom_bodyid
    return {(model.body(bodies[c.geom1]).name, model.body(bodies[c.geom2]).name) for c in data.contact}


def table_rows() -> Matrix:
    return np.loadtxt(TABLE, delimiter=",", comments="#", skiprows=5)


def rotation_angle(first: Matrix, second: Matrix) -> float:
    """Angle between two (3, 3) rotations [rad], from the chord: exact for small angles."""
    return float(2.0 * np.arcsin(min(1.0, np.linalg.norm(first - second) / np.sqrt(8.0))))


def table_pose(row: Matrix) -> tuple[Matrix, Matrix]:
    rotation = np.zeros(9)
    mujoco.mju_quat2Mat(rotation, row[9:13] / np.linalg.norm(row[9:13]))
    return row[6:9], rotation.reshape(3, 3)


def test_urdf_and_mjcf_have_the_joints_of_the_configuration(
    robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel
) -> None:
    names = list(robot.joints)
    assert [model.joint(i).name for i in range(model.njnt)] == names
    assert [model.actuator(i).name for i in range(model.nu)] == names
    assert [n for n, joint in urdf.joints.items() if joint.attrib["type"] != "fixed"] == names
    for name, limits in robot.joints.items():
        joint = model.joint(name)
        assert joint.range == pytest.approx([limits.lower, limits.upper], abs=1e-9)
        assert model.actuator(name).ctrlrange == pytest.approx(joint.range, abs=1e-9)
        assert model.jnt_actfrcrange[joint.id] == pytest.approx([-limits.effort, limits.effort])
        assert joint.axis == pytest.approx(urdf.axis(name))
        for key in ("lower", "upper", "velocity", "effort"):
            assert urdf.limit(name, key) == pytest.approx(getattr(limits, key))


def test_urdf_and_mjcf_give_the_same_pose_of_every_link(
    robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel
) -> None:
    data = mujoco.MjData(model)
    limits = robot.limits()
    for sample in np.random.default_rng(7).uniform(limits.lower, limits.upper, (100, len(limits.names))):
        positions = dict(zip(limits.names, (float(q) for q in sample), strict=True))
        set_positions(model, data, positions)
        for link in urdf.links:
            pose = urdf.pose(link, positions)
            if link in ("wrist_camera_link", "wrist_optical_frame"):
                camera = data.camera("wrist")
                assert pose[:3, 3] == pytest.approx(camera.xpos, abs=1e-6)
                continue
            frame = data.site(link) if link == robot.tool_frame else data.body(link)
            assert pose[:3, 3] == pytest.approx(frame.xpos, abs=1e-6)
            assert rotation_angle(pose[:3, :3], frame.xmat.reshape(3, 3)) < 1e-6


def test_wrist_optical_frame_is_the_camera_turned_to_look_along_z(urdf: UrdfTree, model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    zero = dict.fromkeys((model.joint(i).name for i in range(model.njnt)), 0.0)
    optical = data.camera("wrist").xmat.reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
    assert rotation_angle(urdf.pose("wrist_optical_frame", zero)[:3, :3], optical) < 2e-5


def test_masses_and_inertias_are_equal_and_physical(urdf: UrdfTree, model: mujoco.MjModel) -> None:
    for name, link in urdf.links.items():
        inertial = link.find("inertial")
        if inertial is None:
            continue
        body = model.body(name)
        assert body.mass[0] == pytest.approx(float(inertial.find("mass").attrib["value"]))  # type: ignore[union-attr]
        assert body.ipos == pytest.approx(transform_of(inertial)[:3, 3], abs=1e-9)
        i = {k: float(v) for k, v in inertial.find("inertia").attrib.items()}  # type: ignore[union-attr]
        rows = (("ixx", "ixy", "ixz"), ("ixy", "iyy", "iyz"), ("ixz", "iyz", "izz"))
        tensor = np.array([[i[key] for key in row] for row in rows])
        smallest, middle, largest = np.linalg.eigvalsh(tensor)
        assert smallest > 0.0
        assert largest <= smallest + middle
        assert np.sort(body.inertia) == pytest.approx([smallest, middle, largest], rel=1e-6)


def test_shapes_of_urdf_and_mjcf_are_equal(urdf: UrdfTree, model: mujoco.MjModel) -> None:
    for name, link in urdf.links.items():
        body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
        geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body] if body >= 0 else []
        for tag, group in (("visual", 2), ("collision", 3)):
            shapes = link.findall(tag)
            matching = [g for g in geoms if model.geom_group[g] == group]
            assert len(shapes) == len(matching), (name, tag)
            for shape, g in zip(shapes, matching, strict=True):
                transform = transform_of(shape)
                rotation = np.zeros(9)
                mujoco.mju_quat2Mat(rotation, model.geom_quat[g])
                assert model.geom_pos[g] == pytest.approx(transform[:3, 3], abs=1e-6)
                assert rotation_angle(rotation.reshape(3, 3), transform[:3, :3]) < 1e-4
                solid = shape.find("geometry")[0]  # type: ignore[index]
                if solid.tag == "box":
                    assert 2.0 * model.geom_size[g] == pytest.approx(numbers(solid.attrib["size"]), abs=2e-5)
                else:
                    size = [float(solid.attrib["radius"]), float(solid.attrib["length"]) / 2.0]
                    assert model.geom_size[g][:2] == pytest.approx(size, abs=2e-5)


@pytest.mark.parametrize("reader", ["mjcf", "urdf"])
def test_tool_pose_agrees_with_the_published_model(
    reader: str, robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel
) -> None:
    data = mujoco.MjData(model)
    rows = table_rows()
    assert rows.shape == (64, 13)
    for row in rows:
        positions = dict(zip(robot.joints, (float(q) for q in row[:6]), strict=True))
        if reader == "mjcf":
            set_positions(model, data, positions)
            site = data.site(robot.tool_frame)
            position, rotation = site.xpos, site.xmat.reshape(3, 3)
        else:
            pose = urdf.pose(robot.tool_frame, positions)
            position, rotation = pose[:3, 3], pose[:3, :3]
        expected_position, expected_rotation = table_pose(row)
        assert np.linalg.norm(position - expected_position) < 2e-5
        assert rotation_angle(rotation, expected_rotation) < np.deg2rad(0.01)


@pytest.mark.parametrize("pose", ["zero", "home", "rest", "closed", "open"])
def test_no_self_collision(pose: str, robot: RobotConfig, model: mujoco.MjModel) -> None:
    gripper = robot.joints["gripper"]
    positions = {
        "zero": {},
        "home": robot.home,
        "rest": REST,
        "closed": {**robot.home, "gripper": gripper.lower},
        "open": {**robot.home, "gripper": gripper.upper},
    }[pose]
    data = mujoco.MjData(model)
    set_positions(model, data, positions)
    assert contact_pairs(model, data) == set()


@pytest.mark.parametrize("offset", [0.3, -0.3])
@pytest.mark.parametrize(
    "joint", ["shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper"]
)
def test_commanded_joint_settles_under_gravity(
    joint: str, offset: float, robot: RobotConfig, model: mujoco.MjModel
) -> None:
    data = mujoco.MjData(model)
    set_positions(model, data, robot.home)
    limits = robot.joints[joint]
    target = float(np.clip(robot.home[joint] + offset, limits.lower, limits.upper))
    data.actuator(joint).ctrl[0] = target
    run(model, data, 1.5)
    assert np.all(np.isfinite(data.qpos))
    assert data.joint(joint).qpos[0] == pytest.approx(target, abs=0.02)
    assert np.max(np.abs(data.qvel)) < 1e-3


def test_arm_stretched_out_sags_less_than_two_hundredths(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    set_positions(model, data, {"shoulder_lift": 1.5, "elbow_flex": -1.5})
    run(model, data, 2.0)
    assert data.qpos == pytest.approx(data.ctrl, abs=0.02)


def test_joint_never_exceeds_no_load_speed(model: mujoco.MjModel) -> None:
    data = mujoco.MjData(model)
    set_positions(model, data, {"shoulder_pan": -1.9})
    data.actuator("shoulder_pan").ctrl[0] = 1.9
    fastest = 0.0
    for _ in range(1000):
        mujoco.mj_step(model, data)
        fastest = max(fastest, abs(float(data.joint("shoulder_pan").qvel[0])))
    assert 3.0 < fastest < 4.71


def test_jaws_touch_when_closed_and_part_when_open(model: mujoco.MjModel) -> None:
    def gap(position: float) -> float:
        data = mujoco.MjData(model)
        set_positions(model, data, {"gripper": position})
        tips = model.geom("fixed_jaw_tip").id, model.geom("moving_jaw_tip").id
        return float(mujoco.mj_geomDistance(model, data, *tips, 1.0, None))

    assert 0.0 < gap(-0.174533) < 0.004
    assert gap(0.0) == pytest.approx(0.016, abs=0.001)
    assert gap(1.74533) > 0.08


@pytest.mark.parametrize("cone", [int(mujoco.mjtCone.mjCONE_PYRAMIDAL), int(mujoco.mjtCone.mjCONE_ELLIPTIC)])
def test_cube_between_the_jaws_is_grasped_and_lifted(cone: int, robot: RobotConfig) -> None:
    scene = scene_with_cube(robot, cone)
    data = mujoco.MjData(scene)
    set_positions(scene, data, GRASP, "arm/")
    run(scene, data, 0.5)
    move(scene, data, "arm/gripper", -0.1, 1.0)
    grasped = data.body("cube").xpos.copy()
    move(scene, data, "arm/shoulder_lift", GRASP["shoulder_lift"] - 0.4, 1.0)
    lifted = data.body("cube").xpos.copy()
    assert lifted[2] > grasped[2] + 0.03
    run(scene, data, 2.0)
    assert data.body("cube").xpos == pytest.approx(lifted, abs=0.002)
    pads = {f"arm/{jaw}_jaw_tip" for jaw in ("fixed", "moving")}
    assert pads <= {scene.geom(g).name for c in data.contact for g in (c.geom1, c.geom2)}
    move(scene, data, "arm/gripper", 0.6, 0.3)
    run(scene, data, 1.0)
    assert data.body("cube").xpos[2] < FLOOR + 2.0 * CUBE_HALF
