"""Messages as the console's pages read them."""

from __future__ import annotations

import math
from typing import Any

from strands_robots.msg import ApprovalRequest, EpisodeState

from strands_robots.agent.tools.request_words import request_words

_RECORDER_STATES = {
    EpisodeState.IDLE: "idle", EpisodeState.STARTING: "starting", EpisodeState.READY: "ready",
    EpisodeState.RECORDING: "recording", EpisodeState.SAVING: "saving", EpisodeState.FAILED: "failed",
}  # fmt: skip
_COUNTS = ("received", "used", "repeated", "stale", "lost", "gaps", "late")


def finite(value: float) -> float | None:
    """Return a number that JSON has; None for one that it has not."""
    return float(value) if math.isfinite(value) else None


def episode_words(state: Any) -> dict[str, Any] | None:
    """Return what recorder_node says; None where it says nothing."""
    if state is None:
        return None
    return {
        "state": _RECORDER_STATES.get(state.state, str(state.state)), "message": state.message, "root": state.root,
        "saved": state.saved, "not_kept": state.not_kept, "episode": state.episode, "frames": state.frames,
        "queued": state.queued, "task": state.task,
        "streams": [
            {"topic": entry.topic, **{name: int(getattr(entry, name)) for name in _COUNTS}} for entry in state.streams
        ],
    }  # fmt: skip


def approval_words(state: Any) -> dict[str, Any] | None:
    """Return the requests that wait for a decision, in words; None where approval_node says nothing."""
    if state is None:
        return None
    waiting = [entry for entry in state.requests if entry.state == ApprovalRequest.PENDING]
    return {
        "can_approve": state.can_approve,
        "requests": [
            {
                "id": entry.request_id, "asker": entry.asker, "name": entry.name, "type": entry.type, "rule": entry.rule,
                "left": finite(entry.left), "digest": entry.digest,
                "words": list(request_words(entry.name, entry.type, entry.fields)), "fields": entry.fields,
            }
            for entry in waiting
        ],
    }  # fmt: skip
