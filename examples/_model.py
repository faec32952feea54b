"""Which model an example talks to: the one that STRANDS_ROBOTS_MODEL names, else a script, without network and key.

STRANDS_ROBOTS_MODEL=anthropic/claude-sonnet-4-5 python examples/two_arms.py      # bedrock, openai/..., ollama/...
"""

from __future__ import annotations

import os
from typing import Any

from strands import Agent
from strands.models.model import Model
from strands.tools.executors import SequentialToolExecutor

from strands_robots.agent.strands.models import make_model, model_from_text
from strands_robots.agent.strands.scripted_model import ScriptedModel
from strands_robots.agent.strands.strands_tools import SYSTEM_PROMPT

VARIABLE = "STRANDS_ROBOTS_MODEL"


def choose_model(*script: Any) -> Model:
    """Return the model that the variable names, else one that plays the script: (tool, arguments) and sentences."""
    given = os.environ.get(VARIABLE, "")
    return make_model(*model_from_text(given)) if given else ScriptedModel(script)


def make_agent(tools: list[Any], *script: Any) -> Agent:
    """Return an agent with the tools of robots, which calls one after the other."""
    return Agent(
        model=choose_model(*script), tools=tools, system_prompt=SYSTEM_PROMPT, tool_executor=SequentialToolExecutor()
    )
