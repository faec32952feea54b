"""The benchmarks that can be installed: what each needs, as YAML in config/benchmarks. No I/O beyond those files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from strands_robots.core.named_config import load_named
from strands_robots.core.share import config_names

WORKER = Path(__file__).with_name("worker.py")


class BenchmarkConfig(BaseModel):
    """One benchmark.

    Attributes:
        name: Its name; the worker's word for it.
        title: What it is, in one line.
        environment: Name of the Python environment; benchmarks with the same one share it.
        requirements: Packages of the environment, pinned where their version decides about results.
        size: Disk space of the environment [bytes].
        licence: What must be known of its licences, shown when it is installed.
        world: What speaks for it, see worker.py: a file beside that one, or the path of yours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    title: str
    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,62}$")]
    requirements: tuple[str, ...]
    size: Annotated[int, Field(gt=0)]
    licence: str
    world: str

    @property
    def world_file(self) -> Path:
        """The file that speaks for it."""
        return Path(self.world).expanduser() if "/" in self.world else WORKER.with_name(self.world)


def benchmark_names() -> list[str]:
    """Return the names of the benchmarks that come with the package."""
    return config_names("benchmarks")


def load_benchmark(given: str) -> BenchmarkConfig:
    """Return a benchmark by its name, or from a YAML file.

    Raises:
        ConfigurationError: If it is unknown or not valid; the message has every field that is wrong.
    """
    return load_named("benchmark", BenchmarkConfig, given)
