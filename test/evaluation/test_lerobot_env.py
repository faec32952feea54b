"""The plug-in lerobot_env_strands: what LeRobot sees of it, and LeRobot's own commands on our tasks."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("lerobot", reason="needs make setup-learning")

pytestmark = [
    pytest.mark.learning,
    pytest.mark.skipif(sys.version_info < (3, 12), reason="lerobot 0.6 needs Python 3.12 or newer"),
]

PLUGIN = Path(__file__).resolve().parents[2] / "src" / "lerobot_env_strands"
TINY = [
    "--policy.type=act", "--policy.device=cpu", "--policy.push_to_hub=false", "--policy.chunk_size=20",
    "--policy.n_action_steps=20", "--policy.dim_model=32", "--policy.n_heads=2", "--policy.dim_feedforward=32",
    "--policy.n_encoder_layers=1", "--policy.use_vae=false", "--policy.pretrained_backbone_weights=null",
]  # fmt: skip
ENV = ["--env.type=strands", "--env.task=lift_cube", "--env.bodies=cube"]


@pytest.fixture
def config(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(PLUGIN))
    __import__("lerobot_env_strands")
    from lerobot.envs.configs import EnvConfig

    return EnvConfig.get_choice_class("strands")


def test_lerobot_makes_a_task_with_its_features(config: Any) -> None:
    from lerobot.envs.factory import make_env
    from lerobot.envs.utils import env_to_policy_features

    about = config(task="lift_cube", bodies="cube")
    shapes = {key: feature.shape for key, feature in env_to_policy_features(about).items()}
    assert shapes == {"action": (6,), "observation.state": (6,), "observation.environment_state": (4,)}
    envs = make_env(about, n_envs=2)["lift_cube"][0]
    try:
        assert envs.call("task_description") == ("lift the red cube",) * 2
        assert envs.call("_max_episode_steps") == (240, 240)
        seen, _ = envs.reset(seed=[3, 4])
        again, _ = envs.reset(seed=[3, 4])
        np.testing.assert_array_equal(seen["environment_state"], again["environment_state"])
        assert not np.array_equal(seen["environment_state"][0], seen["environment_state"][1])
        seen, reward, is_done, is_late, info = envs.step(seen["agent_pos"].astype(np.float32))
        assert not is_done.any() and not is_late.any() and not reward.any() and not info["is_success"].any()
        with pytest.raises(Exception, match="refused"):
            envs.step(np.full((2, 6), np.nan, np.float32))
    finally:
        envs.close()


def test_suite_of_one_robot_is_a_group_and_of_two_is_refused(config: Any, tmp_path: Path) -> None:
    from strands_robots.core.errors import ConfigurationError

    suite = tmp_path / "suite.yaml"
    suite.write_text("{name: mine, tasks: [reach, push]}")
    (group,) = config(task=str(suite)).create_envs(1).values()
    assert [envs.call("task") for envs in group.values()] == [("reach",), ("push",)]
    for envs in group.values():
        envs.close()
    with pytest.raises(ConfigurationError, match="valid: tasks of one robot"):
        config(task="tabletop")
    with pytest.raises(ConfigurationError, match="no task is given"):
        config(task="")
    with pytest.raises(ConfigurationError, match="whole control periods"):
        config(task="reach", fps=30)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_lerobots_own_commands_train_with_our_task_and_evaluate_on_it(tmp_path: Path) -> None:
    from strands_robots.evaluation.compare.outcomes import read_outcomes
    from strands_robots.evaluation.demonstrations import DemonstrationConfig, demonstrate
    from strands_robots.evaluation.episode_result import PolicyChoice

    demonstrate(DemonstrationConfig("lift_cube", PolicyChoice("expert"), tmp_path / "data", 2, bodies=("cube",)))
    shutil.copytree(PLUGIN, tmp_path / "source", ignore=shutil.ignore_patterns("*.egg-info", "build", "__pycache__"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(tmp_path / "plugin"), str(tmp_path / "source")], check=True, timeout=300)
    path = os.pathsep.join([str(tmp_path / "plugin"), os.environ.get("PYTHONPATH", "")])
    about = {**os.environ, "PYTHONPATH": path, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def command(name: str, *words: str) -> str:
        done = subprocess.run([name, *words], capture_output=True, text=True, timeout=600, env=about, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stderr + done.stdout

    told = command(
        "lerobot-train", "--dataset.repo_id=local/data", f"--dataset.root={tmp_path / 'data'}", *TINY, *ENV,
        f"--output_dir={tmp_path / 'train'}", "--steps=2", "--batch_size=4", "--num_workers=0", "--save_freq=2",
        "--env_eval_freq=2", "--eval.n_episodes=2", "--eval.batch_size=2", "--wandb.enable=false",
    )  # fmt: skip
    assert "Suite overall aggregated: " in told and "'n_episodes': 2" in told
    trained = tmp_path / "train" / "checkpoints" / "last" / "pretrained_model"
    command(
        "lerobot-eval", f"--policy.path={trained}", "--policy.device=cpu", *ENV, "--eval.n_episodes=3",
        "--eval.batch_size=1", "--seed=5", f"--output_dir={tmp_path / 'eval'}",
    )  # fmt: skip
    info = json.loads((tmp_path / "eval" / "eval_info.json").read_text())
    assert info["per_task"][0]["task_group"] == "lift_cube"
    assert len(read_outcomes(tmp_path / "eval").episodes) == 3
