"""Why a robot is latched: in words that say what to do."""

from __future__ import annotations

import pytest

from strands_robots.control.latch_advice import latch_advice

REASONS = [
    "heartbeat_lost",
    "stalled",
    "second_supervisor",
    "missed_stop",
    "not_admitted",
    "stop: requested by a: b",
    "",
]


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_says_what_to_do(reason: str) -> None:
    said = latch_advice(reason)
    assert said.startswith(reason) and "strands-robots resume" in said and said.isascii()


def test_every_reason_that_the_latch_gives_is_known() -> None:
    assert "machine" in latch_advice("heartbeat_lost") and "ROS_DOMAIN_ID" in latch_advice("second_supervisor")
    assert "arms by itself" in latch_advice("starting") and "start it again" in latch_advice("retired")
