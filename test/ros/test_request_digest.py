"""A request in the audit log: the digest of its permit where it has one, the hash of its bytes where not."""

from __future__ import annotations

import hashlib

import pytest

pytest.importorskip("rclpy")

from rclpy.serialization import serialize_message
from std_srvs.srv import SetBool
from strands_robots.action import MoveTo
from strands_robots.srv import LoadScene, ResetWorld

from strands_robots.approvals.approval_request import canonical_request
from strands_robots.ros.audit.audit_publisher import _described
from strands_robots.ros.messages.approval_messages import fields_of
from strands_robots.ros.messages.request_digest import described_request, type_name

RESET = "strands_robots/srv/ResetWorld"


def test_types_have_their_full_names() -> None:
    assert (type_name(ResetWorld), type_name(MoveTo)) == (RESET, "strands_robots/action/MoveTo")
    assert type_name(SetBool) == "std_srvs/srv/SetBool"


def test_digest_is_the_one_of_the_permit() -> None:
    request = ResetWorld.Request(seed=2**63, keyframe="home")
    described = described_request("world/reset", RESET, request)
    assert described["digest"] == canonical_request("world/reset", RESET, fields_of(request)).digest
    assert described["request"] == {"seed": 2**63, "keyframe": "home"}


def test_goal_with_a_nan_has_the_hash_of_its_bytes() -> None:
    goal = MoveTo.Goal(robot="so101", positions=[float("nan")])
    described = described_request("move_to", "strands_robots/action/MoveTo", goal)
    assert described["cdr_sha256"] == hashlib.sha256(serialize_message(goal)).hexdigest()
    assert "digest" not in described


def test_megabytes_are_hashed_and_summarized() -> None:
    described = described_request("world/load", "strands_robots/srv/LoadScene", LoadScene.Request(mjcf="x" * 3_000_000))
    assert "cdr_sha256" in described and len(repr(described)) < 1000


def test_details_that_cannot_be_made_are_described_and_the_event_is_kept() -> None:
    def broken() -> dict[str, object]:
        raise ValueError("no \u00e4 today")

    assert _described(broken) == {"not_described": "ValueError: no \\xe4 today"}
