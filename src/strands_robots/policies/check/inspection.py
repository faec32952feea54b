"""Looks at a policy without a graph: what it needs and gives, how long one inference takes, and whether it fits a robot. ROS-free."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Observation, Policy, PolicyGives, PolicyNeeds
from strands_robots.description.robot_config import load_robot
from strands_robots.policies.adapt.adapter import WORLD, load_adapter
from strands_robots.policies.adapt.model import ANY_SIZE, PolicyModel, made_up_input
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy

TRIES = 3
"""Inferences that are timed after the first."""


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        needs, gives: The policy's declarations.
        parameters: Number of weights; 0 for policies without.
        first: Time of the first inference [s].
        latency: Time of the fastest inference after the first [s].
        rows: Shape of the answer.
    """

    needs: PolicyNeeds
    gives: PolicyGives
    parameters: int
    first: float
    latency: float
    rows: tuple[int, ...]


def inspect_model(model: PolicyModel, parameters: int = 0) -> Inspection:
    """Return what a model needs and gives, and how long it takes on made-up numbers.

    Raises:
        PolicyError: If it cannot answer.
    """
    given = made_up_input(model.needs)
    model.reset(0)
    times = []
    for _ in range(TRIES + 1):
        begin = time.monotonic()
        rows = model.infer(given)
        times.append(time.monotonic() - begin)
    return Inspection(model.needs, model.gives, parameters, times[0], min(times[1:]), tuple(np.shape(rows)))


def inspect_lerobot(path: str, settings: Mapping[str, Any]) -> Inspection:
    """Return what a policy of LeRobot is, from its folder or hub id.

    Raises:
        StrandsRobotsError: If it cannot be loaded.
    """
    from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
    from strands_robots.policies.lerobot.opening import one_line
    from strands_robots.policies.lerobot.policy import make_model
    from strands_robots.policies.provider import read_settings

    model = make_model(read_settings(LerobotOptions, "lerobot", {"path": path, **settings}), None)
    try:
        with one_line(path, "cannot answer", "weights, processors and config.json of one training"):
            return inspect_model(model, model.parameters)
    finally:
        model.close()


@dataclass(frozen=True)
class Fit:
    """Whether a policy fits a robot.

    Attributes:
        fits: True when it does.
        message: Why not, with both lists; what it needs and gives otherwise.
        rows: Shape of one answer in the robot's joints.
        notes: What must be known to run it, for example settings of a checkpoint that are not used.
    """

    fits: bool
    message: str
    rows: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def check_policy(name: str, settings: Mapping[str, Any], robot: str, adapter: str, task: str) -> Fit:
    """Return whether a policy fits a robot through an adapter, tried with one inference at the robot's home.

    Args:
        name: Provider.
        settings: Its settings.
        robot: Kind of robot: a name in config/robots or a YAML file.
        adapter: Adapter: name, path or YAML; empty for policies that speak the robot's words.
        task: The task in words.
    """
    from strands_robots.policies.run.action_check import check_action

    try:
        config = load_robot(robot)
        limits = config.limits()
        cameras = {key: (camera.height, camera.width) for key, camera in config.cameras.items()}
        cameras.update(_world_cameras(adapter))
        context = PolicyContext(config.name, limits.names, limits, task or None, 0.0, cameras, adapter)
        policy = create_policy(name, settings, context)
        try:
            unchecked = _unchecked(policy, adapter)
            policy.reset(0)
            home = np.array([config.home.get(joint, 0.0) for joint in limits.names])
            still = np.zeros(len(home))
            images = {key: _grey(cameras.get(key, (0, 0))) for key in policy.needs.cameras}
            bodies = {body: Pose(np.array([0.2, 0.0, 0.0]), np.eye(3)) for body in policy.needs.bodies}
            observation = Observation(0.0, limits.names, home, still, still, images, (), task or "check", bodies)
            action = policy.infer(observation)
            check_action(action, observation)
        finally:
            policy.close()
    except StrandsRobotsError as error:
        return Fit(False, str(error))
    joints = ", ".join(action.joint_names)
    message = f"{len(action.values)} rows of {joints}, {1.0 / action.control_period:g} a second"
    if unchecked:
        message += f"; only the adapter says the unit of {', '.join(unchecked)}"
    return Fit(True, message, action.values.shape, policy.gives.notes)


def _unchecked(policy: Policy, adapter: str) -> tuple[str, ...]:
    """Return the elements whose unit could not be compared, of a model behind an adapter."""
    from strands_robots.policies.adapt.adapter_units import unchecked_elements

    model = getattr(policy, "model", None)
    if model is None or not adapter.strip():
        return ()
    return unchecked_elements(load_adapter(adapter), model.needs, model.gives)


def _world_cameras(adapter: str) -> dict[str, tuple[int, int]]:
    """Return the adapter's cameras that are the world's, not the robot's; their sizes are not known here."""
    if not adapter.strip():
        return {}
    entries = load_adapter(adapter).cameras.values()
    return {entry.camera: (0, 0) for entry in entries if entry.camera.startswith(WORLD)}


def _grey(size: tuple[int, int]) -> NDArray[np.uint8]:
    height, width = size if all(size) else ANY_SIZE
    return np.full((height, width, 3), 127, np.uint8)
