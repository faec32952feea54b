"""Profiles the training step of one policy. Needs lerobot and torch."""

from __future__ import annotations

import importlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from strands_robots.core.errors import ConfigurationError
from strands_robots.learning.profiling.batches import batches
from strands_robots.learning.profiling.fingerprint import Fingerprint, take_fingerprint
from strands_robots.learning.profiling.sections import SectionTimes
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.loading import LoadedPolicy, load

MODES = ("off", "summary", "trace")
TOTAL, DATA, PREPROCESS, FORWARD, BACKWARD, OPTIMIZER = (
    "total", "data", "preprocess", "forward", "backward", "optimizer",
)  # fmt: skip
PROFILE, TRACE = "profile.json", "trace.json"
SCHEMA = 1
LEARNING_RATE = 1e-5
MOST_OPERATORS = 400


@dataclass(frozen=True)
class ProfileOptions:
    """What is profiled.

    Attributes:
        policy: The policy.
        dataset: Folder of a LeRobotDataset; None makes batches up.
        mode: "off" measures the sections only, "summary" adds a table of operators, "trace" a trace for chrome://tracing as well.
        steps: Steps that count.
        warmup: Steps before them that do not.
        batch_size: Rows of a batch.
        workers: Processes that load data.
    """

    policy: LerobotOptions
    dataset: Path | None = None
    mode: str = "off"
    steps: int = 20
    warmup: int = 3
    batch_size: int = 8
    workers: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ConfigurationError: If one cannot be used.
        """
        if self.mode not in MODES:
            raise ConfigurationError(f"mode is '{self.mode}'; valid: {', '.join(MODES)}")
        for name, low, high in (("steps", 1, 10_000), ("warmup", 0, 1000), ("batch_size", 1, 4096), ("workers", 0, 64)):
            if not low <= getattr(self, name) <= high:
                raise ConfigurationError(f"{name} is {getattr(self, name)}; valid: {low} to {high}")


@dataclass(frozen=True)
class Profile:
    """What was measured of one policy.

    Attributes:
        name: Of the row.
        kind: LeRobot's name of the policy.
        parameters, trained_parameters: Numbers in the policy, and those of them that training changes.
        sections: Statistics of each section, as `SectionStatistics`.
        memory: Peak of each section [bytes]: of the accelerator where there is one, of the process otherwise.
        timeline: Time since the first step [s], section, memory [bytes].
        losses: The loss of each step that counts.
        fingerprint: Of one forward pass with the first batch, before any training.
        operators: Rows of the table of operators, the most expensive first; empty with mode "off".
        versions, settings: What it was measured with.
    """

    name: str
    kind: str
    parameters: int
    trained_parameters: int
    sections: Mapping[str, Mapping[str, float]]
    memory: Mapping[str, int]
    timeline: tuple[tuple[float, str, int], ...]
    losses: tuple[float, ...]
    fingerprint: Fingerprint
    operators: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)

    def save(self, folder: Path) -> Path:
        """Write profile.json into a folder and return its path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / PROFILE
        path.write_text(json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1) + "\n", encoding="utf-8")
        return path


def read_profile(path: Path) -> Profile:
    """Return a profile from a folder, or from its file.

    Raises:
        ConfigurationError: If it is not there, or is none.
    """
    file = path / PROFILE if path.is_dir() else path
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        if data.pop("schema") != SCHEMA:
            raise ValueError(f"its schema is not {SCHEMA}")
        data["fingerprint"] = Fingerprint(**data["fingerprint"])
        data["timeline"] = tuple(tuple(entry) for entry in data["timeline"])
        data["losses"], data["operators"] = tuple(data["losses"]), tuple(data["operators"])
        return Profile(**data)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"'{file}' is no profile ({error}); valid: what strands-robots profile run wrote"
        ) from error


def profile_policy(options: ProfileOptions, name: str, folder: Path) -> Profile:
    """Measure a policy's training step, write profile.json (and trace.json) into a folder, and return the profile.

    Raises:
        ConfigurationError: If policy or dataset cannot be used.
        PolicyError: If lerobot is not installed.
    """
    import torch

    loaded = load(options.policy)
    policy = loaded.policy
    given = batches(loaded.config, options.dataset, options.batch_size, options.workers)
    fingerprint = take_fingerprint(policy, loaded.preprocess(next(given)))
    step = _Step(torch, loaded, given)
    for _ in range(options.warmup):
        step.run()
    step.forget()
    operators = _profiled(torch, step, options, folder)
    profile = Profile(
        name, loaded.config.type,
        sum(entry.numel() for entry in policy.parameters()),
        sum(entry.numel() for entry in policy.parameters() if entry.requires_grad),
        {key: asdict(value) for key, value in step.sections.statistics().items()},
        _peaks(step.sections), tuple(step.sections.timeline), tuple(step.losses), fingerprint, operators, _versions(),
        {
            "dataset": str(options.dataset or ""), "mode": options.mode, "steps": options.steps, "warmup": options.warmup,
            "batch_size": options.batch_size, "workers": options.workers, "device": loaded.device,
            "threads": torch.get_num_threads(), "policy": options.policy.model_dump(mode="json"),
        },
    )  # fmt: skip
    profile.save(folder)
    return profile


class _Step:
    """One training step after the other, measured."""

    def __init__(self, torch: Any, loaded: LoadedPolicy, given: Any) -> None:
        self._loaded, self._given = loaded, given
        parameters = [entry for entry in loaded.policy.parameters() if entry.requires_grad]
        if not parameters:
            raise ConfigurationError(
                f"'{loaded.config.type}' has nothing that is trained; valid: a policy with parameters"
            )
        self._optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
        is_cuda = loaded.device.startswith("cuda")
        self._synchronize: Callable[[], None] = torch.cuda.synchronize if is_cuda else _nothing
        self._memory: Callable[[], int] = torch.cuda.memory_allocated if is_cuda else _resident()
        loaded.policy.train()
        self.forget()

    def forget(self) -> None:
        """Forget what was measured."""
        self.sections = SectionTimes(self._synchronize, self._memory)
        self.losses: list[float] = []

    def run(self) -> None:
        """Take one step.

        Raises:
            ConfigurationError: If the loss is not finite.
        """
        section = self.sections.section
        with section(TOTAL):
            with section(DATA):
                raw = next(self._given)
            with section(PREPROCESS):
                batch = self._loaded.preprocess(raw)
            with section(FORWARD):
                loss = self._loaded.policy.forward(batch)[0]
            with section(BACKWARD):
                loss.backward()
            with section(OPTIMIZER):
                self._optimizer.step()
                self._optimizer.zero_grad(set_to_none=True)
        self.losses.append(float(loss.detach()))
        if not np.isfinite(self.losses[-1]):
            raise ConfigurationError(f"the loss is {self.losses[-1]}; valid: data and weights that give a finite one")


def _profiled(torch: Any, step: _Step, options: ProfileOptions, folder: Path) -> tuple[Mapping[str, Any], ...]:
    """Take the steps that count, and return the table of operators."""
    if options.mode == "off":
        for _ in range(options.steps):
            step.run()
        return ()
    activities = [torch.profiler.ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(torch.profiler.ProfilerActivity.CUDA)
    with torch.profiler.profile(activities=activities, profile_memory=True, acc_events=True) as profiler:
        for _ in range(options.steps):
            step.run()
    if options.mode == "trace":
        folder.mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(folder / TRACE))
    rows = sorted(profiler.key_averages(), key=lambda entry: -entry.self_cpu_time_total)
    return tuple(
        {
            "name": row.key, "count": row.count, "self_time": row.self_cpu_time_total * 1e-6,
            "time": row.cpu_time_total * 1e-6, "device_time": getattr(row, "self_device_time_total", 0.0) * 1e-6,
            "memory": row.self_cpu_memory_usage,
        }
        for row in rows[:MOST_OPERATORS]
    )  # fmt: skip


def _peaks(sections: SectionTimes) -> dict[str, int]:
    peaks: dict[str, int] = {}
    for _, name, memory in sections.timeline:
        peaks[name] = max(peaks.get(name, 0), memory)
    return peaks


def _resident() -> Callable[[], int]:
    import psutil

    process = psutil.Process()
    return lambda: int(process.memory_info().rss)


def _nothing() -> None:
    """A processor needs no waiting for."""


def _versions() -> dict[str, str]:
    modules = {name: importlib.import_module(name).__version__ for name in ("torch", "lerobot", "numpy")}
    return {
        **modules, "python": platform.python_version(), "machine": platform.machine(), "processor": _processor(),
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }  # fmt: skip


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
