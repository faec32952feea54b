"""Files for MoveIt, for every robot that comes with the package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import mujoco
import numpy as np
import pytest
import yaml

from strands_robots.bringup.moveit import PACKAGES, as_yaml, check_moveit, move_group_parameters
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import robot_names
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.planning.moveit.exported_urdf import exported_urdf
from strands_robots.planning.moveit.moveit_config import moveit_files, write_files


@cache
def files(robot: str) -> dict[str, str]:
    return moveit_files(load_robot(robot), samples=300)


@pytest.mark.parametrize("robot", robot_names())
def test_srdf_and_yaml_name_only_what_the_urdf_has(robot: str) -> None:
    config, made = load_robot(robot), files(robot)
    urdf, srdf = (ElementTree.fromstring(made[f"{config.name}.{kind}"].encode()) for kind in ("urdf", "srdf"))
    links = {link.get("name") for link in urdf.findall("link")}
    joints = {joint.get("name"): joint for joint in urdf.findall("joint")}
    chain = srdf.find("group[@name='arm']/chain")
    assert chain is not None and {chain.get("base_link"), chain.get("tip_link")} <= links
    for pair in srdf.findall("disable_collisions"):
        assert {pair.get("link1"), pair.get("link2")} <= links
    assert srdf.findall("disable_collisions[@reason='Adjacent']") and srdf.findall(
        "disable_collisions[@reason='Never']"
    )
    for state in srdf.findall("group_state/joint"):
        assert state.get("name") in joints
    limits = yaml.safe_load(made["joint_limits.yaml"])["joint_limits"]
    assert set(limits) == set(config.joints)
    for name, entry in limits.items():
        assert entry["max_velocity"] == config.joints[name].velocity
        assert entry["max_acceleration"] == config.joints[name].acceleration
    manager = yaml.safe_load(made["moveit_controllers.yaml"])["moveit_simple_controller_manager"]
    covered = [joint for name in manager["controller_names"] for joint in manager[name]["joints"]]
    assert sorted(covered) == sorted(config.joints)
    solver = yaml.safe_load(made["kinematics.yaml"])["arm"]
    assert solver["kinematics_solver"] == "kdl_kinematics_plugin/KDLKinematicsPlugin"
    assert solver.get("position_only_ik", False) == (robot not in ("panda", "ur5e"))


def test_the_arm_is_not_in_collision_at_home_by_its_srdf() -> None:
    """What touches at home is disabled, for all robots: MoveIt refuses to plan from a start in collision."""
    for robot in robot_names():
        config, made = load_robot(robot), files(robot)
        srdf = ElementTree.fromstring(made[f"{config.name}.srdf"].encode())
        pairs = {frozenset((p.get("link1"), p.get("link2"))) for p in srdf.findall("disable_collisions")}
        arm = Arm(config.model_copy(update={"mjcf": None}) if config.urdf else config, avoid_ground=False)
        data = mujoco.MjData(arm.model)
        for name, position in config.home.items():
            data.qpos[arm.model.joint(name).qposadr[0]] = position
        mujoco.mj_kinematics(arm.model, data)
        mujoco.mj_collision(arm.model, data)
        touching = {
            frozenset(arm.model.body(arm.model.geom_bodyid[geom]).name for geom in data.contact.geom[i])
            for i in range(data.ncon)
            if data.contact.dist[i] < 0.0
        }
        assert {pair for pair in touching if len(pair) == 2} <= pairs, robot


@pytest.mark.parametrize("robot", ["koch", "omx"])
def test_an_exported_urdf_is_the_same_arm(robot: str, tmp_path: Path) -> None:
    config = load_robot(robot)
    own = Arm(config, avoid_ground=False)
    path = tmp_path / f"{robot}.urdf"
    path.write_text(exported_urdf(own), encoding="utf-8")
    made = Arm(config.model_copy(update={"mjcf": None, "urdf": path}), avoid_ground=False)
    random = np.random.default_rng(0)
    for _ in range(20):
        position = random.uniform(own.limits.lower, own.limits.upper)
        mine, other = own.tool_pose(position), made.tool_pose(position)
        assert other.position == pytest.approx(mine.position, abs=1e-6)
        assert other.rotation == pytest.approx(mine.rotation, abs=1e-6)
    assert made.model.body_mass.sum() == pytest.approx(own.model.body_mass.sum(), rel=1e-6)
    assert made.model.neq == own.model.neq


def test_humble_has_the_older_gripper_action_and_planner_fields() -> None:
    made = moveit_files(load_robot("so101"), "humble", samples=100)
    manager = yaml.safe_load(made["moveit_controllers.yaml"])["moveit_simple_controller_manager"]
    assert manager["gripper_action_controller"]["type"] == "GripperCommand"
    assert yaml.safe_load(made["ompl_planning.yaml"])["planning_plugin"] == "ompl_interface/OMPLPlanner"
    with pytest.raises(ConfigurationError, match="distribution 'foxy'; valid: jazzy, humble"):
        moveit_files(load_robot("so101"), "foxy")


def test_files_are_written_as_a_moveit_config_package_has_them(tmp_path: Path) -> None:
    written = write_files(files("so101"), tmp_path / "so101_moveit_config")
    assert {path.parent.name for path in written} == {"config"}
    assert {path.name for path in written} >= {
        "so101.srdf",
        "kinematics.yaml",
        "joint_limits.yaml",
        "ompl_planning.yaml",
    }
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_files(files("so101"), tmp_path / "file")


def test_parameters_of_move_group_are_a_parameter_file() -> None:
    values = move_group_parameters("so101", use_sim_time=True, distribution="jazzy")
    read = yaml.safe_load(as_yaml(values))["/**"]["ros__parameters"]
    assert read == values
    assert read["robot_description_semantic"].startswith("<?xml") and read["use_sim_time"] is True
    assert (
        read["moveit_simple_controller_manager"]["joint_trajectory_controller"]["action_ns"]
        == "follow_joint_trajectory"
    )


def test_without_moveit_the_missing_packages_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.setenv("ROS_DISTRO", "jazzy")
    with pytest.raises(ConfigurationError, match=r"moveit_ros_move_group.*missing; valid: .*ros-jazzy-moveit"):
        check_moveit()
    index = tmp_path / "share/ament_index/resource_index/packages"
    index.mkdir(parents=True)
    for name in PACKAGES:
        (index / name).touch()
    check_moveit()
