"""Our tasks as a benchmark of vla-eval: every model server there on our worlds. Needs vla-eval and MuJoCo; no ROS.

benchmarks:
  - benchmark: strands_robots.evaluation.harness.vla_eval_benchmark:StrandsBenchmark
    episodes_per_task: 10
    params: {task: tabletop, rate: 20}
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from vla_eval.benchmarks.base import StepBenchmark, StepResult, repeat_last_hold
from vla_eval.specs import IMAGE_RGB, LANGUAGE, DimSpec

from strands_robots.core.errors import ConfigurationError
from strands_robots.description.lerobot_units import Units
from strands_robots.evaluation.harness.stepped_task import Seen, SteppedTask
from strands_robots.evaluation.harness.vla_eval_specs import joint_spec
from strands_robots.evaluation.suite import is_suite, load_suite


class StrandsBenchmark(StepBenchmark):  # type: ignore[misc]
    """Tasks of ours, stepped in lockstep through the robot's gate.

    An observation has `images` by camera, `state` with the joint positions, `environment_state` where bodies were chosen, and
    `task_description`. An action is one row of joint positions. Episode number e of a task has the seed `seed` + e.

    Args:
        task: Task or suite: a name, or a YAML file. The tasks of a suite must have the same joints.
        rate: Actions a second [Hz].
        cameras: Cameras of the robot; with a slash before them those of the world.
        bodies: Bodies whose places are seen.
        units: "lerobot" for degrees and 0 to 100, "si" for [rad] and [m].
        seed: Of the first episode of each task.
    """

    render_backends: ClassVar[frozenset[str]] = frozenset({"gpu", "cpu"})

    def __init__(
        self, task: str = "tabletop", rate: float = 20.0, cameras: list[str] | None = None,
        bodies: list[str] | None = None, units: str = "lerobot", seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        names = load_suite(task).tasks if is_suite(task) else (task,)
        self._units = _units(units)
        self._rate = rate
        self._cameras, self._bodies = tuple(cameras or ()), tuple(bodies or ())
        self._seed = seed
        self._stepped: SteppedTask | None = None
        self._files: dict[str, str] = {}
        self._tasks: list[dict[str, Any]] = []
        joints: set[tuple[str, ...]] = set()
        for name in names:
            stepped = self._open(name)
            self._files[stepped.task.name] = name
            self._tasks.append({"name": stepped.task.name, "suite": task, "horizon": stepped.horizon})
            joints.add(stepped.names)
        if len(joints) > 1:
            raise ConfigurationError(
                f"'{task}' has robots with other joints: {sorted(joints)}; valid: tasks of one robot, one entry for each robot"
            )
        (self._names,) = joints

    @classmethod
    def configure_render(cls, mode: str) -> dict[str, str]:
        """Do nothing: this package chooses the graphics that the machine has."""
        return {}

    def get_tasks(self) -> list[dict[str, Any]]:
        """Return the tasks by name, with their longest episode in steps."""
        return [dict(task) for task in self._tasks]

    def reset(self, task: dict[str, Any]) -> Seen:
        """Begin an episode; its number says where things lie.

        Raises:
            WorldError: If the task's premise does not hold.
        """
        name = str(task["name"])
        if self._stepped is None or self._stepped.task.name != name:
            self._stepped = self._open(self._files[name])
        return self._stepped.reset(self._seed + int(task.get("episode_idx", 0)))

    def step(self, action: dict[str, Any]) -> StepResult:
        """Send one action.

        Raises:
            PolicyError: If it has another number of joints, or the gate refuses it.
        """
        stepped = self._ready()
        seen = stepped.step(np.asarray(action["actions"], dtype=np.float64).reshape(-1))
        return StepResult(seen, float(seen.is_success), seen.is_over, {"reason": seen.reason})

    def make_obs(self, raw_obs: Seen, task: dict[str, Any]) -> dict[str, Any]:
        """Return what a model server is sent."""
        found: dict[str, Any] = {"images": dict(raw_obs.pictures), "state": raw_obs.state.astype(np.float32)}
        if len(raw_obs.environment):
            found["environment_state"] = raw_obs.environment.astype(np.float32)
        return {**found, "task_description": self._ready().instruction}

    def get_step_result(self, step_result: StepResult) -> dict[str, Any]:
        """Return whether the task was done, and why the episode ended."""
        seen: Seen = step_result.obs
        return {"success": seen.is_success, "reason": seen.reason}

    def get_action_spec(self) -> dict[str, DimSpec]:
        """Return what an action is: absolute joint positions."""
        return {"joints": joint_spec(self._names, self._units)}

    def get_observation_spec(self) -> dict[str, DimSpec]:
        """Return what an observation has."""
        return {"image": IMAGE_RGB, "state": joint_spec(self._names, self._units), "language": LANGUAGE}

    def get_metadata(self) -> dict[str, Any]:
        """Return the longest episode of all tasks [steps]; each ends at its own duration."""
        return {"max_steps": max(task["horizon"] for task in self._tasks), "action_dim": len(self._names)}

    def get_hold_action(self, last_action: dict[str, Any] | None) -> dict[str, Any]:
        """Return the last action again, and before the first one where the robot is: actions are absolute."""
        if last_action is None:
            return {"actions": np.asarray(self._last_result.obs.state, dtype=np.float32)}
        return dict(repeat_last_hold(last_action, len(self._names)))

    def render(self) -> NDArray[np.uint8] | None:
        """Return a picture of the scene."""
        return self._stepped.draw() if self._stepped is not None else None

    def cleanup(self) -> None:
        """Free the graphics."""
        stepped, self._stepped = self._stepped, None
        if stepped is not None:
            stepped.close()

    def _open(self, name: str) -> SteppedTask:
        self.cleanup()
        self._stepped = SteppedTask(name, self._rate, self._cameras, self._bodies, self._units)
        return self._stepped

    def _ready(self) -> SteppedTask:
        if self._stepped is None:
            raise ConfigurationError("no episode has begun; valid: reset first")
        return self._stepped


def _units(given: str) -> Units:
    try:
        return Units(given)
    except ValueError:
        raise ConfigurationError(f"units are '{given}'; valid: {', '.join(unit.value for unit in Units)}") from None
