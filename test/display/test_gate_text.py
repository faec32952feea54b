"""The texts beside the robots say what matters first."""

from __future__ import annotations

from typing import Any

import pytest

from strands_robots.nodes.display.gate_text import BLUE, GREEN, GREY, RED, GateText, gate_text, silent_text


def shown(**changes: Any) -> GateText:
    given = {
        "is_latched": False, "latch_reason": "", "lease_holder": "", "is_playing": False, "is_at_rest": True, "refused": 0,
    }  # fmt: skip
    return gate_text("arm", **{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "text", "colour"),
    [
        ({}, "arm: armed", GREEN),
        ({"is_at_rest": False}, "arm: moving", BLUE),
        ({"lease_holder": "policy/act", "is_playing": True}, "arm: moving\npolicy/act", BLUE),
        ({"lease_holder": "operator/me"}, "arm: held\noperator/me", BLUE),
        ({"is_latched": True, "latch_reason": "stop: hand"}, "arm: stopped, at rest\nstop: hand", RED),
        ({"is_latched": True, "is_at_rest": False}, "arm: stopped, STILL MOVING\n", RED),
        ({"refused": 3}, "arm: armed, 3 refused", GREEN),
    ],
)
def test_state_of_a_gate_has_its_words_and_colour(
    changes: dict[str, Any], text: str, colour: tuple[float, float, float]
) -> None:
    assert shown(**changes) == GateText(text, colour)


def test_latched_gate_is_red_whoever_holds_it() -> None:
    assert shown(is_latched=True, lease_holder="operator/me", is_playing=True).colour == RED


def test_long_reason_is_cut() -> None:
    assert len(shown(is_latched=True, latch_reason="x" * 500).text.splitlines()[1]) == 48


def test_robot_that_is_not_heard_is_grey() -> None:
    assert silent_text("arm") == GateText("arm: not heard", GREY)
