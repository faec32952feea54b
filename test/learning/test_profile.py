"""Profiles of tiny policies with real weights: sections, fingerprints, operators, comparison, and a matrix that goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

pytest.importorskip("lerobot")
pytest.importorskip("torch")
from policies.checkpoints import NAMES, TINY, save_act
from recording.made import make_dataset

from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.errors import RecordingError
from strands_robots.learning.profiling.comparison import compare
from strands_robots.learning.profiling.policy_words import read_policy, row_names
from strands_robots.learning.profiling.profile_policy import (
    Profile,
    ProfileOptions,
    profile_policy,
    read_profile,
)
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions

pytestmark = pytest.mark.learning
SECTIONS = ["data", "preprocess", "forward", "backward", "optimizer", "total"]


@pytest.fixture(scope="module")
def act(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_act(tmp_path_factory.mktemp("act"))


def profiled(act: Path, folder: Path, mode: str = "off", steps: int = 3) -> Profile:
    options = ProfileOptions(LerobotOptions(path=str(act), device="cpu"), None, mode, steps, 1, 2)
    return profile_policy(options, "act", folder)


@pytest.fixture(scope="module")
def first(act: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return profiled(act, tmp_path_factory.mktemp("first"), "trace")


def test_every_section_of_every_step_is_measured(first: Profile) -> None:
    assert sorted(first.sections) == sorted(SECTIONS)
    assert {entry["count"] for entry in first.sections.values()} == {3}
    parts = sum(first.sections[name]["mean"] for name in SECTIONS if name != "total")
    assert parts <= first.sections["total"]["mean"] < 1.5 * parts + 0.01
    assert len(first.losses) == 3 and len(first.timeline) == 18 and first.kind == "act"
    assert first.trained_parameters <= first.parameters and min(first.memory.values()) > 1e6


def test_trace_and_operators_are_written(first: Profile, act: Path, tmp_path: Path) -> None:
    assert any(row["name"].startswith("aten::") and row["count"] >= 3 for row in first.operators)
    profiled(act, tmp_path, "trace", 1)
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert read_profile(tmp_path).operators


def test_same_weights_have_the_same_fingerprint_and_others_have_not(first: Profile, act: Path, tmp_path: Path) -> None:
    again = profiled(act, tmp_path / "again")
    assert again.fingerprint == first.fingerprint and first.fingerprint.is_deterministic
    wider = tmp_path / "wider.yaml"
    config = {**TINY, "dim_feedforward": 64}
    wider.write_text(yaml.safe_dump({"type": "act", "state": list(NAMES), "action": list(NAMES), "config": config,
                                     "environment": ["cube.x", "cube.y"]}))  # fmt: skip
    other = profile_policy(ProfileOptions(read_policy(str(wider), "cpu"), None, "off", 1, 0, 2), "wider", tmp_path)
    found = compare(first, other, 1000.0)
    assert not found.is_good
    assert "outputs" in " ".join(found.changes) and "operators" in " ".join(found.changes)


def test_slower_section_is_named_and_noise_is_not(first: Profile) -> None:
    slow = {**first.sections, "forward": {**first.sections["forward"], "median": 10.0}}
    found = compare(first, replace(first, sections=slow), 1.2)
    assert found.slower == ("forward",) and not found.is_good and not found.changes
    short = {name: {**entry, "median": 1e-6} for name, entry in first.sections.items()}
    longer = {name: {**entry, "median": 5e-6} for name, entry in first.sections.items()}
    assert compare(replace(first, sections=short), replace(first, sections=longer), 1.2).slower == ()


def test_fingerprint_that_is_not_deterministic_proves_nothing_and_says_so(first: Profile) -> None:
    unsure = replace(first, fingerprint=replace(first.fingerprint, is_deterministic=False, outputs="f" * 64))
    found = compare(first, unsure, 1.2)
    assert found.is_good and any("cannot be compared" in sentence for sentence in found.warnings)


def test_other_machines_and_settings_are_said(first: Profile) -> None:
    moved = replace(first, versions={**first.versions, "torch": "9.9"}, settings={**first.settings, "batch_size": 64})
    warnings = " ".join(compare(first, moved, 1.2).warnings)
    assert "torch" in warnings and "batch_size is 2 before and 64 after" in warnings


def test_matrix_goes_on_when_a_policy_fails_and_exits_with_1(act: Path, tmp_path: Path) -> None:
    words = [
        "profile",
        "run",
        str(tmp_path / "nothing"),
        str(act),
        "--steps",
        "1",
        "--warmup",
        "0",
        "--batch-size",
        "2",
    ]
    result = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "nothing" in result.output and "forward" in result.output
    page = (tmp_path / "out" / "index.html").read_text()
    assert "nothing" in page and "data:image/png" in page and "http://" not in page
    name = row_names([str(act)])[0]
    folder = tmp_path / "out" / name
    same = CliRunner().invoke(app, ["profile", "compare", str(folder), str(folder), "--page", str(tmp_path / "c.html")])
    assert same.exit_code == 0 and "The same" in (tmp_path / "c.html").read_text()


def test_data_of_a_dataset_is_loaded_in_a_section_of_its_own(tmp_path: Path) -> None:
    make_dataset(tmp_path / "data", lengths=(12,))
    policy = LerobotOptions(type="act", state=NAMES, action=NAMES, environment=("x",), device="cpu", config=dict(TINY))
    with pytest.raises(ConfigurationError, match=r"has no observation\.environment_state"):
        profile_policy(ProfileOptions(policy, tmp_path / "data", "off", 1, 0, 2), "act", tmp_path / "no")
    seen = LerobotOptions(
        type="act", state=NAMES, action=NAMES, cameras={"camera0": (48, 64)}, device="cpu", config=dict(TINY)
    )
    found = profile_policy(ProfileOptions(seen, tmp_path / "data", "off", 2, 0, 2), "act", tmp_path / "out")
    assert found.sections["data"]["count"] == 2 and found.settings["dataset"] == str(tmp_path / "data")
    assert found.fingerprint.is_deterministic


@pytest.mark.parametrize(
    ("change", "words"),
    [({"mode": "full"}, "off, summary, trace"), ({"steps": 0}, "1 to 10000"), ({"batch_size": 0}, "1 to 4096")],
)
def test_options_that_cannot_be_used_are_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        ProfileOptions(LerobotOptions(path="x"), **change)  # type: ignore[arg-type]


def test_file_that_is_no_profile_is_refused(tmp_path: Path) -> None:
    (tmp_path / "profile.json").write_text('{"schema": 1}')
    with pytest.raises(ConfigurationError, match="is no profile"):
        read_profile(tmp_path)


def test_policy_given_twice_is_refused_and_names_never_leave_the_folder() -> None:
    assert row_names(["../../a/b", "lerobot/act", "x.yaml"]) == ["a-b", "lerobot-act", "x"]
    with pytest.raises(ConfigurationError, match="each one once"):
        row_names(["a", "a"])


def test_row_is_published_to_the_hub_without_this_machines_folders(
    first: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import HfApi
    from recording.hub import Hub

    from strands_robots.learning.profiling.publish import publish_row, row_of

    row = row_of(replace(first, settings={**first.settings, "policy": "/home/me/act"}))
    assert row["settings"]["policy"] == "act" and "operators" not in row and row["sections"]["forward"]["count"] == 3
    hub = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: HfApi(endpoint=hub.url, token="hf_secretSECRET"))
    try:
        written = tmp_path / "profile.json"
        written.write_text(json.dumps({"schema": 1, **{k: v for k, v in vars(first).items() if k != "fingerprint"},
                                       "fingerprint": vars(first.fingerprint)}))  # fmt: skip
        publish_row(written, "me/profiles")
        publish_row(written, "me/profiles")
        assert len(hub.files) == 1, "the same profile is one row"
        ((name, data),) = hub.files.items()
        assert name.startswith("rows/act-") and json.loads(data)["fingerprint"]["outputs"] == first.fingerprint.outputs
        hub.refuses = "no room"
        with pytest.raises(RecordingError, match="the hub did not take it"):
            publish_row(written, "me/profiles")
        with pytest.raises(ConfigurationError, match="valid: <owner>/<name>"):
            publish_row(written, "nowhere")
    finally:
        hub.close()
