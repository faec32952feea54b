"""The critic as a tool: an agent may have videos of episodes graded, in its folders, by the endpoint that its operator names.

The model that grades and where it runs are the operator's, never the agent's. A video that leaves this machine is a request of its own
in the policy file. What the critic says is data for the agent, never instructions.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from strands_robots.agent.lerobot.paths import LeRobotFolders
from strands_robots.agent.lerobot.tools import Gatekeeper
from strands_robots.agent.tools.endpoint import Endpoint, Tool
from strands_robots.agent.tools.tool_answer import ToolAnswer, clean, data_answer
from strands_robots.approvals.approval_request import canonical_request
from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.critic.chat import ChatConfig, ChatEndpoint
from strands_robots.evaluation.critic.critique import Critic
from strands_robots.evaluation.critic.rubric import load_rubric, rubric_names
from strands_robots.evaluation.critic.targets import find_targets

MOST_EPISODES = 8
"""Episodes of one call."""

_LOCAL = ("127.0.0.1", "::1", "localhost")
_KIND = "critic/action/Critique"


class CriticTools:
    """A `ToolFamily`.

    Args:
        port: Asks for permission and records.
        workspace: Folders whose videos and datasets may be graded.
        config: The model that grades.
    """

    words = "critic: grade videos of episodes"

    def __init__(self, port: Gatekeeper, workspace: LeRobotFolders, config: ChatConfig) -> None:
        self._port = port
        self._workspace = workspace
        self._config = config
        is_local = urlsplit(config.url).hostname in _LOCAL
        self._name = "critic/critique" if is_local else "critic/upload/critique"

    def session(self, port: Gatekeeper) -> CriticTools:
        """Return the same for another asker."""
        return CriticTools(port, self._workspace, self._config)

    def tools(self) -> list[Tool]:
        """Return the tools."""
        if not self._port.is_shown(self._name, _KIND):
            return []
        path = "a video (.mp4, .gif), a dataset's folder, or an evaluation's output folder"
        numbers = {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 10_000_000},
            "maxItems": MOST_EPISODES,
        }
        schema = {
            "type": "object",
            "properties": {
                "path": {"type": "string", "maxLength": 256, "description": path},
                "episodes": {**numbers, "description": "of a dataset"},
                "camera": {"type": "string", "maxLength": 128, "description": "of a dataset with several"},
                "task": {"type": "string", "maxLength": 500, "description": "what the robot should do"},
                "rubric": {"enum": rubric_names()},
            },
            "required": ["path"],
            "additionalProperties": False,
        }
        text = "Have a vision-language model grade videos of robot episodes by a rubric. no_verdict is not a grade."
        return [Tool("critique_episodes", text, schema, self._critique)]

    def end_turn(self) -> None:
        """Nothing moves."""

    def close(self) -> None:
        """Nothing is kept open."""

    def _critique(self, given: Mapping[str, Any]) -> ToolAnswer:
        started = time.monotonic()
        path = self._workspace.inside(str(given["path"]))
        rubric = load_rubric(str(given.get("rubric", "manipulation")))
        targets = find_targets(
            path, given.get("episodes", ()), str(given.get("task", "")), str(given.get("camera", "")), self._config.fps
        )
        if len(targets) > MOST_EPISODES:
            raise ConfigurationError(
                f"{len(targets)} episodes are meant; valid: up to {MOST_EPISODES}, with 'episodes'"
            )
        fields = {"path": str(path), "episodes": [target.name for target in targets], "url": self._config.url}
        refused = self._port.admit(canonical_request(self._name, _KIND, fields))
        if refused is not None:
            return refused
        critic = Critic(ChatEndpoint(self._config), rubric)
        found = []
        for target in targets:
            verdict = critic.critique(target)
            found.append(
                {
                    "episode": clean(target.name, 160), "outcome": verdict.outcome.value, "message": clean(verdict.message, 400),
                    "bad": [name for name, judged in verdict.criteria.items() if not judged["good"]],
                    "suggestion": dict(verdict.suggestion), "verdict": str(target.verdict_path),
                }
            )  # fmt: skip
        answer = data_answer({"verdicts": found})
        self._port.called(Endpoint(self._name, _KIND), answer, started)
        return answer


def critic_tools(port: Gatekeeper, workspace: LeRobotFolders | None, url: str) -> list[CriticTools]:
    """Return the family where an operator names an endpoint and folders, else none.

    Raises:
        ConfigurationError: If there is an endpoint and no folder.
    """
    if not url:
        return []
    if workspace is None:
        raise ConfigurationError(
            "a critic needs folders whose videos it may grade; valid: also folders for LeRobot's commands"
        )
    return [CriticTools(port, workspace, ChatConfig(url))]
