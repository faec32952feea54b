"""The policy "scripted": plays a script and looks at the robot before it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import MotionError, PolicyError
from strands_robots.core.types import Action, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.planning.pick.pick_scene import PickScene, pick_scene_of
from strands_robots.policies.provider import PolicyContext, read_options
from strands_robots.policies.scripted.known_boxes import KnownBoxes
from strands_robots.policies.scripted.planned_pick import PlannedPick
from strands_robots.policies.scripted.reach import Reach
from strands_robots.policies.scripted.script import DONE, Look, Script, ScriptStage
from strands_robots.policies.scripted.script_options import PickOptions, ScriptedOptions
from strands_robots.policies.scripted.stages import pick_stages, waypoint_stages

DEFAULT_SPEED = 1.0
"""Speed limit of a joint whose limits are not known [rad/s] or [m/s]."""


class ScriptedPolicy:
    """Plays way points, or picks and places.

    Args:
        options: Settings.
        context: The robot.
    """

    def __init__(self, options: ScriptedOptions, context: PolicyContext) -> None:
        self._options = options
        self._context = context
        self._reach = Reach(options.model) if options.model else None
        self._script: Script | None = None
        self._sizes: KnownBoxes | None = None
        self._names: tuple[str, ...] = ()
        self._seed = 0
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(horizon=options.horizon, rate=options.rate)
        if context.joint_names:
            self._check_names(context.joint_names)

    @property
    def stage(self) -> str:
        """Name of the stage being played; empty before the first observation, "done" at the end."""
        return self._script.stage if self._script is not None else ""

    def reset(self, seed: int) -> None:
        """Begin at the next observation; the seed is that of planned ways. How large things are is looked up now: later time presses.

        Raises:
            StrandsRobotsError: If the world does not have an object that is named, or does not answer.
        """
        self._script, self._seed = None, seed
        pick = self._options.pick
        if pick is not None and self._context.boxes is not None and self._context.bodies is not None:
            names = [name for name in (pick.object.body, pick.onto) if name]
            self._sizes = KnownBoxes(self._context.boxes, self._context.bodies, names)

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) [rad] from the observation's stamp on.

        Raises:
            PolicyError: If a stage cannot be done, or a place not reached.
        """
        if self._script is None:
            self._script = self._begin(observation)
        script = self._script
        order = [observation.joint_names.index(name) for name in self._names]
        script.update(Look(observation.position[order], observation.velocity[order]), observation.stamp)
        period = 1.0 / self._options.rate
        rows = script.rows(observation.stamp, period, self._options.horizon)
        return Action(self._names, rows, period, is_last=self._options.end_run and script.stage == DONE)

    def close(self) -> None:
        """Nothing to free."""

    def _begin(self, observation: Observation) -> Script:
        self._check_names(observation.joint_names)
        options, reach = self._options, self._reach
        self._names = reach.names if reach is not None else observation.joint_names
        order = [observation.joint_names.index(name) for name in self._names]
        begin = observation.position[order]
        pick_scene = self._pick_scene(reach)
        if options.pick is not None and reach is not None and pick_scene is not None and options.pick.object.body:
            stages, begin = self._planned_pick(options.pick, reach, pick_scene, begin)
        elif options.pick is not None and reach is not None:
            if options.pick.held:
                raise PolicyError("'held' needs a simulated world that says where everything is; there is none")
            stages = pick_stages(options.pick, self._names, reach, self._context.bodies, self._sizes)
        else:
            stages = waypoint_stages(options.waypoints, self._names, reach)
        script = Script(stages, self._speed(), options.tolerance, options.patience)
        script.start(begin, observation.stamp)
        return script

    def _planned_pick(
        self, pick: PickOptions, reach: Reach, pick_scene: Callable[[], PickScene], begin: FloatArray
    ) -> tuple[list[ScriptStage], FloatArray]:
        """Return the stages, and where the set-points begin (D,): a gripper that holds something is not let go of."""
        if reach.config.gripper is None:
            raise PolicyError(f"'{reach.config.name}' has no gripper to pick with")
        planned = PlannedPick(pick, reach.arm, pick_scene, self._options.speed, self._seed)
        return (planned.placing_stages(), planned.closed(begin)) if pick.held else (planned.stages(), begin)

    def _pick_scene(self, reach: Reach | None) -> Callable[[], PickScene] | None:
        """Return what looks at everything around the robot, where there is a world to look at."""
        look = self._context.surroundings
        if self._context.pick_scene is not None or look is None or reach is None:
            return self._context.pick_scene
        frame, ground = reach.config.base_frame, reach.arm.ground

        def around() -> PickScene:
            try:
                return pick_scene_of(look(frame, ground))
            except MotionError as error:
                raise PolicyError(f"{error.reason}: {error}") from error

        return around

    def _speed(self) -> FloatArray:
        limits = self._reach.limits if self._reach is not None else self._context.limits
        if limits is None:
            return np.full(len(self._names), DEFAULT_SPEED * self._options.speed)
        return np.array([limits.velocity[limits.index[name]] for name in self._names]) * self._options.speed

    def _check_names(self, given: tuple[str, ...]) -> None:
        if self._reach is None:
            return
        missing = [name for name in self._reach.names if name not in given]
        if missing:
            raise PolicyError(
                f"policy 'scripted' moves {', '.join(self._reach.names)} of model '{self._options.model}'; the robot has "
                f"{', '.join(given)}"
            )


def create(settings: Mapping[str, Any], context: PolicyContext) -> ScriptedPolicy:
    """Provider of "scripted"; raises ConfigurationError or PolicyError."""
    return ScriptedPolicy(read_options(ScriptedOptions, "scripted", settings, context), context)
