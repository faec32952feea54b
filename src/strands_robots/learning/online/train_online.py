"""Runs LeRobot's actor and learner side by side for a time, and makes a policy of what they learnt. Starts processes; writes files."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.parent_end import signal_with_parent_prefix
from strands_robots.learning.online.episodes import OnlineEpisode, mean_return, read_online_episodes
from strands_robots.learning.online.export_policy import export_policy, online_space
from strands_robots.learning.online.online_command import ACTOR, EPISODES, LEARNER, OnlineConfig, program_words

POLICY, UNTRAINED = "policy", "untrained"
FINAL, STEPS = "final", "steps.json"
"""Where lerobot_env_strands.online leaves what the learner learnt."""

_PLUGIN = "lerobot_env_strands"
_START = 120.0  # [s]; torch takes its time on a busy machine
_END = 60.0  # [s]; a checkpoint that is being written is finished first
_LOOK = 0.2  # [s]
_TELL = 15.0  # [s]
_RECENT = 20
_RAISED = re.compile(r"[A-Za-z_.]+(Error|Exception|Interrupt): ")


@dataclass(frozen=True)
class OnlineResult:
    """What a run gave.

    Attributes:
        policy: Folder of the policy that was learnt.
        untrained: Folder of the same network before any training.
        steps: Steps of optimisation in it.
        episodes: What the actor lived through, in order.
    """

    policy: Path
    untrained: Path
    steps: int
    episodes: list[OnlineEpisode]

    @property
    def first(self) -> list[OnlineEpisode]:
        """The first episodes."""
        return self.episodes[:_RECENT]

    @property
    def last(self) -> list[OnlineEpisode]:
        """The last episodes."""
        return self.episodes[-_RECENT:]


def train_online(config: OnlineConfig, tell: Callable[[str], None] = lambda line: None) -> OnlineResult:
    """Learn a task while acting, for the run's duration or until Ctrl-C.

    Args:
        config: The run.
        tell: Told how it goes, now and then.

    Raises:
        ConfigurationError: If the folder is there, LeRobot or the plug-in is not, or the task has no such world.
        PolicyError: If one of the two programs ends, or the learner left no policy; the message has the end of its log.
    """
    _check(config)
    space = online_space(config)
    config.output.mkdir(parents=True)
    export_policy(None, config.output / UNTRAINED, space, config.seed)
    port = _free_port()
    with contextlib.ExitStack() as stack:
        learner = stack.enter_context(_Program(config, LEARNER, program_words(config, LEARNER, port, space.statistics)))
        _wait_for_port(learner, port)
        actor = stack.enter_context(_Program(config, ACTOR, program_words(config, ACTOR, port, space.statistics)))
        try:
            _watch(config, (learner, actor), tell)
        except KeyboardInterrupt:
            tell("interrupted; what was learnt so far is kept")
        actor.end()
        learner.end()
    final = config.output / LEARNER / FINAL
    if not (final / STEPS).is_file():
        raise PolicyError(
            f"LeRobot's learner left no policy, see {config.output / LEARNER}.log: {learner.last_words()}"
        )
    export_policy(final, config.output / POLICY, space)
    steps = int(json.loads((final / STEPS).read_text(encoding="utf-8"))["steps"])
    episodes = read_online_episodes(config.output / EPISODES)
    return OnlineResult(config.output / POLICY, config.output / UNTRAINED, steps, episodes)


def _check(config: OnlineConfig) -> None:
    if config.output.exists():
        raise ConfigurationError(f"{config.output} is there already; valid: a folder that is not")
    if importlib.util.find_spec("lerobot") is None:
        raise ConfigurationError("online learning needs LeRobot; valid: make setup-learning")
    if importlib.util.find_spec("grpc") is None:
        raise ConfigurationError("LeRobot's actor and learner need grpcio; valid: make setup-learning")
    if importlib.util.find_spec(_PLUGIN) is None:
        raise ConfigurationError(f"the plug-in {_PLUGIN} is not installed; valid: pip install -e src/{_PLUGIN}")


def _watch(config: OnlineConfig, programs: tuple[_Program, ...], tell: Callable[[str], None]) -> None:
    end, told = time.monotonic() + config.duration, time.monotonic()
    while time.monotonic() < end:
        for program in programs:
            program.check()
        if time.monotonic() - told > _TELL:
            told = time.monotonic()
            recent = read_online_episodes(config.output / EPISODES)
            last = recent[-_RECENT:]
            tell(
                f"{len(recent)} episodes; of the last {len(last)} {sum(one.is_success for one in last)} succeeded, "
                f"mean return {mean_return(last):.1f}"
            )
        time.sleep(_LOOK)


class _Program:
    """The actor or the learner: a process that ends with this one, and whose words go to a log.

    Args:
        config: The run.
        role: Which of the two.
        words: Its options.
    """

    def __init__(self, config: OnlineConfig, role: str, words: list[str]) -> None:
        self._role, self._path = role, config.output / f"{role}.log"
        self._words = words
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> _Program:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        prefix = signal_with_parent_prefix(signal.SIGKILL)
        command = [*prefix, sys.executable, "-m", f"{_PLUGIN}.online", self._role, *self._words]
        self._log = self._path.open("wb")
        # A session of its own: Ctrl-C is for this process, which ends the two in order.
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        process, log = self._process, self._log
        assert process is not None and log is not None
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()

    def check(self) -> None:
        """Raise PolicyError if it has ended."""
        assert self._process is not None
        code = self._process.poll()
        if code is not None:
            raise PolicyError(
                f"LeRobot's {self._role} ended with exit code {code}, see {self._path}: {self.last_words()}"
            )

    def end(self) -> None:
        """Ask it to end and wait for it."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END)

    def last_words(self) -> str:
        """Return the last exception of its log, or the end of the log."""
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines()
        raised = [line for line in lines if _RAISED.match(line)]
        return "; ".join(line.strip() for line in raised[-1:] or lines[-3:])[:600]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for_port(learner: _Program, port: int) -> None:
    end = time.monotonic() + _START
    while time.monotonic() < end:
        learner.check()
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(_LOOK)
    raise PolicyError(f"LeRobot's learner does not answer after {_START:g} s: {learner.last_words()}")
