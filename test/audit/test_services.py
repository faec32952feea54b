"""Which services are recorded: every type of the package is known here, and what is not known is recorded."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from strands_robots.audit.read.summary import summarize
from strands_robots.audit.watches.services import OWN_KINDS, READING, STEP, StepOwners, changes, is_recorded

SRV = Path(__file__).parents[2] / "srv"


def test_types_that_are_not_recorded_exist() -> None:
    known = {f"strands_robots/srv/{path.stem}" for path in SRV.glob("*.srv")}
    assert known >= {kind for kind in READING | OWN_KINDS | {STEP} if kind.startswith("strands_robots/")}
    assert not READING & OWN_KINDS


@pytest.mark.parametrize("kind", ["std_srvs/srv/SetBool", "strands_robots/srv/ResetWorld", "somebody/srv/New"])
def test_type_that_is_not_named_is_recorded(kind: str) -> None:
    assert is_recorded(kind) and changes(kind, SimpleNamespace())


def test_listing_checkpoints_and_a_picture_without_a_file_change_nothing() -> None:
    checkpoint, render = "strands_robots/srv/Checkpoint", "strands_robots/srv/RenderCamera"
    assert is_recorded(checkpoint) and is_recorded(render)
    assert not changes(checkpoint, SimpleNamespace(action=0, LIST=0))
    assert changes(checkpoint, SimpleNamespace(action=1, LIST=0))
    assert not changes(render, SimpleNamespace(file="")) and changes(render, SimpleNamespace(file="a.png"))


def step(client: str, release: bool = False) -> SimpleNamespace:
    return SimpleNamespace(client=client, release=release)


DONE = SimpleNamespace(success=True, steps_done=1, refusals=[])
REFUSED = SimpleNamespace(success=False, steps_done=0, refusals=[])


def test_owner_of_stepping_is_told_when_it_changes_and_only_then() -> None:
    owners = StepOwners()
    assert owners.see(step("a"), DONE) == {"owner": "a", "previous_owner": "", "released": False}
    assert [owners.see(step("a"), DONE) for _ in range(3)] == [None] * 3
    assert owners.see(step("b"), REFUSED) is None
    assert owners.see(step("a", release=True), DONE) == {"owner": "", "previous_owner": "a", "released": True}
    assert owners.see(step("b", release=True), DONE) == {"owner": "b", "previous_owner": "", "released": True}
    assert owners.see(step("b"), DONE) == {"owner": "b", "previous_owner": "", "released": False}


def test_summary_names_lengths_instead_of_long_contents() -> None:
    short = summarize(
        {"mjcf": "x" * 4_000_000, "name": "cube", "list": list(range(1000)), "data": b"\x01" * 500, "deep": {"a": [1]}}
    )
    assert short["mjcf"] == {"characters": 4_000_000, "beginning": "x" * 200}
    assert short["name"] == "cube" and short["deep"] == {"a": [1]}
    assert short["list"] == {"items": 1000, "beginning": list(range(8))}
    assert len(repr(short)) < 2000


def test_summary_of_many_nested_fields_stays_short() -> None:
    leaf = {f"f{i}": "y" * 1000 for i in range(100)}
    fields = {f"m{i}": {f"n{j}": leaf for j in range(100)} for i in range(100)}
    short = summarize(fields)
    assert len(short) == 32 and summarize(fields, depth=1)["m0"] == {"fields": 100}
    assert summarize({"a": [[[[[1, 2]]]]]}) == {"a": [[[{"items": 1}]]]}
