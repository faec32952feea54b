"""A recorder in msg/EpisodeState."""

from __future__ import annotations

from strands_robots.msg import EpisodeState, StreamCount

from strands_robots.recording.recorder import Recorder
from strands_robots.ros.messages.conversions import clip


def fill_recorder(message: EpisodeState, root: str, recorder: Recorder) -> None:
    """Write what a recorder does into a message.

    Args:
        message: The message; its stamp stays.
        root: Folder of the dataset.
        recorder: The recorder.
    """
    message.state, message.message = int(recorder.state), clip(recorder.message, 1024)
    message.root, message.task = clip(root, 1024), clip(recorder.task, 1024)
    message.saved, message.not_kept = recorder.saved, recorder.not_kept
    message.episode, message.frames, message.queued = recorder.episode, recorder.sampler.frames, recorder.queued
    message.streams = [
        StreamCount(
            topic=topic, received=c.received, used=c.used, repeated=c.repeated, stale=c.stale, lost=c.lost,
            gaps=c.gaps, late=c.late,
        )
        for topic, c in recorder.sampler.counts.items()
    ]  # fmt: skip
