"""The Panda's files agree with each other and with the published model, and the arm behaves like one."""

from __future__ import annotations

import mujoco
import numpy as np
import pytest

from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .test_so101_model import TABLE as SO101_TABLE
from .test_so101_model import contact_pairs, rotation_angle, run
from .urdf_kinematics import Matrix, UrdfTree, numbers, transform_of

TABLE = SO101_TABLE.with_name("panda_forward_kinematics.csv")
ARM = [f"panda_joint{number}" for number in range(1, 8)]
FINGERS = ["panda_finger_joint1", "panda_finger_joint2"]
# Modified Denavit-Hartenberg parameters a [m], d [m], alpha [rad] of joints 1 to 7 and the flange.
# Source: Franka Control Interface documentation, "Denavit-Hartenberg parameters".
DH = np.array(
    [
        [0.0, 0.333, 0.0], [0.0, 0.0, -np.pi / 2], [0.0, 0.316, np.pi / 2], [0.0825, 0.0, np.pi / 2],
        [-0.0825, 0.384, -np.pi / 2], [0.0, 0.0, np.pi / 2], [0.088, 0.0, np.pi / 2], [0.0, 0.107, 0.0],
    ]
)  # fmt: skip
# lower, upper [rad], velocity [rad/s], acceleration [rad/s2], effort [Nm]. Source: the same, "Limits for Panda".
PUBLISHED_LIMITS = [
    (-2.8973, 2.8973, 2.175, 15.0, 87.0), (-1.7628, 1.7628, 2.175, 7.5, 87.0), (-2.8973, 2.8973, 2.175, 10.0, 87.0),
    (-3.0718, -0.0698, 2.175, 12.5, 87.0), (-2.8973, 2.8973, 2.61, 15.0, 12.0), (-0.0175, 3.7525, 2.61, 20.0, 12.0),
    (-2.8973, 2.8973, 2.61, 20.0, 12.0),
]  # fmt: skip


@pytest.fixture(scope="module")
def robot() -> RobotConfig:
    return load_robot("panda")


@pytest.fixture(scope="module")
def urdf(robot: RobotConfig) -> UrdfTree:
    assert robot.urdf is not None
    return UrdfTree(robot.urdf)


@pytest.fixture(scope="module")
def model(robot: RobotConfig) -> mujoco.MjModel:
    model = mujoco.MjModel.from_xml_path(str(robot.mjcf))
    model.opt.timestep = 0.002
    model.opt.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    return model


def placed(model: mujoco.MjModel, positions: dict[str, float]) -> mujoco.MjData:
    """Data with joints and targets at the given positions, both fingers alike."""
    data = mujoco.MjData(model)
    for name, value in positions.items():
        data.actuator(name).ctrl[0] = value
        for joint in FINGERS if name in FINGERS else [name]:
            data.joint(joint).qpos[0] = value
    mujoco.mj_forward(model, data)
    return data


def flange_of_dh(positions: Matrix) -> Matrix:
    """Pose (4, 4) of the flange in the base. Source: Craig, Introduction to Robotics, modified convention."""
    pose = np.eye(4)
    for (a, d, alpha), theta in zip(DH, [*positions, 0.0], strict=True):
        ca, sa, ct, st = np.cos(alpha), np.sin(alpha), np.cos(theta), np.sin(theta)
        pose = pose @ np.array(
            [[ct, -st, 0, a], [st * ca, ct * ca, -sa, -d * sa], [st * sa, ct * sa, ca, d * ca], [0, 0, 0, 1]]
        )
    return pose


def samples(robot: RobotConfig, count: int) -> list[dict[str, float]]:
    limits = robot.limits()
    drawn = np.random.default_rng(7).uniform(limits.lower, limits.upper, (count, len(limits.names)))
    return [dict(zip(limits.names, row.tolist(), strict=True)) for row in drawn]


def test_urdf_and_mjcf_have_the_joints_and_the_published_limits(
    robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel
) -> None:
    assert list(robot.joints) == [*ARM, FINGERS[0]] == [model.actuator(i).name for i in range(model.nu)]
    assert [model.joint(i).name for i in range(model.njnt)] == [*ARM, *FINGERS]
    assert [n for n, joint in urdf.joints.items() if joint.attrib["type"] != "fixed"] == [*ARM, *FINGERS]
    for name, published in zip(ARM, PUBLISHED_LIMITS, strict=True):
        limits = robot.joints[name]
        assert (limits.lower, limits.upper, limits.velocity, limits.acceleration, limits.effort) == published
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
    for positions in samples(robot, 100):
        data = placed(model, positions)
        for link in urdf.links:
            pose = urdf.pose(link, positions)
            if link in ("wrist_camera_link", "wrist_optical_frame"):
                assert pose[:3, 3] == pytest.approx(data.camera("wrist").xpos, abs=1e-6)
                continue
            frame = data.site(link) if link == robot.tool_frame else data.body(link)
            assert pose[:3, 3] == pytest.approx(frame.xpos, abs=1e-6)
            assert rotation_angle(pose[:3, :3], frame.xmat.reshape(3, 3)) < 1e-6


def test_wrist_optical_frame_is_the_camera_turned_to_look_along_z(
    robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel
) -> None:
    data = placed(model, robot.home)
    optical = data.camera("wrist").xmat.reshape(3, 3) @ np.diag([1.0, -1.0, -1.0])
    assert rotation_angle(urdf.pose("wrist_optical_frame", robot.home)[:3, :3], optical) < 1e-6


def test_wrist_camera_sees_the_tool(robot: RobotConfig, model: mujoco.MjModel) -> None:
    data = placed(model, robot.home)
    camera = data.camera("wrist")
    right, up, back = (camera.xmat.reshape(3, 3).T @ (data.site(robot.tool_frame).xpos - camera.xpos)).tolist()
    assert back < 0.0 and abs(right) < 1e-6
    assert abs(np.arctan2(up, -back)) < np.deg2rad(model.camera("wrist").fovy[0] / 2.0)


def test_masses_and_inertias_are_equal_and_physical(urdf: UrdfTree, model: mujoco.MjModel) -> None:
    checked = 0
    for name, link in urdf.links.items():
        inertial = link.find("inertial")
        if inertial is None:
            continue
        body = model.body(name)
        assert body.mass[0] == pytest.approx(float(inertial.find("mass").attrib["value"]))  # type: ignore[union-attr]
        assert body.ipos == pytest.approx(transform_of(inertial)[:3, 3], abs=1e-9)
        i = {k: float(v) for k, v in inertial.find("inertia").attrib.items()}  # type: ignore[union-attr]
        rows = (("ixx", "ixy", "ixz"), ("ixy", "iyy", "iyz"), ("ixz", "iyz", "izz"))
        smallest, middle, largest = np.linalg.eigvalsh(np.array([[i[key] for key in row] for row in rows]))
        assert smallest > 0.0 and largest <= smallest + middle
        assert np.sort(body.inertia) == pytest.approx([smallest, middle, largest], rel=1e-6)
        checked += 1
    assert checked == 11 and model.body_mass.sum() == pytest.approx(17.45, abs=0.01)


def test_shapes_of_urdf_and_mjcf_are_equal(urdf: UrdfTree, model: mujoco.MjModel) -> None:
    """A capsule of the MJCF is a cylinder and two spheres at its ends in the URDF."""
    for name, link in urdf.links.items():
        body = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, name)
        geoms = [g for g in range(model.ngeom) if body >= 0 and model.geom_bodyid[g] == body]
        for tag, group in (("visual", 2), ("collision", 3)):
            shapes = iter(link.findall(tag))
            for g in (g for g in geoms if model.geom_group[g] == group):
                rotation = np.zeros(9)
                mujoco.mju_quat2Mat(rotation, model.geom_quat[g])
                shape = next(shapes)
                transform, solid = transform_of(shape), shape.find("geometry")[0]  # type: ignore[index]
                assert model.geom_pos[g] == pytest.approx(transform[:3, 3], abs=1e-6), (name, tag)
                assert rotation_angle(rotation.reshape(3, 3), transform[:3, :3]) < 1e-4
                kind, size = int(model.geom_type[g]), model.geom_size[g]
                if kind == int(mujoco.mjtGeom.mjGEOM_BOX):
                    assert 2.0 * size == pytest.approx(numbers(solid.attrib["size"]), abs=1e-6)
                elif kind == int(mujoco.mjtGeom.mjGEOM_SPHERE):
                    assert size[0] == pytest.approx(float(solid.attrib["radius"]))
                else:
                    expected = [float(solid.attrib["radius"]), float(solid.attrib["length"]) / 2.0]
                    assert size[:2] == pytest.approx(expected, abs=1e-6)
                if kind == int(mujoco.mjtGeom.mjGEOM_CAPSULE):
                    for sign in (1.0, -1.0):
                        ball = next(shapes)
                        end = model.geom_pos[g] + sign * size[1] * rotation.reshape(3, 3)[:, 2]
                        assert transform_of(ball)[:3, 3] == pytest.approx(end, abs=1e-5)
                        assert float(ball.find("geometry/sphere").attrib["radius"]) == pytest.approx(size[0])  # type: ignore[union-attr]
            assert next(shapes, None) is None, (name, tag)


def test_flange_agrees_with_the_published_dh_table(robot: RobotConfig, urdf: UrdfTree, model: mujoco.MjModel) -> None:
    for positions in samples(robot, 50):
        expected = flange_of_dh(np.array([positions[name] for name in ARM]))
        body = placed(model, positions).body("panda_link8")
        assert body.xpos == pytest.approx(expected[:3, 3], abs=1e-6)
        assert rotation_angle(body.xmat.reshape(3, 3), expected[:3, :3]) < 1e-6
        assert urdf.pose("panda_link8", positions) == pytest.approx(expected, abs=1e-6)


def test_tool_pose_agrees_with_the_published_urdf(robot: RobotConfig, model: mujoco.MjModel) -> None:
    rows = np.loadtxt(TABLE, delimiter=",", comments="#", skiprows=5)
    assert rows.shape == (64, 14)
    for row in rows:
        site = placed(model, dict(zip(ARM, row[:7].tolist(), strict=True))).site(robot.tool_frame)
        rotation = np.zeros(9)
        mujoco.mju_quat2Mat(rotation, row[10:14] / np.linalg.norm(row[10:14]))
        assert np.linalg.norm(site.xpos - row[7:10]) < 1e-6
        assert rotation_angle(site.xmat.reshape(3, 3), rotation.reshape(3, 3)) < 1e-5


@pytest.mark.parametrize("pose", ["home", "closed", "upright", "folded"])
def test_no_self_collision(pose: str, robot: RobotConfig, model: mujoco.MjModel) -> None:
    changes = {
        "home": {}, "closed": {FINGERS[0]: 0.0},
        "upright": {"panda_joint2": 0.0, "panda_joint4": -0.07, "panda_joint6": 1.57},
        "folded": {"panda_joint2": -1.0, "panda_joint4": -3.0, "panda_joint6": 2.0},
    }[pose]  # fmt: skip
    assert contact_pairs(model, placed(model, {**robot.home, **changes})) == set()


@pytest.mark.parametrize("joint", ARM)
def test_commanded_joint_settles_where_it_was_sent(joint: str, robot: RobotConfig, model: mujoco.MjModel) -> None:
    data = placed(model, robot.home)
    target = robot.home[joint] + 0.3
    data.actuator(joint).ctrl[0] = target
    run(model, data, 2.0)
    for name, position in {**robot.home, joint: target}.items():
        assert data.joint(name).qpos[0] == pytest.approx(position, abs=1e-3)
    assert np.abs(data.qvel).max() < 1e-3


def test_arm_follows_a_sine_less_than_a_twentieth_of_a_second_late(robot: RobotConfig, model: mujoco.MjModel) -> None:
    data = placed(model, robot.home)
    worst = 0.0
    home = np.array([robot.home[name] for name in ARM])
    for step in range(2500):
        target = home + 0.3 * np.sin(2.0 * np.pi * 0.4 * step * 0.002)
        data.ctrl[:7] = target
        mujoco.mj_step(model, data)
        if step > 500:
            worst = max(worst, float(np.abs(data.qpos[:7] - target).max()))
    assert worst < 0.05 * 0.3 * 2.0 * np.pi * 0.4  # of the largest velocity


def test_payload_of_three_kilograms_sags_less_than_one_hundredth(robot: RobotConfig) -> None:
    spec = mujoco.MjSpec.from_file(str(robot.mjcf))
    spec.body("panda_hand").add_geom(
        type=mujoco.mjtGeom.mjGEOM_SPHERE, size=[0.02, 0, 0], mass=3.0, contype=0, conaffinity=0
    )
    model = spec.compile()
    data = placed(model, {**robot.home, "panda_joint2": 1.2, "panda_joint4": -0.3, "panda_joint6": 1.5})
    start = data.qpos.copy()
    run(model, data, 2.0)
    assert np.abs(data.qpos - start)[:7].max() < 0.01


def test_measured_effort_holds_the_arm_against_gravity(robot: RobotConfig, model: mujoco.MjModel) -> None:
    data = placed(model, {**robot.home, "panda_joint2": 0.4, "panda_joint4": -1.5})
    run(model, data, 1.0)
    assert data.qfrc_actuator[:7] == pytest.approx(data.qfrc_bias[:7], abs=0.7)  # the rest is friction
    assert abs(data.qfrc_actuator[1]) > 20.0


def test_fingers_move_alike_and_the_same_force_presses_on_an_object(robot: RobotConfig) -> None:
    spec = mujoco.MjSpec.from_file(str(robot.mjcf))
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    plain = spec.compile()
    hand = placed(plain, robot.home)
    pose = {"pos": hand.site(robot.tool_frame).xpos, "quat": hand.body("panda_hand").xquat}
    thing = spec.worldbody.add_body(name="thing", gravcomp=1.0, **pose)
    thing.add_freejoint()
    thing.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=[0.01, 0.02, 0.005], mass=0.05)
    model = spec.compile()
    data = placed(model, robot.home)
    data.actuator(FINGERS[0]).ctrl[0] = 0.0
    worst = 0.0
    for _ in range(1000):
        mujoco.mj_step(model, data)
        worst = max(worst, abs(float(data.joint(FINGERS[0]).qpos[0] - data.joint(FINGERS[1]).qpos[0])))
    assert worst < 1e-4
    assert data.joint(FINGERS[0]).qpos[0] == pytest.approx(0.02, abs=2e-3)  # the pads give way
    forces = [float(data.joint(name).qfrc_actuator[0]) for name in FINGERS]
    assert forces == pytest.approx([-70.0, -70.0], abs=0.5)


def test_world_starts_with_both_fingers_where_home_has_them(robot: RobotConfig) -> None:
    world = World(WorldConfig(robots=(RobotSpec("arm", robot),)))
    fingers = [float(world.data.joint(f"arm/{name}").qpos[0]) for name in FINGERS]
    assert fingers == pytest.approx([0.04, 0.04])
    world.step(500)
    world.robots["arm"].read()
    assert world.robots["arm"].position == pytest.approx(list(robot.home.values()), abs=1e-4)
