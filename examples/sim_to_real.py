"""From simulation to an arm by one argument: the same lines move a simulated SO-101, one on a servo bus, and a real one.

    python examples/sim_to_real.py
    python examples/sim_to_real.py bus                                     # a simulated servo bus: the real driver, no arm
    python examples/sim_to_real.py real port=/dev/ttyACM0 arm=my_arm       # hardware

`bus` and `real` need LeRobot (make setup-learning). A real graph starts stopped: a person resumes it with `strands-robots resume`.
"""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from _person import ask_person
from _servo_bus import servo_bus

from strands_robots import Robot


def demo(robot: Robot) -> None:
    """Look where the arm is and turn it by a little."""
    start = robot.observe().joints["shoulder_pan"]
    robot.move_to({"shoulder_pan": start + 0.2}, speed=0.2)
    back = robot.move_to({"shoulder_pan": start}, speed=0.2)
    print(f"turned and {back.reason} {start:.2f} rad again, {1e3 * back.joint_error:.0f} mrad off")


def main() -> None:
    """Run the demonstration on what was asked for."""
    kind, settings = (sys.argv[1] if len(sys.argv) > 1 else "sim"), dict(word.split("=", 1) for word in sys.argv[2:])
    with contextlib.ExitStack() as stack:
        options: dict[str, Any] = stack.enter_context(servo_bus()) if kind == "bus" else settings
        robot = stack.enter_context(Robot("so101", mode="sim" if kind == "sim" else "real", **options))
        print(robot)
        if robot.observe().is_stopped:
            ask_person("resume", "--reason", "no person is near the arm")
            robot.wait_until_armed()
        demo(robot)


if __name__ == "__main__":
    main()
