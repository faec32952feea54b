"""What the start of a recording waits for. Each function waits, so it belongs to another thread than the executor's."""

from __future__ import annotations

import time
from collections.abc import Sequence

from strands_robots.dataset.errors import RecordingError
from strands_robots.nodes.recorder.calibration_watch import CalibrationWatch
from strands_robots.recording.sampler import Sampler
from strands_robots.ros.calls.executor_calls import ExecutorCalls

QUIET_TURNS = 5
"""Turns of the executor without a message after which none waits any more."""

STREAM_WAIT = 3.0
"""How long the start of an episode waits for the first sample of every stream [s, steady time]."""

CALIBRATION_WAIT = 2.5
"""Without a simulated world: how long drivers may take to say which calibrations they use [s, steady time]."""


def wait_for_streams(sampler: Sampler) -> None:
    """Return when every stream has a sample.

    Raises:
        RecordingError: If one is silent; the message names it.
    """
    deadline = time.monotonic() + STREAM_WAIT
    while missing := sampler.missing():
        if time.monotonic() > deadline:
            raise RecordingError(
                f"nothing has come on {', '.join(missing)} for {STREAM_WAIT:g} s; valid: streams that publish"
            )
        time.sleep(0.02)


def wait_for_calibrations(known: CalibrationWatch, robots: Sequence[str]) -> None:
    """Return when every driver has said which calibration it uses; a robot that has none never says so."""
    deadline = time.monotonic() + CALIBRATION_WAIT
    while not set(robots) <= set(known.known) and time.monotonic() < deadline:
        time.sleep(0.05)


def wait_for_quiet(calls: ExecutorCalls, sampler: Sampler) -> None:
    """Return when the executor has taken every message of the time before: the world stands still, and waited for its readers."""
    quiet, received, deadline = 0, -1, time.monotonic() + STREAM_WAIT
    while quiet < QUIET_TURNS and time.monotonic() < deadline:
        before, received = received, calls.wait(lambda: sum(count.received for count in sampler.counts.values()))
        quiet = quiet + 1 if received == before else 0
        time.sleep(0.005)
