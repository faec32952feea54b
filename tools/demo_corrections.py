"""Corrections against demonstrations, with one command: python tools/demo_corrections.py --folder outputs/corrections.

weak      ACT, trained by LeRobot on a few scripted picks (lift_cube, joints and the cube's pose)
corrected the same data and episodes in which the weak policy works and the expert corrects it, trained on all but the mistakes
plain     the same data and the same number of plain demonstrations more
compare   both on the same seeded episodes, paired

Every stage leaves its result in the folder: run the command again after an interruption, and it goes on where it was. Each stage is a
command of strands-robots that a person could type; `--print` shows them.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml
from demo_learning import ACT, FPS, LEARNING_RATE, NORMALIZATION, SHOWN_BY, TASK

WEAK_SEED, MORE_SEED = 1_000_000, 2_000_000
"""Seeds of the first demonstrations, and of corrections and further demonstrations alike; evaluations begin at 0."""

CORRECTED = 16.0
"""Length of an attempt that is corrected [s]: the policy's time, and all that the expert needs after it."""


@dataclass(frozen=True)
class Settings:
    """How much of everything.

    Attributes:
        weak: Demonstrations of the weak policy.
        more: Corrected episodes, and as many plain demonstrations.
        steps: Steps of each training.
        batch: Frames of a step.
        episodes: Episodes of each evaluation.
    """

    weak: int = 10
    more: int = 30
    steps: int = 1500
    batch: int = 16
    episodes: int = 30


SMOKE = Settings(weak=2, more=2, steps=3, batch=4, episodes=2)


def main() -> int:
    """Run the stages that are left and print the comparison."""
    parser = argparse.ArgumentParser(description="DAgger against plain demonstrations on lift_cube.")
    parser.add_argument("--folder", type=Path, default=Path("outputs/corrections"), help="where everything goes")
    parser.add_argument("--smoke", action="store_true", help="the smallest run through every stage; shows nothing")
    parser.add_argument("--print", action="store_true", help="print the commands, and run none")
    parser.add_argument("--until", default="", help="end after this stage, for example train_weak")
    given = parser.parse_args()
    folder: Path = given.folder.expanduser().absolute()
    settings = SMOKE if given.smoke else Settings()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(TASK)
    (folder / "task_corrected.yaml").write_text(
        yaml.safe_dump({**yaml.safe_load(TASK), "duration": CORRECTED}, sort_keys=False)
    )
    for name, done, command in stages(folder, settings):
        if given.print:
            print(shlex.join(command))
        elif not done.exists():
            _run(folder, name, command, done)
        if name == given.until:
            return 0
    if not given.print:
        _tell(folder, settings)
    return 0


def stages(folder: Path, settings: Settings) -> list[tuple[str, Path, list[str]]]:
    """Return each stage's name, what exists once it is done, and its command."""
    show, more = settings.weak, settings.weak + settings.more
    data = {name: folder / f"dataset_{name}" for name in ("weak", "corrected", "plain")}
    found = [
        _stage(folder, "record_weak", _demonstrate(folder, data["weak"], show, WEAK_SEED)),
        (
            "adapter",
            folder / "adapter.yaml",
            [
                *_shell(),
                f'strands-robots policy adapter "{data["weak"]}" > "{folder}/adapter.new"; '
                f'mv "{folder}/adapter.new" "{folder}/adapter.yaml"',
            ],
        ),
        _train(folder, "weak", data["weak"], "all", settings),
        _stage(folder, "copy_corrected", ["cp", "-rT", str(data["weak"]), str(data["corrected"])]),
        _stage(folder, "copy_plain", ["cp", "-rT", str(data["weak"]), str(data["plain"])]),
        _stage(
            folder,
            "record_corrected",
            ["strands-robots", "correct", str(folder / "task_corrected.yaml"), "lerobot", str(data["corrected"]), "--config",
             _policy(folder, "weak"), "--adapter", str(folder / "adapter.yaml"), "--expert", "scripted", "--expert-config", SHOWN_BY,
             "--after", "1.0", "3.0", "--episodes", str(more), "--seed", str(MORE_SEED), "--fps", str(FPS), "--body", "cube",
             "--repo-id", "local/lift_cube"],
        ),
        _stage(folder, "record_plain", _demonstrate(folder, data["plain"], more, MORE_SEED)),
        _train(folder, "corrected", data["corrected"], "without_mistakes", settings),
        _train(folder, "plain", data["plain"], "all", settings),
    ]  # fmt: skip
    for name in ("weak", "corrected", "plain"):
        command = [
            "strands-robots", "evaluate", str(folder / "task.yaml"), "lerobot", "--config", _policy(folder, name), "--adapter",
            str(folder / "adapter.yaml"), "--episodes", str(settings.episodes), "--output", str(folder / f"evaluation_{name}"),
            "--resume",
        ]  # fmt: skip
        found.append(_stage(folder, f"evaluate_{name}", command))
    return found


def _shell() -> list[str]:
    return ["bash", "-euc"]


def _stage(folder: Path, name: str, command: list[str]) -> tuple[str, Path, list[str]]:
    return name, folder / f"{name}.done", command


def _demonstrate(folder: Path, root: Path, episodes: int, seed: int) -> list[str]:
    return [
        "strands-robots", "demonstrate", str(folder / "task.yaml"), "scripted", str(root), "--config", SHOWN_BY, "--episodes",
        str(episodes), "--seed", str(seed), "--fps", str(FPS), "--body", "cube", "--intervention", "--repo-id", "local/lift_cube",
    ]  # fmt: skip


def _train(folder: Path, name: str, root: Path, frames: str, settings: Settings) -> tuple[str, Path, list[str]]:
    network = [f"--policy.{key}={str(value).lower()}" for key, value in ACT.items()]
    command = [
        "strands-robots", "train", "--frames", frames, "--", "--dataset.repo_id=local/lift_cube", f"--dataset.root={root}",
        "--policy.type=act", "--policy.push_to_hub=false", "--policy.device=cpu", *network,
        "--use_policy_training_preset=false", "--optimizer.type=adamw", f"--optimizer.lr={LEARNING_RATE}",
        "--optimizer.weight_decay=1e-4", "--optimizer.grad_clip_norm=10", "--scheduler.type=cosine_decay_with_warmup",
        f"--scheduler.num_warmup_steps={max(settings.steps // 30, 1)}", f"--scheduler.num_decay_steps={settings.steps}",
        f"--scheduler.peak_lr={LEARNING_RATE}", f"--scheduler.decay_lr={LEARNING_RATE / 100}",
        f"--policy.normalization_mapping={json.dumps(NORMALIZATION)}", f"--output_dir={folder / f'training_{name}'}",
        f"--steps={settings.steps}", f"--batch_size={settings.batch}", "--num_workers=1", "--seed=1",
        f"--save_freq={settings.steps}", f"--log_freq={max(settings.steps // 30, 1)}", "--env_eval_freq=0", "--wandb.enable=false",
    ]  # fmt: skip
    return _stage(folder, f"train_{name}", command)


def _policy(folder: Path, name: str) -> str:
    trained = folder / f"training_{name}" / "checkpoints" / "last" / "pretrained_model"
    return yaml.safe_dump({"path": str(trained), "device": "cpu"}, default_flow_style=True).strip()


def _run(folder: Path, name: str, command: list[str], done: Path) -> None:
    """Run a stage; what it writes goes to its log. Exits where it fails."""
    output = folder / f"training_{name.removeprefix('train_')}"
    if name.startswith("train_") and output.exists():
        shutil.rmtree(output)  # of a training that was interrupted
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "2"),
    }
    print(f"{name} ...", flush=True)
    with (folder / f"{name}.log").open("w") as log:
        code = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=environment, check=False).returncode
    if code:
        sys.exit(f"{name} ended with exit code {code}, see {folder / f'{name}.log'}")
    if done.suffix == ".done":
        done.touch()


def _tell(folder: Path, settings: Settings) -> None:
    print(
        f"\nlift_cube, {settings.episodes} episodes each; {settings.weak} demonstrations, then {settings.more} more of either kind"
    )
    for name in ("weak", "corrected", "plain"):
        one = json.loads((folder / f"evaluation_{name}" / "results.json").read_text())
        low, high = (100.0 * end for end in one["interval_95"])
        print(
            f"  {name:<10} {one['successes']} of {one['episodes']}, 95 % interval {low:.0f} to {high:.0f} %", flush=True
        )
    print("\nplain demonstrations (A) against corrections (B), the same episodes:", flush=True)
    subprocess.run(
        ["strands-robots", "compare", str(folder / "evaluation_plain"), str(folder / "evaluation_corrected")],
        check=False,
    )


if __name__ == "__main__":
    raise SystemExit(main())
