"""The policy file, and the list of what can never be a tool."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from strands_robots.approvals.approval_policy import ApprovalPolicy, Rate, RequestClass, load_policy, rule_on
from strands_robots.approvals.never_tools import ALWAYS_TYPES, NEVER_COMMANDS, NEVER_TYPES, reason_against_tool
from strands_robots.cli.commands import COMMANDS
from strands_robots.core.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
MOVE = "strands_robots/action/MoveTo"


def policy(*rules: dict[str, object], **options: object) -> ApprovalPolicy:
    return ApprovalPolicy.model_validate({"version": 1, "rules": list(rules), **options})


def class_of(given: ApprovalPolicy, name: str, kind: str = MOVE) -> RequestClass:
    return rule_on(given, name, kind).request_class


def test_unknown_request_needs_approval() -> None:
    ruling = rule_on(policy(), "so101/move_to", MOVE)
    assert (ruling.request_class, ruling.words) == (RequestClass.NEEDS_APPROVAL, "no rule knows it")
    assert ruling.rate == Rate(count=30, period=60.0)


def test_first_rule_that_matches_decides() -> None:
    given = policy(
        {"name": "so101/*", "class": "audited", "rate": {"count": 2, "period": 1.0}},
        {"name": "so101/move_to", "class": "free"},
    )
    ruling = rule_on(given, "so101/move_to", MOVE)
    assert (ruling.request_class, ruling.rate) == (RequestClass.AUDITED, Rate(count=2, period=1.0))
    assert ruling.words.startswith("rule 1")


@pytest.mark.parametrize(
    ("pattern", "name", "is_match"),
    [
        ("so101/*", "so101/move_to", True),
        ("so101/*", "so101/arm/move_to", False),
        ("so101/**", "so101/arm/move_to", True),
        ("**/move_to", "a/b/move_to", True),
        ("*", "move_to", True),
        ("*", "a/move_to", False),
        ("so101/move", "so101/move_to", False),
        ("/so101/move_to", "so101/move_to", True),
    ],
)
def test_patterns(pattern: str, name: str, is_match: bool) -> None:
    given = policy({"name": pattern, "class": "free"})
    assert (class_of(given, name) is RequestClass.FREE) == is_match


def test_rule_may_ask_for_name_and_type() -> None:
    given = policy({"name": "so101/*", "type": "strands_robots/srv/*", "class": "free"})
    assert class_of(given, "so101/x") is RequestClass.NEEDS_APPROVAL
    assert class_of(given, "so101/x", "strands_robots/srv/X") is RequestClass.FREE


def test_stopping_is_always_free_and_without_a_limit() -> None:
    given = policy({"name": "safety/stop", "class": "forbidden"})
    for kind in ALWAYS_TYPES:
        ruling = rule_on(given, "safety/stop", kind)
        assert (ruling.request_class, ruling.rate) == (RequestClass.FREE, None)


@pytest.mark.parametrize("kind", sorted(NEVER_TYPES))
def test_type_that_can_never_be_a_tool_is_forbidden_under_every_name(kind: str) -> None:
    assert class_of(policy({"name": "harmless/*", "class": "free"}), "harmless/name", kind) is RequestClass.FORBIDDEN


@pytest.mark.parametrize(
    "name",
    [
        "safety/resume",
        "/safety/resume",
        "cell/safety/resume_challenge",
        "safety/state",
        "approvals/decide",
        "cell/approvals/request",
        "approvals",
        "audit/events",
        "audit/state",
        "safety_node/set_parameters",
        "set_parameters_atomically",
        "parameter_events",
    ],
)
def test_name_that_can_never_be_a_tool_is_forbidden_under_every_type(name: str) -> None:
    assert reason_against_tool(name, MOVE)
    assert class_of(policy({"name": "**/x", "class": "free"}), name.strip("/")) is RequestClass.FORBIDDEN


@pytest.mark.parametrize("name", ["so101/move_to", "world/step", "safety/stop", "run_policy", "auditorium/move_to"])
def test_other_names_may_be_tools(name: str) -> None:
    assert reason_against_tool(name, MOVE) == ""


def test_every_interface_about_resuming_deciding_and_the_record_is_on_the_list() -> None:
    about = re.compile(r"Resume|Approv|Permit|Decide|Key|Audit|SafetyState|GateState")
    files = [path for kind in ("srv", "msg", "action") for path in (ROOT / kind).glob(f"*.{kind}")]
    found = {f"strands_robots/{path.parent.name}/{path.stem}" for path in files if about.search(path.stem)}
    # Data of a message that is on the list, never a topic of its own.
    parts = {"strands_robots/msg/ApprovalRequest", "strands_robots/msg/AuditWantedSource"}
    assert found - parts - NEVER_TYPES.keys() == set()
    assert len(found) > 8


def test_every_command_about_resuming_deciding_and_keys_is_on_the_list() -> None:
    assert COMMANDS.keys() >= NEVER_COMMANDS


@pytest.mark.parametrize(
    "rule",
    [
        {"name": "safety/resume", "class": "free"},
        {"name": "approvals/decide", "class": "needs_approval"},
        {"type": "strands_robots/srv/ResumeGraph", "class": "audited"},
    ],
)
def test_policy_that_allows_what_is_always_forbidden_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="always forbidden"):
        policy(rule)
    policy({**rule, "class": "forbidden"})


@pytest.mark.parametrize(
    "rule",
    [
        {"class": "free"},
        {"name": "so101/[a-z]", "class": "free"},
        {"name": "so101/x", "class": "harmless"},
        {"name": "so101/x"},
        {"name": "so101/x", "class": "free", "rate": {"count": 0, "period": 1.0}},
        {"name": "so101/x", "class": "free", "rate": {"count": 1, "period": -1.0}},
        {"name": "so101/x", "class": "free", "unknown": 1},
    ],
)
def test_rule_that_is_not_valid_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        policy(rule)


def test_policy_of_the_package_asks_before_a_robot_moves() -> None:
    given, digest = load_policy(ROOT / "config" / "approval_policy.yaml")
    assert len(digest) == 64
    assert class_of(given, "world/get_state", "strands_robots/srv/GetWorldState") is RequestClass.FREE
    for kind in ("MoveTo", "RunPolicy", "SetGripper"):
        assert class_of(given, "x", f"strands_robots/action/{kind}") is RequestClass.NEEDS_APPROVAL
    assert class_of(given, "safety/resume", "strands_robots/srv/ResumeGraph") is RequestClass.FORBIDDEN


def test_policy_of_the_package_names_interfaces_that_exist() -> None:
    rules = yaml.safe_load((ROOT / "config" / "approval_policy.yaml").read_text())["rules"]
    for rule in rules:
        if "type" in rule:
            _, kind, name = rule["type"].split("/")
            assert (ROOT / kind / f"{name}.{kind}").is_file(), rule


@pytest.mark.parametrize(
    "text", ["", "{", "version: 2\nrules: []\n", "version: 1\n", "version: 1\nrules: []\nmore: 1\n"]
)
def test_file_that_is_no_policy_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "policy.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match="is not valid"):
        load_policy(tmp_path / "policy.yaml")


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing.yaml.*cannot be read"):
        load_policy(tmp_path / "missing.yaml")


def test_operators_are_named_only_where_a_person_decides() -> None:
    rule = {"name": "pipeline/promote", "class": "needs_approval", "by": ["anna"]}
    assert rule_on(policy(rule), "pipeline/promote", "pipeline/action/Promote").by == ("anna",)
    with pytest.raises(ValueError, match="by is given for class audited; valid: with class needs_approval"):
        policy({**rule, "class": "audited"})


@pytest.mark.parametrize("name", ["approval_policy", "approval_policy_simulation"])
def test_promotion_and_publication_have_rules_in_both_policies(name: str) -> None:
    given, _ = load_policy(ROOT / "config" / f"{name}.yaml")
    for what in ("publish", "overwrite"):
        assert class_of(given, f"pipeline/{what}", f"pipeline/action/{what.title()}") is RequestClass.NEEDS_APPROVAL
    wanted = RequestClass.AUDITED if name.endswith("simulation") else RequestClass.NEEDS_APPROVAL
    assert class_of(given, "pipeline/promote", "pipeline/action/Promote") is wanted
