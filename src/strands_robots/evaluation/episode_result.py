"""What is tried, and what became of one episode. No I/O; no MuJoCo, so that results can be read anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from strands_robots.core.errors import ConfigurationError

WORKER_DIED = "worker_died"
RAISED = "raised"
PREMISE_FAILED = "premise_failed"
REFUSED = "refused"

ERRORS = frozenset(
    {
        "policy_failed",
        "world_failed",
        "observation_lost",
        "stopped",
        "cancelled",
        REFUSED,
        RAISED,
        WORKER_DIED,
        PREMISE_FAILED,
    }
)
"""Reasons that say nothing about how well a policy does its task, unless the policy itself gave the task up."""


@dataclass(frozen=True)
class PolicyChoice:
    """Which policy is tried.

    Attributes:
        policy: Provider.
        config: Its settings, YAML or JSON.
        adapter: Adapter: name, path or YAML; empty for policies that speak the robot's words.
    """

    policy: str
    config: str = ""
    adapter: str = ""


@dataclass(frozen=True)
class EpisodeResult:
    """What became of one episode.

    Attributes:
        seed: Its seed.
        success: True when the task's success condition held.
        time: When it ended [s, simulated].
        reason: RunPolicy's termination_reason, "condition_met" for a success; or worker_died, raised, premise_failed.
        message: What happened, in words.
        latency_p50: Time of an inference that half of them stayed under [s].
        video: Path of its video; empty for none.
        task: Name of the task.
        index: Index of its initial state in the task: the benchmark's, or the number of the episode.
        is_error: True when the episode could not be judged; False for a success and for a failure.
        progress: Stages of the task that were reached, 0 to 1; 1 for a success.
        premise: What should have held at the start and did not, in words; empty when all did.
        start_digest: SHA-256 of the state at the start, hexadecimal; empty when the episode did not begin.
        action_digest: SHA-256 of all that the policy sent; empty when it sent nothing.
        end_digest: SHA-256 of the state at the end.
        latency_p95, latency_p99: As `latency_p50`, for 95 and 99 %.
        stale_share: Share of the control periods after the first chunk in which no row was left to play; 0 without latency.
        attempt: 1 for the first time that the episode was run.
    """

    seed: int
    success: bool
    time: float
    reason: str
    message: str
    latency_p50: float = 0.0
    video: str = ""
    task: str = ""
    index: int = 0
    is_error: bool = False
    progress: float = 0.0
    premise: tuple[str, ...] = ()
    start_digest: str = ""
    action_digest: str = ""
    end_digest: str = ""
    latency_p95: float = 0.0
    latency_p99: float = 0.0
    stale_share: float = 0.0
    attempt: int = 1

    @property
    def key(self) -> tuple[str, int]:
        """Task and index: which episode this is."""
        return self.task, self.index

    @property
    def outcome(self) -> str:
        """Return "success", "failure" or "error"."""
        return "success" if self.success else "error" if self.is_error else "failure"

    @property
    def repeatable(self) -> dict[str, Any]:
        """The fields that are the same whenever and wherever the episode is run."""
        names = ("task", "index", "seed", "success", "is_error", "time", "reason", "progress", "premise", "start_digest",
                 "action_digest", "end_digest", "stale_share")  # fmt: skip
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in names}

    def to_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


def result_from(given: Mapping[str, Any]) -> EpisodeResult:
    """Return a result that was written with `to_dict`.

    Raises:
        ConfigurationError: If a field is missing; fields of later versions are left out.
    """
    known = {field.name for field in fields(EpisodeResult)}
    values = {name: value for name, value in given.items() if name in known}
    values["premise"] = tuple(values.get("premise", ()))
    try:
        return EpisodeResult(**values)
    except TypeError as error:
        raise ConfigurationError(f"an episode's result lacks a field ({error}); valid: what evaluate writes") from error
