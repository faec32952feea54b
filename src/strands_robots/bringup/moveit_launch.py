"""move_group for one robot of a graph, as actions of `launch`; imported only where launch and launch_ros are installed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription
from strands_robots.bringup.graph import join_namespace
from strands_robots.bringup.moveit import as_yaml, check_moveit, move_group_parameters
from strands_robots.core.errors import ConfigurationError

ARGUMENTS = {
    "robot": ("so101", "Name of the robot on the graph."),
    "kind": ("", "What it is: a robot of `strands-robots robots`. Default: the same as its name."),
    "namespace": ("", "Namespace of the graph."),
    "use_sim_time": ("true", "true for a simulation, false for a real robot."),
}


def moveit_description() -> LaunchDescription:
    """Return the launch description: move_group in the namespace of the robot, beside a graph that runs."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=text)
        for name, (default, text) in ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_actions)])


def _actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    if given["use_sim_time"] not in ("true", "false"):
        raise ConfigurationError(f"use_sim_time is '{given['use_sim_time']}'; valid: true, false")
    check_moveit()
    values = move_group_parameters(given["kind"] or given["robot"], use_sim_time=given["use_sim_time"] == "true")
    # A file, because launch_ros takes a text like "on" or a number for what YAML makes of it.
    path = Path(tempfile.mkdtemp(prefix="strands_robots_moveit_")) / "move_group.yaml"
    path.write_text(as_yaml(values), encoding="utf-8")
    # In the robot's namespace joint_states and the controllers have the names that move_group looks for.
    namespace = join_namespace(given["namespace"], given["robot"])
    node = Node(
        package="moveit_ros_move_group",
        executable="move_group",
        namespace=namespace,
        parameters=[str(path)],
        output="screen",
    )
    return [node]
