"""A dataset that is open: its recorder, writer and streams, whose it is, and which of its episodes is a highlight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strands_robots.dataset.errors import RecordingError
from strands_robots.nodes.recorder.recording_subscriber import RecordingSubscriber
from strands_robots.recording.recorder import Recorder, State
from strands_robots.recording.recording_options import RecordingOptions
from strands_robots.recording.writer import WriterThread


@dataclass
class OpenRecording:
    """An open dataset.

    Attributes:
        options, recorder, writer, feed: What it is made of.
        robots: Provenance of each robot.
        owner: Who records; empty for a client that need not live.
        has_language: Whether words go into language columns: they were asked for, or the dataset that goes on has them.
        highlight: Index of the episode that began as a highlight; None for none.
    """

    options: RecordingOptions
    recorder: Recorder
    writer: WriterThread
    feed: RecordingSubscriber
    robots: dict[str, dict[str, Any]]
    owner: str
    has_language: bool = False
    highlight: int | None = None

    def ends_highlight(self) -> bool:
        """Return whether recorder/highlight ends the present episode; False where it begins one.

        Raises:
            RecordingError: If an episode is being recorded that is no highlight: who began it ends it.
        """
        if self.recorder.state is not State.RECORDING:
            return False
        if self.highlight != self.recorder.episode:
            raise RecordingError(f"episode {self.recorder.episode} is no highlight; valid: one between two episodes")
        return True
