"""Any arm that LeRobot has a class for: its get_observation and send_action at a stated rate, in a thread of their own.

Slower and coarser than the drivers of our own: no temperatures, currents or counters, velocities from differences, and connecting does
what LeRobot's class does, which drops the torque of most arms for a moment.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.text import printable
from strands_robots.description.lerobot_units import robot_codec
from strands_robots.description.robot_config import RobotConfig
from strands_robots.drivers.calibration_plausibility import load_plausible
from strands_robots.drivers.driver import DriverError, Health, LinkLostError
from strands_robots.drivers.serial_ports import PortLock
from strands_robots.drivers.servo_driver import LINK_ERRORS, one_line

FAILURES = (*LINK_ERRORS, ValueError, KeyError)
"""What classes of LeRobot raise when an arm cannot be reached or read."""
ATTEMPTS = 3
"""How often LeRobot's class is asked to connect; it asks each servo once, and a lossy line fails sometimes."""
SMOOTHING = 0.05
"""Time constant of velocities [s]."""


@dataclass(frozen=True)
class LeRobotOptions:
    """Options of an arm behind a class of LeRobot.

    Attributes:
        kind: LeRobot's name of the class, as given to `--robot.type`.
        port: Serial port; empty for robots that have none.
        calibration: LeRobot's calibration file of this arm.
        rate: Exchanges with the arm [Hz].
        silence: Without an observation for this long the arm is lost [s].
    """

    kind: str
    port: str
    calibration: Path
    rate: float = 50.0
    silence: float = 0.3


class LeRobotDriver:
    """One arm behind a class of LeRobot; see `Driver`.

    Args:
        config: The robot; its joints are the class's keys "<joint>.pos".
        options: Options.
    """

    measures: tuple[str, ...] = ()
    sag_time = 0.03

    def __init__(self, config: RobotConfig, options: LeRobotOptions) -> None:
        self.health = Health()
        self.identity: dict[str, str] = {}
        self.complaint = ""
        self._config, self._options = config, options
        self._codec = robot_codec(config)
        size = len(config.joints)
        self._robot: Any = None
        self._lock: PortLock | None = None
        self._mutex = threading.Lock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._position: FloatArray = np.zeros(size)
        self._velocity: FloatArray = np.zeros(size)
        self._target: FloatArray | None = None
        self._has_torque = False
        self._heard = 0.0
        self._broken = self._failure = ""

    def connect(self) -> None:
        """See `Driver`; the class's own connect configures the arm and leaves its torque on or off as it likes."""
        options = self._options
        calibration = load_plausible(options.calibration, self._config)
        if options.port:
            self._lock = PortLock(options.port)
        try:
            self._robot = _connected_robot(options)
            if not self._robot.is_calibrated:
                raise DriverError(
                    f"calibration '{options.calibration}' is of another arm: what its servos remember differs; "
                    "valid: this arm's file, or lerobot-calibrate once more"
                )
            self._check_keys()
            self._exchange()
        except FAILURES as error:
            self.disconnect()
            raise DriverError(f"'{options.kind}' on port '{options.port}': {one_line(error)}") from error
        except DriverError:
            self.disconnect()
            raise
        self._over.clear()
        self._thread = threading.Thread(target=self._run, name=f"lerobot {options.kind}", daemon=True)
        self._thread.start()
        self.identity = {
            "port": options.port,
            "model": self._config.name,
            "lerobot": options.kind,
            "rate": f"{options.rate:g}",
            "calibration": str(calibration.path),
            "calibration_sha256": calibration.sha256,
            "calibration_written": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(calibration.written)),
            "calibration_age_days": f"{calibration.age_days:.1f}",
        }

    def read(self, position: FloatArray, velocity: FloatArray, effort: FloatArray) -> None:
        """See `Driver`; positions are those of the last exchange, the effort is not known and stays 0."""
        self._check_link()
        with self._mutex:
            position[:] = self._position
            velocity[:] = self._velocity

    def read_others(self, readings: Readings) -> None:
        """See `Driver`; LeRobot's classes tell nothing else."""

    def set_target(self, target: FloatArray) -> None:
        """See `Driver`; the next exchange sends it."""
        self._check_link()
        with self._mutex:
            if self._target is None:
                self._target = target.copy()
            self._target[:] = target

    def set_torque(self, enabled: bool) -> None:
        """See `Driver`; by the class's motor bus."""
        self._check_link()
        bus = getattr(self._robot, "bus", None)
        if bus is None:
            raise LinkLostError(f"'{self._options.kind}' has no motor bus of its own whose torque could be switched")
        with self._mutex:
            self._has_torque = False
            try:
                if enabled:
                    self._send()
                (bus.enable_torque if enabled else bus.disable_torque)(num_retry=5)
            except FAILURES as error:
                raise LinkLostError(f"torque cannot be switched: {one_line(error)}") from error
            self._has_torque = enabled

    def disconnect(self) -> None:
        """See `Driver`."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(2.0)
            self._thread = None
        if self._robot is not None and self._robot.is_connected:
            try:
                self._robot.disconnect()
            except FAILURES:
                self.health.counts["close_failed"] += 1
        self._robot = None
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _run(self) -> None:
        due = time.monotonic()
        while not self._over.is_set() and not self._broken:
            with self._mutex:
                try:
                    if self._has_torque:
                        self._send()
                    self._exchange()
                except FAILURES as error:
                    self.health.incomplete += 1
                    self.health.counts["missing"] += 1
                    # The first failure says why; LeRobot's later ones only that its port is in use.
                    self._failure = self._failure or one_line(error)
                    if time.monotonic() - self._heard > self._options.silence:
                        self._broken = self._failure
            due = max(due + 1.0 / self._options.rate, time.monotonic())
            self._over.wait(due - time.monotonic())

    def _exchange(self) -> None:
        observation = self._robot.get_observation()
        now = time.monotonic()
        numbers = np.array([float(observation[key]) for key in self._codec.keys])
        position = self._codec.to_si(numbers)
        elapsed = now - self._heard
        if 0.0 < elapsed < self._options.silence:
            part = elapsed / (elapsed + SMOOTHING)
            self._velocity += part * ((position - self._position) / elapsed - self._velocity)
        self._position[:] = position
        self._heard = now
        self._failure = ""
        self.health.cycles += 1

    def _send(self) -> None:
        if self._target is not None:
            self._robot.send_action(self._codec.by_key(self._target))

    def _check_link(self) -> None:
        if self._broken:
            raise LinkLostError(f"'{self._options.kind}': {self._broken}")
        age = time.monotonic() - self._heard
        if age > 2.0 * self._options.silence:
            raise LinkLostError(f"'{self._options.kind}' has not answered for {age:.2f} s")

    def _check_keys(self) -> None:
        given = [key for key, kind in self._robot.observation_features.items() if kind is float]
        if set(given) != set(self._codec.keys):
            raise DriverError(
                f"'{self._options.kind}' has {', '.join(given)}; valid for '{self._config.name}': {', '.join(self._codec.keys)}"
            )


def _register(kind: str) -> None:
    """Import the module that registers a robot of LeRobot; where its name does not say which, all of them, which takes seconds."""
    for name in (kind, re.sub(r"\d+", "", kind)):
        if importlib.util.find_spec(f"lerobot.robots.{name}") is not None:
            importlib.import_module(f"lerobot.robots.{name}")
            return
    importlib.import_module("lerobot.scripts.lerobot_calibrate")


def _connected_robot(options: LeRobotOptions) -> Any:
    """Return the class's robot, connected; what LeRobot asks once only is tried again as a whole."""
    for attempt in range(ATTEMPTS):
        robot = _make_robot(options)
        try:
            robot.connect(calibrate=False)
        except FAILURES:
            bus = getattr(robot, "bus", None)
            if bus is not None and bus.is_connected:
                bus.port_handler.closePort()
            if attempt == ATTEMPTS - 1:
                raise
        else:
            return robot
    raise AssertionError("unreachable")


def _make_robot(options: LeRobotOptions) -> Any:
    """Return the class's robot, not connected yet, in degrees and without cameras.

    Raises:
        DriverError: If there is no such class, or its numbers have no units that we know.
    """
    try:
        _register(options.kind)
        from lerobot.robots import RobotConfig as LeRobotConfig
        from lerobot.robots import make_robot_from_config
    except ImportError as error:
        raise ConfigurationError(
            f"LeRobot is not installed with what this arm needs ({error}); install it with: pip install 'lerobot[hardware]'"
        ) from error
    kinds = LeRobotConfig.get_known_choices()
    if options.kind not in kinds:
        raise DriverError(f"LeRobot has no robot '{printable(options.kind)}'; valid: {', '.join(sorted(kinds))}")
    config = kinds[options.kind]
    fields = {field.name for field in dataclasses.fields(config)}
    wanted: dict[str, Any] = {
        "id": options.calibration.stem,
        "calibration_dir": options.calibration.parent,
        "port": options.port,
        "use_degrees": True,
        "disable_torque_on_disconnect": False,
    }
    if "use_degrees" not in fields:
        raise DriverError(
            f"'{options.kind}' has no option use_degrees, so its numbers have no units that are known here; "
            "valid: robots of LeRobot that give degrees"
        )
    return make_robot_from_config(config(**{name: value for name, value in wanted.items() if name in fields}))
