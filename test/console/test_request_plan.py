"""The plan that a request names is shown with every robot that it moves, or said to be another one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from strands_robots.msg import MotionPlan

from strands_robots.approvals.approval_request import canonical_request
from strands_robots.console.orders import PlanRequest
from strands_robots.console.port import Answer
from strands_robots.nodes.console import request_plan

JOINTS = ["left/shoulder_pan", "right/shoulder_pan"]
PLAN = MotionPlan(
    digest="ab" * 32,
    robot="left",
    robots=["left", "right"],
    joint_names=JOINTS,
    way_points=[0.0, 0.1, 0.2, 0.3],
    times=[0.0, 1.0],
)


def shown(monkeypatch: pytest.MonkeyPatch, plan: MotionPlan, **fields: Any) -> Answer:
    request = canonical_request("execute_plan", request_plan.EXECUTE, {"digest": plan.digest, **fields})
    monkeypatch.setattr(request_plan, "read_state", lambda client: None)
    monkeypatch.setattr(request_plan, "find_request", lambda state, number: (number, request))
    kept = SimpleNamespace(success=True, message="kept", plan=plan)
    monkeypatch.setattr(request_plan, "get_plan", lambda client, robot, digest: kept)
    client: Any = None
    return request_plan.planned_request(client, PlanRequest(request_id="r1", digest=request.digest), "operator/me")


def test_a_plan_for_several_robots_has_the_joints_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = shown(monkeypatch, PLAN, robot="left", others=["right"])
    assert answer.is_done and answer.details["robots"] == ["left", "right"]
    assert answer.details["names"] == JOINTS and answer.details["rows"] == [[0.0, 0.1], [0.2, 0.3]]


@pytest.mark.parametrize("fields", [{"robot": "left"}, {"robot": "left", "others": ["third"]}])
def test_a_request_that_names_other_robots_than_the_plan_is_said(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]
) -> None:
    answer = shown(monkeypatch, PLAN, **fields)
    assert not answer.is_done and "the plan moves left, right. It would be refused" in answer.message


def test_a_plan_for_one_robot_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = MotionPlan(digest="ab" * 32, robot="so101", joint_names=["shoulder_pan"], way_points=[0.1], times=[0.0])
    assert shown(monkeypatch, one, robot="so101").details["robots"] == ["so101"]
