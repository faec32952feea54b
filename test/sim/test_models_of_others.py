"""Robot files as other people write them: each loads and does what it says, or is refused with what to change."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, ModelError
from strands_robots.core.types import ControlMode
from strands_robots.description.robot_model import describe_model
from strands_robots.description.urdf_files import published_urdf
from strands_robots.description.urdf_limits import limits_from_urdf
from strands_robots.sim.edit.editing import edit
from strands_robots.sim.edit.edits import SetPose
from strands_robots.sim.edit.export import export_mjcf, held_files
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.penetration import penetrations
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

from .arms import one_arm_world

MODELS = Path(__file__).resolve().parents[1] / "data" / "models"


def world_of(path: Path, **changes: object) -> World:
    return World(WorldConfig(robots=(RobotSpec("r", describe_model(path).model_copy(update=changes)),)))


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def move(world: World, joint: str, to: float) -> float:
    """Return where a joint gets when its target goes to a position in two seconds."""
    robot = world.robots["r"]
    target, column = robot.home.copy(), robot.joint_names.index(joint)
    for part in np.linspace(0.0, 1.0, 150):
        target[column] = robot.home[column] + part * (to - robot.home[column])
        robot.set_target(target)
        world.step(7)
    world.step(400)
    robot.read()
    return float(robot.position[column])


def test_fingers_that_move_against_each_other_on_one_tendon_are_one_joint() -> None:
    world = world_of(MODELS / "c_arm_and_mirrored_tendon.xml")
    assert move(world, "left_finger", 0.03) == pytest.approx(0.03, abs=2e-3)
    assert world.data.joint("r/right_finger").qpos[0] == pytest.approx(-0.03, abs=2e-3)


@pytest.mark.parametrize(
    ("coefficients", "polynomial"),
    [((0.5, -0.5), (0.0, -1.0)), ((1.0, 1.0), (0.0, 1.0)), ((1.0, 0.5), (0.0, -0.5)), ((2.0, 1.0), (0.01, -1.0))],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_tendon_counts_each_joint_as_it_follows(
    tmp_path: Path, coefficients: tuple[float, float], polynomial: tuple[float, float], swapped: bool
) -> None:
    text = (MODELS / "c_arm_and_mirrored_tendon.xml").read_text(encoding="utf-8")
    first = f'<joint joint="left_finger" coef="{coefficients[0]}"/>'
    second = f'<joint joint="right_finger" coef="{coefficients[1]}"/>'
    start, end = text.index('<joint joint="left_finger"'), text.index("</fixed>")
    text = text[:start] + (second + first if swapped else first + second) + text[end:]
    text = text.replace('polycoef="0 -1 0 0 0"', f'polycoef="{polynomial[0]} {polynomial[1]} 0 0 0"').replace(
        ' ctrlrange="0 .04"', ""
    )
    text = text.replace('range="-.04 0"', 'range="-.1 .1"')
    world = world_of(written(tmp_path, "grip.xml", text))
    name = world.robots["r"].joint_names[1]
    assert name == ("right_finger" if swapped else "left_finger")
    wanted = 0.02 if name == "left_finger" else polynomial[0] + polynomial[1] * 0.02
    assert move(world, name, wanted) == pytest.approx(wanted, abs=2e-3)


def test_joint_with_two_position_servos_is_refused() -> None:
    words = (
        r"joint 'j' of .* is pulled to positions by 2 actuators \(a, b\).*; valid: one position servo for each joint"
    )
    with pytest.raises(ModelError, match=words):
        describe_model(MODELS / "l_two_servos.xml")


def test_second_servo_through_a_tendon_or_a_follower_is_noticed(tmp_path: Path) -> None:
    text = (MODELS / "c_arm_and_mirrored_tendon.xml").read_text(encoding="utf-8")
    for joint in ("left_finger", "right_finger"):
        path = written(
            tmp_path,
            "grip.xml",
            text.replace("<actuator>", f'<actuator><position name="extra" joint="{joint}" kp="9"/>'),
        )
        with pytest.raises(ModelError, match="pulled to positions by 2 actuators"):
            describe_model(path)


def test_damper_and_motor_beside_a_servo_are_no_rivals(tmp_path: Path) -> None:
    text = (MODELS / "l_two_servos.xml").read_text(encoding="utf-8")
    for other in ('<velocity name="b" joint="j" kv="1"/>', '<motor name="b" joint="j"/>'):
        path = written(tmp_path, "arm.xml", text.replace('<position name="b" joint="j" kp="50" kv="2"/>', other))
        assert move(world_of(path), "j", 0.2) == pytest.approx(0.2, abs=0.01)


def test_actuators_that_act_on_no_joint_are_refused_with_a_remedy() -> None:
    with pytest.raises(ModelError, match=r"actuators of .* \(rail\) act on no joint; valid: <position joint="):
        describe_model(MODELS / "a_site_actuator.xml")


def test_wheels_are_moved_by_velocity_and_the_arm_by_position() -> None:
    config = describe_model(MODELS / "i_wheel_and_arm.xml")
    assert config.control_modes == {ControlMode.POSITION, ControlMode.VELOCITY}
    assert "by velocity or position: wheel_left, wheel_right" in config.description
    world = world_of(MODELS / "i_wheel_and_arm.xml")
    assert move(world, "lift", -0.3) == pytest.approx(-0.3, abs=0.01)
    robot = world.robots["r"]
    # A target that moves at 2 rad/s turns the wheels at 2 rad/s: what the gate makes of a velocity command.
    target = robot.position.copy()
    for _ in range(300):
        target[:2] += 2.0 * 0.01
        robot.set_target(target)
        world.step(5)
    robot.read()
    np.testing.assert_allclose(robot.velocity[:2], 2.0, atol=0.05)


@pytest.mark.guarantee(
    "Stop",
    "a limit of a robot's file is never dropped silently",
    "description/urdf_limits.py; description/model_file.py",
)
@pytest.mark.parametrize(
    "limits", ['lower="1" upper="-1"', 'lower="1" upper="1"', 'lower="nan" upper="1"', 'lower="a" upper="1"']
)
def test_limits_that_cannot_be_meant_are_refused_in_a_urdf(tmp_path: Path, limits: str) -> None:
    text = (MODELS / "f_limits_swapped.urdf").read_text(encoding="utf-8").replace('lower="1" upper="-1"', limits)
    with pytest.raises(ModelError, match=r"joint 'j2'.*valid: (lower below upper|a number)"):
        describe_model(written(tmp_path, "r.urdf", text))
    with pytest.raises(ModelError, match="joint 'j2'"):
        limits_from_urdf(text)


@pytest.mark.guarantee(
    "Stop",
    "a limit of a robot's file is never dropped silently",
    "description/urdf_limits.py; description/model_file.py",
)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('range="-1 1"', 'range="1 -1"'),
        ('range="-1 1"', 'range="1 1"'),
        ('name="a" joint="j"', 'name="a" ctrlrange="1 -1" joint="j"'),
        ('name="a" joint="j"', 'name="a" forcerange="5 -5" joint="j"'),
    ],
)
def test_limits_that_cannot_be_meant_are_refused_in_an_mjcf(tmp_path: Path, old: str, new: str) -> None:
    text = (
        (MODELS / "l_two_servos.xml")
        .read_text(encoding="utf-8")
        .replace('<position name="b" joint="j" kp="50" kv="2"/>', "")
    )
    with pytest.raises(ModelError, match=r"valid: lowest below highest|range"):
        describe_model(written(tmp_path, "arm.xml", text.replace(old, new)))


def test_limits_that_are_left_out_are_told() -> None:
    config = describe_model(MODELS / "f_velocity_inf.urdf")
    assert (config.joints["j2"].velocity, "assumed: acceleration, velocity" in config.description) == (2.0, True)


def test_joint_with_limits_from_0_to_0_is_told_to_have_none(tmp_path: Path) -> None:
    text = (
        (MODELS / "f_limits_swapped.urdf")
        .read_text(encoding="utf-8")
        .replace('lower="1" upper="-1"', 'lower="0" upper="0"')
    )
    config = describe_model(written(tmp_path, "r.urdf", text))
    assert config.description.endswith("without limits, as the file has none: j2")
    assert config.joints["j2"].lower == -np.inf


def test_soft_limits_of_a_urdf_hold(tmp_path: Path) -> None:
    soft = '<safety_controller soft_lower_limit="-0.5" soft_upper_limit="0.7" k_velocity="1"/></joint>\n</robot>'
    text = (MODELS / "f_velocity_inf.urdf").read_text(encoding="utf-8").replace("</joint>\n</robot>", soft)
    joint = describe_model(written(tmp_path, "r.urdf", text)).joints["j2"]
    assert (joint.lower, joint.upper) == (-0.5, 0.7)


@pytest.mark.parametrize("key", ["velocity", "effort"])
def test_number_that_is_none_is_named(tmp_path: Path, key: str) -> None:
    text = (
        (MODELS / "f_velocity_e.urdf").read_text(encoding="utf-8").replace('velocity="abc"', f'velocity="1" {key}="e"')
    )
    text = text.replace('effort="20" velocity="1" effort="e"', 'velocity="1" effort="e"').replace(
        'velocity="1" velocity="e"', 'velocity="e"'
    )
    with pytest.raises(ModelError, match=f"limit {key} of joint 'j2' is 'e'; valid: a number"):
        describe_model(written(tmp_path, "r.urdf", text))


def test_effort_without_end_is_assumed_instead(tmp_path: Path) -> None:
    text = (
        (MODELS / "f_velocity_inf.urdf")
        .read_text(encoding="utf-8")
        .replace('effort="20" velocity="inf"', 'effort="inf" velocity="inf"')
    )
    assert describe_model(written(tmp_path, "r.urdf", text)).joints["j2"].effort == 10.0


def test_robot_with_a_camera_that_turns_loads_and_the_camera_is_there_on_request() -> None:
    assert describe_model(MODELS / "b_track_camera.xml").cameras == {}
    camera = world_of(MODELS / "b_track_camera.xml").cameras["r/track"]
    assert not camera.is_fixed


def test_cameras_have_the_resolution_and_the_sensor_of_their_file() -> None:
    found = world_of(MODELS / "b_sensor_camera.xml").cameras["r/track"].intrinsics()
    assert (found.width, found.height, found.fx, found.fy) == (320, 240, pytest.approx(300.0), pytest.approx(300.0))
    camera = world_of(MODELS / "b_resolution_camera.xml").cameras["r/track"]
    assert (camera.width, camera.height) == (320, 240)


def test_mocap_body_is_moved_at_once_and_takes_along_what_is_welded_to_it() -> None:
    world = World(WorldConfig(robots=(), scene=MODELS / "objects.xml"))
    world.step(200)
    before = world.data.body("tied").xpos - world.data.body("mc").xpos
    edit(world, [SetPose("mc", (0.0, 0.5, 0.6))])
    world.step(1)
    np.testing.assert_allclose(world.data.body("mc").xpos, [0.0, 0.5, 0.6], atol=1e-9)
    world.step(1000)
    np.testing.assert_allclose(world.data.body("tied").xpos - world.data.body("mc").xpos, before, atol=5e-3)
    edit(world, [SetPose("cup", (0.4, -0.4, 0.3))])
    np.testing.assert_allclose(world.data.body("mc").xpos, [0.0, 0.5, 0.6], atol=1e-9)
    world.reset(0)
    np.testing.assert_allclose(world.data.body("mc").xpos, [0.0, 0.5, 0.6], atol=1e-9)


def test_state_of_unnamed_joints_outlives_an_edit() -> None:
    scene = (
        "<mujoco><worldbody><body pos='0 0 5'><freejoint/><geom size='.1'/></body>"
        "<body pos='1 0 5'><joint/><joint axis='0 1 0'/><geom size='.1' pos='.2 .2 0'/></body></worldbody></mujoco>"
    )
    world = World(WorldConfig(robots=(), scene_xml=scene))
    world.step(100)
    qpos, qvel = world.data.qpos.copy(), world.data.qvel.copy()
    world.spec.worldbody.add_body(name="post")
    world.recompile()
    np.testing.assert_array_equal(world.data.qpos, qpos)
    np.testing.assert_array_equal(world.data.qvel, qvel)


def test_robot_with_a_folder_of_meshes_is_exported_and_loads_again(tmp_path: Path) -> None:
    world = world_of(MODELS / "m_mesh_dir.xml")
    text = export_mjcf(world)
    (file,) = {element.get("file", "") for element in ElementTree.fromstring(text).iter("mesh")}
    assert Path(file) == MODELS / "meshes" / "tet.stl"
    again = World(WorldConfig(robots=(), scene=written(tmp_path, "export.xml", text)))
    assert again.model.mesh_vert.tobytes() == world.model.mesh_vert.tobytes()


@pytest.mark.parametrize("scene", ["", "objects.xml"])
def test_export_of_a_whole_world_loads_and_the_robots_are_there_as_before(scene: str) -> None:
    world = one_arm_world()
    extra = RobotSpec("meshed", describe_model(MODELS / "m_mesh_dir.xml"), (1.0, 1.0, 0.0))
    config = dataclasses.replace(
        world.config, robots=(*world.config.robots, extra), scene=MODELS / scene if scene else None
    )
    world.load(config)
    robot = world.robots["arm"]
    robot.set_target(np.array([-0.4, 0.8]))
    world.step(300)
    robot.read()
    before, joints = robot.position.copy(), world.model.njnt
    guard = ModelGuard([MODELS])
    for _ in range(2):
        held = held_files(world)
        text = guard.text(export_mjcf(world), held)
        world.load(
            dataclasses.replace(world.config, scene=None, scene_xml=text, scene_rule=guard.rule_with(held), cameras={})
        )
        assert (world.robots["arm"] is robot, world.model.njnt, list(world.robots)) == (True, joints, ["arm", "meshed"])
        robot.read()
        np.testing.assert_array_equal(robot.position, before)
    world.load(dataclasses.replace(world.config, robots=(), left_out=("arm", "meshed")))
    assert not [i for i in range(world.model.nbody) if world.model.body(i).name.startswith(("arm/", "meshed/"))]


def test_robot_inside_of_the_floor_is_told_with_shapes_and_depth() -> None:
    world = world_of(MODELS / "d_floor.urdf")
    (found,) = penetrations(world)
    assert (found.robot, found.other) == ("r", "'floor'")
    assert found.depth > 0.1
    assert str(found).startswith("a cylinder of 'r/leg' is 0.") and str(found).endswith(" m inside of 'floor'")
    above = World(WorldConfig(robots=(RobotSpec("r", describe_model(MODELS / "d_floor.urdf"), (0.0, 0.0, 0.5)),)))
    assert penetrations(above) == []
    assert penetrations(one_arm_world()) == []


@pytest.mark.parametrize("robot", ["so101", "panda", "ur5e", "koch", "omx"])
def test_robots_of_our_own_start_inside_of_nothing(robot: str) -> None:
    from strands_robots.description.robot_config import load_robot

    assert penetrations(World(WorldConfig(robots=(RobotSpec(robot, load_robot(robot)),)))) == []


def test_collada_collision_shape_is_refused_with_a_remedy() -> None:
    with pytest.raises(
        ModelError, match=r"a collision shape is the mesh 'tri\.dae'; valid: \.stl, \.obj, \.msh: convert the file"
    ):
        describe_model(MODELS / "j_dae_collision.urdf")


def test_impossible_inertia_of_a_urdf_is_balanced_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        world = world_of(MODELS / "e_inertia_asym.urdf")
    assert "e_inertia_asym.urdf' of robot 'r' have impossible inertias: balanced: arm" in caplog.text
    assert world.data.body("r/arm").id > 0
    np.testing.assert_allclose(world.model.body("r/arm").inertia, 0.07 / 3.0)


def test_impossible_inertia_of_an_mjcf_is_refused_with_a_remedy(tmp_path: Path) -> None:
    text = (MODELS / "l_two_servos.xml").read_text(encoding="utf-8")
    text = text.replace(
        '<body name="l1" pos="0 0 .1">', '<body name="l1"><inertial pos="0 0 0" mass="1" diaginertia=".01 .01 .05"/>'
    )
    with pytest.raises(ModelError, match=r'remedy: .*<compiler balanceinertia="true"/> in an MJCF'):
        describe_model(written(tmp_path, "arm.xml", text))


def test_links_without_mass_move_and_text_stls_are_read(tmp_path: Path) -> None:
    corners = [(0, 0, 0), (0.1, 0, 0), (0, 0.1, 0), (0, 0, 0.1)]
    faces = [(0, 2, 1), (0, 1, 3), (0, 3, 2), (1, 2, 3)]
    facets = "".join(
        "facet normal 0 0 0\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in (corners[i] for i in face))
        + "endloop\nendfacet\n"
        for face in faces
    )
    written(tmp_path, "tet.stl", f"solid tet\n{facets}endsolid tet\n")
    link = "<link name='{}'><visual><geometry><mesh filename='tet.stl'/></geometry></visual></link>"
    joint = (
        "<joint name='{0}' type='revolute'><parent link='{1}'/><child link='{2}'/><axis xyz='{3}'/>"
        "<limit lower='-1' upper='1' effort='5' velocity='2'/></joint>"
    )
    text = f"<robot name='r'><link name='base'/><link name='virtual'/>{link.format('tip')}"
    text += joint.format("a", "base", "virtual", "0 0 1") + joint.format("b", "virtual", "tip", "0 1 0") + "</robot>"
    world = World(
        WorldConfig(robots=(RobotSpec("r", describe_model(written(tmp_path, "r.urdf", text)), (0.0, 0.0, 1.0)),))
    )
    assert move(world, "a", 0.5) == pytest.approx(0.5, abs=0.02)


def test_paths_of_meshes_are_published_for_programs_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = published_urdf(MODELS / "k_relative_mesh.urdf")
    (mesh,) = ElementTree.fromstring(text).iter("mesh")
    assert mesh.get("filename") == (MODELS / "meshes" / "tet.stl").as_uri()
    share = tmp_path / "prefix" / "share" / "known" / "meshes"
    share.mkdir(parents=True)
    (share / "a.stl").write_bytes(b"")
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "b.stl").write_bytes(b"")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path / "prefix"))
    for given, wanted in (
        ("package://known/meshes/a.stl", "package://known/meshes/a.stl"),
        ("package://beside/b.stl", (tmp_path / "beside" / "b.stl").as_uri()),
        ("file:///x/y.stl", "file:///x/y.stl"),
        ("/x/y.stl", "file:///x/y.stl"),
        ("my meshes/c.stl", (tmp_path / "my meshes" / "c.stl").as_uri()),
    ):
        urdf = written(
            tmp_path,
            "r.urdf",
            f"<robot name='r'><link name='a'><visual><geometry><mesh filename='{given}'/></geometry></visual></link></robot>",
        )
        assert next(ElementTree.fromstring(published_urdf(urdf)).iter("mesh")).get("filename") == wanted


def test_capitals_of_a_file_name_do_not_matter_and_a_xacro_is_refused_with_a_remedy(tmp_path: Path) -> None:
    text = (MODELS / "f_velocity_inf.urdf").read_text(encoding="utf-8")
    path = written(tmp_path, "ARM.URDF", text)
    assert describe_model(path).urdf == path
    xacro = text.replace(
        '<robot name="r">', '<robot name="r" xmlns:xacro="http://www.ros.org/wiki/xacro"><xacro:include filename="x"/>'
    )
    with pytest.raises(ModelError, match=r"is a xacro, .* xacro robot\.urdf\.xacro > robot\.urdf"):
        describe_model(written(tmp_path, "r.urdf", xacro))
    with pytest.raises(ConfigurationError, match=r"is a xacro, .* xacro robot\.urdf\.xacro > robot\.urdf"):
        ModelGuard([tmp_path]).scene("r.urdf.xacro")
    made = text.replace(
        '<robot name="r">',
        '<!-- made by xacro from r.urdf.xacro --><robot name="r" xmlns:xacro="http://ros.org/wiki/xacro">',
    )
    assert list(describe_model(written(tmp_path, "made.urdf", made)).joints) == ["j1", "j2"]


def test_mesh_without_volume_that_is_only_drawn_is_taken(tmp_path: Path) -> None:
    (tmp_path / "sheet.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n", encoding="utf-8")
    text = (MODELS / "f_velocity_inf.urdf").read_text(encoding="utf-8")
    text = text.replace(
        '<link name="a">', '<link name="a"><visual><geometry><mesh filename="sheet.obj"/></geometry></visual>'
    )
    assert world_of(written(tmp_path, "r.urdf", text)).model.nmesh >= 1


def test_motors_of_a_model_without_any_servo_give_way_to_servos_with_their_limits(tmp_path: Path) -> None:
    text = (MODELS / "l_two_servos.xml").read_text(encoding="utf-8")
    start, end = text.index("<actuator>"), text.index("</mujoco>")
    motor = '<actuator><motor name="drive" joint="j" gear="5" ctrlrange="-2 2"/></actuator><sensor><actuatorfrc actuator="drive"/></sensor>'
    path = written(tmp_path, "arm.xml", text[:start] + motor + text[end:])
    config = describe_model(path)
    assert config.joints["j"].effort == 10.0
    assert "position servos instead of motors" in config.description
    world = world_of(path)
    assert move(world, "j", 0.2) == pytest.approx(0.2, abs=0.01)
    np.testing.assert_allclose(np.abs(world.model.actuator_forcerange), 10.0)
