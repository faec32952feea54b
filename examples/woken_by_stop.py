"""An agent that a stop wakes: agent_node listens to safety/state, looks at the robot and says what a person should check.

    python examples/woken_by_stop.py
    STRANDS_ROBOTS_MODEL=bedrock python examples/woken_by_stop.py

Needs requirements/agent.txt. Starts a simulated SO-101 with an agent that has one wake rule, stops it, and prints the turn.
"""

from __future__ import annotations

import os
import queue
import tempfile
from pathlib import Path
from typing import Any

import yaml
from _model import VARIABLE

from strands_robots import Robot
from strands_robots.agent.conversation.turn import Step, StepKind
from strands_robots.agent.strands.models import model_from_text

RULE = {
    "name": "stopped", "topic": "safety/state", "type": "strands_robots/msg/SafetyState",
    "when": [{"field": "state", "equals": "STOPPED"}], "data": ["stop_source", "stop_reason"],
    "prompt": "The robots were stopped. Look at them, and say what a person should check before a resume.",
}  # fmt: skip
SCRIPT: list[Any] = [
    ["describe_robot", {}],
    "The arm stands still. Look for what pressed the button before you resume.",
]
LONGEST_WAIT = 120.0


def configuration() -> dict[str, Any]:
    """Return the configuration of an agent with the model of the variable, else with one that plays the script."""
    provider, settings = model_from_text(os.environ.get(VARIABLE, ""))
    if not provider:
        provider, settings = "strands_robots.agent.strands.scripted_model:ScriptedModel", {"script": SCRIPT}
    return {"version": 1, "model": {"provider": provider, "settings": settings}, "wake": {"rules": [RULE]}}


def main() -> None:
    """Stop the robot and print what the agent does about it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "agent.yaml"
        path.write_text(yaml.safe_dump(configuration()), encoding="utf-8")
        with Robot("so101", agent=str(path)) as robot:
            from strands_robots.clients.prompt_client import PromptClient
            from strands_robots.clients.spun_client import wait_until

            steps: queue.Queue[Step] = queue.Queue()
            client = PromptClient("", "agent", lambda turn, step: steps.put(step))
            try:
                assert wait_until(client.is_ready, LONGEST_WAIT), "agent_node did not come up"
                print("stopped:", robot.stop("a person pressed the button").message)
                step = steps.get(timeout=LONGEST_WAIT)
                while step.kind is not StepKind.END:
                    print(f"  {step.kind.name.lower()} {step.name} {step.text[:100]}")
                    step = steps.get(timeout=LONGEST_WAIT)
                print("the turn ended:", step.name)
            finally:
                client.close()


if __name__ == "__main__":
    main()
