"""One training run as what a worker runs: lerobot-train in a process of its own, which goes on from its last checkpoint."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from strands_robots.core.parent_end import signal_with_parent_prefix
from strands_robots.core.text import printable
from strands_robots.evaluation.episode_result import EpisodeResult
from strands_robots.evaluation.training.sweep_config import option_words

TRAINED = "completed"
FAILED = "training_failed"

_LOOK = 1.0  # [s]


class TrainingTrial:
    """Runs lerobot-train in a folder.

    The process is killed when the worker or the sweep that started it is gone.

    Args:
        given: "folder", "options" of lerobot-train, and as "trainer" the words that start it, LeRobot's own by default.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self._folder = Path(given["folder"])
        self._options: dict[str, Any] = given["options"]
        self._trainer = given.get("trainer") or [sys.executable, "-m", "lerobot.scripts.lerobot_train"]

    def run(self, seed: int, video: Path | None = None, *, index: int) -> EpisodeResult:
        """Train, or go on training, and return how it ended; its output is in train.log."""
        training = self._folder / "training"
        last = training / "checkpoints" / "last" / "pretrained_model" / "train_config.json"
        if last.is_file():
            words = [f"--config_path={last}", "--resume=true"]
        else:
            if training.exists():
                shutil.rmtree(training)  # LeRobot refuses a folder that is there.
            words = [*option_words(self._options), f"--output_dir={training}"]
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / "train.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                [*signal_with_parent_prefix(signal.SIGKILL), *self._trainer, *words], stdout=output, stderr=subprocess.STDOUT,
                env={"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", **os.environ},
            )  # fmt: skip
            code = _follow(process)
        text = log.read_text(encoding="utf-8", errors="replace")
        if code != 0:
            words_said = "; ".join(text.strip().splitlines()[-3:])
            message = f"lerobot-train ended with exit code {code}, see {log}: {printable(words_said)[-600:]}"
            return EpisodeResult(seed, False, 0.0, FAILED, message, index=index, is_error=True)
        return EpisodeResult(seed, True, 0.0, TRAINED, _loss(text), index=index, progress=1.0)

    def close(self) -> None:
        """Nothing to free."""


def trained_policy(folder: Path) -> Path:
    """Return the folder of a run's last checkpoint."""
    return folder / "training" / "checkpoints" / "last" / "pretrained_model"


def _follow(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code; the process is killed when the sweep that this worker belongs to is gone."""
    sweep = os.getppid()
    try:
        while True:
            try:
                return process.wait(_LOOK)
            except subprocess.TimeoutExpired:
                if os.getppid() != sweep:
                    return -signal.SIGKILL
    finally:
        process.kill()
        process.wait()


def _loss(log: str) -> str:
    found = re.findall(r"step:(\S+).*? loss:(\S+)", log)
    return f"loss {found[-1][1]} at step {found[-1][0]}" if found else "trained"
