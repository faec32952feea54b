"""What one robot's gate says -> events: latch and lease changes, and refusals as counts per second. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Report = Callable[..., object]
"""Takes kind, details, and by name robot, actor and durability, as `EventSource.event` does."""


@dataclass(frozen=True)
class GateView:
    """The fields of msg/GateState that the audit log looks at."""

    robot: str
    session: str
    latched: bool
    latch_reason: str
    arm_epoch: int
    lease_holder: str
    refusals: Mapping[str, int] = field(default_factory=dict)
    last_refusal: str = ""


class GateWatch:
    """Compares each state of one gate with the one before.

    Args:
        report: Takes what is to be recorded.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._last: GateView | None = None
        self._counted: Mapping[str, int] = {}

    def see(self, view: GateView) -> None:
        """Take the newest state."""
        last = self._last
        if last is None or last.session != view.session:
            self.flush()
            self._counted = {}
            details: dict[str, object] = {"session": view.session, "previous_session": last.session if last else ""}
            self._report("robot_start", details, robot=view.robot)
            last = None
        if last is None or (last.latched, last.latch_reason, last.arm_epoch) != (
            view.latched,
            view.latch_reason,
            view.arm_epoch,
        ):
            details = {"latched": view.latched, "reason": view.latch_reason, "arm_epoch": view.arm_epoch}
            self._report("latch", details, robot=view.robot)
        holder = last.lease_holder if last is not None else ""
        if holder != view.lease_holder:
            details = {"holder": view.lease_holder, "previous_holder": holder}
            self._report("lease", details, robot=view.robot, actor=view.lease_holder)
        self._last = view

    def flush(self) -> None:
        """Once a second: report the refusals since the last call, as one event for each reason."""
        view = self._last
        if view is None:
            return
        for reason, count in view.refusals.items():
            new = count - self._counted.get(reason, 0)
            if new > 0:
                details = {"reason": reason, "count": new, "total": count, "last": view.last_refusal}
                self._report("gate_refusals", details, robot=view.robot)
        self._counted = dict(view.refusals)
