"""LeRobot itself behind the tools: its parser, its trainer for a few steps, its dataset tool, its search for a port."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph import wait_for

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.agent.lerobot.paths import LeRobotFolders
from strands_robots.agent.lerobot.tools import LerobotTools
from strands_robots.agent.tools.toolset import Toolset

from .ports import FakePort

pytestmark = [
    pytest.mark.learning,
    pytest.mark.long,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(sys.version_info < (3, 12), reason="LeRobotDataset of lerobot 0.6 needs Python 3.12 or newer"),
]

SMALL = {
    "policy.chunk_size": 5, "policy.n_action_steps": 5, "policy.dim_model": 32, "policy.n_heads": 2, "policy.dim_feedforward": 32,
    "policy.n_encoder_layers": 1, "policy.n_vae_encoder_layers": 1, "policy.use_vae": False,
    "policy.pretrained_backbone_weights": None, "dataset.video_backend": "pyav",
}  # fmt: skip
TRAIN = {"dataset": "data", "policy": "act", "steps": 6, "batch_size": 2, "num_workers": 0, "save_freq": 3, "log_freq": 2,
         "device": "cpu", "options": SMALL}  # fmt: skip


class Rig:
    def __init__(self, home: Path) -> None:
        from recording.made import make_dataset

        home.mkdir()
        make_dataset(home / "data")
        self.home = home
        self.port = FakePort([])
        self.family = LerobotTools(self.port, LeRobotFolders([home]))
        self.tools = Toolset(self.port, [self.family])

    def run(self, tool: str, **arguments: Any) -> Any:
        values = json.loads(self.tools.run(tool, arguments).text)
        return values.get("data", values)

    def ended(self, told: Any) -> Any:
        assert "job_id" in told, told
        for _ in range(4):  # A busy machine takes minutes to import torch.
            told = self.run("lerobot_job", job_id=told["job_id"], wait=300, lines=40)
            if told["state"] != "running":
                break
        return told


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    made = Rig(tmp_path_factory.mktemp("lerobot") / "work")
    yield made
    made.family.close()


def test_lerobots_own_trainer_is_started_watched_resumed_and_leaves_a_policy(rig: Rig) -> None:
    told = rig.ended(rig.run("lerobot_train", **TRAIN, output="runs/one"))
    assert told["state"] == "succeeded", told
    assert (told["progress"]["done"], told["progress"]["of"]) == (6, 6)
    assert told["progress"]["metrics"]["loss"] > 0.0
    assert told["result"]["checkpoints"] == ["000003", "000006"]
    policy = Path(told["result"]["policy"])
    assert json.loads((policy / "config.json").read_text())["push_to_hub"] is False
    more = rig.ended(rig.run("lerobot_train", resume="runs/one", steps=8))
    assert more["state"] == "succeeded", more
    assert more["result"]["checkpoints"][-1] == "000008"
    # A configuration beside the policy wants to be uploaded; the request does not.
    config = Path(more["result"]["policy"]) / "train_config.json"
    values = json.loads(config.read_text())
    values["save_checkpoint_to_hub"], values["policy"]["repo_id"] = True, "me/stolen"
    config.write_text(json.dumps(values))
    refused = rig.run("lerobot_train", resume="runs/one", steps=9)
    assert "sends data away" in refused["message"], refused


def test_option_that_lerobot_does_not_know_is_refused_in_its_own_words(rig: Rig) -> None:
    told = rig.run("lerobot_train", **{**TRAIN, "options": {"policy.chunk_sizes": 5}}, output="runs/none")
    assert told["error"] == "invalid_arguments"
    assert "chunk_sizes" in told["message"], told
    default = {name: value for name, value in SMALL.items() if "backbone" not in name}
    told = rig.run("lerobot_train", **{**TRAIN, "options": default}, output="runs/none")
    assert "pretrained_backbone_weights" in told.get("message", "") or "job_id" in told, "in the cache of this machine"


def test_options_are_found_in_lerobots_own_classes(rig: Rig) -> None:
    told = rig.run("lerobot_options", command="train", policy="act", query="chunk")
    assert told["options"]["policy.chunk_size"]["default"] == 100
    assert not rig.run("lerobot_options", command="train", policy="act", query="repo_id").get("options")


def test_training_that_is_cancelled_ends(rig: Rig) -> None:
    started = rig.run("lerobot_train", **{**TRAIN, "steps": 100000, "log_freq": 1}, output="runs/long")
    wait_for(
        lambda: rig.run("lerobot_job", job_id=started["job_id"])["progress"].get("done", 0) > 2,
        200.0,
        "its first steps",
    )
    assert rig.run("lerobot_cancel", job_id=started["job_id"])["state"] == "cancelled"


def test_dataset_is_looked_at_split_and_its_episode_deleted(rig: Rig) -> None:
    told = rig.ended(rig.run("lerobot_edit_dataset", operation="info", dataset="data"))
    assert told["state"] == "succeeded", told
    told = rig.ended(
        rig.run("lerobot_edit_dataset", operation="delete_episodes", dataset="data", target="short", episodes=[0])
    )
    assert told["state"] == "succeeded", told
    assert told["result"]["episodes"] == 1


def test_search_for_a_port_answers_what_lerobot_says(rig: Rig) -> None:
    """Nobody pulls a cable here, and LeRobot says so."""
    started = rig.run("lerobot_find_port", wait=0)
    wait_for(
        lambda: "press Enter" in " ".join(rig.run("lerobot_job", job_id=started["job_id"])["log_tail"]),
        120.0,
        "its question",
    )
    rig.run("lerobot_reply", job_id=started["job_id"], reply="enter")
    told = rig.ended(started)
    assert told["state"] == "failed"
    assert "No difference was found" in " ".join(told["log_tail"])
