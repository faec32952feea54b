"""Judges a run of a policy when it has ended: looks at the world before and after. ROS-free."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.types import Instant
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.policy_goal import PolicySession
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.policies.run.snapshot import Snapshot
from strands_robots.policies.scripted.aim import ConditionAim, Measured, aims_of

SETTLING = 1.0
"""So long a world in real time may take after the run until what was to be achieved is measured [s, steady time]."""

PAUSE = 0.2
"""Between two looks at it [s, steady time]."""

Look = Callable[[], Snapshot]
"""Returns what the world looks like now; raises WorldError when it does not answer."""

_ENDED_WELL = (RunReason.COMPLETED, RunReason.CONDITION_MET)


class Judge:
    """Follows one run.

    Args:
        goal: The goal.

    Attributes:
        measured: What was measured; None before, and where nothing is.
        unmeasured: Why nothing is measured of a run that is for something; else empty.
        ended: When the run ended; None before.

    Raises:
        ConfigurationError: If what it is to achieve cannot be read.
    """

    def __init__(self, goal: PolicyGoal) -> None:
        self._goal = goal
        self._aims = aims_of(goal.policy, goal.config, goal.success_when)
        self._look: Look | None = None
        self.measured: Measured | None = None
        self.unmeasured = ""
        self.ended: Instant | None = None

    def before(self, look: Look | None) -> None:
        """Look at the world before the run.

        Args:
            look: Looks at the simulated world; None where there is none.

        Raises:
            ConfigurationError: If the condition needs a world, and there is none.
            StrandsRobotsError: If it names what is not there.
        """
        self._look = look
        if not self._aims:
            return
        if look is None:
            self._drop_what_needs_a_world()
            return
        world = look()
        for aim in self._aims:
            aim.before(world)

    def after(self, session: PolicySession, ended: Instant) -> None:
        """Measure what became of it, once the run has ended well, at `ended`; else nothing is measured."""
        run = session.run
        self.ended = ended
        with session.changed:
            ending, seen = run.ending, run.observation
        if not self._aims or ending is None or ending.reason not in _ENDED_WELL or seen is None:
            return
        deadline = time.monotonic() + (0.0 if self._goal.lockstep else SETTLING)
        while True:
            with session.changed:
                seen = run.observation or seen
            try:
                world = self._look() if self._look is not None else EMPTY
                found = [
                    aim.after(world, seen, run.elapsed(Instant(seen.stamp, time.monotonic()))) for aim in self._aims
                ]
            except StrandsRobotsError as error:
                found = [Measured(False, f"it could not be measured: {error}", is_known=False)]
            words = "; ".join(each.words for each in found)
            self.measured = Measured(all(e.is_done for e in found), words, all(e.is_known for e in found))
            if self.measured.is_done or time.monotonic() > deadline:
                return
            time.sleep(PAUSE)

    def judged(self, outcome: RunOutcome) -> RunOutcome:
        """Return an outcome with what was measured; a run that did not do what it was for did not succeed."""
        measured = self.measured
        if measured is None:
            return replace(outcome, measured=self.unmeasured)
        known = replace(outcome, task_checked=measured.is_known, task_done=measured.is_done, measured=measured.words)
        if not outcome.success or measured.is_done:
            return replace(known, message=f"{outcome.message}; {measured.words}")
        return replace(
            known,
            success=False,
            reason=RunReason.NOT_ACHIEVED,
            message=f"{measured.words} (the run itself: {outcome.message})",
        )

    def _drop_what_needs_a_world(self) -> None:
        kept = []
        for aim in self._aims:
            if not isinstance(aim, ConditionAim):
                self.unmeasured = (
                    "whether the object was lifted or is in place was not measured: there is no simulated world"
                )
            elif aim.bodies:
                raise ConfigurationError(
                    f"success_when names bodies ({', '.join(sorted(aim.bodies))}), and there is no simulated world to measure "
                    "them in; valid: joints and time"
                )
            else:
                kept.append(aim)
        self._aims = list(kept)


EMPTY = Snapshot("", {}, {}, frozenset(), frozenset())
"""What conditions see that need no world."""
