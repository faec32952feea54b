"""A dataset recorded by talking: an agent begins an episode, moves the arm, and ends it; the dataset is read back and checked.

    python examples/record_by_talking.py                                         # a script plays the model
    STRANDS_ROBOTS_MODEL=bedrock python examples/record_by_talking.py            # a real one

Needs LeRobot (make setup-learning) and requirements/agent.txt. Starts a simulated SO-101 with a recorder, or uses the graph that
runs.
"""

from __future__ import annotations

import time

from _model import make_agent

from strands_robots import Robot
from strands_robots.bringup.sim import ros_home
from strands_robots.dataset.verify import verify

REPO = f"me/wave-{time.time_ns() // 1_000_000_000}"
ASK = f"Record one episode of the arm waving twice into the dataset {REPO} at 20 Hz, then close the dataset."


def move(pan: float) -> tuple[str, dict[str, object]]:
    """Return a call that turns the arm."""
    return "move_to", {"robot": "so101", "joints": {"shoulder_pan": pan}, "speed": 0.8, "wait": 30}


SCRIPT = [
    ("describe_robot", {}),
    ("record_episode", {"do": "begin", "repo_id": REPO, "task": "wave twice", "fps": 20, "cameras": ["so101/wrist"]}),
    *(move(pan) for pan in (0.4, -0.4, 0.4, 0.0)),
    ("record_episode", {"do": "end", "outcome": "SUCCEEDED"}),
    ("record_episode", {"do": "close"}),
    "I recorded one episode of the arm waving twice.",
]


def main() -> None:
    """Ask the agent, then check what it recorded."""
    with Robot("so101", recorder=True) as robot:
        make_agent([robot], *SCRIPT)(ASK)
    verdict = verify(ros_home() / "strands_robots" / "datasets" / REPO, expected=1)
    print(f"\n{REPO}: {'verified' if verdict.is_good else verdict.errors}")


if __name__ == "__main__":
    main()
