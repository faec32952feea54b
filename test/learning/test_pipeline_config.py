"""pipeline.yaml: what is refused and in which words; who may promote; and decisions in files."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from strands_robots.approvals.approval_policy import load_policy
from strands_robots.approvals.approval_refusal import ApprovalRefusedError
from strands_robots.approvals.decision import sign_decision
from strands_robots.approvals.decision_file import FOLDER, read_request, write_decision
from strands_robots.cli.main import app
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.learning.pipeline import publish_stage, run_pipeline
from strands_robots.learning.pipeline.content_hash import policy_sha256
from strands_robots.learning.pipeline.engine import run_stages
from strands_robots.learning.pipeline.evaluate_stage import GateStage
from strands_robots.learning.pipeline.journal import Journal
from strands_robots.learning.pipeline.pipeline_config import PipelineConfig, load_pipeline
from strands_robots.learning.pipeline.promotion import OVERWRITE, PROMOTE, PUBLISH, Authority, require_approval
from strands_robots.learning.pipeline.run_pipeline import read_authority
from strands_robots.learning.pipeline.stage import Context, GateClosedError, StageDone, WaitingForPersonError
from strands_robots.learning.pipeline.train_stage import newest_checkpoint
from strands_robots.operators.keyring import Keyring, Operator, Role
from strands_robots.operators.operator_key import KEY_SUFFIX, OperatorKey, create_key

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "pipeline.yaml"
FIELDS = {"policy_sha256": "a" * 64, "evaluation_sha256": "b" * 64}


def changed(tmp_path: Path, where: str, value: Any) -> Path:
    given = yaml.safe_load(EXAMPLE.read_text())
    *parents, name = where.split("/")
    part = given
    for parent in parents:
        part = part.setdefault(parent, {})
    part[name] = value
    path = tmp_path / "pipeline.yaml"
    path.write_text(yaml.safe_dump(given))
    return path


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("train/stepz", 3, r"train\.stepz: Extra inputs are not permitted .*valid in train: steps, batch_size"),
        ("deploy/to", "moon", r"deploy\.to is 'moon'; valid: 'none', 'sim', 'bus' or 'real'"),
        ("train/options/output_dir", "/", r"'output_dir' is set by the pipeline"),
        ("train/options/policy.push_to_hub", True, r"'policy.push_to_hub' is set by the pipeline"),
        ("train/options/; rm", True, r"'; rm' is no name of an option"),
        ("task", "fly", r"task: unknown task 'fly'; valid: .*reach"),
        ("record/dataset", "data", r"record: dataset is given, so .*episodes.* would not count"),
        ("gate/success_rate", 2.0, r"gate\.success_rate is 2\.0; valid: less than or equal to 1"),
        ("publish/policy", "nowhere", r"publish\.policy: no name of a repository; valid: <owner>/<name>"),
        ("name", "../x", r"name: "),
    ],
)
def test_field_that_is_wrong_is_named(tmp_path: Path, where: str, value: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        load_pipeline(changed(tmp_path, where, value))


def test_paths_are_seen_from_the_files_folder(tmp_path: Path) -> None:
    found = load_pipeline(changed(tmp_path, "record", {"dataset": "shown/data"}))
    assert found.record.dataset == tmp_path / "shown" / "data"
    given = load_pipeline(changed(tmp_path, "approvals", {"keyring": "keys.yaml"}))
    assert given.approvals.keyring == tmp_path / "keys.yaml"


def test_task_and_settings_are_seen_from_the_files_folder_as_well(tmp_path: Path) -> None:
    task = (share_directory() / "config" / "tasks" / "reach.yaml").read_text()
    (tmp_path / "mine.yaml").write_text(task)
    found = load_pipeline(changed(tmp_path, "task", "mine.yaml"))
    assert found.task == str(tmp_path / "mine.yaml")


def test_a_real_robot_has_the_strict_policy_and_a_simulated_one_the_other(tmp_path: Path) -> None:
    simulated = read_authority(load_pipeline(EXAMPLE))
    real = read_authority(load_pipeline(changed(tmp_path, "deploy", {"to": "real"})))
    assert simulated.sha256 != real.sha256
    with Journal(tmp_path / "one", "tiny") as journal:
        assert require_approval(simulated, journal, tmp_path, PROMOTE, FIELDS, "k")["decided_by"] == ""
        for key, (authority, what) in enumerate(((real, PROMOTE), (simulated, PUBLISH), (simulated, OVERWRITE))):
            with pytest.raises(ConfigurationError, match=r"needs a person's approval .*valid: a keyring"):
                require_approval(authority, journal, tmp_path, what, FIELDS, str(key))


class Rig:
    """A pipeline whose rule wants alice, and a keyring with alice and bob."""

    def __init__(self, folder: Path, lifetime: float = 600.0) -> None:
        self.folder = folder
        self.keys = {name: create_key(folder / "keys", name) for name in ("alice", "bob")}
        rules = [{"name": "pipeline/promote", "class": "needs_approval", "permit_lifetime": lifetime, "by": ["alice"]}]
        path = folder / "policy.yaml"
        path.write_text(yaml.safe_dump({"version": 1, "rules": rules}))
        policy, digest = load_policy(path)
        operators = [Operator(key.public, frozenset({Role.APPROVE})) for key in self.keys.values()]
        self.keyring = Keyring(operators)
        self.authority = Authority(policy, digest, self.keyring)
        self.journal = Journal(folder / "work", "tiny")

    def ask(self, fields: dict[str, str] = FIELDS, key: str = "k") -> dict[str, Any]:
        return require_approval(self.authority, self.journal, self.folder / "work", PROMOTE, fields, key)

    def request(self) -> Path:
        (path,) = [p for p in (self.folder / "work" / FOLDER).glob("*.json") if ".decision" not in p.name]
        return path

    def decide(self, name: str, approved: bool = True) -> None:
        shown = read_request(self.request())
        key: OperatorKey = self.keys[name]
        decision = sign_decision(shown.request_id, shown.request.digest, approved, "", shown.run_id, key)
        write_decision(self.request(), decision)


def test_only_the_operator_whom_the_rule_names_promotes_and_only_once(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    rig.decide("bob")
    with pytest.raises(ApprovalRefusedError, match="operator/bob may not decide about this; valid: alice"):
        rig.ask()
    rig.decide("alice")
    assert rig.ask()["decided_by"] == "operator/alice"
    assert rig.ask()["digest"] == rig.ask()["digest"], "the same stage goes on after a kill"
    with pytest.raises(WaitingForPersonError):
        rig.ask(key="another time")


def test_decision_is_bound_to_the_hashes_and_to_the_pipeline(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    path = rig.request()
    rig.decide("alice")
    shown = json.loads(path.read_text())
    signed = path.with_name(f"{path.stem}.decision.json").read_text()
    with pytest.raises(WaitingForPersonError):
        rig.ask({**FIELDS, "policy_sha256": "c" * 64})
    newer = next(p for p in path.parent.glob("*.json") if ".decision" not in p.name and p != path)
    newer.with_name(f"{newer.stem}.decision.json").write_text(signed)
    with pytest.raises(ApprovalRefusedError, match="is about another request"):
        rig.ask({**FIELDS, "policy_sha256": "c" * 64})
    forged = {**json.loads(signed), "request_id": newer.stem}
    newer.with_name(f"{newer.stem}.decision.json").write_text(json.dumps(forged))
    with pytest.raises(ApprovalRefusedError, match="another content"):
        rig.ask({**FIELDS, "policy_sha256": "c" * 64})
    forged["digest"] = read_request(newer).request.digest
    newer.with_name(f"{newer.stem}.decision.json").write_text(json.dumps(forged))
    with pytest.raises(ApprovalRefusedError, match="signature is not that of"):
        rig.ask({**FIELDS, "policy_sha256": "c" * 64})
    assert shown["run_id"] == rig.journal.id


def test_declined_is_over_and_late_is_asked_again(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    rig.decide("alice", approved=False)
    with pytest.raises(ApprovalRefusedError, match="declined by operator/alice"):
        rig.ask()
    (tmp_path / "late").mkdir()
    late = Rig(tmp_path / "late", lifetime=0.01)
    with pytest.raises(WaitingForPersonError):
        late.ask()
    late.decide("alice")
    deadline = time.time() + 0.02
    while time.time() < deadline:
        pass
    with pytest.raises(WaitingForPersonError):
        late.ask()


def test_request_is_shown_and_signed_on_the_command_line(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    key = next((tmp_path / "keys").glob(f"alice*{KEY_SUFFIX}"))
    words = ["approvals", "sign", str(rig.request()), "--key", str(key), "--yes"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert FIELDS["policy_sha256"] in result.output and "pipeline/promote" in result.output
    assert rig.ask()["decided_by"] == "operator/alice"


def test_a_decision_file_that_is_broken_is_named(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    path = rig.request()
    path.with_name(f"{path.stem}.decision.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"decision\.json cannot be read.*valid: the file of a decision"):
        rig.ask()


def test_a_request_that_has_expired_is_not_signed(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    with pytest.raises(WaitingForPersonError):
        rig.ask()
    path, key = rig.request(), next((tmp_path / "keys").glob(f"alice*{KEY_SUFFIX}"))
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires": 1.0}))
    result = CliRunner().invoke(app, ["approvals", "sign", str(path), "--key", str(key), "--yes"])
    assert result.exit_code != 0 and "has expired" in str(result.exception)
    assert not path.with_name(f"{path.stem}.decision.json").exists()


def test_newest_checkpoint_is_the_newest_whole_one(tmp_path: Path) -> None:
    def checkpoint(step: int, whole: bool = True) -> Path:
        folder = tmp_path / "checkpoints" / f"{step:06d}"
        names = ["pretrained_model/model.safetensors", "pretrained_model/train_config.json"]
        names += [
            f"training_state/{n}"
            for n in ("training_step.json", "rng_state.safetensors", "optimizer_state.safetensors")
        ]
        for name in names if whole else names[:1]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        return folder

    assert newest_checkpoint(tmp_path) is None
    checkpoint(10, whole=False)
    assert newest_checkpoint(tmp_path) is None
    first, second = checkpoint(20), checkpoint(30)
    link = tmp_path / "checkpoints" / "last"
    link.symlink_to("000020")
    assert newest_checkpoint(tmp_path) == first, "the newer one is not known to be whole"
    link.unlink()
    assert newest_checkpoint(tmp_path) == second, "killed between the old link and the new one"


def standing(folder: Path, journal: Journal, **changes: Any) -> Context:
    """Return a pipeline whose policy was trained, evaluated and compared."""
    given = {"version": 1, "name": "tiny", "task": "reach", "train": {"options": {"policy.type": "act"}}, **changes}
    outputs = {"dataset": "d", "policy": "p", "weights": "w", "evaluation": "e", "comparison": "c"}
    facts = {"successes": 5, "episodes": 5, "errors": 0, "verdict": 0, "words": "better"}
    done = {
        name: StageDone(name, name, folder / name, outputs, facts)
        for name in ("record", "train", "evaluate", "compare", "gate")
    }
    return Context(folder, PipelineConfig.model_validate(given), journal, lambda line: None, done)


@pytest.mark.parametrize(
    "other", [{"to": "real", "robot": "koch"}, {"to": "real", "options": {"port": "/dev/ttyACM1"}}, {"to": "bus"}]
)
def test_promotion_is_for_one_robot_and_one_arm(tmp_path: Path, other: dict[str, Any]) -> None:
    rig = Rig(tmp_path)
    stage = GateStage(rig.authority)

    def gate(deploy: dict[str, Any]) -> StageDone:
        context = standing(tmp_path / "work", rig.journal, deploy=deploy)
        return run_stages([stage], context)[0]

    first = {"to": "real", "options": {"port": "/dev/ttyACM0"}}
    with pytest.raises(WaitingForPersonError):
        gate(first)
    assert "/dev/ttyACM0" in rig.request().read_text(), "a person sees which arm it is"
    rig.decide("alice")
    assert not gate(first).is_skipped
    assert gate(first).is_skipped
    with pytest.raises(WaitingForPersonError):
        gate(other)


def test_nothing_private_goes_to_a_repository_that_the_public_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed: make setup-learning")
    hub = SimpleNamespace(
        repo_exists=lambda name, repo_type: True, repo_info=lambda name, repo_type: SimpleNamespace(private=False)
    )
    monkeypatch.setattr(publish_stage, "_api", lambda: hub)
    rig = Rig(tmp_path)
    stage = publish_stage.PublishStage(rig.authority)
    context = standing(tmp_path / "work", rig.journal, publish={"policy": "me/policy"})
    with pytest.raises(ConfigurationError, match=r"the public can read me/policy; valid: public: true, or another"):
        run_stages([stage], context)
    context = standing(tmp_path / "work", rig.journal, publish={"policy": "me/policy", "public": True})
    with pytest.raises(WaitingForPersonError, match="pipeline/overwrite"):
        run_stages([stage], context)


def test_report_that_cannot_be_written_does_not_hide_why_a_pipeline_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: Any) -> None:
        raise GateClosedError("the gate is closed")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_pipeline, "run_stages", closed)
    monkeypatch.setattr(run_pipeline, "write_report", full)
    told: list[str] = []
    with pytest.raises(GateClosedError):
        run_pipeline.run_pipeline(load_pipeline(EXAMPLE), tmp_path / "work", lambda *_: {}, told.append)
    assert told == ["the report was not written: [Errno 28] No space left on device"]


def test_policy_of_a_resumed_training_has_the_hash_of_one_that_ran_through(tmp_path: Path) -> None:
    whole = {"pretrained_path": None, "replace_final_stride_with_dilation": False, "chunk_size": 5}
    resumed = {"pretrained_path": "/somewhere", "replace_final_stride_with_dilation": 0, "chunk_size": 5}
    found = {}
    for name, given in {"whole": whole, "resumed": resumed, "other": {**whole, "chunk_size": 6}}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(given))
        found[name] = policy_sha256(tmp_path / name)
    assert found["whole"] == found["resumed"] != found["other"]
