"""A recorder that takes no more episodes ends the session with its own reason."""

from __future__ import annotations

import pytest

pytest.importorskip("rclpy")
from strands_robots.msg import EpisodeState

from strands_robots.clients.recorder_watch import require_going
from strands_robots.core.errors import WorldError


def test_a_failed_recorder_is_named_with_its_reason_and_the_others_go_on() -> None:
    for state in (EpisodeState.IDLE, EpisodeState.READY, EpisodeState.RECORDING, EpisodeState.SAVING):
        require_going(EpisodeState(state=state))
    require_going(None)
    with pytest.raises(WorldError, match="takes no more episodes: 0 MiB are free"):
        require_going(EpisodeState(state=EpisodeState.FAILED, message="0 MiB are free where /data is"))
