"""How far an episode got: which stages of the task were reached. No I/O."""

from __future__ import annotations

from collections.abc import Sequence

from strands_robots.core.condition import AllCondition, AnyCondition, Facts, LastingCondition, Watch


class Progress:
    """Follows a task's stages through one episode.

    Stages that the task names are reached in their order; a stage once reached stays so. Without any, the parts of a success
    condition that needs all of them count, the most that held at once.

    Args:
        stages: The task's stages before success, in order.
        success: The success condition.
    """

    def __init__(self, stages: Sequence[AnyCondition], success: AnyCondition) -> None:
        self._stages = [Watch(stage) for stage in stages]
        self._parts = [] if stages else [Watch(part) for part in _parts(success)]
        self._reached = 0

    def look(self, facts: Facts) -> None:
        """Take the present instant."""
        if self._parts:
            self._reached = max(self._reached, sum([part.holds(facts) for part in self._parts]))
        while self._reached < len(self._stages) and self._stages[self._reached].holds(facts):
            self._reached += 1

    def share(self, is_success: bool) -> float:
        """Return the stages reached, of all of them and success, 0 to 1; 1 only for a success."""
        if is_success:
            return 1.0
        return round(self._reached / (len(self._stages) + len(self._parts) + 1), 4)


def _parts(condition: AnyCondition) -> tuple[AnyCondition, ...]:
    if isinstance(condition, LastingCondition):
        return _parts(condition.holds)
    return condition.all if isinstance(condition, AllCondition) else ()
