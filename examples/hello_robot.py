"""A robot in one line: starts a simulated SO-101, or uses the graph that runs, looks around, moves and stops.

python examples/hello_robot.py
"""

from __future__ import annotations

from strands_robots import Robot


def main() -> None:
    """Move a robot and look through its camera."""
    with Robot("so101") as robot:
        print(robot)
        reached = robot.move_to({"shoulder_pan": 0.4})
        print(f"{reached.reason}: {reached.message}")
        robot.look("wrist", width=320).save("wrist.png")
        print("shoulder_pan is", round(robot.observe().joints["shoulder_pan"], 2))


if __name__ == "__main__":
    main()
