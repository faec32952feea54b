"""Replay protection: the last sequence of each source on each topic, in bounded memory."""

from __future__ import annotations

from strands_robots.control.refusal import Refusal, Refused


class SequenceTable:
    """Remembers the highest sequence of each (source, topic).

    An entry is forgotten only when every command it has seen is past its expiry, so forgetting never makes a replay acceptable.
    """

    def __init__(self, capacity: int = 1024) -> None:
        self._capacity = capacity
        self._entries: dict[tuple[str, str], tuple[int, float]] = {}

    def check(self, source: str, topic: str, sequence: int, expiry: float, now: float) -> None:
        """Record a sequence, or refuse it.

        Args:
            source, topic: Where the command came from.
            sequence: Its sequence.
            expiry: ROS time at which the command expires [s].
            now: ROS time [s].

        Raises:
            Refused: If the sequence does not increase, or no place is left for a new source.
        """
        key = (source, topic)
        entry = self._entries.get(key)
        if entry is not None and sequence <= entry[0]:
            raise Refused(
                Refusal.SEQUENCE,
                f"sequence {sequence} of '{source}' on '{topic}' does not increase; the last was {entry[0]}, valid: larger",
            )
        if entry is None and len(self._entries) >= self._capacity:
            self._forget(now)
            if len(self._entries) >= self._capacity:
                raise Refused(
                    Refusal.TOO_MANY_SOURCES,
                    f"{len(self._entries)} sources have live commands; valid: at most {self._capacity}",
                )
        self._entries[key] = (sequence, max(expiry, entry[1]) if entry is not None else expiry)

    def _forget(self, now: float) -> None:
        self._entries = {key: entry for key, entry in self._entries.items() if entry[1] >= now}
