"""Metaworld. Runs in the benchmark's environment, see worker.py."""

from __future__ import annotations

from typing import Any


class Metaworld:
    """Metaworld's 50 tasks with 50 goals each, drawn by its MT1 with seed 0."""

    packages = ("metaworld", "mujoco", "numpy", "gymnasium")
    control_rate = 80.0
    action = ("dx", "dy", "dz", "gripper")
    low, high, noop = [-1.0] * 4, [1.0] * 4, [0.0] * 4
    state = tuple(f"state_{i}" for i in range(39))
    cameras = dict.fromkeys(("topview", "corner", "corner2", "corner3", "corner4", "gripperPOV"), (480, 480))
    has_expert = True
    horizon = 500

    def __init__(self, tools: Any) -> None:
        self._tools = tools
        self._tasks: dict[str, Any] = {}
        self._env: Any = None

    def tasks(self) -> list[dict[str, Any]]:
        """Return the tasks."""
        from metaworld.env_dict import ALL_V3_ENVIRONMENTS

        return [
            {
                "name": name,
                "instruction": name.removesuffix("-v3").replace("-", " "),
                "states": 50,
                "horizon": self.horizon,
            }
            for name in ALL_V3_ENVIRONMENTS
        ]

    def identify(self, task: str) -> dict[str, str]:
        """Return the hashes of the compiled model and of the goals."""
        drawn = self._drawn(task)
        self.reset(task, 0, 0)
        return {
            "model_sha256": self._tools.model_sha256(self._env.model),
            "goals_sha256": self._tools.sha256(*(one.data for one in drawn.train_tasks)),
        }

    def reset(self, task: str, index: int, seed: int) -> list[tuple[str, bool]]:
        """Begin an episode; a new environment each time, so that no episode knows of another one."""
        import metaworld.policies

        drawn = self._drawn(task)
        self._env = drawn.train_classes[task](camera_name="corner2", render_mode="rgb_array")
        self._env.set_task(drawn.train_tasks[index])
        self._env.seed(seed)
        self._observation, _ = self._env.reset()
        self._expert = metaworld.policies.ENV_POLICY_MAP[task]()
        return []

    def observe(self) -> Any:
        """Return the state (39,)."""
        return self._observation

    def step(self, action: Any) -> bool:
        """Advance one control period and return whether the task is done."""
        self._observation, _, _, _, info = self._env.step(action)
        return bool(info["success"])

    def expert(self) -> Any:
        """Return the scripted policy's action (4,)."""
        return self._expert.get_action(self._observation)

    def picture(self, camera: str) -> Any:
        """Return a picture (480, 480, 3)."""
        renderer = self._env.mujoco_renderer
        renderer.camera_id, renderer.camera_name = None, None
        import mujoco

        renderer.camera_id = mujoco.mj_name2id(self._env.model, mujoco.mjtObj.mjOBJ_CAMERA, camera)
        return self._env.render()

    def digest(self) -> str:
        """Return the SHA-256 of the present state."""
        return str(self._tools.state_digest(self._env.data))

    def _drawn(self, task: str) -> Any:
        import metaworld

        if task not in self._tasks:
            self._tasks[task] = metaworld.MT1(task, seed=0)
        return self._tasks[task]


def make(tools: Any, name: str) -> Metaworld:
    """Return the benchmark."""
    return Metaworld(tools)
