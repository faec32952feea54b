"""A simulated servo bus on a pseudo-terminal, and the calibration that LeRobot would have written for its arm."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from strands_robots import load_robot

STEPS = 4096 / (2 * math.pi)
"""Steps of a servo's sensor for each radian; 2047 is the middle."""


@contextlib.contextmanager
def servo_bus() -> Iterator[dict[str, str]]:
    """Run a bus with an SO-101 behind it and give the port and the calibration file."""
    with tempfile.TemporaryDirectory() as folder:
        port, calibration = str(Path(folder) / "bus"), Path(folder) / "calibration.json"
        limits = load_robot("so101").joints
        entries = {
            name: {
                "id": number, "drive_mode": 0, "homing_offset": 0,
                "range_min": 2047 + round(joint.lower * STEPS), "range_max": 2047 + round(joint.upper * STEPS),
            }
            for number, (name, joint) in enumerate(limits.items(), 1)
        }  # fmt: skip
        calibration.write_text(json.dumps(entries), encoding="ascii")
        command = [sys.executable, "-m", "strands_robots.cli.entry", "servo-bus", "--link", port]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None and process.stdout.readline().startswith("port: ")
                yield {"port": port, "calibration": str(calibration)}
            finally:
                process.terminate()
