"""A person decides: the agent may look, and has to ask before it moves the gripper.

    python examples/approval.py
    STRANDS_ROBOTS_MODEL=bedrock python examples/approval.py

Needs requirements/agent.txt. Makes an operator's key for the time of the example, starts a simulated SO-101 with approval_node and
the package's own policy, and asks the person at the terminal to decide in another shell.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from _model import make_agent
from _person import ask_person

from strands_robots import Robot
from strands_robots.core.share import share_directory
from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring
from strands_robots.operators.operator_key import create_key

SCRIPT = [
    ("describe_robot", {}),
    ("start_set_gripper", {"goal": {"robot": "so101", "position": 0.8}, "wait": 30}),
    "The gripper is open.",
]


def main() -> None:
    """Ask the agent, and let a person decide about every call that it may not make by itself."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        key = create_key(folder / "keys", "anna", b"")
        save_keyring(folder / "keyring.yaml", Keyring().with_operator(Operator(key.public, frozenset(Role))))
        policy = share_directory() / "config" / "approval_policy.yaml"
        with Robot("so101", policy=policy, approvals=True, keyring=str(folder / "keyring.yaml")) as robot:
            agent = make_agent([robot], *SCRIPT)
            result = agent("Open the gripper.")
            while result.stop_reason == "interrupt":
                replies = []
                for interrupt in result.interrupts:
                    asked = interrupt.reason
                    print(f"\n{asked['tool']} needs a person: {asked['arguments']}")
                    ask_person(
                        "approvals", "approve", asked["request_id"], "--yes", "--key", str(folder / "keys" / "anna.key")
                    )
                    replies.append({"interruptResponse": {"interruptId": interrupt.id, "response": "look again"}})
                result = agent(replies)
            print(f"\nended: {result.stop_reason}")


if __name__ == "__main__":
    main()
