"""Episodes on a Ray cluster: one that is started on loopback for the run, or one that is there. Needs ray.

What is sent is text and numbers; each node runs the package that is installed there and must have the same versions.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.text import printable
from strands_robots.evaluation.collect.unit import OnResult, Unit, UnitRunner
from strands_robots.evaluation.episode_result import WORKER_DIED, PolicyChoice, result_from
from strands_robots.evaluation.run_record import differences, versions

_POLL = 0.2  # [s]


class RayCollector:
    """Runs episodes in Ray actors of one core each; an actor that dies costs its episode and is replaced.

    Args:
        address: host:port of a cluster's client server; empty starts a cluster on loopback, for the time of the run.
        workers: Actors at once.

    Raises:
        ConfigurationError: If Ray is not installed.
    """

    def __init__(self, address: str, workers: int) -> None:
        try:
            import ray
        except ImportError as error:
            raise ConfigurationError(
                f"Ray is not installed ({error}); valid: pip install -r requirements/ray.txt, or run without --on"
            ) from error
        self._ray = ray
        self._address = address
        self._count = workers

    def collect(self, units: Sequence[Unit], on_result: OnResult, is_cancelled: Callable[[], bool]) -> None:
        """Run every unit, see `Collector`.

        Raises:
            ConfigurationError: If the cluster cannot be reached, or a node has other versions.
            PolicyError: If the cluster is lost; what is done is kept.
        """
        with self._cluster():
            try:
                self._collect(units, on_result, is_cancelled)
            except self._ray.exceptions.RayError as error:
                raise PolicyError(f"the Ray cluster was lost: {printable(str(error))[:500]}") from error

    def _collect(self, units: Sequence[Unit], on_result: OnResult, is_cancelled: Callable[[], bool]) -> None:
        ray = self._ray
        waiting = deque(units)
        actor_class = ray.remote(num_cpus=1, max_restarts=0)(EpisodeActor)
        actors = [actor_class.remote() for _ in range(min(self._count, len(waiting)))]
        for there in ray.get([actor.versions.remote() for actor in actors]):
            unlike = differences({"versions": versions()}, {"versions": there})
            if unlike:
                raise ConfigurationError(
                    f"a node of the cluster is unlike this machine: {'; '.join(unlike[:5])}; valid: the same versions"
                )
        busy: dict[Any, tuple[Any, Unit]] = {}
        for actor in actors:
            unit = waiting.popleft()
            busy[actor.run.remote(asdict(unit))] = actor, unit
        while busy and not is_cancelled():
            for answer in ray.wait(list(busy), timeout=_POLL)[0]:
                actor, unit = busy.pop(answer)
                try:
                    on_result(result_from(ray.get(answer)))
                except ray.exceptions.RayActorError as error:
                    on_result(unit.failed(WORKER_DIED, f"the Ray actor died: {printable(str(error))[:500]}"))
                    actor = actor_class.remote() if waiting else None
                if waiting:
                    unit = waiting.popleft()
                    busy[actor.run.remote(asdict(unit))] = actor, unit

    @contextlib.contextmanager
    def _cluster(self) -> Iterator[None]:
        """Join the cluster, or have one on loopback; Ray's own token keeps other users of this machine out of it."""
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        folder = None
        try:
            if self._address:
                self._ray.init(address=f"ray://{self._address}", log_to_driver=False)
            else:
                folder = Path(
                    tempfile.mkdtemp(prefix="sr_ray_", dir="/tmp")
                )  # sockets below it may have 107 characters
                self._ray.init(
                    num_cpus=self._count, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1",
                    _temp_dir=str(folder),
                )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError, TimeoutError, OSError, ImportError) as error:
            where = self._address or "loopback"
            raise ConfigurationError(f"no Ray cluster at {where}: {printable(str(error))[:500]}") from error
        try:
            yield
        finally:
            self._ray.shutdown()
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)


class EpisodeActor:
    """What runs in each actor: as a worker process does, with messages as dictionaries."""

    def __init__(self) -> None:
        self._runner = UnitRunner()

    def versions(self) -> dict[str, str]:
        """Return the versions that decide about results."""
        return versions()

    def run(self, given: dict[str, Any]) -> dict[str, Any]:
        """Run a unit given by its fields and return the result's fields."""
        return self._runner.run(Unit(**{**given, "choice": PolicyChoice(**given["choice"])})).to_dict()
