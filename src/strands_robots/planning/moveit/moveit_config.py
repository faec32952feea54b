"""All files of a robot's MoveIt configuration, with the names that moveit_configs_utils looks for. Needs MuJoCo; no ROS.

Source: moveit2, branches jazzy (4d841063574c) and humble (2b2030dd7388): moveit_configs_utils, moveit_simple_controller_manager.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import numpy as np
import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.core.types import JointLimits
from strands_robots.description.robot_config import RobotConfig
from strands_robots.description.urdf_files import published_urdf
from strands_robots.motion.arm import Arm
from strands_robots.planning.moveit.exported_urdf import exported_urdf
from strands_robots.planning.moveit.groups import ARM, GRIPPER, Groups, groups
from strands_robots.planning.moveit.self_collisions import SAMPLES, disabled_pairs
from strands_robots.planning.moveit.srdf import srdf

DISTRIBUTIONS = ("jazzy", "humble")
"""Distributions whose MoveIt the files are for; later ones read those of Jazzy."""

TRAJECTORY_CONTROLLER = "joint_trajectory_controller"
GRIPPER_CONTROLLERS = {
    "jazzy": ("gripper_controller", "ParallelGripperCommand"),
    "humble": ("gripper_action_controller", "GripperCommand"),
}

_KINEMATICS = {
    "kinematics_solver": "kdl_kinematics_plugin/KDLKinematicsPlugin",
    "kinematics_solver_search_resolution": 0.005,
    "kinematics_solver_timeout": 0.05,
}
_ADAPTERS: dict[str, dict[str, Any]] = {
    "jazzy": {
        "planning_plugins": ["ompl_interface/OMPLPlanner"],
        "request_adapters": [
            f"default_planning_request_adapters/{name}"
            for name in (
                "ResolveConstraintFrames",
                "ValidateWorkspaceBounds",
                "CheckStartStateBounds",
                "CheckStartStateCollision",
            )
        ],
        "response_adapters": [
            f"default_planning_response_adapters/{name}"
            for name in ("AddTimeOptimalParameterization", "ValidateSolution", "DisplayMotionPath")
        ],
    },
    "humble": {
        "planning_plugin": "ompl_interface/OMPLPlanner",
        "request_adapters": " ".join(
            f"default_planner_request_adapters/{name}"
            for name in (
                "AddTimeOptimalParameterization",
                "ResolveConstraintFrames",
                "FixWorkspaceBounds",
                "FixStartStateBounds",
                "FixStartStateCollision",
                "FixStartStatePathConstraints",
            )
        ),
        "start_state_max_bounds_error": 0.1,
    },
}
_PLANNERS = {
    "RRTConnectkConfigDefault": {"type": "geometric::RRTConnect", "range": 0.0},
    "RRTstarkConfigDefault": {
        "type": "geometric::RRTstar",
        "range": 0.0,
        "goal_bias": 0.05,
        "delay_collision_checking": 1,
    },
    "BiTRRTkConfigDefault": {"type": "geometric::BiTRRT", "range": 0.0},
    "PRMkConfigDefault": {"type": "geometric::PRM", "max_nearest_neighbors": 10},
}


def moveit_files(
    config: RobotConfig, distribution: str = "jazzy", samples: int = SAMPLES, seed: int = 0
) -> dict[str, str]:
    """Return the texts of the files by name: <robot>.urdf, <robot>.srdf and five YAML files.

    Args:
        config: The robot; it needs a base and a tool frame.
        distribution: ROS distribution of the MoveIt that reads them.
        samples: Joint positions of the search for links that never touch.
        seed: Seed of the samples.

    Raises:
        ConfigurationError: If the distribution is unknown, or the robot has no tool frame.
        ModelError: If the robot's model cannot be used.
    """
    if distribution not in DISTRIBUTIONS:
        raise ConfigurationError(
            f"no MoveIt files for distribution '{printable(distribution)}'; valid: {', '.join(DISTRIBUTIONS)}"
        )
    if config.tool_frame is None or config.base_frame is None:
        raise ConfigurationError(
            f"robot '{config.name}' has no base_frame or no tool_frame; valid: both, the ends of the arm"
        )
    text = _urdf_text(config)
    found = groups(config, ElementTree.fromstring(text))
    disabled = _disabled(config, text, samples, seed)
    return {
        f"{config.name}.urdf": text,
        f"{config.name}.srdf": srdf(config, found, disabled),
        **{name: _yaml(name, content) for name, content in parameters(config, found, distribution).items()},
    }


def parameters(config: RobotConfig, found: Groups, distribution: str) -> dict[str, dict[str, Any]]:
    """Return the contents of the YAML files by name.

    Args:
        config: The robot.
        found: Its groups.
        distribution: As in `moveit_files`.
    """
    limits = config.limits()
    joints = (*found.arm_joints, *found.gripper_joints)
    names = list(_PLANNERS)
    return {
        "kinematics.yaml": {ARM: {**_KINEMATICS, **({"position_only_ik": True} if len(found.arm_joints) < 6 else {})}},
        "joint_limits.yaml": {
            "default_velocity_scaling_factor": 0.5,
            "default_acceleration_scaling_factor": 0.5,
            "joint_limits": {name: _limits(limits, limits.index[name]) for name in joints},
        },
        "moveit_controllers.yaml": _controllers(found, distribution),
        "ompl_planning.yaml": {
            **_ADAPTERS[distribution],
            "planner_configs": _PLANNERS,
            ARM: {"default_planner_config": names[0], "planner_configs": names},
            **(
                {GRIPPER: {"default_planner_config": names[0], "planner_configs": names}}
                if found.gripper_joints
                else {}
            ),
        },
    }


def _limits(limits: JointLimits, column: int) -> dict[str, Any]:
    """Return the limits of one joint; those of position are the gate's, which may be narrower than the URDF's."""
    made: dict[str, Any] = {
        "has_velocity_limits": True,
        "max_velocity": float(limits.velocity[column]),
        "has_acceleration_limits": True,
        "max_acceleration": float(limits.acceleration[column]),
    }
    if np.isfinite([limits.lower[column], limits.upper[column]]).all():
        made |= {
            "has_position_limits": True,
            "min_position": float(limits.lower[column]),
            "max_position": float(limits.upper[column]),
        }
    return made


def write_files(files: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the files as a moveit_config package has them: all in <folder>/config.

    Raises:
        ConfigurationError: If the folder cannot be written.
    """
    config = folder / "config"
    try:
        config.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (config / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"'{config}' cannot be written: {error.strerror}; valid: a folder that may be written"
        ) from error
    return [config / name for name in files]


def _controllers(found: Groups, distribution: str) -> dict[str, Any]:
    controllers: dict[str, Any] = {
        TRAJECTORY_CONTROLLER: {
            "type": "FollowJointTrajectory",
            "action_ns": "follow_joint_trajectory",
            "default": True,
            "joints": list(found.arm_joints),
        }
    }
    if found.gripper_joints:
        name, kind = GRIPPER_CONTROLLERS[distribution]
        controllers[name] = {
            "type": kind,
            "action_ns": "gripper_cmd",
            "default": True,
            "joints": list(found.gripper_joints),
        }
    return {
        "moveit_controller_manager": "moveit_simple_controller_manager/MoveItSimpleControllerManager",
        "moveit_simple_controller_manager": {"controller_names": list(controllers), **controllers},
        "trajectory_execution": {
            "allowed_execution_duration_scaling": 1.2,
            "allowed_goal_duration_margin": 2.5,
            # The measured joints of a simulated or real servo are up to this far from its set-point, at rest [rad].
            "allowed_start_tolerance": 0.05,
        },
    }


def _urdf_text(config: RobotConfig) -> str:
    if config.urdf is not None:
        return published_urdf(Path(config.urdf))
    return exported_urdf(Arm(config, avoid_ground=False))


def _disabled(config: RobotConfig, text: str, samples: int, seed: int) -> dict[tuple[str, str], str]:
    """Sample the model that MoveIt reads: the URDF's links and collision shapes, which the MJCF may have joined."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{config.name}.urdf"
        path.write_text(text, encoding="utf-8")
        source = config.urdf if config.urdf is not None else path
        arm = Arm(config.model_copy(update={"mjcf": None, "urdf": source}), avoid_ground=False)
    return disabled_pairs(arm.model, list(config.joints), samples, seed)


def _yaml(name: str, content: dict[str, Any]) -> str:
    head = f"# {name} of MoveIt, written by strands-robots moveit-config; made anew, changes are lost.\n"
    return head + str(yaml.safe_dump(content, sort_keys=False))
