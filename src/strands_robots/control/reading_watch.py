"""Supervision of what else a robot node measures: contact forces, temperatures and currents of its drives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from strands_robots.control.alarm import Alarm, AlarmKind
from strands_robots.control.joint_watch import Persistence
from strands_robots.control.readings import Readings
from strands_robots.core.arrays import FloatArray
from strands_robots.core.text import printable
from strands_robots.description.per_joint import per_joint

if TYPE_CHECKING:  # Nodes that only read messages of a gate start without pydantic.
    from strands_robots.description.supervision_config import ContactConfig, DriveHealthConfig


class ContactWatch:
    """Stops a robot that pushes too hard against what is not this robot; fingers, which grip, have a limit of their own."""

    def __init__(self, config: ContactConfig) -> None:
        finger_force = np.inf if config.finger_force is None else config.finger_force
        self._force, self._finger_force = config.force, float(finger_force)
        self._persistence = Persistence(np.array([config.force, finger_force]), config.time)
        self._forces: FloatArray = np.zeros(2)

    def restart(self) -> None:
        """Begin anew, because the robot was armed or put somewhere else."""
        self._persistence.restart()

    def check(self, readings: Readings, dt: float) -> Alarm | None:
        """Judge the contact forces after another `dt` [s]."""
        is_light = readings.contact_force <= self._force and readings.finger_force <= self._finger_force
        if is_light and self._persistence.is_quiet:
            return None
        self._forces[0], self._forces[1] = readings.contact_force, readings.finger_force
        which = self._persistence.update(self._forces, dt)
        if which is None:
            return None
        part, other = (("arm", readings.contact_with), ("fingers", readings.finger_with))[which]
        limit = self._persistence
        return Alarm(
            AlarmKind.CONTACT,
            f"{part} and '{printable(other)}' press with {self._forces[which]:.1f} N for {limit.duration:.2f} s; "
            f"valid: up to {limit.limits[which]:.1f} N",
        )


class HealthWatch:
    """Stops a robot whose drives are too hot or draw too much, or do not say so any more.

    Args:
        kind: TEMPERATURE or CURRENT.
        config: Thresholds.
        names: Joint names, length D.
        unit: For messages.
    """

    def __init__(self, kind: AlarmKind, config: DriveHealthConfig, names: tuple[str, ...], unit: str) -> None:
        self._kind = kind
        self._names = names
        self._unit = unit
        self._max_age = config.max_age
        self._persistence = Persistence(per_joint(config.limit, names), config.time)
        self._watched = np.isfinite(self._persistence.limits)
        self._is_missing = np.zeros(len(names), dtype=bool)
        self._missing_since: float | None = None

    def restart(self) -> None:
        """Begin anew, because the robot was armed."""
        self._persistence.restart()
        self._missing_since = None

    def check(self, values: FloatArray, measured: float, steady: float, dt: float) -> Alarm | None:
        """Judge one value for each joint (D,), NaN where it could not be read.

        Args:
            values: [deg C] or [A].
            measured: When they were read [s, steady time].
            steady: Now.
            dt: Time since the last check [s].
        """
        silent = self._missing(values, measured, steady)
        if silent is not None:
            return silent
        joint = self._persistence.update(values, dt)
        if joint is None:
            return None
        limit = self._persistence
        return Alarm(
            self._kind,
            f"'{self._names[joint]}' has {values[joint]:.1f} {self._unit} for {limit.duration:.2f} s; "
            f"valid: up to {limit.limits[joint]:.1f} {self._unit}",
        )

    def _missing(self, values: FloatArray, measured: float, steady: float) -> Alarm | None:
        np.isnan(values, out=self._is_missing)
        np.logical_and(self._is_missing, self._watched, out=self._is_missing)
        if not self._is_missing.any():
            self._missing_since = None
            since = measured
        else:
            if self._missing_since is None:
                self._missing_since = steady
            since = min(self._missing_since, measured)
        if steady - since <= self._max_age:
            return None
        which = f"'{self._names[int(self._is_missing.argmax())]}'" if self._is_missing.any() else "the drives"
        return Alarm(
            self._kind, f"no reading of {which} for {steady - since:.1f} s; valid: at least every {self._max_age} s"
        )
