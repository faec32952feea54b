"""How far a task is done, 0 to 1 at every instant, by its conditions: what a reward model estimates, the simulator knows. No I/O.

Each stage of the task, and success at the end, has the same share. Within its share a condition counts by how near it is to holding,
seen from where it began: a body that shall rise by 4 cm and has risen by 1 cm has done a quarter. What only holds or does not
(contacts, time) counts as 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from strands_robots.core.condition import (
    AllCondition,
    AnyCondition,
    AnyOfCondition,
    BodyCondition,
    Facts,
    JointCondition,
    LastingCondition,
    NotCondition,
    Watch,
)

NEARLY = 0.999
"""Progress stays below 1 until the success condition holds for as long as it says."""


class TrueProgress:
    """Follows a task's progress through one episode.

    Args:
        stages: The task's stages before success, in order.
        success: The success condition.
        facts: The world at the start of the episode.
        lowest: What a share falls to at most where a condition is farther from holding than where it began; 0 or less.
    """

    def __init__(
        self, stages: Sequence[AnyCondition], success: AnyCondition, facts: Facts, lowest: float = 0.0
    ) -> None:
        conditions = [*stages, success]
        self._watches = [Watch(condition) for condition in conditions]
        self._measures = [ConditionProgress(condition, lowest) for condition in conditions]
        self._reached = 0
        self._measures[0].begin(facts)

    def look(self, facts: Facts) -> float:
        """Take the present instant and return the progress; call in order of time."""
        while self._reached < len(self._watches) and self._watches[self._reached].holds(facts):
            self._reached += 1
            if self._reached < len(self._measures):
                self._measures[self._reached].begin(facts)
        if self._reached == len(self._watches):
            return 1.0
        within = min(self._measures[self._reached].share(facts), NEARLY)
        return (self._reached + within) / len(self._watches)


class ConditionProgress:
    """How near one condition is to holding, 0 to 1.

    Args:
        condition: The condition.
        lowest: See `TrueProgress`.
    """

    def __init__(self, condition: AnyCondition, lowest: float = 0.0) -> None:
        self._condition = condition
        self._lowest = lowest
        self._first: dict[int, float] = {}

    def begin(self, facts: Facts) -> None:
        """Take the instant from which progress counts."""
        self._first.clear()
        self._gap(self._condition, facts)

    def share(self, facts: Facts) -> float:
        """Return the present share; 1 where the condition holds, or only its duration is missing."""
        return self._gap(self._condition, facts)

    def _gap(self, condition: AnyCondition, facts: Facts) -> float:
        if isinstance(condition, LastingCondition):
            return self._gap(condition.holds, facts)
        if isinstance(condition, AllCondition):
            # Every part is asked, so that each one knows where it began.
            parts = [self._gap(part, facts) for part in condition.all]
            return sum(parts) / len(parts)
        if isinstance(condition, AnyOfCondition):
            return max([self._gap(part, facts) for part in condition.any])
        if isinstance(condition, NotCondition):
            return 1.0 if Watch(condition).holds(facts) else 0.0
        distance = distance_to(condition, facts)
        if distance is None:
            return 1.0 if Watch(condition).holds(facts) else 0.0
        first = self._first.setdefault(id(condition), distance)
        if distance <= 0.0:
            return 1.0
        return max(1.0 - distance / first, self._lowest) if first > 0.0 else 0.0


def distance_to(condition: AnyCondition, facts: Facts) -> float | None:
    """Return by how much a condition is missed [rad] or [m], 0 where it holds; None for what only holds or does not."""
    if isinstance(condition, JointCondition):
        value = facts.joint(condition.joint, condition.quantity)
        below = 0.0 if condition.above is None else condition.above - value
        above = 0.0 if condition.below is None else value - condition.below
        return max(below, above, 0.0)
    if isinstance(condition, BodyCondition):
        place = facts.body(condition.body)
        missed = [0.0 if condition.above_z is None else max(condition.above_z - place[2], 0.0)]
        goals = [goal for goal in (condition.at, facts.body(condition.near) if condition.near else None) if goal]
        within = condition.within if condition.within is not None else math.inf
        missed += [max(math.dist(place, goal) - within, 0.0) for goal in goals]
        return sum(missed)
    return None
