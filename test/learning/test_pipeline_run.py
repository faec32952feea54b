"""A pipeline with real stages: from an empty folder to a policy in use, killed in each stage and gone on with, published to a stand-in."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("lerobot", reason="needs make setup-learning")

from strands_robots.cli.main import app
from strands_robots.learning.pipeline.journal import NAME, read_journal
from strands_robots.learning.pipeline.pipeline_status import pipeline_status

pytestmark = [pytest.mark.learning, pytest.mark.long, pytest.mark.timeout(900)]

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pipeline.yaml"
TINY = {
    "policy.type": "act", "policy.chunk_size": 5, "policy.n_action_steps": 5, "policy.dim_model": 16, "policy.n_heads": 2,
    "policy.dim_feedforward": 16, "policy.n_encoder_layers": 1, "policy.n_decoder_layers": 1, "policy.use_vae": False,
    "policy.dropout": 0.0,
}  # fmt: skip
CONFIG: dict[str, Any] = {
    "version": 1, "name": "tiny", "task": "reach",
    "record": {"policy": "expert", "episodes": 2, "fps": 10, "bodies": ["gripper_link"]},
    "train": {"steps": 6, "batch_size": 2, "save_every": 2, "options": TINY},
    "evaluate": {"episodes": 2, "workers": 1}, "gate": {"success_rate": 0.0},
}  # fmt: skip


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "pipeline.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **changes}))
    return path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "strands_robots.cli.entry", "pipeline", *words]


def run(*words: str, expected: int = 0) -> str:
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=600)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def kill_at(words: str, config: Path, folder: Path) -> None:
    """Run, and kill with SIGKILL as soon as a line begins with the words."""
    with subprocess.Popen(
        command("run", str(config), "--folder", str(folder)),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith(words):
                process.send_signal(signal.SIGKILL)
                break
        assert process.wait() == -signal.SIGKILL, f"'{words}' was never said"


def patient(folder: Path) -> Path:
    """Return the example, whose graph does not take a starved machine for a broken link: it shares its cores with other tests."""
    slow = {"heartbeat_timeout": 5.0, "stall_timeout": 5.0, "answer_timeout": 2.0}
    nodes = {"/**/driver_node": slow, "/**/safety_node": {"gate_state_timeout": 5.0}}
    (folder / "slow.yaml").write_text(
        yaml.safe_dump({name: {"ros__parameters": given} for name, given in nodes.items()})
    )
    example = yaml.safe_load(EXAMPLE.read_text())
    example["deploy"]["options"] = {"params_file": str(folder / "slow.yaml")}
    (folder / "example.yaml").write_text(yaml.safe_dump(example))
    return folder / "example.yaml"


def hashes(folder: Path) -> dict[str, dict[str, str]]:
    return {one.stage: dict(one.outputs) for one in pipeline_status(list(read_journal(folder / NAME))) if one.outputs}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny pipeline that ran without interruption."""
    folder = tmp_path_factory.mktemp("pipeline")
    config = write(folder)
    run("run", str(config), "--folder", str(folder / "whole"))
    return config, folder / "whole"


def test_from_an_empty_folder_to_a_promoted_policy_and_nothing_twice(whole: tuple[Path, Path]) -> None:
    config, folder = whole
    found = hashes(folder)
    assert list(found) == ["record", "verify", "train", "evaluate", "compare", "gate", "deploy"]
    deployed = json.loads((folder / "deployed.json").read_text())
    assert deployed["policy_sha256"] == found["train"]["policy"] == found["gate"]["policy"]
    assert (Path(deployed["policy"]) / "model.safetensors").is_file()
    assert "model: so101" in (Path(deployed["policy"]) / "adapter.yaml").read_text()
    assert run("run", str(config), "--folder", str(folder)).count("unchanged") == 14
    page = (folder / "report.html").read_text()
    assert page.count("data:image/png") == 4 and "http" not in page
    assert found["train"]["weights"][:12] in page
    assert "done" in run("status", str(folder))


@pytest.mark.parametrize("words", ["train: step 4", "evaluate: episode 0"])
def test_killed_and_resumed_it_has_the_same_hashes(whole: tuple[Path, Path], tmp_path: Path, words: str) -> None:
    config, folder = whole
    kill_at(words, config, tmp_path / "killed")
    said = run("resume", str(tmp_path / "killed"))
    assert hashes(tmp_path / "killed") == hashes(folder)
    assert words.startswith("evaluate") or "train: goes on at step" in said


def test_gate_that_is_closed_ends_with_3_and_nothing_is_promoted(whole: tuple[Path, Path], tmp_path: Path) -> None:
    _, folder = whole
    config = write(tmp_path, gate={"success_rate": 1.0, "lower_bound": 0.9})
    said = run("run", str(config), "--folder", str(folder), expected=3)
    assert "the gate is closed" in said and "record: unchanged" in said
    assert "the gate is closed" in (folder / "report.html").read_text()


def test_policy_that_was_exchanged_is_not_deployed(whole: tuple[Path, Path], tmp_path: Path) -> None:
    config, folder = whole
    run("run", str(config), "--folder", str(folder))
    weights = Path(json.loads((folder / "deployed.json").read_text())["policy"]) / "model.safetensors"
    before = weights.read_bytes()
    weights.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    said = run("run", str(config), "--folder", str(folder))
    assert "it is kept as" in said and "train: begins" in said
    again = Path(json.loads((folder / "deployed.json").read_text())["policy"]) / "model.safetensors"
    assert again.read_bytes() == before


def test_dataset_and_policy_are_published_only_when_a_person_has_signed(
    whole: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recording.hub import Hub
    from typer.testing import CliRunner

    from strands_robots.operators.keyring import Keyring, Operator, Role, save_keyring
    from strands_robots.operators.operator_key import KEY_SUFFIX, create_key

    key = create_key(tmp_path / "keys", "alice")
    save_keyring(tmp_path / "ring" / "keyring.yaml", Keyring([Operator(key.public, frozenset({Role.APPROVE}))]))
    _, folder = whole
    approvals = {"keyring": str(tmp_path / "ring" / "keyring.yaml")}
    config = write(tmp_path, publish={"policy": "me/policy"}, approvals=approvals)
    hub = Hub()
    hub.created.append({"visibility": "private"})
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("NO_PROXY", "*")
    try:
        said = run("run", str(config), "--folder", str(folder), expected=4)
        assert "pipeline/overwrite waits for a person" in said, "the stand-in has every repository already"
        assert not hub.files
        (request,) = [path for path in (folder / "requests").glob("*.json") if ".decision" not in path.name]
        words = [
            "approvals",
            "sign",
            str(request),
            "--yes",
            "--key",
            str(next((tmp_path / "keys").glob(f"alice*{KEY_SUFFIX}"))),
        ]
        signed = CliRunner().invoke(app, words)
        assert signed.exit_code == 0 and hashes(folder)["train"]["policy"] in signed.output
        run("resume", str(folder))
        assert "model.safetensors" in hub.files and "adapter.yaml" in hub.files
        assert "train_config.json" not in hub.files, "it names folders of this machine"
        assert "hf_secret" not in (folder / "journal.jsonl").read_text() + (folder / "report.html").read_text()
    finally:
        hub.close()


@pytest.mark.timeout(3000)
def test_example_comes_to_the_servo_bus_arm_and_killed_in_each_stage_it_is_the_same(tmp_path: Path) -> None:
    example = patient(tmp_path)
    run("run", str(example), "--folder", str(tmp_path / "whole"))
    wanted = hashes(tmp_path / "whole")
    record = json.loads((tmp_path / "whole" / "deployed.json").read_text())
    assert (record["to"], record["robot"]) == ("bus", "so101")
    ran = next((tmp_path / "whole" / "deploy").glob("*/run.json"))
    assert json.loads(ran.read_text())["steps"] > 50
    moments = [
        "record: episode of seed 1000004", "verify: begins", "train: step", "train: done", "evaluate: episode 2",
        "compare: begins", "gate: begins", "deploy: begins", "deploy: Robot",
    ]  # fmt: skip
    for moment in moments:
        kill_at(moment, example, tmp_path / "killed")
    run("resume", str(tmp_path / "killed"))
    assert hashes(tmp_path / "killed") == wanted
