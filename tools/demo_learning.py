"""From demonstrations to a success rate, with one command: `make demo-learning`.

record    episodes of a scripted pick, cubes where the seeds say, as a LeRobot dataset
train     ACT with LeRobot's own trainer (lerobot-train), on the joints and the cube's pose
evaluate  the trained policy, the same network with random weights, and `sine`, on the same seeded episodes, none of them in the dataset

Every stage leaves its result in the folder: run the command again after an interruption, and it goes on where it was. The episodes run in
lockstep through the robot's gate by the code that policy_node runs (policies/run/lockstep.py), the policy in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import yaml
from demo_learning_picture import Bar, draw_picture, film

from strands_robots.core.errors import ConfigurationError, PolicyError, StrandsRobotsError
from strands_robots.core.share import config_text
from strands_robots.dataset.table import require_schema
from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.runner import EvaluationConfig, evaluate
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.policies.adapt.dataset_adapter import adapter_text

ROOT = Path(__file__).resolve().parents[1]
TASK = yaml.safe_dump({**yaml.safe_load(config_text("task", "tasks", "lift_cube")), "duration": 8.0}, sort_keys=False)
"""lift_cube, with less time for those that cannot do it; the scripted policy takes five seconds."""

SHOWN_BY = "{model: so101, speed: 0.5, pick: {object: {body: cube}}}"
SWING = "{joints: {shoulder_pan: [{amplitude: 0.5, frequency: 0.3}], shoulder_lift: [{amplitude: 0.6, frequency: 0.4}], " \
    "elbow_flex: [{amplitude: 0.5, frequency: 0.5}], gripper: [{amplitude: 0.6, frequency: 0.4}]}}"  # fmt: skip
FPS = 20  # [Hz]
FIRST_SHOWN = 1_000_000
"""Seed of the first demonstration; evaluations begin at 0."""

ACT = {
    "chunk_size": 20, "n_action_steps": 20, "dim_model": 128, "n_heads": 4, "dim_feedforward": 256, "n_encoder_layers": 2,
    "n_decoder_layers": 1, "use_vae": False, "dropout": 0.0,
}  # fmt: skip
"""The scripted policy shows one way for each place of the cube, so that there is no style for a latent variable to carry."""

NORMALIZATION = {"STATE": "MEAN_STD", "ENV": "MEAN_STD", "ACTION": "MEAN_STD", "VISUAL": "MEAN_STD"}
"""ACT's own, and the same for the environment state, which LeRobot leaves as it is: a cube's place varies by centimetres."""


LEARNING_RATE = 5e-4
"""Highest rate; it falls to a hundredth of it along a cosine, which ACT's own preset does not do."""


@dataclass(frozen=True)
class Settings:
    """What the demonstration consists of; a folder belongs to one of these.

    Attributes:
        demonstrations: Episodes that are recorded.
        steps: Steps of training.
        batch: Frames of one step.
        episodes: Episodes of each evaluation.
    """

    demonstrations: int = 100
    steps: int = 2000
    batch: int = 16
    episodes: int = 50


SMOKE = Settings(demonstrations=2, steps=5, batch=4, episodes=2)


def main() -> int:
    """Run the stages that are left, print the table, and write figures and picture."""
    arguments = _arguments()
    folder: Path = arguments.folder.expanduser().absolute()
    settings = SMOKE if arguments.smoke else Settings()
    try:
        if arguments.fresh and folder.exists():
            shutil.rmtree(folder)
        _claim(folder, settings)
        begin = time.monotonic()
        adapter = _record(folder, settings)
        trained = _train(folder, settings)
        rates = _evaluate(folder, settings, adapter, trained)
    except StrandsRobotsError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    _tell(rates, time.monotonic() - begin)
    picture = folder / "demo_learning.png"
    choice = PolicyChoice("lerobot", _config(trained), adapter)
    strip = film(TASK, choice, _first_success(folder / "evaluation" / "act"))
    bars = [Bar(name, one["success_rate"], *one["interval_95"]) for name, one in rates.items()]
    draw_picture(bars, _losses(folder), strip, picture, f"lift_cube, {settings.episodes} episodes each")
    if not arguments.smoke:
        shutil.copyfile(picture, ROOT / "docs" / "images" / "demo_learning.png")
        sys.path.append(str(ROOT / "benchmarks"))
        from _report import report

        report("demo_learning", *_figures(folder, settings, rates))
    print(f"  {picture}")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Record, train, evaluate: ACT on a scripted pick.")
    parser.add_argument("--folder", type=Path, help="where everything goes")
    parser.add_argument("--fresh", action="store_true", help="begin anew: removes the folder")
    parser.add_argument(
        "--smoke", action="store_true", help="the smallest run that goes through every stage; shows nothing"
    )
    given = parser.parse_args()
    if given.folder is None:
        given.folder = ROOT / "outputs" / ("demo_learning_smoke" if given.smoke else "demo_learning")
    return given


def _claim(folder: Path, settings: Settings) -> None:
    """Have the folder belong to these settings.

    Raises:
        ConfigurationError: If it belongs to others.
    """
    wanted = {
        **asdict(settings),
        "task": TASK,
        "act": ACT,
        "fps": FPS,
        "shown_by": SHOWN_BY,
        "sine": SWING,
        "rate": LEARNING_RATE,
    }
    file = folder / "settings.json"
    if file.is_file():
        if json.loads(file.read_text()) != wanted:
            raise ConfigurationError(f"{folder} was made with other settings; valid: --fresh, or another --folder")
        return
    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} holds something else; valid: a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(wanted, indent=1) + "\n")


def _record(folder: Path, settings: Settings) -> str:
    """Have the demonstrations recorded, and return the adapter of policies trained on them."""
    root = folder / "dataset"
    begin = time.monotonic()
    plan = DemonstrationConfig(
        TASK, PolicyChoice("scripted", SHOWN_BY), root, settings.demonstrations, FIRST_SHOWN, FPS, ("cube",),
        repo_id="local/lift_cube",
    )  # fmt: skip
    done = demonstrate(plan)
    if done.frames:
        _note(folder, "record_s", time.monotonic() - begin)
    print(
        f"recorded   {done.episodes} episodes of lift_cube by the scripted policy ({done.failures} failed and left out)"
    )
    adapter = adapter_text(require_schema(root))
    (folder / "adapter.yaml").write_text(adapter)
    return adapter


def _train(folder: Path, settings: Settings) -> Path:
    """Have LeRobot train, or go on training, and return the folder of the trained policy."""
    output = folder / "training"
    last = output / "checkpoints" / "last"
    trained = last / "pretrained_model"
    done = int(json.loads((last / "training_state" / "training_step.json").read_text())["step"]) if last.exists() else 0
    if done < settings.steps:
        if not done and output.exists():
            shutil.rmtree(output)
        begin = time.monotonic()
        _run_trainer(folder, _trainer_arguments(folder, settings, trained if done else None))
        _note(folder, "train_s", time.monotonic() - begin)
    print(f"trained    ACT with lerobot-train: {settings.steps} steps of {settings.batch} frames")
    return trained


def _trainer_arguments(folder: Path, settings: Settings, resumed: Path | None) -> list[str]:
    if resumed is not None:
        return [f"--config_path={resumed / 'train_config.json'}", "--resume=true"]
    network = [f"--policy.{name}={str(value).lower()}" for name, value in ACT.items()]
    learning = [
        "--use_policy_training_preset=false", "--optimizer.type=adamw", f"--optimizer.lr={LEARNING_RATE}",
        "--optimizer.weight_decay=1e-4", "--optimizer.grad_clip_norm=10", "--scheduler.type=cosine_decay_with_warmup",
        f"--scheduler.num_warmup_steps={max(settings.steps // 30, 1)}", f"--scheduler.num_decay_steps={settings.steps}",
        f"--scheduler.peak_lr={LEARNING_RATE}", f"--scheduler.decay_lr={LEARNING_RATE / 100}",
    ]  # fmt: skip
    return [
        "--dataset.repo_id=local/lift_cube", f"--dataset.root={folder / 'dataset'}", "--policy.type=act",
        "--policy.push_to_hub=false", "--policy.device=cpu", *network, *learning,
        f"--policy.normalization_mapping={json.dumps(NORMALIZATION)}", f"--output_dir={folder / 'training'}",
        f"--steps={settings.steps}", f"--batch_size={settings.batch}", "--num_workers=2", "--seed=1",
        f"--save_freq={max(settings.steps // 6, 1)}", f"--log_freq={max(settings.steps // 100, 1)}",
        "--env_eval_freq=0", "--wandb.enable=false",
    ]  # fmt: skip


def _run_trainer(folder: Path, arguments: list[str]) -> None:
    """Run lerobot-train; its output goes to train.log, its progress here.

    Raises:
        PolicyError: If it fails.
    """
    log = folder / "train.log"
    command = [sys.executable, "-m", "lerobot.scripts.lerobot_train", *arguments]
    # One thread for torch: the readers of the data are two processes, and each of their frames costs more than the network's.
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with log.open("a", buffering=1) as output:
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=folder
        )
        with contextlib.ExitStack() as stack:
            stack.callback(process.kill)  # where this process is interrupted; afterwards it has ended
            assert process.stdout is not None
            for line in process.stdout:
                output.write(line)
                found = re.search(r"step:(\S+).* loss:(\S+)", line)
                if found:
                    _show(f"training   step {found[1]}, loss {found[2]}")
            code = process.wait()
    _show("")
    if code != 0:
        tail = "; ".join(log.read_text().splitlines()[-3:])
        raise PolicyError(f"lerobot-train ended with exit code {code}, see {log}: {tail}")


def _untrained(folder: Path, trained: Path) -> Path:
    """Return the folder of the same network with random weights, its processors those of the trained one."""
    target = folder / "untrained"
    if (target / "config.json").is_file():
        return target
    import torch
    from lerobot.configs import PreTrainedConfig
    from lerobot.policies.factory import get_policy_class

    shutil.copytree(
        trained, target, ignore=shutil.ignore_patterns("model.safetensors", "config.json"), dirs_exist_ok=True
    )
    config = PreTrainedConfig.from_pretrained(trained)
    torch.manual_seed(0)
    get_policy_class(config.type)(config).save_pretrained(target)
    return target


def _config(path: Path) -> str:
    return json.dumps({"path": str(path), "device": "cpu"})


def _evaluate(folder: Path, settings: Settings, adapter: str, trained: Path) -> dict[str, dict[str, Any]]:
    """Return what each evaluation gave, by the name of its policy."""
    choices = {
        "act": PolicyChoice("lerobot", _config(trained), adapter),
        "untrained": PolicyChoice("lerobot", _config(_untrained(folder, trained)), adapter),
        "sine": PolicyChoice("sine", SWING),
    }
    rates = {}
    for name, choice in choices.items():
        output = folder / "evaluation" / name
        results = output / "results.json"
        if not results.is_file():
            config = EvaluationConfig(TASK, choice, settings.episodes, 0, output_folder=output, is_resumed=True)
            evaluate(config, _show_progress(name, settings.episodes))
        rates[name] = json.loads(results.read_text())
    return rates


def _show_progress(name: str, episodes: int) -> Any:
    done = [0, 0]

    def tell(result: Any) -> None:
        done[0] += 1
        done[1] += result.success
        _show("" if done[0] == episodes else f"evaluating {name}: {done[1]} of {done[0]} succeeded, {episodes} in all")

    return tell


def _show(text: str) -> None:
    """Show progress in one line of a terminal; nothing clears it."""
    if sys.stdout.isatty():
        print(f"\r{text:<70}", end="" if text else "\r", flush=True)


def _tell(rates: dict[str, dict[str, Any]], elapsed: float) -> None:
    print(f"\n  {'policy':<12} {'succeeded':>10} {'rate':>7}   95 % interval")
    for name, one in rates.items():
        low, high = (100.0 * end for end in one["interval_95"])
        counts = f"{one['successes']} of {one['episodes']}"
        print(f"  {name:<12} {counts:>10} {100.0 * one['success_rate']:>5.0f} %   {low:.0f} to {high:.0f} %")
    print(f"\n  {elapsed:.0f} s")


def _figures(
    folder: Path, settings: Settings, rates: dict[str, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    notes = json.loads((folder / "notes.json").read_text()) if (folder / "notes.json").is_file() else {}
    figures: dict[str, Any] = {}
    for name, one in rates.items():
        low, high = wilson_interval(one["successes"], one["episodes"])
        figures |= {f"{name}_successes": one["successes"], f"{name}_rate": one["success_rate"]}
        figures |= {f"{name}_interval_low": low, f"{name}_interval_high": high, f"{name}_evaluation_s": one["elapsed"]}
    latencies = sorted(result["latency_p50"] for result in rates["act"]["results"])
    figures["act_inference_p50_ms"] = 1e3 * latencies[len(latencies) // 2]
    figures |= {**notes, "demonstrations": settings.demonstrations, "steps": settings.steps, "batch": settings.batch}
    return figures, {"episodes": settings.episodes, "task": "lift_cube"}


def _note(folder: Path, name: str, value: float) -> None:
    """Keep how long a stage took; a stage that was interrupted counts from where it went on."""
    file = folder / "notes.json"
    notes = json.loads(file.read_text()) if file.is_file() else {}
    file.write_text(json.dumps({**notes, name: round(value, 1)}) + "\n")


def _losses(folder: Path) -> list[float]:
    """Return the training loss at each line of the trainer's log."""
    log = folder / "train.log"
    return (
        [float(value) for value in re.findall(r"step:\S+.* loss:([0-9.]+)", log.read_text())] if log.is_file() else []
    )


def _first_success(folder: Path) -> int:
    """Return the seed of the first episode that succeeded, or of the first."""
    results = json.loads((folder / "results.json").read_text())["results"]
    return int(next((one["seed"] for one in results if one["success"]), results[0]["seed"]))


if __name__ == "__main__":
    sys.exit(main())
