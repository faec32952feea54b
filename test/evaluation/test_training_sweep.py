"""A sweep of training runs: what is run, what survives a kill, and LeRobot's own trainer at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml
from graph import wait_for

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.results_file import read_results
from strands_robots.evaluation.training.run_sweep import run_sweep
from strands_robots.evaluation.training.sweep_config import load_sweep, option_words

STAND_IN = '''
"""Keeps checkpoints as lerobot-train 0.6.1 does: refuses a folder that is there, and goes on with --config_path and --resume=true."""
import os, sys, time
from pathlib import Path
given = dict(word[2:].split("=", 1) for word in sys.argv[1:])
if given.get("resume") == "true":
    folder = Path(given["config_path"]).parents[3]
    print("resumed")
else:
    folder = Path(given["output_dir"])
    if folder.exists():
        sys.exit(f"FileExistsError: Output directory {folder} already exists and resume is False.")
    folder.mkdir(parents=True)
    (folder / "options").write_text(" ".join(sys.argv[1:]))
    if given.get("optimizer.lr") == "0.5":
        sys.exit("ValueError: the loss is nan")
    kept = folder / "checkpoints" / "last" / "pretrained_model"
    kept.mkdir(parents=True)
    (kept / "train_config.json").write_text("{}")
    if given.get("policy.chunk_size") == "77":
        (folder / "pid").write_text(str(os.getpid()))
        time.sleep(60)
print("INFO step:2K smpl:4K ep:40 loss:0.125 grdn:2.1")
'''


@pytest.fixture
def trainer(tmp_path: Path) -> tuple[str, ...]:
    file = tmp_path / "trainer.py"
    file.write_text(STAND_IN)
    return sys.executable, str(file)


def plan(**vary: Any) -> Any:
    return load_sweep(yaml.safe_dump({"name": "rates", "options": {"policy.type": "act", "steps": 2}, "vary": vary}))


def test_every_combination_is_trained_and_one_that_fails_costs_itself_only(
    tmp_path: Path, trainer: tuple[str, ...]
) -> None:
    found = run_sweep(plan(**{"optimizer.lr": [0.1, 0.5], "seed": [1, 2]}), tmp_path / "out", trainer=trainer)
    assert [trial.varied for trial in found.trials] == [
        {"optimizer.lr": 0.1, "seed": 1}, {"optimizer.lr": 0.1, "seed": 2}, {"optimizer.lr": 0.5, "seed": 1},
        {"optimizer.lr": 0.5, "seed": 2},
    ]  # fmt: skip
    assert [trial.trained.message for trial in found.trials[:2]] == ["loss 0.125 at step 2K"] * 2
    assert all("the loss is nan" in trial.trained.message for trial in found.trials[2:])
    options = (tmp_path / "out" / "trial_001" / "training" / "options").read_text()
    assert options.startswith("--policy.type=act --steps=2 --optimizer.lr=0.1 --seed=2 --output_dir=")
    again = run_sweep(
        plan(**{"optimizer.lr": [0.1, 0.5], "seed": [1, 2]}), tmp_path / "out", trainer=trainer, is_resumed=True
    )
    assert [trial.trained.attempt for trial in again.trials] == [1, 1, 2, 2]


def test_killed_sweep_takes_its_training_along_and_goes_on_from_the_checkpoint(
    tmp_path: Path, trainer: tuple[str, ...]
) -> None:
    out = tmp_path / "out"
    code = (
        "import sys; from pathlib import Path; from strands_robots.evaluation.training.run_sweep import run_sweep\n"
        "from strands_robots.evaluation.training.sweep_config import load_sweep\n"
        "if __name__ == '__main__':\n"
        "    run_sweep(load_sweep(sys.argv[1]), Path(sys.argv[2]), trainer=tuple(sys.argv[3:]))\n"
    )
    file = tmp_path / "sweep.py"
    file.write_text(code)
    config = plan(**{"policy.chunk_size": [77]})
    text = yaml.safe_dump(config.model_dump(mode="json"))
    process = subprocess.Popen([sys.executable, str(file), text, str(out), *trainer])
    pid = out / "trial_000" / "training" / "pid"
    wait_for(lambda: pid.is_file() and pid.read_text(), 60.0, "a training that runs")
    training = psutil.Process(int(pid.read_text()))
    process.send_signal(signal.SIGKILL)
    process.wait()
    wait_for(lambda: not training.is_running() or training.status() == psutil.STATUS_ZOMBIE, 30.0, "its end")
    assert not read_results(out).results
    found = run_sweep(config, out, trainer=trainer, is_resumed=True)
    assert found.trials[0].trained.success
    assert "resumed" in (out / "trial_000" / "train.log").read_text()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "a", "options": {}, "vary": {}}, "vary"),
        ({"name": "a", "options": {"output_dir": "x"}, "vary": {"seed": [1]}}, "the sweep gives these itself"),
        ({"name": "a", "options": {}, "vary": {"seed": []}}, "at least 1 item"),
        ({"name": "a", "options": {}, "vary": {"seed": [1]}, "evaluate": {}}, "task"),
    ],
)
def test_sweep_that_cannot_be_is_refused_with_what_is_wrong(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_sweep(yaml.safe_dump(given))


def test_options_are_written_as_lerobots_parser_reads_them() -> None:
    assert option_words({"policy.use_vae": False, "policy.backbone": None, "steps": 2, "policy.type": "act"}) == [
        "--policy.use_vae=false", "--policy.backbone=null", "--steps=2", "--policy.type=act",
    ]  # fmt: skip
    with pytest.raises(ConfigurationError, match="fixed and varied"):
        load_sweep("{name: a, options: {seed: 1}, vary: {seed: [1]}}").trials()


@pytest.mark.long
@pytest.mark.learning
@pytest.mark.timeout(900)
def test_lerobots_own_trainer_is_swept_and_its_policies_are_tried(tmp_path: Path) -> None:
    pytest.importorskip("lerobot", reason="needs make setup-learning")
    from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
    from strands_robots.evaluation.episode_result import PolicyChoice

    os.environ.setdefault("OMP_NUM_THREADS", "1")
    demonstrate(DemonstrationConfig("lift_cube", PolicyChoice("expert"), tmp_path / "data", 2, bodies=("cube",)))
    small = {
        "dataset.repo_id": "local/data", "dataset.root": str(tmp_path / "data"), "policy.type": "act",
        "policy.device": "cpu", "policy.push_to_hub": False, "policy.chunk_size": 20, "policy.n_action_steps": 20,
        "policy.dim_model": 32, "policy.n_heads": 2, "policy.dim_feedforward": 32, "policy.n_encoder_layers": 1,
        "policy.use_vae": False, "policy.pretrained_backbone_weights": None, "steps": 2, "batch_size": 4,
        "num_workers": 0, "save_freq": 2, "env_eval_freq": 0, "wandb.enable": False,
    }  # fmt: skip
    config = {
        "name": "seeds", "options": small, "vary": {"seed": [1, 2]}, "evaluate": {"task": "lift_cube", "episodes": 2},
    }  # fmt: skip
    found = run_sweep(load_sweep(yaml.safe_dump(config)), tmp_path / "out")
    assert [trial.trained.message[:5] for trial in found.trials] == ["loss "] * 2
    assert [len(trial.evaluation.results) for trial in found.trials if trial.evaluation is not None] == [2, 2]
    assert not [
        one.message for trial in found.trials if trial.evaluation for one in trial.evaluation.results if one.is_error
    ]
    assert list(found.against_best) == [found.trials[1].name]
