"""Policy "scripted": way points, or picking an object up and putting it down, as a state machine that looks at the robot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from strands_robots.core.types import Policy
    from strands_robots.policies.provider import PolicyContext


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Make the policy; see scripted/policy.py. Its inverse kinematics are loaded here, not with a goal's conditions."""
    from strands_robots.policies.scripted.policy import create as make

    return make(settings, context)
