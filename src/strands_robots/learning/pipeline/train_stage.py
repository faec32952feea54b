"""Stage train: lerobot-train as a process, which goes on from its last whole checkpoint after a kill. Needs LeRobot."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strands_robots.core.errors import PolicyError
from strands_robots.dataset.table import require_schema
from strands_robots.evaluation.run_record import versions
from strands_robots.evaluation.task import load_task
from strands_robots.learning.pipeline.content_hash import policy_sha256, weights_sha256
from strands_robots.learning.pipeline.record_stage import dataset_folder
from strands_robots.learning.pipeline.stage import Context
from strands_robots.policies.adapt.dataset_adapter import adapter_text

POLICY = "policy"
ADAPTER = "adapter.yaml"
TRAINING = "training"
LOG = "train.log"
_VERSIONS = ("lerobot", "torch", "strands_robots")
_LOSS = re.compile(r"step:(\S+).* loss:([0-9.eE+-]+)")
_WHOLE = ("pretrained_model/model.safetensors", "pretrained_model/train_config.json", "training_state/training_step.json",
          "training_state/rng_state.safetensors", "training_state/optimizer_state.safetensors")  # fmt: skip


class TrainStage:
    """Trains a policy on the dataset, and puts it beside the adapter by which it moves the robot."""

    name = "train"

    def inputs(self, context: Context) -> Mapping[str, Any]:
        """Return dataset, settings and versions; how often a checkpoint is saved does not decide the result."""
        known = versions()
        return {
            "dataset": context.done["record"].outputs,
            "verdict": context.done["verify"].outputs,
            "train": context.config.train.model_dump(mode="json", exclude={"save_every"}),
            "versions": {name: known.get(name, "") for name in _VERSIONS},
        }

    def run(self, context: Context, folder: Path, key: str) -> Mapping[str, Any]:
        """Train what is left, then put policy and adapter in their place."""
        root = dataset_folder(context, context.done["record"].folder)
        wanted = context.config.train.steps
        last = newest_checkpoint(folder / TRAINING)
        begun = _step(last) if last is not None else 0
        if begun < wanted:
            if last is None:
                shutil.rmtree(folder / TRAINING, ignore_errors=True)
            else:
                context.tell(f"train: goes on at step {begun} of {wanted}")
            _run_trainer(context, folder, _words(context, root, folder, last))
            last = newest_checkpoint(folder / TRAINING)
        if last is None or _step(last) < wanted:
            raise PolicyError(f"lerobot-train ended without a checkpoint of step {wanted}; see {folder / LOG}")
        _place(last / "pretrained_model", _adapter(context, root), folder / POLICY)
        losses = read_losses(folder / LOG)
        return {
            "steps": wanted,
            "loss": losses[-1] if losses else None,
            "losses": losses[:: max(len(losses) // 200, 1)],
        }

    def outputs(self, context: Context, folder: Path) -> Mapping[str, str]:
        """Return the hashes of the weights, and of the policy with processors, configuration and adapter."""
        return {"weights": weights_sha256(folder / POLICY), POLICY: policy_sha256(folder / POLICY)}


def newest_checkpoint(training: Path) -> Path | None:
    """Return the folder of the newest checkpoint that was written whole; None without one.

    LeRobot lets the link `last` lead to a checkpoint when it is written, so a newer folder may be half of one. Between taking
    the old link away and making the new one there is none; then the newest folder is whole.
    """
    folder = training / "checkpoints"
    if not folder.is_dir():
        return None
    link = folder / "last"
    found = sorted(
        (path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()), key=lambda p: int(p.name)
    )
    if link.is_symlink() and link.resolve().is_dir():
        found = [path for path in found if int(path.name) <= int(link.resolve().name)]
    whole = [path for path in found if all((path / name).is_file() for name in _WHOLE)]
    return whole[-1] if whole else None


def read_losses(log: Path) -> list[float]:
    """Return the loss at each line of the trainer's log."""
    if not log.is_file():
        return []
    return [float(value) for _, value in _LOSS.findall(log.read_text(encoding="utf-8", errors="replace"))]


def _adapter(context: Context, root: Path) -> str:
    """Return the adapter; places of the robot's own links do not need a simulated world."""
    return adapter_text(require_schema(root), load_task(context.config.task_text).robot)


def _step(checkpoint: Path) -> int:
    return int(json.loads((checkpoint / "training_state" / "training_step.json").read_text(encoding="utf-8"))["step"])


def _words(context: Context, root: Path, folder: Path, last: Path | None) -> list[str]:
    if last is not None:
        return [f"--config_path={last / 'pretrained_model' / 'train_config.json'}", "--resume=true"]
    train = context.config.train
    return [
        f"--dataset.repo_id=local/{context.config.name}", f"--dataset.root={root}", "--dataset.video_backend=pyav",
        f"--output_dir={folder / TRAINING}", f"--steps={train.steps}", f"--batch_size={train.batch_size}",
        f"--save_freq={train.save_every}", f"--num_workers={train.workers}", f"--seed={train.seed}",
        f"--policy.device={train.device}", "--policy.push_to_hub=false", "--wandb.enable=false", "--env_eval_freq=0",
        f"--log_freq={max(train.steps // 100, 1)}",
        *(f"--{name}={_text(value)}" for name, value in train.options.items() if name != "dataset.video_backend"),
    ]  # fmt: skip


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _run_trainer(context: Context, folder: Path, words: list[str]) -> None:
    log = folder / LOG
    command = [sys.executable, "-m", "strands_robots.learning.pipeline.trainer", str(os.getpid()), *words]
    # One thread and no network: the same numbers on every run, and nothing is fetched that the file does not name.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1",
                   "TOKENIZERS_PARALLELISM": "false"}  # fmt: skip
    with log.open("a", encoding="utf-8", buffering=1) as output:
        output.write(f"# {' '.join(words)}\n")
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", cwd=folder,
        )  # fmt: skip
        try:
            assert process.stdout is not None
            for line in process.stdout:
                output.write(line)
                if found := _LOSS.search(line):
                    context.tell(f"train: step {found[1]}, loss {found[2]}")
            code = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code != 0:
        tail = "; ".join(line for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-3:])
        raise PolicyError(f"lerobot-train ended with exit code {code}, see {log}: {tail[:500]}")


def _place(trained: Path, adapter: str, target: Path) -> None:
    """Put the policy and its adapter in their folder, whole or not at all."""
    partial = target.with_name(f".{target.name}.partial")
    for path in (partial, target):
        shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(trained, partial)
    (partial / ADAPTER).write_text(adapter, encoding="utf-8")
    partial.rename(target)
