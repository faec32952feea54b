"""One policy for another by one keyword: the same line runs `sine`, `scripted`, or a trained one of LeRobot.

    python examples/swap_policy.py
    python examples/swap_policy.py lerobot path=outputs/train/act/checkpoints/last/pretrained_model task="pick up the cube"

Starts a simulated SO-101, or uses the graph that runs.
"""

from __future__ import annotations

import sys
from typing import Any

from strands_robots import Robot

POLICIES: dict[str, dict[str, Any]] = {
    "hold": {},
    "sine": {"joints": {"shoulder_pan": [{"amplitude": 0.3, "frequency": 0.5}]}},
    "scripted": {"waypoints": [{"joints": {"shoulder_pan": -0.3}}, {"joints": {"shoulder_pan": 0.0}}]},
}


def main() -> None:
    """Run each policy for three seconds, or the one that was given."""
    chosen = POLICIES
    if len(sys.argv) > 1:
        chosen = {sys.argv[1]: dict(word.split("=", 1) for word in sys.argv[2:])}
    with Robot("so101") as robot:
        for policy, settings in chosen.items():
            result = robot.run_policy(policy, duration=3.0, **settings)
            moved = max(result.motion.values())
            print(f"{policy}: {result.reason}, {result.steps} rows, the joint that moved most by {moved:.2f} rad")


if __name__ == "__main__":
    main()
