"""When a stream is dead, and what is said of one that is dead or behind: its name and its rate. No I/O."""

from __future__ import annotations

from collections.abc import Collection

from strands_robots.recording.stream import SECOND, Stream

SILENCE = 0.7
"""A stream from which nothing has come for so much longer than its samples may be old, or than two of its periods, is dead [s]."""


def is_dead(stream: Stream) -> bool:
    """Return whether nothing comes from a stream any more."""
    period = SECOND / stream.rate if stream.rate else 0.0
    return stream.silence > max(stream.max_age, 2.0 * period) + SILENCE * SECOND


def silence_words(stream: Stream) -> str:
    """Return what is said of a stream that is dead."""
    return (
        f"{stream.topic} is dead: nothing has come for {stream.silence / SECOND:.2f} s "
        f"({_rate(stream)}; its samples may be {stream.max_age / SECOND:.3g} s old)"
    )


def overrun_words(gone: Collection[Stream], streams: Collection[Stream]) -> str:
    """Return why no sample is left: frames wait for the stream that lags, and meanwhile the samples of the others run out.

    Args:
        gone: Streams without a sample of the instant.
        streams: All of them.
    """
    marks = {stream.topic: stream.watermark or 0 for stream in streams}
    slow = min((s for s in streams if s.watermark is not None), key=lambda s: s.watermark or 0)
    names = ", ".join(f"{stream.topic} ({_rate(stream)}; {stream.capacity} are kept)" for stream in gone)
    lag = (max(marks.values()) - marks[slow.topic]) / SECOND
    return f"no sample is left of {names}: {slow.topic} lags by {lag:.2f} s ({_rate(slow)}), and frames wait for it"


def _rate(stream: Stream) -> str:
    return f"it came at {stream.rate:.1f} Hz" if stream.rate else "its rate is not known"
