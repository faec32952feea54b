"""The stand-in of an arm behind ros2_control as a process of a graph."""

from __future__ import annotations

import sys
from pathlib import Path

from graph import Graph, Process, wait_for

from strands_robots.description.robot_config import load_robot

KINDS = ("joint_trajectory", "position")
NAMES = {"joint_trajectory": "scaled_joint_trajectory_controller", "position": "forward_position_controller"}


def start_controlled_arm(graph: Graph, kind: str = "joint_trajectory", robot: str = "ur5e", lag: float = 0.5) -> str:
    """Start the arm at its home; return the controllers' YAML for driver_node.

    The stand-in shares a busy machine with everything else, and is late for reasons that a robot has not: it gets a long lag.
    """
    home = load_robot(robot).home
    joints = [f"{joint}={position}" for joint, position in home.items()]
    command = [sys.executable, str(Path(__file__).with_name("controlled_arm.py")), kind, NAMES[kind], *joints]
    process = Process(command, graph.environment)
    graph.processes.append(process)
    wait_for(lambda: "ready" in process.text, 60.0, "the stand-in")
    return f'{{controllers: [{{name: {NAMES[kind]}, kind: {kind}}}], manager: "", lag: {lag}}}'
