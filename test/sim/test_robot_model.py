from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, ModelError, WorldError
from strands_robots.description.robot_config import load_robot
from strands_robots.description.robot_model import describe_model
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .arms import MJCF, URDF, arm, changed, one_arm_world


def world_of(path: Path) -> World:
    return World(WorldConfig(robots=(RobotSpec("arm", describe_model(path)),)))


def write_tetrahedron(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("v 0 0 0\nv .1 0 0\nv 0 .1 0\nv 0 0 .1\nf 1 3 2\nf 1 2 4\nf 1 4 3\nf 2 3 4\n", encoding="utf-8")


def test_mjcf_is_described_with_its_limits_home_and_cameras() -> None:
    config = describe_model(MJCF)
    assert config.name == "two_joint_arm"
    assert config.mjcf == MJCF
    assert config.urdf is None
    assert config.base_frame == "base_link"
    assert list(config.joints) == ["shoulder", "elbow"]
    assert (config.joints["elbow"].lower, config.joints["elbow"].upper, config.joints["elbow"].effort) == (
        -2.0,
        2.0,
        12.0,
    )
    assert config.home == {"shoulder": 0.4, "elbow": 0.6}
    assert list(config.cameras) == ["wrist"]
    assert config.description == "Described from two_joint_arm.xml; assumed: acceleration, velocity"


def test_urdf_is_described_with_its_velocity_and_effort_limits() -> None:
    config = describe_model(URDF)
    assert config.urdf == URDF
    assert config.mjcf is None
    assert (config.joints["elbow"].velocity, config.joints["elbow"].effort) == (4.0, 8.0)
    assert config.description == "Described from two_joint_arm.urdf; assumed: acceleration"


def test_urdf_robot_gets_servos_that_hold_and_follow() -> None:
    world = world_of(URDF)
    robot = world.robots["arm"]
    robot.set_target(np.array([0.8, -1.0]))
    world.step(1000)
    robot.read()
    np.testing.assert_allclose(robot.position, [0.8, -1.0], atol=0.01)
    assert np.abs(robot.effort).max() < 8.0


def test_urdf_keeps_fixed_links_and_shows_visual_shapes() -> None:
    world = world_of(URDF)
    model = world.model
    assert model.body("arm/tool_link").id > 0
    shapes = [i for i in range(model.ngeom) if model.geom_bodyid[i] == model.body("arm/upper_link").id]
    assert sorted((int(model.geom_group[i]), int(model.geom_contype[i])) for i in shapes) == [(2, 0), (3, 1)]


def test_so101_works_from_mjcf_and_from_urdf() -> None:
    config = load_robot("so101")
    for model in (config, config.model_copy(update={"mjcf": None, "cameras": {}})):
        world = World(WorldConfig(robots=(RobotSpec("so101", model),)))
        robot = world.robots["so101"]
        world.step(1000)
        robot.read()
        np.testing.assert_allclose(robot.position, robot.home, atol=0.03)


def test_file_that_does_not_exist_is_named() -> None:
    with pytest.raises(ModelError, match=r"model file '/nowhere/arm.xml' of robot 'arm' does not exist"):
        one_arm_world(mjcf=Path("/nowhere/arm.xml"))


def test_file_that_is_not_xml_is_named(tmp_path: Path) -> None:
    path = changed(tmp_path, "</worldbody>", "")
    with pytest.raises(ModelError, match=r"two_joint_arm\.xml' of robot 'arm' is not XML: mismatched tag"):
        one_arm_world(mjcf=path)


def test_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "arm.sdf"
    path.write_text("<sdf/>", encoding="utf-8")
    with pytest.raises(
        ModelError, match=r"arm\.sdf' of robot 'arm' begins with <sdf>; valid: <mujoco> \(MJCF\) or <robot> \(URDF\)"
    ):
        one_arm_world(mjcf=path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<camera name="wrist"', '<camra name="wrist"', "MuJoCo says: .*'camra'"),
        ('mass="0.3"', 'mass="-1"', "MuJoCo says: .*mass"),
        ('joint="elbow"', 'joint="knee"', "MuJoCo says: .*knee"),
    ],
)
def test_compiler_message_is_passed_on_with_the_file(tmp_path: Path, old: str, new: str, words: str) -> None:
    path = changed(tmp_path, old, new)
    with pytest.raises(ModelError, match=rf"model file '{path}' of robot 'arm' cannot be used; {words}"):
        one_arm_world(mjcf=path)


def test_missing_mesh_is_named_with_where_it_was_looked_for(tmp_path: Path) -> None:
    path = changed(
        tmp_path, '<box size="0.04 0.04 0.25"/>', '<mesh filename="package://arm_description/upper.stl"/>', URDF
    )
    words = r"two_joint_arm\.urdf' of .* cannot be used: .*arm_description/upper\.stl.* not found on AMENT_PREFIX_PATH"
    with pytest.raises(ModelError, match=words):
        describe_model(path)


def test_package_path_is_found_on_the_ament_prefix_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tetrahedron(tmp_path / "prefix" / "share" / "arm_description" / "upper.obj")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    path = changed(
        tmp_path, '<box size="0.04 0.04 0.25"/>', '<mesh filename="package://arm_description/upper.obj"/>', URDF
    )
    assert world_of(path).model.nmesh >= 1


def test_mesh_folder_of_a_urdf_is_relative_to_its_file(tmp_path: Path) -> None:
    write_tetrahedron(tmp_path / "shapes" / "upper.obj")
    folder = changed(
        tmp_path,
        '<link name="tool_link"/>',
        '<link name="tool_link"/><mujoco><compiler meshdir="shapes"/></mujoco>',
        URDF,
    )
    path = changed(tmp_path, '<box size="0.04 0.04 0.25"/>', '<mesh filename="package://somewhere/upper.obj"/>', folder)
    assert world_of(path).model.nmesh >= 1


def test_mesh_folder_of_an_mjcf_is_relative_to_its_file(tmp_path: Path) -> None:
    write_tetrahedron(tmp_path / "shapes" / "upper.obj")
    assets = changed(
        tmp_path,
        '<compiler angle="radian"/>',
        '<compiler angle="radian" meshdir="shapes"/><asset><mesh file="upper.obj"/></asset>',
    )
    path = changed(tmp_path, 'type="capsule" fromto="0 0 0 0 0 0.25" size="0.02"', 'type="mesh" mesh="upper"', assets)
    world = world_of(path)
    assert world.model.nmesh == 1
    world.recompile()
    assert world.model.nmesh == 1


def test_visual_mesh_in_an_unreadable_format_is_left_out_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shape = '<visual><origin xyz="0 0 0.125"/><geometry><box size="0.04 0.04 0.25"/></geometry></visual>'
    path = changed(
        tmp_path, shape, '<visual><geometry><mesh filename="package://arm/upper.DAE"/></geometry></visual>', URDF
    )
    model = world_of(path).model
    assert "1 visual meshes of" in caplog.text
    assert "MuJoCo reads .stl, .obj, .msh" in caplog.text
    shapes = [i for i in range(model.ngeom) if model.geom_bodyid[i] == model.body("arm/upper_link").id]
    assert [int(model.geom_group[i]) for i in shapes] == [0]


def test_warnings_of_mujoco_go_to_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    world = one_arm_world()
    world.data.qvel[0] = np.inf
    with pytest.raises(WorldError):
        world.step()
    assert "QVEL" in caplog.text
    assert not (tmp_path / "MUJOCO_LOG.TXT").exists()


def test_joints_keep_the_order_of_the_configuration() -> None:
    description = arm().model_dump()
    joints = {name: description["joints"][name] for name in ("elbow", "shoulder")}
    world = one_arm_world(joints=joints)
    robot = world.robots["arm"]
    np.testing.assert_allclose(robot.position, [0.6, 0.4])
    robot.set_target(np.array([-0.7, 0.3]))
    np.testing.assert_array_equal(world.data.ctrl, [0.3, -0.7])
    world.step(1000)
    robot.read()
    np.testing.assert_allclose(robot.position, [-0.7, 0.3], atol=0.03)


def test_filtered_servo_starts_and_wakes_up_settled(tmp_path: Path) -> None:
    path = changed(tmp_path, '<position kp="60" kv="3"', '<position timeconst="0.2" kp="60" kv="3"')
    world = one_arm_world(mjcf=path)
    robot = world.robots["arm"]
    world.step(200)
    robot.read()
    np.testing.assert_allclose(robot.position, robot.home, atol=0.03)
    robot.set_torque(False)
    world.step(100)
    robot.set_torque(True)
    caught = robot.position.copy()
    np.testing.assert_array_equal(world.data.act, caught)


def test_floating_robot_stands_where_it_was_put(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        '<body name="base_link">',
        '<body name="base_link"><freejoint/>',
        changed(tmp_path, "0.4 0.6", "0.4 0.6"),
    )
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("<keyframe>")] + "</mujoco>", encoding="utf-8")
    world = World(WorldConfig(robots=(RobotSpec("arm", arm(mjcf=path), (0.5, 0.2, 0.0), 0.3),)))
    world.step(10)
    np.testing.assert_allclose(world.data.body("arm/base_link").xpos, [0.5, 0.2, 0.0], atol=0.01)


def test_joint_that_the_model_lacks_is_named_with_the_valid_ones() -> None:
    joints = arm().model_dump()["joints"]
    joints["wrist"] = joints["elbow"]
    with pytest.raises(
        ModelError, match=r"names joints that '.*two_joint_arm\.xml' does not have: wrist; valid: shoulder, elbow"
    ):
        one_arm_world(joints=joints)


def test_camera_that_the_model_lacks_is_named_with_the_valid_ones() -> None:
    with pytest.raises(ModelError, match=r"names cameras that '.*' does not have: top; valid: wrist"):
        one_arm_world(cameras={"top": {}})


def test_limits_wider_than_the_joint_are_refused() -> None:
    joints = arm().model_dump()["joints"]
    joints["elbow"]["upper"] = 2.5
    with pytest.raises(
        ModelError, match=r"lets joint 'elbow' go from -2\.0 to 2\.5, further than '.*' does; valid: -2 to 2"
    ):
        one_arm_world(joints=joints)


def test_limits_narrower_than_the_joint_are_accepted() -> None:
    joints = arm().model_dump()["joints"]
    joints["elbow"]["upper"] = 1.0
    assert one_arm_world(joints=joints).robots["arm"].limits.upper[1] == 1.0


def test_limits_wider_than_the_control_range_are_refused(tmp_path: Path) -> None:
    path = changed(
        tmp_path, 'name="elbow" joint="elbow"/>', 'name="elbow" joint="elbow" inheritrange="0" ctrlrange="-1 1"/>'
    )
    with pytest.raises(ModelError, match=r"further than the control range of its actuator in '.*'; valid: -1 to 1"):
        one_arm_world(mjcf=path)


@pytest.mark.parametrize("kind", ["motor", "velocity"])
def test_joint_without_position_servo_is_refused_with_a_remedy(tmp_path: Path, kind: str) -> None:
    path = changed(tmp_path, '<position name="elbow" joint="elbow"/>', f'<{kind} name="drive" joint="elbow"/>')
    words = r"joint 'elbow' of '.*' is moved by actuator 'drive', which is no position servo; give it <position joint=\"elbow\""
    with pytest.raises(ModelError, match=words):
        one_arm_world(mjcf=path)
    with pytest.raises(ModelError, match=words):
        describe_model(path)


def test_joint_without_any_actuator_among_others_is_refused(tmp_path: Path) -> None:
    path = changed(tmp_path, ' ctrl="0.4 0.6"', "", changed(tmp_path, '<position name="elbow" joint="elbow"/>', ""))
    with pytest.raises(ModelError, match=r"joint 'elbow' of '.*' has no actuator although other joints have"):
        one_arm_world(mjcf=path)
    assert list(describe_model(path).joints) == ["shoulder"]


def test_servo_in_other_units_is_commanded_in_radians(tmp_path: Path) -> None:
    path = changed(
        tmp_path,
        '<position name="elbow" joint="elbow"/>',
        '<general name="elbow" joint="elbow" gaintype="fixed" biastype="affine" gainprm="0.5" biasprm="-60 -60 -3" ctrlrange="0 255"/>',
    )
    joints = arm().model_dump()["joints"]
    joints["elbow"] |= {"lower": -0.9, "upper": 1.1}
    world = one_arm_world(mjcf=path, joints=joints)
    robot = world.robots["arm"]
    robot.set_target(np.array([0.0, 0.5]))
    world.step(1500)
    robot.read()
    assert robot.position[1] == pytest.approx(0.5, abs=0.02)
    assert world.data.ctrl[1] == pytest.approx(180.0)


def test_fingers_on_one_tendon_are_one_joint(tmp_path: Path) -> None:
    path = tmp_path / "gripper.xml"
    path.write_text(
        """<mujoco model="gripper"><worldbody><body name="palm"><geom size="0.02"/>
        <body name="l" pos="0 0.03 0"><joint name="left" type="slide" axis="0 1 0" range="0 0.04"/><geom size="0.01"/></body>
        <body name="r" pos="0 -0.03 0"><joint name="right" type="slide" axis="0 -1 0" range="0 0.04"/><geom size="0.01"/></body>
        </body></worldbody>
        <tendon><fixed name="split"><joint joint="left" coef="0.5"/><joint joint="right" coef="0.5"/></fixed></tendon>
        <equality><joint joint1="left" joint2="right"/></equality>
        <actuator><general name="grip" tendon="split" biastype="affine" gainprm="0.15686" biasprm="0 -1000 -20"
          ctrlrange="0 255"/></actuator>
        </mujoco>""",
        encoding="utf-8",
    )
    world = world_of(path)
    robot = world.robots["arm"]
    assert robot.joint_names == ("left",)
    robot.set_target(np.array([0.03]))
    world.step(1000)
    robot.read()
    assert robot.position[0] == pytest.approx(0.03, abs=1e-3)
    assert world.data.joint("arm/right").qpos[0] == pytest.approx(0.03, abs=1e-3)


def test_planes_and_lights_of_a_robot_file_stay_out_of_the_world(tmp_path: Path) -> None:
    path = changed(
        tmp_path, "<worldbody>", '<worldbody><light pos="0 0 3"/><geom name="ground" type="plane" size="1 1 1"/>'
    )
    world = one_arm_world(mjcf=path)
    planes = [i for i in range(world.model.ngeom) if world.model.geom_type[i] == 0]
    assert [world.model.geom(i).name for i in planes] == ["floor"]
    assert world.model.nlight == one_arm_world().model.nlight


def test_scene_file_gives_the_surroundings_and_its_cameras(tmp_path: Path) -> None:
    scene = tmp_path / "scene.xml"
    scene.write_text(
        """<mujoco><option timestep="0.01"/><worldbody><geom name="table" type="box" size="1 1 0.1" pos="0 0 -0.1"/>
        <camera name="front" pos="1 0 0.5" xyaxes="0 1 0 -0.4 0 1"/></worldbody></mujoco>""",
        encoding="utf-8",
    )
    world = World(WorldConfig(robots=(RobotSpec("arm", arm()),), scene=scene))
    assert world.timestep == 0.002
    assert list(world.cameras) == ["front", "overhead", "arm/wrist"]
    assert world.model.geom("table").id >= 0


def test_wrong_scene_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="of the scene does not exist"):
        World(WorldConfig(robots=(), scene=tmp_path / "none.xml"))


def test_duplicate_robot_names_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"robot names must be unique; given twice: arm"):
        WorldConfig(robots=(RobotSpec("arm", arm()), RobotSpec("arm", arm())))


@pytest.mark.parametrize("name", ["Arm", "", "a/b", "1arm"])
def test_robot_names_that_ros_refuses_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"robot name '.*' is not valid"):
        RobotSpec(name, arm())


def test_place_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="valid: three finite numbers and one"):
        RobotSpec("arm", arm(), (0.0, float("nan"), 0.0))


def test_timestep_out_of_range_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"timestep is 0\.0 s; valid"):
        WorldConfig(robots=(), timestep=0.0)


def test_too_many_robots_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="31 robots in one world; valid: at most 30"):
        WorldConfig(robots=tuple(RobotSpec(f"arm{i}", arm()) for i in range(31)))
