"""What a critic says about an episode, and everything that is needed to ask it again. Kept as JSON beside the episode."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError

FORMAT = 1


class Outcome(str, enum.Enum):
    """What became of a critique. An answer that is no verdict is no grade, good or bad."""

    PASS = "pass"
    FAIL = "fail"
    NO_VERDICT = "no_verdict"


@dataclass(frozen=True)
class Verdict:
    """What a critic said.

    Attributes:
        outcome: Pass, fail, or no verdict.
        message: The model's summary, or why there is no verdict.
        criteria: Name of each question -> {"good", "why"}; empty without a verdict.
        suggestion: Setting -> value that the model would try; empty for none.
        episode: What was graded: a video, or a dataset and an episode.
        video_sha256: Of the bytes that the model was shown.
        model: Its id, as the server says.
        url: Where it was asked.
        prompt: What it was told.
        settings: Sampling: temperature, seed, pictures a second, ...
        rubric: The whole rubric.
    """

    outcome: Outcome
    message: str
    criteria: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    suggestion: Mapping[str, Any] = field(default_factory=dict)
    episode: str = ""
    video_sha256: str = ""
    model: str = ""
    url: str = ""
    prompt: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    rubric: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything by name."""
        return {"format": FORMAT, **asdict(self), "outcome": self.outcome.value}

    def save(self, path: Path) -> None:
        """Write the verdict, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".part")
        fresh.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)


def load_verdict(path: Path) -> Verdict:
    """Return a verdict that was kept.

    Raises:
        ConfigurationError: If it cannot be read.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data.pop("format") != FORMAT:
            raise ValueError("another format")
        return Verdict(**{**data, "outcome": Outcome(data["outcome"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigurationError(f"{path} is no verdict of this version: {error}") from error
