"""What recorder_node says of itself while a client records with it: an episode that another client ended, or a recorder that is gone."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from strands_robots.clients.client import GraphClient
from strands_robots.core.errors import NoAnswerError, WorldError
from strands_robots.msg import EpisodeState
from strands_robots.ros.messages import qos
from strands_robots.srv import RecordEpisode

SILENCE = 3.0
"""recorder_node tells its state twice a second; after this long it is asked [s, steady time]."""

ASK_TIMEOUT = 10.0


class RecorderLostError(WorldError):
    """The recorder has died, or has been restarted, and the dataset is not open any more."""


@dataclass(frozen=True)
class Ended:
    """How an episode ended that this client did not end.

    Attributes:
        is_saved: Whether it is in the dataset.
        message: What recorder_node said.
        is_closed: Whether the dataset was closed as well.
    """

    is_saved: bool
    message: str
    is_closed: bool = False


class RecorderWatch:
    """Listens to recorder/state.

    Args:
        client: Client of the graph.
        root: Folder of the dataset.
    """

    def __init__(self, client: GraphClient, root: str) -> None:
        self._client = client
        self._root = root
        self._heard = time.monotonic()
        self._newest: EpisodeState | None = None
        self._idle = 0
        self._begun: EpisodeState | None = None
        self._subscription = client.node.create_subscription(EpisodeState, "recorder/state", self._take, qos.STATE)

    def close(self) -> None:
        """Stop listening."""
        self._client.node.destroy_subscription(self._subscription)

    def begin(self, state: EpisodeState) -> None:
        """Take the state in which an episode began, or in which none runs: what changes from now on was another's doing."""
        self._begun, self._newest, self._idle = state, None, 0

    def is_recording(self) -> bool:
        """Return whether an episode is being recorded."""
        return self._newest is not None and self._newest.state == EpisodeState.RECORDING

    def require_going(self) -> None:
        """Raise WorldError if the recorder has said since the last episode began that it takes no more, as on a full disk."""
        require_going(self._newest)

    def ended(self) -> Ended | None:
        """Return how the episode ended that began last; None while it is recorded.

        Raises:
            RecorderLostError: If the recorder is gone or has no dataset open.
        """
        self._ask_when_silent()
        newest, begun = self._newest, self._begun
        if newest is None or begun is None:
            return None
        if newest.state == EpisodeState.IDLE:
            # One message may still be of the time before the dataset was opened.
            if self._idle < 2:
                return None
            if self._root not in newest.message:
                raise self.lost()
            counted = re.search(r"(\d+) episodes saved", newest.message)
            is_saved = counted is not None and int(counted[1]) > begun.saved
            return Ended(is_saved, newest.message, is_closed=True)
        if newest.not_kept > begun.not_kept:
            return Ended(False, newest.message)
        return Ended(True, newest.message) if newest.saved > begun.saved else None

    def lost(self) -> RecorderLostError:
        """Return the error of a recorder that is gone."""
        return RecorderLostError(
            "recorder_node has died or was restarted: the episode that was being recorded is lost, those that were saved are in "
            f"{self._root}; valid: the same command with --resume, once the graph has a recorder again"
        )

    def _take(self, message: EpisodeState) -> None:
        self._heard = time.monotonic()
        self._newest = message
        self._idle = self._idle + 1 if message.state == EpisodeState.IDLE else 0

    def _ask_when_silent(self) -> None:
        if time.monotonic() - self._heard < SILENCE:
            return
        request = RecordEpisode.Request(command=RecordEpisode.Request.STATE)
        try:
            answer = self._client.call(RecordEpisode, "recorder/episode", request, ASK_TIMEOUT)
        except NoAnswerError as error:
            raise self.lost() from error
        self._take(answer.state)
        if answer.state.state == EpisodeState.IDLE:
            raise self.lost()


def require_going(state: EpisodeState | None) -> None:
    """Raise WorldError if a recorder in this state takes no more episodes."""
    if state is not None and state.state == EpisodeState.FAILED:
        raise WorldError(f"recorder_node takes no more episodes: {state.message}")
