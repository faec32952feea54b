"""Which ros2_control controllers move a robot: a YAML file in config/ros2_control, or one of the user's. No I/O but reading it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import config_text
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.text import printable
from strands_robots.core.validation import reading_problem

FOLDER = "ros2_control"
TRAJECTORY, POSITION = "joint_trajectory", "position"

_NAME = r"^/?[A-Za-z][A-Za-z0-9_]*(/[A-Za-z][A-Za-z0-9_]*)*$"
_Name = Annotated[str, Field(pattern=_NAME)]


class ControllerConfig(StrictModel):
    """One controller.

    Attributes:
        name: Its name, which is its node's; relative to the graph's namespace.
        kind: "joint_trajectory" for a joint_trajectory_controller, "position" for a forward_command_controller or
            JointGroupPositionController with the position interface.
        joints: The robot's joints that it moves, in the controller's order; empty for all of them, in the robot's.
        topic: Where it listens; empty for <name>/joint_trajectory or <name>/commands.
    """

    name: _Name
    kind: Literal["joint_trajectory", "position"]
    joints: tuple[str, ...] = ()
    topic: Annotated[str, Field(pattern=_NAME + "|^$")] = ""

    @property
    def command_topic(self) -> str:
        """Where it listens."""
        return self.topic or f"{self.name}/{'joint_trajectory' if self.kind == TRAJECTORY else 'commands'}"


class ControllersConfig(StrictModel):
    """How a robot behind ros2_control is reached.

    Attributes:
        joint_states: Topic of its measured states.
        controllers: What moves it; every joint by exactly one of them.
        manager: The controller_manager that is asked whether the controllers are there and active; empty asks none.
        switch: Controllers are activated with the torque and deactivated without it; needs a manager.
        rename: What the robot's joints are called there, where that is something else.
        lead: Time that a joint_trajectory_controller gets for a set-point [s]; more is smoother and lags more.
        lag: Longest time that the arm is behind its set-points while it follows them [s], `lead` not counted; one that is further
            behind, or stands, is taken for one whose controller is off.
        stale: joint_states that are older stop the robot by its category [s].
        lost: joint_states that are older are a lost link: nothing more is sent, and the controllers hold [s].
    """

    joint_states: _Name = "/joint_states"
    controllers: Annotated[tuple[ControllerConfig, ...], Field(min_length=1, max_length=16)]
    manager: Annotated[str, Field(pattern=_NAME + "|^$")] = "/controller_manager"
    switch: bool = False
    rename: dict[str, str] = Field(default_factory=dict)
    lead: Annotated[float, Field(ge=0.002, le=0.5)] = 0.01
    lag: Annotated[float, Field(ge=0.02, le=2.0)] = 0.1
    stale: Annotated[float, Field(ge=0.01, le=2.0)] = 0.15
    lost: Annotated[float, Field(ge=0.02, le=5.0)] = 0.5


@dataclass(frozen=True)
class Output:
    """One controller as the driver needs it.

    Attributes:
        controller: Its configuration.
        indices: Places of its joints among the robot's.
        joints: What they are called there.
    """

    controller: ControllerConfig
    indices: tuple[int, ...]
    joints: tuple[str, ...]


@dataclass(frozen=True)
class ControlledRobot:
    """A configuration that fits a robot.

    Attributes:
        config: The configuration.
        joints: What the robot's joints are called there, in the robot's order.
        outputs: Its controllers.
    """

    config: ControllersConfig
    joints: tuple[str, ...]
    outputs: tuple[Output, ...]


def load_controllers(given: str, joints: Sequence[str]) -> ControlledRobot:
    """Return the controllers of a robot.

    Args:
        given: Name in config/ros2_control, path of a YAML file, or the YAML itself.
        joints: The robot's joints.

    Raises:
        UnknownNameError: If there is no such name.
        ConfigurationError: If it is not valid, or does not fit the robot.
    """
    text = config_text("controllers", FOLDER, given)
    try:
        config = ControllersConfig.model_validate(yaml.safe_load(text))
    except (yaml.YAMLError, ValidationError) as error:
        raise ConfigurationError(
            f"controllers '{printable(given)}' are not valid: {reading_problem(error, 'controllers')}"
        ) from error
    return fit(config, joints)


def fit(config: ControllersConfig, joints: Sequence[str]) -> ControlledRobot:
    """Return a configuration with its joints looked up among the robot's.

    Raises:
        ConfigurationError: If a joint is unknown, has no controller or two, or two have one name there.
    """
    index = {name: i for i, name in enumerate(joints)}
    moved: dict[str, str] = {}
    outputs = []
    there = tuple(config.rename.get(name, name) for name in joints)
    for name in (*config.rename, *(joint for controller in config.controllers for joint in controller.joints)):
        if name not in index:
            raise ConfigurationError(f"joint '{printable(name)}' is not the robot's; valid: {', '.join(joints)}")
    if len(set(there)) != len(there):
        raise ConfigurationError(f"two joints share a name behind rename: {', '.join(there)}; valid: every name once")
    for controller in config.controllers:
        own = controller.joints or tuple(joints)
        for name in own:
            if name in moved:
                raise ConfigurationError(
                    f"joint '{name}' is moved by '{moved[name]}' and '{controller.name}'; valid: one controller for each joint"
                )
            moved[name] = controller.name
        outputs.append(Output(controller, tuple(index[n] for n in own), tuple(there[index[n]] for n in own)))
    idle = [name for name in joints if name not in moved]
    if idle:
        raise ConfigurationError(
            f"no controller moves {', '.join(idle)}; valid: a controller for every joint of the robot"
        )
    if config.switch and not config.manager:
        raise ConfigurationError("switch is true without a manager; valid: the name of the controller_manager")
    if config.lost <= config.stale:
        raise ConfigurationError(f"lost is {config.lost:g} s with stale {config.stale:g} s; valid: more than stale")
    return ControlledRobot(config, there, tuple(outputs))
