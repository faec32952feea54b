"""One calibration of an arm that a person goes through step by step: LeRobot's command in a process, answered when the person says so.

Nothing in it moves the arm: LeRobot takes the torque of every servo away first, and ends where one does not acknowledge that.
What was recorded is judged before LeRobot is let write it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import Any

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import config_names
from strands_robots.core.worker_process import exit_words
from strands_robots.description.robot_config import RobotConfig, load_robot
from strands_robots.drivers.calibrate_command import calibrate_command
from strands_robots.drivers.calibration_plausibility import load_plausible
from strands_robots.drivers.driver import DriverError
from strands_robots.drivers.lerobot_calibration import CalibrationReading, CalibrationStep, check_travels, judged

END_TIME = 5.0
"""LeRobot is given this long to let go of the bus [s]."""

ANSWERS = {
    "use_file": (CalibrationStep.FILE, "\n"),
    "anew": (CalibrationStep.FILE, "c\n"),
    "middle": (CalibrationStep.MIDDLE, "\n"),
    "save": (CalibrationStep.RANGES, "\n"),
}
"""What a person says, the step at which it counts, and what LeRobot is answered."""


class ArmCalibration:
    """One calibration. `cancel` ends it; so does the end of this process.

    Args:
        robot: Robot, as for `strands-robots calibrate`; empty for a leader.
        leader: Or LeRobot's name of a leader arm.
        port: Serial port of the arm.
        arm: Id of the arm.

    Raises:
        ConfigurationError: If an argument cannot be used, or LeRobot cannot be run; nothing was touched then.
        DriverError: If the port is not there, or another program uses it; says which.
    """

    def __init__(self, robot: str, leader: str, port: str, arm: str) -> None:
        command, self._path = calibrate_command(robot, leader, port, arm)
        self._given = {"robot": robot, "leader": leader, "port": port, "arm": arm}
        self._config, self._has_gripper = _model(robot, leader), bool(robot)
        self._lock = threading.Lock()
        self._reading = CalibrationReading()
        self._failure, self._is_over, self._is_cancelled = "", False, False
        self._process, self._answers, self._life = _start(command)
        self._thread = threading.Thread(target=self._run, name="calibration", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """True once LeRobot has ended."""
        return self._is_over

    def answer(self, wish: str) -> None:
        """Go on to the next step, as a person wants it.

        Args:
            wish: One of ANSWERS.

        Raises:
            ConfigurationError: If LeRobot does not wait for that now.
            DriverError: If what was recorded cannot be the robot's; nothing is written then, and it goes on.
        """
        step, text = ANSWERS[wish]
        with self._lock:
            reading = self._reading
            if self._is_over or reading.step is not step:
                now = "it is over" if self._is_over else f"it is at '{reading.step.value}'"
                raise ConfigurationError(f"'{wish}' counts at '{step.value}', and {now}; valid: what the page offers")
            if step is CalibrationStep.RANGES and self._config is not None:
                check_travels(reading.travels, self._config, self._has_gripper)
            reading.answered()
            try:
                os.write(self._answers, text.encode())
            except OSError as error:
                raise ConfigurationError(f"LeRobot does not listen any more: {error.strerror}") from error

    def cancel(self) -> None:
        """End it: LeRobot lets go of the bus; what is in the servos stays, and the file stays as it is."""
        self._is_cancelled = True
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        threading.Thread(target=self._end, name="calibration end", daemon=True).start()

    def close(self) -> None:
        """End it at once."""
        self._is_cancelled = True
        self._process.kill()
        self._thread.join(END_TIME)

    def words(self) -> dict[str, Any]:
        """Return what a page shows of it; lengths in rad."""
        with self._lock:
            reading = self._reading
            travels = dict(reading.travels)
            said = {"step": reading.step.value, "lines": list(reading.lines)}
        joints = [] if self._config is None else judged(travels, self._config, self._has_gripper)
        return {
            **self._given, **said, "is_over": self._is_over, "failure": self._failure, "path": str(self._path or ""),
            "joints": [asdict(joint) for joint in joints],
        }  # fmt: skip

    def _end(self) -> None:
        try:
            self._process.wait(END_TIME)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _run(self) -> None:
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        while data := os.read(output, 65536):
            with self._lock:
                self._reading.feed(data.decode("utf-8", "replace"))
        code = self._process.wait()
        self._process.stdout.close()
        with self._lock:
            os.close(self._answers)
            os.close(self._life)
            self._failure = self._judge_end(code)
            self._is_over = True

    def _judge_end(self, code: int) -> str:
        """Return why nothing was calibrated; nothing where it was."""
        if self._is_cancelled:
            return (
                "ended before it was saved; the file is as it was. Where the middle was set already, the servos count from a new zero: "
                "calibrate anew, or write the file's calibration to them"
            )
        if code:
            return f"LeRobot ended with {exit_words(code)}: {'; '.join(self._reading.lines[-2:]) or 'it said nothing'}"
        if self._path is None or self._config is None:
            return ""
        if not self._path.is_file():
            return f"LeRobot wrote no '{self._path}'"
        try:
            load_plausible(self._path, self._config)
        except DriverError as error:
            return str(error)
        return ""


def _model(robot: str, leader: str) -> RobotConfig | None:
    """Return the robot that travels are held against: a leader's twin; None for a leader that has none."""
    name = robot or leader.removesuffix("_leader")
    return load_robot(name) if robot or name in config_names("robots") else None


def _start(command: list[str]) -> tuple[subprocess.Popen[bytes], int, int]:
    """Return LeRobot's process, where it is answered, and its lifeline.

    The process holds the writing end of its own input, too: an input that ended would read as Enter, which writes to the servos.
    """
    import importlib.util

    if importlib.util.find_spec("lerobot") is None:
        raise ConfigurationError("LeRobot is not installed; install it with: make setup-learning")
    life_read, life_write = os.pipe()
    answer_read, answer_write = os.pipe()
    child = [sys.executable, "-m", "strands_robots.drivers.calibration_child", str(life_read), *command[3:]]
    try:
        process = subprocess.Popen(
            child, stdin=answer_read, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, pass_fds=(life_read, answer_write),
            env={**os.environ, "PYTHONUNBUFFERED": "1"}, start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        for number in (life_write, answer_write):
            os.close(number)
        raise ConfigurationError(f"LeRobot's calibration cannot be run: {error.strerror}") from error
    finally:
        os.close(life_read)
        os.close(answer_read)
    return process, answer_write, life_write
