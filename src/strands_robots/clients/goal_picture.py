"""A picture of where a motion goes, for the person who decides about it: drawn by the graph's simulated world."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.action import MoveTo, SetGripper
from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.description.robot_spec import robot_spec
from strands_robots.motion.task import RobotKinematics
from strands_robots.msg import PlanningOptions
from strands_robots.ros.goals.motion_goals import grip_task, move_task
from strands_robots.ros.messages.images import rgb_from_msg
from strands_robots.ros.messages.message_values import fill_message
from strands_robots.srv import DescribeWorld, GetWorldState, RenderCameras

TIMEOUT = 20.0
FIND_TIME = 2.0

_GOALS: Mapping[str, Any] = {
    "strands_robots/action/MoveTo": (MoveTo, move_task),
    "strands_robots/action/SetGripper": (SetGripper, grip_task),
}


def goal_picture(client: GraphClient, kind: str, fields: str) -> NDArray[np.uint8] | None:
    """Return a picture of the robot where a goal would bring it, from two sides; None where there is none to be had.

    Args:
        client: Client of the graph.
        kind: Full type of the request.
        fields: Canonical JSON of its fields.

    Returns:
        uint8 (H, W, 3) RGB; None for a request that is no such motion, and on a graph without a simulated world.

    Raises:
        StrandsRobotsError: If the goal cannot be reached; the message says why.
    """
    if kind not in _GOALS:
        return None
    action, make_task = _GOALS[kind]
    goal = fill_message(action.Goal(), json.loads(fields))
    if isinstance(goal, MoveTo.Goal):  # where it ends is what is drawn, not the way there
        goal.planning, goal.other_poses = PlanningOptions(), []
    try:
        world = client.call(GetWorldState, "world/get_state", GetWorldState.Request(), TIMEOUT, FIND_TIME)
        made = client.call(DescribeWorld, "world/describe", DescribeWorld.Request(), TIMEOUT, FIND_TIME)
    except StrandsRobotsError:
        return None
    models = dict(zip(made.robots, made.robot_models))
    if goal.robot not in models or goal.robot not in list(world.robots):
        return None
    spec = robot_spec(f"{goal.robot}={models[goal.robot]}", 0, camera_rate=30.0)
    robot = RobotKinematics(spec.name, spec.config, avoid_ground=True)
    state = world.joint_states[list(world.robots).index(goal.robot)]
    here = dict(zip(state.name, state.position))
    position = np.array([here[name] for name in robot.limits.names])
    move = make_task(goal, robot).plan(position, np.zeros_like(position), position).move
    request = RenderCameras.Request(pose_robot=goal.robot, width=480, height=360)
    request.joint_names = [robot.limits.names[column] for column in move.columns]
    request.positions = [float(value) for value in move.end]
    answer = client.call(RenderCameras, "world/render_cameras", request, TIMEOUT)
    if not answer.success:
        return None
    return np.hstack([rgb_from_msg(picture.rgb) for picture in answer.pictures])
