"""What move_group needs to plan and to command one robot of a graph, as parameters; and which of its packages are missing. ROS-free."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.planning.moveit.groups import groups
from strands_robots.planning.moveit.moveit_config import DISTRIBUTIONS, moveit_files, parameters

PACKAGES = ("moveit_ros_move_group", "moveit_planners_ompl", "moveit_simple_controller_manager", "moveit_kinematics")
"""Packages of MoveIt that the launch file starts or that move_group loads."""


def moveit_distribution() -> str:
    """Return the distribution whose files the MoveIt of this shell reads."""
    given = os.environ.get("ROS_DISTRO", "")
    return given if given in DISTRIBUTIONS else DISTRIBUTIONS[0]


def check_moveit() -> None:
    """Refuse a machine without MoveIt.

    Raises:
        ConfigurationError: If packages are missing; the message names them and how to install them.
    """
    prefixes = [Path(prefix) for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    index = Path("share/ament_index/resource_index/packages")
    missing = [name for name in PACKAGES if not any((prefix / index / name).is_file() for prefix in prefixes)]
    if missing:
        distribution = os.environ.get("ROS_DISTRO") or DISTRIBUTIONS[0]
        raise ConfigurationError(
            f"MoveIt is not installed here: {', '.join(missing)} missing; valid: a ROS installation with "
            f"`sudo apt install ros-{distribution}-moveit`. `strands-robots moveit-config` writes the files without it"
        )


def move_group_parameters(kind: str, *, use_sim_time: bool, distribution: str = "") -> dict[str, Any]:
    """Return the parameters of move_group for one robot.

    Args:
        kind: A known robot.
        use_sim_time: Whether the graph is a simulation.
        distribution: ROS distribution of the MoveIt; empty for that of the shell.

    Raises:
        StrandsRobotsError: If the robot is unknown, or has no tool frame.

    Source: moveit2, branch jazzy, moveit_configs_utils: MoveItConfigs.to_dict and generate_move_group_launch.
    """
    distribution = distribution or moveit_distribution()
    config = load_robot(kind)
    files = moveit_files(config, distribution)
    urdf = files[f"{config.name}.urdf"]
    content = parameters(config, groups(config, ElementTree.fromstring(urdf)), distribution)
    return {
        "use_sim_time": use_sim_time,
        "robot_description": urdf,
        "robot_description_semantic": files[f"{config.name}.srdf"],
        "robot_description_kinematics": content["kinematics.yaml"],
        "robot_description_planning": content["joint_limits.yaml"],
        "planning_pipelines": ["ompl"],
        "default_planning_pipeline": "ompl",
        "ompl": content["ompl_planning.yaml"],
        **content["moveit_controllers.yaml"],
        "publish_robot_description_semantic": True,
        "allow_trajectory_execution": True,
        "publish_planning_scene": True,
        "publish_geometry_updates": True,
        "publish_state_updates": True,
        "publish_transforms_updates": True,
        "monitor_dynamics": False,
    }


def as_yaml(values: dict[str, Any]) -> str:
    """Return parameters of any node as a ROS parameter file."""
    return str(yaml.safe_dump({"/**": {"ros__parameters": values}}, sort_keys=False, width=2**20))
