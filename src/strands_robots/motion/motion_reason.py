"""Why a motion ended."""

from __future__ import annotations

import enum


class MotionReason(str, enum.Enum):
    """Why a motion ended; the values of termination_reason in MoveTo, ExecutePlan and SetGripper."""

    REACHED = "reached"
    STALLED = "stalled"
    CANCELLED = "cancelled"
    STOPPED = "stopped"
    REFUSED = "refused"
    INVALID_GOAL = "invalid_goal"
    UNREACHABLE = "unreachable"
    COLLISION = "collision"
    NO_PATH = "no_path"
    SCENE_CHANGED = "scene_changed"
    PLANNER_LOST = "planner_lost"
    BLOCKED = "blocked"
    NOT_REACHED = "not_reached"
    OBSERVATION_LOST = "observation_lost"
    WORLD_FAILED = "world_failed"
