"""Policy "sine": a declared sum of sines on named joints.

Deterministic from the observations' stamps; for demonstrations and tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import PolicyError, UnknownNameError
from strands_robots.core.types import Action, Element, JointLimits, Observation, Playback, PolicyGives, PolicyNeeds
from strands_robots.policies.provider import PolicyContext, PolicyOptions, read_options

RAMP_PEAK = 1.875
"""Largest slope of the ramp, in 1 / ramp time."""


class Wave(BaseModel):
    """amplitude * sin(2 pi frequency t + phase)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    amplitude: Annotated[float, Field(description="[rad] or [m]")]
    frequency: Annotated[float, Field(gt=0.0, description="[Hz]")]
    phase: Annotated[float, Field(description="[rad]")] = 0.0


class SineOptions(PolicyOptions):
    """Settings of "sine".

    Attributes:
        joints: Waves of each joint that moves; the others are not commanded.
        center: Position around which a joint moves [rad]; where it is missing, the position at the start.
        ramp: Time from rest to full amplitude [s].
    """

    joints: Annotated[
        dict[str, Annotated[tuple[Wave, ...], Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=64)
    ]
    center: dict[str, float] = Field(default_factory=dict)
    ramp: Annotated[float, Field(gt=0.0, le=60.0)] = 1.0

    @model_validator(mode="after")
    def _consistent(self) -> SineOptions:
        for joint in self.center:
            if joint not in self.joints:
                raise ValueError(f"center names '{joint}', which has no waves; valid: {', '.join(self.joints)}")
        fastest = max(wave.frequency for waves in self.joints.values() for wave in waves)
        if fastest > self.rate / 4.0:
            raise ValueError(
                f"a frequency of {fastest} Hz cannot be drawn with {self.rate} rows a second; "
                f"valid: up to {self.rate / 4.0}"
            )
        return self


class SinePolicy:
    """Moves each joint from its position at the start into its waves, beginning at rest.

    Args:
        options: Settings.
        limits: Limits of the robot's joints; None checks nothing.

    Raises:
        PolicyError: If the waves reach over a limit.
    """

    def __init__(self, options: SineOptions, limits: JointLimits | None) -> None:
        self._options = options
        self._names = tuple(options.joints)
        waves = [[(joint, *wave.model_dump().values()) for wave in options.joints[joint]] for joint in self._names]
        flat = [wave for of_joint in waves for wave in of_joint]
        self._amplitude, self._omega, self._phase = (
            np.array([wave[column] for wave in flat]) * scale
            for column, scale in ((1, 1.0), (2, 2.0 * math.pi), (3, 1.0))
        )
        self._sum = np.array([[float(wave[0] == joint) for wave in flat] for joint in self._names])
        self._limits = limits
        self._start: FloatArray | None = None
        self._center: FloatArray = np.zeros(len(self._names))
        self._start_stamp = 0.0
        self.needs = PolicyNeeds()
        self.gives = PolicyGives(
            tuple(Element(joint, "rad") for joint in self._names), horizon=options.horizon, rate=options.rate
        )
        if limits is not None:
            for joint in self._names:
                if joint not in limits.index:
                    raise UnknownNameError("joint of policy 'sine'", joint, limits.names)
            known = np.array([options.center.get(joint, math.nan) for joint in self._names])
            self._check(known, known, limits)

    def reset(self, seed: int) -> None:
        """Start at the next observation; nothing here is random."""
        self._start = None

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) [rad] from the observation's stamp on.

        Raises:
            PolicyError: If a joint is missing, or the waves around the start reach over a limit.
        """
        if self._start is None:
            self._begin(observation)
        period = 1.0 / self._options.rate
        times: FloatArray = (
            observation.stamp - self._start_stamp + np.arange(self._options.horizon, dtype=np.float64) * period
        )
        return Action(self._names, self.position_at(times), period)

    def position_at(self, times: FloatArray) -> FloatArray:
        """Return the positions (M, D) [rad] at `times` (M,) [s] since the first observation.

        Raises:
            PolicyError: If there was no observation yet.
        """
        if self._start is None:
            raise PolicyError("policy 'sine' has had no observation; valid: infer first")
        s = np.clip(times / self._options.ramp, 0.0, 1.0)[:, None]
        ramp = s**3 * (10.0 + s * (6.0 * s - 15.0))
        waves = self._amplitude * np.sin(self._omega * times[:, None] + self._phase)
        rows: FloatArray = self._start + ramp * (self._center - self._start + waves @ self._sum.T)
        return rows

    def close(self) -> None:
        """Nothing to free."""

    def _begin(self, observation: Observation) -> None:
        missing = [joint for joint in self._names if joint not in observation.joint_names]
        if missing:
            raise PolicyError(
                f"policy 'sine' moves {', '.join(missing)}; the robot has {', '.join(observation.joint_names)}"
            )
        start = np.array([observation.position[observation.joint_names.index(joint)] for joint in self._names])
        center = np.array([self._options.center.get(joint, start[i]) for i, joint in enumerate(self._names)])
        if self._limits is not None:
            self._check(start, center, self._limits)
        self._start, self._center, self._start_stamp = start, center, observation.stamp

    def _check(self, start: FloatArray, center: FloatArray, limits: JointLimits) -> None:
        """Check what is known (not NaN) of the path's bounds against the limits."""
        reach = self._sum @ np.abs(self._amplitude)
        cruise = self._sum @ np.abs(self._amplitude * self._omega)
        speed: FloatArray = cruise + np.nan_to_num(np.abs(center - start) + reach) * RAMP_PEAK / self._options.ramp
        for i, joint in enumerate(self._names):
            k = limits.index[joint]
            if center[i] - reach[i] < limits.lower[k] or center[i] + reach[i] > limits.upper[k]:
                raise PolicyError(
                    f"'{joint}' would move {reach[i]:.3f} rad around {center[i]:.3f}; "
                    f"valid: to stay within {limits.lower[k]:.3f} and {limits.upper[k]:.3f}"
                )
            if speed[i] > limits.velocity[k]:
                raise PolicyError(
                    f"'{joint}' would move at up to {speed[i]:.3f} rad/s; valid: up to {limits.velocity[k]:.3f} "
                    "(less amplitude or frequency, or a longer ramp)"
                )


def create(settings: Mapping[str, Any], context: PolicyContext) -> SinePolicy:
    """Provider of "sine"; raises ConfigurationError or PolicyError."""
    return SinePolicy(read_options(SineOptions, "sine", settings, context), context.limits)
