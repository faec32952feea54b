"""An action client of run_policy for tests whose client is spun by another thread."""

from __future__ import annotations

import json
from typing import Any

from graph import Client, wait_for
from rclpy.action.client import ClientGoalHandle
from strands_robots.action import RunPolicy

from .goals import Goals

SWING = json.dumps({"joints": {"shoulder_pan": [{"amplitude": 0.4, "frequency": 0.5}]}})


class PolicyGoal:
    """One goal that was accepted."""

    def __init__(self, handle: ClientGoalHandle, result: Any, feedback: list[RunPolicy.Feedback]) -> None:
        self.goal_id = bytes(handle.goal_id.uuid).hex()
        self.feedback = feedback
        self._handle = handle
        self._result = result

    @property
    def is_done(self) -> bool:
        return bool(self._result.done())

    def cancel(self) -> None:
        """Ask for the end; does not wait for it."""
        self._handle.cancel_goal_async()

    def wait_for_chunks(self, count: int) -> None:
        wait_for(lambda: self.feedback and self.feedback[-1].chunks >= count, 20.0, f"{count} chunks")

    def result(self, timeout: float = 30.0) -> RunPolicy.Result:
        wait_for(self._result.done, timeout, "the result")
        return self._result.result().result


class PolicyGoals(Goals):
    """Sends goals to policy_node."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, RunPolicy, "run_policy", "policy_node")

    def send(self, **fields: Any) -> PolicyGoal:
        """Send a goal, by default four seconds of SWING on so101, and return it once it is accepted."""
        given = {"robot": "so101", "policy": "sine", "duration": 4.0, **fields}
        if given["policy"] == "sine":
            given.setdefault("config", SWING)
        feedback: list[RunPolicy.Feedback] = []
        handle, result = self.begin(RunPolicy.Goal(**given), feedback.append)
        return PolicyGoal(handle, result, feedback)

    def run(self, **fields: Any) -> RunPolicy.Result:
        """Send a goal and return its result."""
        return self.send(**fields).result()
