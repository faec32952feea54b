"""The two worlds an online learner acts in: a simulated one in lockstep, and a robot of the graph, simulated or real, as time passes."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from lerobot.utils.errors import DeviceNotConnectedError
from numpy.typing import NDArray

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.harness.measured_task import MeasuredTask
from strands_robots.evaluation.harness.stepped_task import SteppedTask
from strands_robots.evaluation.task import load_task
from strands_robots.learning.online.export_policy import box_in_numbers
from strands_robots.learning.online.joint_box import JointBox, box_about
from strands_robots.recording.recording_options import robot_numbers

if TYPE_CHECKING:
    from lerobot_robot_strands.graph import GraphRobot

    from .config_strands_online import StrandsOnlineEnvConfig

Numbers = NDArray[np.float64]

_CLOSE = 3.0  # of LeRobot's numbers: degrees, or hundredths of a gripper
_LOOK_AGAIN = 0.1  # [s]
_SAY_AGAIN = 10.0  # [s]


@dataclass(frozen=True)
class Moved:
    """What one step showed.

    Attributes:
        state: Joint positions (D,) in LeRobot's numbers.
        progress: How far the task is done, as `Seen` has it.
        is_success, is_over: Whether the task is done, and whether the episode has ended.
        reason: Why it ended; empty while it goes on.
        executed: Set-point (D,) that the gate let through instead of the one sent; None where that one was taken.
        is_intervention: Whether a hand had the robot.
    """

    state: Numbers
    progress: float
    is_success: bool = False
    is_over: bool = False
    reason: str = ""
    executed: Numbers | None = None
    is_intervention: bool = False


class OnlineWorld(Protocol):
    """Where an online learner acts.

    Attributes:
        box: Where its actions may send the joints, in LeRobot's numbers.
        horizon: Steps of an episode at most.
        instruction: What the robot shall do, in words.
    """

    box: JointBox
    horizon: int
    instruction: str

    def reset(self, seed: int) -> Moved:
        """Begin an episode."""

    def step(self, target: Numbers) -> Moved:
        """Send a set-point (D,) to the gate and let one step pass."""

    def close(self) -> None:
        """Let go of the world."""


class LockstepWorld:
    """A task's own world; time passes only in steps. See `OnlineWorld`.

    Args:
        config: Options of the environment.
    """

    def __init__(self, config: StrandsOnlineEnvConfig) -> None:
        self._task = SteppedTask(config.task_name, config.fps)
        limits, codec = self._task.joint_limits, self._task.codec
        home = self._task.home
        self.box = box_in_numbers(box_about(limits, home, config.span, config.joint_names), codec)
        self.horizon = self._task.horizon
        self.instruction = self._task.instruction

    def reset(self, seed: int) -> Moved:
        """Begin an episode with everything where the seed says."""
        seen = self._task.reset(seed)
        return Moved(seen.state, seen.progress)

    def step(self, target: Numbers) -> Moved:
        """Send a set-point and let a step pass.

        Raises:
            PolicyError: If the gate refuses it; nothing moves.
        """
        seen = self._task.step(target)
        return Moved(seen.state, seen.progress, seen.is_success, seen.is_over, seen.reason)

    def close(self) -> None:
        """Free the graphics."""
        self._task.close()


class GraphWorld:
    """A robot of the graph, moved through its gate; a hand takes it over as from any other source. See `OnlineWorld`.

    Args:
        config: Options of the environment.
        robot: The robot, already heard; None joins the graph.
    """

    def __init__(self, config: StrandsOnlineEnvConfig, robot: GraphRobot | None = None) -> None:
        task = load_task(config.task_name)
        about = load_robot(config.model)
        if about.name != load_robot(task.robot).name:
            raise ConfigurationError(
                f"task '{task.name}' is for a {load_robot(task.robot).name}, and the robot is a {about.name}; valid: a task of its model"
            )
        self._config, self._codec = config, robot_numbers(about)
        self._judge = MeasuredTask(task)
        self._start = self._codec.to_lerobot(self._judge.home)
        self.box = box_in_numbers(
            box_about(about.limits(), self._judge.home, config.span, config.joint_names), self._codec
        )
        self._period = 1.0 / config.fps
        self.horizon = math.ceil(task.duration * config.fps - 1e-9)
        self.instruction = task.instruction or task.name
        self._duration = task.duration
        self._steps = 0
        self._begin = self._due = 0.0
        self._graph = robot if robot is not None else _join(config)

    def reset(self, seed: int) -> Moved:
        """Wait until the robot may be moved, and send it to where the task begins.

        Raises:
            DeviceNotConnectedError: If it stays stopped, is kept by a hand, or does not arrive; the message says which.
        """
        said, since = 0.0, time.monotonic()
        while (state := self._try_start()) is None:
            waited = time.monotonic() - since
            if waited > self._config.reset_timeout:
                raise DeviceNotConnectedError(f"'{self._config.robot}' did not come to its start: {self._why_not()}")
            if time.monotonic() - said > _SAY_AGAIN and waited > _SAY_AGAIN:
                said = time.monotonic()
                logging.warning("the episode waits: %s", self._why_not())
        self._judge.begin(self._codec.to_si(state))
        self._steps, self._begin = 0, time.monotonic()
        self._due = self._begin + self._period
        return Moved(state, self._judge.look(self._codec.to_si(state), 0.0)[0])

    def step(self, target: Numbers) -> Moved:
        """Send a set-point, or none while a hand has the robot, and wait for the end of the step; a stop ends it at once."""
        graph = self._graph
        is_taken = self._is_taken
        if not is_taken:
            self._send(target, 2.0 * self._period)
        graph.wait_unless_stopped(max(self._due - time.monotonic(), 0.0))
        self._due = max(self._due, time.monotonic()) + self._period
        self._steps += 1
        return self._moved(is_taken or self._is_taken)

    def close(self) -> None:
        """Leave the graph; the robot holds."""
        self._graph.close()

    def _moved(self, is_taken: bool) -> Moved:
        graph = self._graph
        stop = graph.stop_reason
        state = self._numbers(graph.numbers())
        now = time.monotonic() - self._begin
        progress, is_done, failed = self._judge.look(self._codec.to_si(state), now)
        reason = f"stopped: {stop}" if stop else ""
        if not reason and is_done:
            reason = f"succeeded after {now:.2f} s"
        elif not reason and failed:
            reason = f"the failure condition held after {now:.2f} s"
        elif not reason and self._steps >= self.horizon:
            reason = f"not done after {self._duration:g} s"
        executed = self._numbers(graph.applied()) if stop or is_taken else None
        return Moved(state, progress, is_done and not stop, bool(reason), reason, executed, is_taken)

    @property
    def _is_taken(self) -> bool:
        return self._graph.lease_holder not in ("", self._config.source)

    def _try_start(self) -> Numbers | None:
        """Send the robot towards its start; return where it is once it is there."""
        graph = self._graph
        state = self._numbers(graph.numbers())
        if graph.stop_reason or self._is_taken:
            time.sleep(_LOOK_AGAIN)
            return None
        if np.abs(state - self._start).max() < _CLOSE:
            return state
        self._send(self._start, 1.0)
        graph.wait_unless_stopped(_LOOK_AGAIN)
        return None

    def _send(self, target: Numbers, lifetime: float) -> None:
        """Send a set-point unless the robot is stopped; a stop that comes meanwhile is no error."""
        graph = self._graph
        if graph.stop_reason:
            return
        try:
            graph.command(self._by_key(target), self._config.source, lifetime)
        except DeviceNotConnectedError:
            if not graph.stop_reason:
                raise

    def _why_not(self) -> str:
        if self._graph.stop_reason:
            return f"it is stopped ({self._graph.stop_reason}); valid: strands-robots resume"
        if self._is_taken:
            return f"'{self._graph.lease_holder}' has it; valid: let go of it"
        off = np.abs(self._numbers(self._graph.numbers()) - self._start)
        return f"{self._codec.names[int(off.argmax())]} is {off.max():.1f} from it; valid: within {_CLOSE:g}"

    def _numbers(self, by_key: dict[str, float]) -> Numbers:
        return np.array([by_key[key] for key in self._codec.keys])

    def _by_key(self, numbers: Numbers) -> dict[str, float]:
        return dict(zip(self._codec.keys, numbers.tolist()))


def _join(config: StrandsOnlineEnvConfig) -> GraphRobot:
    """Join the graph by the plug-in lerobot_robot_strands, and wait until the robot is heard."""
    try:
        from lerobot_robot_strands.config_strands import GraphConfig
        from lerobot_robot_strands.graph import GraphRobot
    except ImportError as error:
        raise ConfigurationError(
            f"a robot of the graph needs the plug-in lerobot_robot_strands; valid: pip install -e src/lerobot_robot_strands ({error})"
        ) from error
    about = GraphConfig(robot=config.robot, model=config.model, namespace=config.namespace)
    robot = GraphRobot(about, robot_numbers(load_robot(config.model)), (), "joint_states")
    robot.wait()
    return robot
