"""What a stage of a pipeline is, and what it is given. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from strands_robots.core.errors import StrandsRobotsError
from strands_robots.learning.pipeline.journal import Journal
from strands_robots.learning.pipeline.pipeline_config import PipelineConfig


class GateClosedError(StrandsRobotsError):
    """The policy is not good enough to be promoted; the message has every reason."""


class WaitingForPersonError(StrandsRobotsError):
    """A person has to decide before the pipeline goes on."""


@dataclass(frozen=True)
class StageDone:
    """A stage that is done.

    Attributes:
        name: Its name.
        key: SHA-256 of all that decides its result.
        folder: Where its outputs are.
        outputs: SHA-256 by name of the output.
        facts: What a person wants to know of it.
        elapsed: How long it took [s].
        is_skipped: Whether nothing had changed, so that it was not run.
    """

    name: str
    key: str
    folder: Path
    outputs: Mapping[str, str]
    facts: Mapping[str, Any] = field(default_factory=dict)
    elapsed: float = 0.0
    is_skipped: bool = False


@dataclass
class Context:
    """What every stage is given.

    Attributes:
        folder: The pipeline's folder.
        config: The pipeline.
        journal: Its journal.
        tell: Tells a person a line.
        done: Stages that are done in this run, by name.
    """

    folder: Path
    config: PipelineConfig
    journal: Journal
    tell: Callable[[str], None]
    done: dict[str, StageDone] = field(default_factory=dict)


class Stage(Protocol):
    """One stage. Its folder belongs to one key: what lies there is its own work that was interrupted, or nothing."""

    name: str

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return everything that decides the result, as values of JSON."""

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Make the outputs, going on with what lies in the folder, and return the facts.

        Raises:
            StrandsRobotsError: If it cannot be done.
        """

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hashes of the outputs as they are on the disk.

        Raises:
            OSError, StrandsRobotsError: If one is missing or cannot be read.
        """
