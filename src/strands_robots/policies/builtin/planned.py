"""Policy "planned": a collision-free way through the simulated world to a goal of the settings or of the task's words.

So an agent, an evaluation or a recording chooses "plan" or "imitate" in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import Field, model_validator

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, PolicyError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Action, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.motion.arm import Arm
from strands_robots.motion.ik import Orientation, PoseTarget
from strands_robots.motion.move_to import JointTarget, joint_target
from strands_robots.motion.planner import PlannedMove
from strands_robots.planning.default_clearance import DEFAULT_CLEARANCES
from strands_robots.planning.goals import PoseGoals, named_state
from strands_robots.planning.plan_process import PlannedRobot, PlanProcess
from strands_robots.planning.planner import DEFAULT_PLANNER, ITERATIONS
from strands_robots.planning.scene_move import SceneGoal
from strands_robots.planning.surroundings import Surroundings
from strands_robots.planning.time_law import DEFAULT_TIME_LAW
from strands_robots.planning.tool_limits import ToolLimits
from strands_robots.policies.provider import PolicyContext, PolicyOptions, read_options

Triple = Annotated[tuple[float, float, float], Field(description="x, y, z of the tool in the base frame [m]")]


class PlannedOptions(PolicyOptions):
    """Settings of "planned".

    Attributes:
        model: The robot: a name in config/robots, or a YAML file.
        joints: Goal, positions of some joints [rad] or [m].
        position: Goal, place of the tool in the base frame [m].
        named: Goal, a named state of the robot. Without any of the three the task's words name one.
        planner, time_law: By name.
        speed: Part of the velocity limits.
        clearance: Distance to keep [m]; None takes what `DEFAULT_CLEARANCES` says.
        held, may_touch: Objects that move with the tool, and names that may be touched.
    """

    model: str
    joints: dict[str, float] = Field(default_factory=dict)
    position: Triple | None = None
    named: str = ""
    planner: str = DEFAULT_PLANNER
    time_law: str = DEFAULT_TIME_LAW
    speed: Annotated[float, Field(ge=0.01, le=1.0)] = 0.5
    clearance: Annotated[float, Field(ge=0.0, le=0.1)] | None = None
    held: tuple[str, ...] = ()
    may_touch: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_goal(self) -> PlannedOptions:
        if bool(self.joints) + (self.position is not None) + bool(self.named) > 1:
            raise ValueError(
                "joints, position and named exclude each other; valid: one of them, or none for the task's words"
            )
        return self


class PlannedPolicy:
    """Plans at its first observation, then plays the plan; a scene that changes ends it.

    Args:
        options: Settings.
        context: The robot, and how to look at its surroundings.

    Raises:
        PolicyError: If there is no simulated world to look at.
    """

    def __init__(self, options: PlannedOptions, context: PolicyContext) -> None:
        if context.surroundings is None:
            raise PolicyError(
                "policy 'planned' looks at the simulated world, and there is none; valid for a real robot: plan_motion and "
                "execute_plan"
            )
        self._options = options
        self._context = context
        self._look = context.surroundings
        self._config: RobotConfig = load_robot(options.model)
        self._limits = self._config.limits()
        self._process = PlanProcess(PlannedRobot(self._config, context.robot or self._config.name, avoid_ground=True))
        self._process.start(lambda: False)  # now: its first answer is waited for only so long
        self._ground = Arm(self._config).ground
        self._seed = 0
        self._played: tuple[PlannedMove, float, FloatArray] | None = None
        self._surroundings = Surroundings()
        self.needs = PolicyNeeds(language=not (options.joints or options.position or options.named))
        self.gives = PolicyGives(horizon=options.horizon, rate=options.rate)

    def reset(self, seed: int) -> None:
        """Plan anew at the next observation."""
        self._seed = seed
        self._played = None

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) [rad] or [m] from the observation's stamp on; the first call plans.

        Raises:
            PolicyError: If there is no plan, or the scene is no longer the plan's; the message says why.
        """
        try:
            if self._played is None:
                self._played = self._begin(observation)
            else:
                self._check_scene()
        except MotionError as error:
            raise PolicyError(f"{error.reason}: {error}") from error
        move, began, start = self._played
        assert move.timed is not None  # a plan has a time law
        period = 1.0 / self._options.rate
        times = observation.stamp - began + np.arange(self._options.horizon, dtype=np.float64) * period
        rows = np.tile(start, (len(times), 1))
        rows[:, list(move.columns)] = move.timed.at(times)
        return Action(self._limits.names, rows, period)

    def close(self) -> None:
        """End the planning process."""
        self._process.close()

    def _begin(self, observation: Observation) -> tuple[PlannedMove, float, FloatArray]:
        missing = [name for name in self._limits.names if name not in observation.joint_names]
        if missing:
            raise PolicyError(
                f"policy 'planned' moves joints of model '{self._options.model}'; the robot has no {', '.join(missing)}, "
                f"but {', '.join(observation.joint_names)}"
            )
        order = [observation.joint_names.index(name) for name in self._limits.names]
        start = np.clip(observation.position[order], self._limits.lower, self._limits.upper)
        surroundings = self._surroundings = self._look(self._config.base_frame, self._ground)
        job = self._goal(observation.task).job(start, surroundings)
        plan = self._process.plan(job, lambda: False)
        return plan.move(self._limits), observation.stamp, start

    def _check_scene(self) -> None:
        now = self._look(self._config.base_frame, self._ground)
        change = now.change_from(self._surroundings, self._options.held)
        if change:
            raise MotionError("scene_changed", f"since the plan was made, {change}")

    def _goal(self, task: str) -> SceneGoal:
        options = self._options
        goal: JointTarget | PoseGoals
        if options.joints:
            goal = joint_target(self._limits, list(options.joints), list(options.joints.values()), 0.0)
        elif options.position is not None:
            place = Pose(np.array(options.position), np.eye(3))
            goal = PoseGoals((PoseTarget(place, Orientation.FREE),))
        else:
            goal = named_state(self._config, options.named or _named_in(task))
        return SceneGoal(
            goal, options.planner, options.time_law, options.speed, self._seed % 2**64, ITERATIONS, ToolLimits(),
            options.held, options.may_touch, DEFAULT_CLEARANCES if options.clearance is None else (options.clearance,),
        )  # fmt: skip


def _named_in(task: str) -> str:
    """Return the last word of a task such as "go home"; `named_state` says which words are valid."""
    words = [word.strip(".,!?'\"").lower() for word in task.split()]
    return words[-1] if words else ""


def create(settings: Mapping[str, Any], context: PolicyContext) -> PlannedPolicy:
    """Provider of "planned"; raises ConfigurationError or PolicyError."""
    try:
        return PlannedPolicy(read_options(PlannedOptions, "planned", settings, context), context)
    except MotionError as error:
        raise PolicyError(str(error)) from error
