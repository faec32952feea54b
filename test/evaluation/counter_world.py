"""A benchmark small enough for every test run: a counter that the action adds to; state 0 begins at 0, state 1 at 1, and so on.

Loaded by worker.py in a process of its own, as any benchmark is. Task "hang" never answers a step, "die" ends the process,
"raise" raises, and "tilted" has a premise that does not hold.
"""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np


class Counter:
    packages = ("numpy",)
    control_rate = 10.0
    action = ("add",)
    low, high, noop = [-1.0], [1.0], [0.0]
    state = ("count", "goal")
    cameras = {"front": (8, 8)}  # noqa: RUF012
    has_expert = True
    goal = 5.0

    def __init__(self, tools: Any) -> None:
        self._tools = tools
        self._task = ""
        self._count = 0.0

    def tasks(self) -> list[dict[str, Any]]:
        return [
            {"name": name, "instruction": f"count to {self.goal:g}", "states": 4, "horizon": 20}
            for name in ("count", "count_far", "tilted", "raise", "die", "hang")
        ]

    def identify(self, task: str) -> dict[str, str]:
        return {"goal_sha256": self._tools.sha256(str(self.goal).encode())}

    def reset(self, task: str, index: int, seed: int) -> list[tuple[str, bool]]:
        print("a benchmark that prints")
        self._task, self._count = task, float(index)
        return [("on bowl ramekin", task != "tilted")]

    def observe(self) -> Any:
        return np.array([self._count, 50.0 if self._task == "count_far" else self.goal])

    def step(self, action: Any) -> bool:
        if self._task == "die":
            os._exit(7)
        if self._task == "raise":
            raise ValueError("no such joint")
        while self._task == "hang":
            time.sleep(60.0)
        self._count += float(action[0])
        return bool(self._count >= self.observe()[1])

    def expert(self) -> Any:
        return np.array([0.5])

    def picture(self, camera: str) -> Any:
        return np.full((8, 8, 3), int(self._count), dtype=np.uint8)

    def digest(self) -> str:
        return str(self._tools.sha256(str(self._count).encode()))


def make(tools: Any, name: str) -> Counter:
    return Counter(tools)
