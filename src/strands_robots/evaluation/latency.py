"""Latency that counts: how much time passes in a stepped world while a policy is asked."""

from __future__ import annotations

import math
from dataclasses import replace

from strands_robots.core.errors import ConfigurationError
from strands_robots.policies.run.policy_goal import PolicySession

MEASURED = -1.0
"""Stands for the time that each inference takes on this machine; such a run does not repeat bit for bit."""

LONGEST = 10.0  # [s]


def charge_latency(session: PolicySession, latency: float) -> None:
    """Let a session's inferences take time in the world.

    Args:
        session: The session, not yet begun.
        latency: Time of each inference [s]; 0 for none, `MEASURED` for what it takes.
    """
    if latency == 0.0:
        return
    session.run.config = replace(session.run.config, counts_latency=True)
    session.latency = (lambda measured: measured) if latency == MEASURED else (lambda measured: latency)


def parse_latencies(given: str) -> list[float]:
    """Return latencies [s] that were given as text, for example "0,0.1,0.5" or "measured".

    Raises:
        ConfigurationError: If one is no number, negative or too long.
    """
    found = [_one(word.strip()) for word in given.split(",")]
    if len(set(found)) != len(found):
        raise ConfigurationError(f"latencies are {ascii(given)[:80]}; valid: each once")
    return found


def latency_text(latency: float) -> str:
    """Return a latency as it was given."""
    return "measured" if latency == MEASURED else f"{latency:g}"


def _one(word: str) -> float:
    if word == "measured":
        return MEASURED
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not 0.0 <= value <= LONGEST:
        raise ConfigurationError(f"a latency is {ascii(word)[:40]}; valid: 0 to {LONGEST:g} s, or measured")
    return value
