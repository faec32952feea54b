"""One program for a simulated and a real arm: a policy moves it, and an episode is recorded. One argument says which arm.

    python examples/sim_or_real.py sim
    python examples/sim_or_real.py real     # in other terminals: strands-robots real ... --recorder, then strands-robots resume

Without an arm, `strands-robots servo-bus` is one (docs/how_to/connect_a_real_arm.md). Both datasets have the same features.
"""

from __future__ import annotations

import sys

from strands_robots import Robot

SWING = {"shoulder_pan": [{"amplitude": 0.2, "frequency": 0.5}]}


def main(mode: str) -> None:
    """Record one episode of a swinging shoulder."""
    with Robot("so101", mode=mode) as robot:
        with robot.record(f"local/swing_{mode}", task="swing the shoulder") as episode:
            ran = robot.run_policy("sine", duration=3.0, joints=SWING)
        print(f"{ran.reason}: {ran.message}")
        print(episode.result.message, episode.result.root)


if __name__ == "__main__":
    if sys.argv[1:] not in (["sim"], ["real"]):
        raise SystemExit("which arm? valid: sim or real")
    main(sys.argv[1])
