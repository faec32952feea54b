"""LeRobot's own commands on a simulated graph, through the plug-in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from graph import Graph

from strands_robots.dataset.table import read_info

from .made import JOINTS
from .recorded_graph import RecordedGraph

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

PLUGIN = Path(__file__).resolve().parents[2] / "src" / "lerobot_robot_strands"
COMMAND = """
import sys
import lerobot_robot_strands
from importlib import import_module
module, sys.argv = import_module(sys.argv[1]), [sys.argv[1], *sys.argv[2:]]
module.main()
"""
ROBOT = ["--robot.type=strands", "--robot.robot=so101", "--robot.id=sim"]
CAMERA = ['--robot.graph_cameras={"wrist": [480, 640]}']
LEADER = ["--teleop.type=strands_leader", "--teleop.robot=so101", "--teleop.id=leader"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordedGraph]:
    with Graph() as processes:
        yield RecordedGraph(processes, tmp_path_factory.mktemp("latch"), "realtime")


def run(graph: RecordedGraph, script: str, *options: str) -> str:
    """Run one of LeRobot's commands to its end; return what it printed."""
    environment = {**graph.environment, "PYTHONPATH": f"{PLUGIN}:{graph.environment.get('PYTHONPATH', '')}"}
    command = [sys.executable, "-c", COMMAND, f"lerobot.scripts.{script}", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr


def test_lerobot_record_makes_a_dataset_of_the_graph(graph: RecordedGraph, tmp_path: Path) -> None:
    root = tmp_path / "data"
    options = ["--dataset.repo_id=test/plugin", f"--dataset.root={root}", "--dataset.single_task=wave"]
    options += ["--dataset.num_episodes=1", "--dataset.episode_time_s=3", "--dataset.reset_time_s=0"]
    options += ["--dataset.fps=10", "--dataset.push_to_hub=false", "--dataset.streaming_encoding=true"]
    run(graph, "lerobot_record", *ROBOT, *CAMERA, *LEADER, "--play_sounds=false", *options)
    info = read_info(root)
    assert info.episodes == 1 and info.frames > 10
    assert info.names("action") == [f"{joint}.pos" for joint in JOINTS] and info.robot_type == "so_follower"


def test_lerobot_teleoperate_moves_the_robot_through_its_gate(graph: RecordedGraph) -> None:
    graph.applied.clear()
    run(graph, "lerobot_teleoperate", *ROBOT, *LEADER, "--teleop_time_s=2", "--fps=20")
    sources = [message.source for message in graph.applied]
    assert sources.count("teleop/lerobot") > 20, set(sources)


def test_lerobot_rollout_runs_a_policy_of_lerobot_on_the_graph(graph: RecordedGraph, tmp_path: Path) -> None:
    save_policy(tmp_path / "policy")
    graph.applied.clear()
    run(
        graph, "lerobot_rollout", *ROBOT, *CAMERA, f"--policy.path={tmp_path / 'policy'}", "--strategy.type=base",
        "--fps=10", "--duration=3", "--task=wave", "--return_to_initial_position=false", "--device=cpu",
    )  # fmt: skip
    applied = [message for message in graph.applied if message.source == "teleop/lerobot"]
    assert len(applied) > 20
    targets = np.array([message.values for message in applied])
    assert np.ptp(targets, axis=0).max() > 1e-3, "the policy moved nothing"


def save_policy(folder: Path) -> None:
    """Save an untrained ACT whose features are those of the robot, with its processors."""
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    size = len(JOINTS)
    config = ACTConfig(
        chunk_size=5, n_action_steps=5, dim_model=32, n_heads=2, dim_feedforward=32, n_encoder_layers=1,
        n_vae_encoder_layers=1, use_vae=False, pretrained_backbone_weights=None, device="cpu", push_to_hub=False,
        input_features={
            "observation.state": PolicyFeature(FeatureType.STATE, (size,)),
            "observation.images.wrist": PolicyFeature(FeatureType.VISUAL, (3, 480, 640)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (size,))},
    )  # fmt: skip
    torch.manual_seed(3)
    numbers = {"mean": np.zeros(size, np.float32), "std": np.full(size, 10.0, np.float32)}
    pictures = {"mean": np.zeros((3, 1, 1), np.float32), "std": np.ones((3, 1, 1), np.float32)}
    stats = {"observation.state": numbers, "action": numbers, "observation.images.wrist": pictures}
    ACTPolicy(config).save_pretrained(folder)
    for processor in make_pre_post_processors(config, dataset_stats=stats):
        processor.save_pretrained(folder)
