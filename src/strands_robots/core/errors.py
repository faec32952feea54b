"""The one error tree of the package.

Every message says what was wrong, what was given and what is valid, in ASCII, because people and agents act on it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from strands_robots.core.text import printable


class StrandsRobotsError(Exception):
    """Root of every error that this package raises on purpose."""


class ConfigurationError(StrandsRobotsError):
    """A parameter, file or argument is not usable."""


class ModelError(ConfigurationError):
    """A robot or scene description (MJCF, URDF) cannot be used; carries the compiler's own words."""


class ModelFormatError(ModelError):
    """A description is neither MJCF nor URDF."""


class MissingFileError(ModelError):
    """A file that a description names is not there."""


class ShapeError(StrandsRobotsError):
    """An array has the wrong shape."""


class UnknownNameError(StrandsRobotsError):
    """A name is not known; the message lists the valid ones and the nearest."""

    def __init__(self, kind: str, given: str, valid: Iterable[str]) -> None:
        names = sorted(valid)
        near = difflib.get_close_matches(given, names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        super().__init__(f"unknown {kind} '{printable(given)}'; valid: {', '.join(names) or 'none'}{hint}")
        self.kind = kind
        self.given = given
        self.valid = names


class WorldError(StrandsRobotsError):
    """The simulated world cannot do what was asked in its present state."""


class RenderError(StrandsRobotsError):
    """A picture could not be made."""


class NoAnswerError(StrandsRobotsError):
    """A robot, service or action server is not there or does not answer."""


class PolicyError(StrandsRobotsError):
    """A policy cannot be made, or failed while it ran.

    Attributes:
        reason: The result's termination_reason; empty where the policy did not run on a robot.
    """

    def __init__(self, message: str = "", reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class NotAchievedError(PolicyError):
    """A policy works, and says by itself that it could not do the task: a failure in an evaluation, no error."""


class AdapterError(ConfigurationError):
    """Robot, adapter and policy do not fit; the message shows what each of them has."""


class ResumeRefusedError(StrandsRobotsError):
    """A resume was refused; the stop stays latched. `reason` names why, one of safety.resume.ResumeRefusal."""

    def __init__(self, message: str, reason: str = "refused") -> None:
        super().__init__(message)
        self.reason = reason


class MotionError(StrandsRobotsError):
    """A motion cannot be made as it was asked for, or did not get to its end.

    Attributes:
        reason: The result's termination_reason.
        miss: For an unreachable target, distance [m] and angle [rad] of the nearest pose found.
    """

    def __init__(self, reason: str, message: str, miss: tuple[float, float] = (0.0, 0.0)) -> None:
        super().__init__(message)
        self.reason = reason
        self.miss = miss
