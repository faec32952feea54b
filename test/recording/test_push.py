"""Publishing, against a local stand-in of the hub, through the command and in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .hub import Hub
from .made import make_dataset

TOKEN = "hf_secretSECRETsecretSECRETsecretSECRET12"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("push") / "data"
    make_dataset(root, lengths=(12, 12))
    lost = root / "meta/strands_robots/lost/old.parquet"
    lost.parent.mkdir(parents=True)
    lost.write_bytes(b"damaged")
    return root


def push(hub: Hub, root: Path, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ, "HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", "NO_PROXY": "*",
    }  # fmt: skip
    command = [sys.executable, "-m", "strands_robots.cli.entry", "dataset", "push", str(root), "me/data", *options]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)


def test_pushed_dataset_is_private_whole_and_tagged_and_the_token_is_nowhere(
    hub: Hub, dataset: Path, tmp_path: Path
) -> None:
    done = push(hub, dataset, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "private" in done.stdout and (hub.created[0].get("private") or hub.created[0].get("visibility") == "private")
    assert hub.tokens == {f"Bearer {TOKEN}"}
    assert hub.tags == ["v3.0"]
    here = {str(path.relative_to(dataset)) for path in dataset.rglob("*") if path.is_file()}
    missing = {name for name in here - set(hub.files) if "/lost/" not in name and "progress" not in name}
    assert not missing
    assert not [name for name in hub.files if "/lost/" in name]
    for name in ("meta/info.json", "data/chunk-000/file-001.parquet"):
        assert hub.files[name] == (dataset / name).read_bytes()
    assert "LeRobot" in hub.files["README.md"].decode()
    assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in data for data in hub.files.values())
    assert not any(TOKEN in path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())


def test_refused_push_says_so_without_the_token_and_a_damaged_dataset_is_not_sent(
    hub: Hub,
    dataset: Path,
    tmp_path: Path,
) -> None:
    hub.refuses = f"the token {TOKEN} may not write"
    done = push(hub, dataset, tmp_path)
    assert done.returncode == 1 and "the hub did not take it" in done.stderr
    assert TOKEN not in done.stdout + done.stderr
    hub.refuses = ""
    account = dataset / "meta/strands_robots/episodes/episode-000001.json"
    kept = json.loads(account.read_text())
    account.unlink()
    done = push(hub, dataset, tmp_path)
    account.write_text(json.dumps(kept))
    assert done.returncode == 1 and "is not published: episode 1: there is no account" in done.stderr
    assert not hub.files
