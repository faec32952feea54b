"""What is seen of gates, the supervisor, the graph and the clocks becomes events, once for each change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from strands_robots.audit.event import Durability
from strands_robots.audit.watches.gate import GateView, GateWatch
from strands_robots.audit.watches.graph import NodeWatch, WallClockMonitor
from strands_robots.audit.watches.safety import SafetyView, SafetyWatch, StopRequestWatch

GATE = GateView("arm", "s1", True, "starting", 0, "")
SAFETY = SafetyView("s1", "run", "armed", 1, 0, "", "", "armed", ("arm",))


class Reports(list[tuple[str, dict[str, Any], dict[str, Any]]]):
    def take(self, kind: str, details: dict[str, Any], **names: Any) -> None:
        self.append((kind, details, names))

    def kinds(self) -> list[str]:
        kinds = [kind for kind, _, _ in self]
        return kinds

    def drain(self) -> list[str]:
        kinds = self.kinds()
        self.clear()
        return kinds


def test_gate_reports_changes_only() -> None:
    reports = Reports()
    watch = GateWatch(reports.take)
    watch.flush()
    for view in (GATE, GATE, replace(GATE, latched=False, latch_reason="", arm_epoch=1)):
        watch.see(view)
    assert reports.drain() == ["robot_start", "latch", "latch"]
    armed = replace(GATE, latched=False, latch_reason="", arm_epoch=1, lease_holder="policy/act")
    watch.see(armed)
    assert reports[0] == (
        "lease",
        {"holder": "policy/act", "previous_holder": ""},
        {"robot": "arm", "actor": "policy/act"},
    )
    reports.clear()
    watch.see(replace(armed, lease_holder=""))
    assert reports.drain() == ["lease"]


def test_refusals_are_counted_per_reason_and_flush() -> None:
    reports = Reports()
    watch = GateWatch(reports.take)
    for count in range(1, 1000):
        watch.see(replace(GATE, refusals={"expired": count, "lease": 2}, last_refusal="expired: old"))
    reports.clear()
    watch.flush()
    watch.flush()
    assert [(kind, details["reason"], details["count"]) for kind, details, _ in reports] == [
        ("gate_refusals", "expired", 999),
        ("gate_refusals", "lease", 2),
    ]
    watch.see(replace(GATE, refusals={"expired": 1001, "lease": 2}))
    watch.flush()
    assert reports[-1][1]["count"] == 2 and reports[-1][1]["total"] == 1001


def test_restarted_robot_counts_from_zero_and_loses_nothing() -> None:
    reports = Reports()
    watch = GateWatch(reports.take)
    watch.see(replace(GATE, refusals={"expired": 5}))
    watch.see(replace(GATE, session="s2", refusals={"expired": 1}))
    watch.flush()
    counts = [details["count"] for kind, details, _ in reports if kind == "gate_refusals"]
    assert counts == [5, 1]
    starts = [details for kind, details, _ in reports if kind == "robot_start"]
    assert starts[1] == {"session": "s2", "previous_session": "s1"}


def test_supervisor_reports_stop_and_resume_to_be_synced() -> None:
    reports = Reports()
    watch = SafetyWatch(reports.take)
    stopping = replace(SAFETY, state="stopping", stop_id=1, stop_source="operator/anna", stop_reason="smoke")
    views = [
        SAFETY,
        SAFETY,
        stopping,
        stopping,
        replace(stopping, state="stopped"),
        replace(stopping, stop_id=2),
        replace(stopping, stop_id=2, state="stop_not_confirmed"),
        replace(SAFETY, stop_id=2, arm_epoch=2),
    ]
    for place, view in enumerate(views):
        watch.see(view, place * 0.05)
    assert reports.kinds() == [
        "supervisor_start",
        "safety_state",
        "stop",
        "safety_state",
        "stop",
        "safety_state",
        "resume",
    ]
    now = [names.get("durability") for _, _, names in reports]
    assert [place for place, durability in enumerate(now) if durability is Durability.NOW] == [2, 4, 5, 6]
    assert reports[2][1]["reason"] == "smoke" and reports[2][2]["actor"] == "operator/anna"


def test_stop_without_a_new_number_is_a_stop() -> None:
    reports = Reports()
    watch = SafetyWatch(reports.take)
    watch.see(SAFETY, 0.0)
    watch.see(replace(SAFETY, state="stopping"), 0.1)
    assert reports.kinds()[-1] == "stop"


def test_silent_supervisor_and_its_return_are_reported_once() -> None:
    reports = Reports()
    watch = SafetyWatch(reports.take, silence=1.0)
    watch.see(SAFETY, 0.0)
    reports.clear()
    for now in (0.5, 1.5, 2.5):
        watch.tick(now)
    watch.see(SAFETY, 3.0)
    watch.see(SAFETY, 3.1)
    assert reports.kinds() == ["supervisor_silent", "supervisor_back"]


def test_second_supervisor_is_reported_beside_the_first() -> None:
    reports = Reports()
    watch = SafetyWatch(reports.take)
    watch.see(SAFETY, 0.0)
    watch.see(replace(SAFETY, session="s2"), 0.1)
    starts = [details for kind, details, _ in reports if kind == "supervisor_start"]
    assert starts[1]["others_alive"] == ["s1"]
    for number in range(20):
        watch.see(replace(SAFETY, session=f"forged {number}"), 0.2)
    assert len(watch._last) <= 8


def test_equal_stop_requests_are_counted() -> None:
    reports = Reports()
    watch = StopRequestWatch(reports.take)
    for _ in range(1000):
        watch.see("operator/anna", "smoke")
    watch.see_malformed(b"\xff" * 5000, "cannot be read")
    watch.flush()
    watch.flush()
    watch.see("operator/anna", "smoke")
    assert [(details["reason"], details["count"]) for _, details, _ in reports] == [
        ("smoke", 1),
        ("", 1),
        ("smoke", 999),
        ("smoke", 1),
    ]
    assert reports.kinds() == ["stop_request", "stop_malformed", "stop_request", "stop_request"]
    assert reports[1][1] == {
        "reason": "", "count": 1, "way": "topic", "malformed": "cannot be read", "bytes": 5000, "beginning": b"\xff" * 64
    }  # fmt: skip
    assert all(names["durability"] is Durability.NOW for _, _, names in reports)


def test_flood_of_different_stop_requests_is_counted_together() -> None:
    reports = Reports()
    watch = StopRequestWatch(reports.take)
    for number in range(10_000):
        watch.see(f"forged {number}", "")
    watch.flush()
    assert len(reports) <= 258
    assert sum(details["count"] for _, details, _ in reports) == 10_000


def test_nodes_are_reported_when_they_come_and_go() -> None:
    reports = Reports()
    watch = NodeWatch(reports.take)
    watch.see(["/sim_node", "/safety_node"])
    watch.see(["/sim_node", "/safety_node"])
    watch.see(["/sim_node"])
    assert [(kind, details["node"]) for kind, details, _ in reports] == [
        ("node_start", "/safety_node"),
        ("node_start", "/sim_node"),
        ("node_gone", "/safety_node"),
    ]


def test_jump_of_the_wall_clock_is_reported_with_its_size() -> None:
    reports = Reports()
    watch = WallClockMonitor(reports.take)
    hour = 3600 * 10**6
    for wall, monotonic in (
        (10 * hour, 0),
        (10 * hour + 10**6, 10**6),
        (9 * hour, 2 * 10**6),
        (9 * hour + 10, 2 * 10**6),
    ):
        watch.see(wall, monotonic)
    assert [(kind, round(details["seconds"])) for kind, details, _ in reports] == [("clock_jump", -3602)]
