"""What safety_node and those who ask for stops say -> events. No I/O."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass

from strands_robots.audit.event import Durability
from strands_robots.audit.watches.gate import Report

_MOST_SUPERVISORS = 8
_MOST_REQUESTS = 256
_BEGINNING = 64
"""Bytes of a request that cannot be read that are kept."""


@dataclass(frozen=True)
class SafetyView:
    """The fields of msg/SafetyState that the audit log looks at."""

    session: str
    run_id: str
    state: str
    arm_epoch: int
    stop_id: int
    stop_source: str
    stop_reason: str
    message: str
    robots: tuple[str, ...] = ()


class SafetyWatch:
    """Compares each state of the graph's latch with the one before, for each supervisor that speaks.

    Args:
        report: Takes what is to be recorded.
        silence: A supervisor that says nothing for this long is reported as silent [s].
    """

    def __init__(self, report: Report, silence: float = 1.0) -> None:
        self._report = report
        self._silence = silence
        self._last: OrderedDict[str, tuple[SafetyView, float]] = OrderedDict()
        self._silent: set[str] = set()

    def see(self, view: SafetyView, now: float) -> None:
        """Take the newest state, at a time of the steady clock [s]."""
        known = self._last.get(view.session)
        if known is None:
            others = sorted(session for session in self._last if session not in self._silent)
            self._report("supervisor_start", {"session": view.session, "run_id": view.run_id, "others_alive": others})
        if view.session in self._silent:
            self._silent.discard(view.session)
            self._report("supervisor_back", {"session": view.session})
        self._last[view.session] = (view, now)
        self._last.move_to_end(view.session)
        if len(self._last) > _MOST_SUPERVISORS:
            self._silent.discard(self._last.popitem(last=False)[0])
        self._compare(known[0] if known else None, view)

    def tick(self, now: float) -> None:
        """Report supervisors that fell silent, at a time of the steady clock [s]."""
        for session, (view, heard) in self._last.items():
            if session not in self._silent and now - heard > self._silence:
                self._silent.add(session)
                details = {"session": session, "state": view.state, "last_heard_before": round(now - heard, 3)}
                self._report("supervisor_silent", details, durability=Durability.NOW)

    def _compare(self, last: SafetyView | None, view: SafetyView) -> None:
        details = {
            "state": view.state,
            "stop_id": view.stop_id,
            "arm_epoch": view.arm_epoch,
            "reason": view.stop_reason,
            "message": view.message,
            "robots": view.robots,
            "session": view.session,
        }
        if last is None:
            self._report("safety_state", details, actor=view.stop_source)
        elif view.stop_id > last.stop_id or (last.state == "armed") > (view.state == "armed"):
            self._report("stop", details, actor=view.stop_source, durability=Durability.NOW)
        elif view.arm_epoch > last.arm_epoch:
            self._report("resume", details, durability=Durability.NOW)
        elif view.state != last.state:
            durability = Durability.NOW if view.state == "stop_not_confirmed" else Durability.LATER
            self._report("safety_state", details, actor=view.stop_source, durability=durability)


class StopRequestWatch:
    """Reports the first of equal stop requests at once and counts the rest until the next `flush`.

    Args:
        report: Takes what is to be recorded.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._repeated: Counter[tuple[str, str, str]] = Counter()
        self._seen: set[tuple[str, str, str]] = set()
        self._malformed = b""

    def see_malformed(self, data: bytes, problem: str) -> None:
        """Take a request that could not be read: its bytes and why."""
        self._malformed = data
        self.see("", "", problem or "not a StopRequest")

    def see(self, source: str, reason: str, problem: str = "") -> None:
        """Take a request; `problem` says why it could not be read, if it could not."""
        key = (source, reason, problem)
        if key not in self._seen and len(self._seen) >= _MOST_REQUESTS:
            key = ("", "too many different requests", "")
        if key in self._seen:
            self._repeated[key] += 1
            return
        self._seen.add(key)
        self._send(key, 1)

    def flush(self) -> None:
        """Once a second: report how often equal requests came."""
        for key, count in self._repeated.items():
            self._send(key, count)
        self._repeated.clear()
        self._seen.clear()

    def _send(self, key: tuple[str, str, str], count: int) -> None:
        source, reason, problem = key
        details: dict[str, object] = {"reason": reason, "count": count, "way": "topic"}
        if problem:
            details |= {"malformed": problem, "bytes": len(self._malformed), "beginning": self._malformed[:_BEGINNING]}
        kind = "stop_malformed" if problem else "stop_request"
        self._report(kind, details, actor=source, durability=Durability.NOW)
