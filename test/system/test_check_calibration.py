"""check-calibration on the whole graph of a real arm: nothing drifts by itself, a slipped horn and a new calibration are found."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from drivers.simulated_bus import MOUNTS, write_calibration
from graph import wait_for
from lifecycle_msgs.msg import Transition

from strands_robots.drivers.calibration_marks import marks_path
from strands_robots.servo_bus.feetech_registers import TICKS_PER_RADIAN

pytest.importorskip("lerobot.motors.feetech")
from .real_arm import ELBOW, LIMITS, RealArm, real_arm

pytestmark = [pytest.mark.long, pytest.mark.learning]


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealArm]:
    with real_arm(tmp_path_factory.mktemp("real")) as arm:
        yield arm


def command(arm: RealArm, *words: str) -> tuple[int, str]:
    """Run a command of strands-robots on the arm's graph; return exit code and output."""
    done = subprocess.run(
        [sys.executable, "-m", "strands_robots.cli.entry", *words, "--robot", "so101"],
        env=arm.graph.environment, capture_output=True, text=True, timeout=90.0, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def findings(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]  # warnings may follow
    return found


def drifted(account: dict[str, Any], pose: str) -> list[str]:
    return [entry["joint"] for entry in account["poses"][pose] if not entry["is_fine"]]


def test_arm_is_marked_and_found_where_it_was_then_a_slipped_horn_and_a_new_calibration_are_found(arm: RealArm) -> None:
    code, text = command(arm, "check-calibration", "run")
    assert code == 1 and "no pose is marked" in text, text

    # Marked, moved away, and found again.
    arm.resume()
    code, text = command(arm, "check-calibration", "mark", "there")
    assert code == 0 and marks_path(arm.calibration).is_file(), text
    marked = arm.truth()
    code, text = command(arm, "move", "shoulder_pan=0.4", "elbow_flex=0.3")
    assert code == 0, text
    code, text = command(arm, "check-calibration", "here", "there", "--json")
    assert code == 3 and "shoulder_pan" in drifted(findings(text), "there"), text
    code, text = command(arm, "check-calibration", "run", "--json", "--speed", "0.3")
    assert code == 0, text
    assert findings(text)["is_fine"] and drifted(findings(text), "there") == [], text

    # A horn slips: the arm goes where its sensor says and sees nothing; set by hand into the marked pose it does.
    assert arm.change(Transition.TRANSITION_DEACTIVATE) and arm.change(Transition.TRANSITION_CLEANUP)
    arm.bus.do("slip elbow_flex 5")
    assert arm.change(Transition.TRANSITION_CONFIGURE)
    for name, position in zip(LIMITS.names, marked):
        arm.bus.do(f"stall {name}")
        arm.bus.do(f"place {name} {position:.4f}")
    wait_for(lambda: abs(arm.position(ELBOW) - marked[ELBOW] - math.radians(5.0)) < 0.02, 5.0, "the sensor's word")
    code, text = command(arm, "check-calibration", "here", "there", "--json")
    assert code == 3 and drifted(findings(text), "there") == ["elbow_flex"], text
    entry = findings(text)["poses"]["there"][ELBOW]
    assert entry["position"] == pytest.approx(5.0, abs=0.5)

    # Calibrated anew with that joint's middle elsewhere: servo's memory and file agree again, and the shaft tells.
    assert arm.change(Transition.TRANSITION_CLEANUP)
    arm.bus.do("slip elbow_flex -5")
    _recalibrate(arm, round(math.radians(4.0) * TICKS_PER_RADIAN))
    arm.connect_again()
    arm.bus.do("heal")
    arm.resume()
    code, text = command(arm, "check-calibration", "run", "--json", "--speed", "0.3")
    assert code == 3 and drifted(findings(text), "there") == ["elbow_flex"], text
    assert findings(text)["calibration_changed_since"] == ["there"]
    assert abs(findings(text)["poses"]["there"][ELBOW]["shaft"]) == pytest.approx(4.0, abs=0.7)


def _recalibrate(arm: RealArm, steps: int) -> None:
    """Move the middle of the elbow's travel by so many steps, in file and servo, as a new calibration does."""
    from lerobot.motors import Motor, MotorNormMode
    from lerobot.motors.feetech import FeetechMotorsBus

    mounts = (*MOUNTS[:ELBOW], MOUNTS[ELBOW] + steps, *MOUNTS[ELBOW + 1 :])
    write_calibration(arm.calibration, mounts)
    bus = FeetechMotorsBus(arm.bus.port, {"elbow_flex": Motor(ELBOW + 1, "sts3215", MotorNormMode.DEGREES)})
    bus.connect(handshake=False)
    bus.disable_torque(num_retry=5)
    bus.write("Homing_Offset", "elbow_flex", mounts[ELBOW] - 2047, normalize=False, num_retry=5)
    bus.disconnect(disable_torque=False)
