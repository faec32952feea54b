"""Two arms of one graph: moved at the same time by plain Python, then one by one by an agent that has both.

    python examples/two_arms.py
    STRANDS_ROBOTS_MODEL=bedrock python examples/two_arms.py

Needs requirements/agent.txt. Starts a simulation of two SO-101, or uses the graph that runs when it has a left and a right one.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from _model import make_agent

from strands_robots import Robot

ARMS = "left=so101@0,0.3,0 right=so101@0,-0.3,0"
SCRIPT = [
    ("describe_robot", {}),
    ("move_to", {"robot": "left", "joints": {"shoulder_pan": 0.0}, "wait": 30}),
    ("move_to", {"robot": "right", "joints": {"shoulder_pan": 0.0}, "wait": 30}),
    "Both arms look ahead again.",
]


def main() -> None:
    """Turn both arms outwards at once, and have an agent turn them back."""
    with Robot("left", robots=ARMS) as left, Robot("right") as right:
        with ThreadPoolExecutor() as both:
            turned = both.map(lambda arm: arm[0].move_to({"shoulder_pan": arm[1]}), [(left, 0.6), (right, -0.6)])
        print("at the same time:", ", ".join(result.reason for result in turned))
        make_agent([left, right], *SCRIPT)("Turn both arms straight ahead, the left one first.")
        print("\nshoulder_pan:", *(f"{arm.name} {arm.observe().joints['shoulder_pan']:.2f}" for arm in (left, right)))


if __name__ == "__main__":
    main()
