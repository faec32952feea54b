"""The condition that ends a run early: what a robot's own joints and the time can say. ROS-free; no I/O."""

from __future__ import annotations

from collections.abc import Iterable

from strands_robots.core.condition import Watch, names_of, parse_condition
from strands_robots.core.errors import ConfigurationError, UnknownNameError, WorldError
from strands_robots.core.types import Observation


class StopCondition:
    """Follows a goal's stop_when.

    Args:
        text: The condition, YAML or JSON.

    Raises:
        ConfigurationError: If it is none, or asks for bodies, which a robot does not know.
    """

    def __init__(self, text: str) -> None:
        condition = parse_condition(text, "stop_when")
        self._joints, bodies = names_of(condition)
        if bodies:
            raise ConfigurationError(
                f"stop_when names bodies ({', '.join(sorted(bodies))}), which a robot does not measure; valid: joints and time"
            )
        self._watch = Watch(condition)

    def check_joints(self, names: Iterable[str]) -> None:
        """Raise UnknownNameError if the robot lacks a joint that the condition names."""
        known = list(names)
        for joint in sorted(self._joints):
            if joint not in known:
                raise UnknownNameError("joint of stop_when", joint, known)

    def is_met(self, observation: Observation, elapsed: float) -> bool:
        """Return whether the condition holds at `elapsed` [s] since the start; call in order of time."""
        return self._watch.holds(_ObservationFacts(observation, elapsed))


class _ObservationFacts:
    def __init__(self, observation: Observation, elapsed: float) -> None:
        self._observation = observation
        self.time = elapsed

    def joint(self, name: str, quantity: str) -> float:
        column = self._observation.joint_names.index(name)
        return float(getattr(self._observation, quantity)[column])

    def body(self, name: str) -> tuple[float, float, float]:
        raise WorldError(f"a robot does not know where '{name}' is")

    def in_contact(self, first: str, second: str) -> bool:
        raise WorldError(f"a robot does not know whether '{first}' touches '{second}'")
