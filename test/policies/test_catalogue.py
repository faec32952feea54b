"""Every provider's settings are described: keys, types, units, defaults, and valid examples. Errors name the keys that are valid there."""

from __future__ import annotations

import json

import pytest
from pydantic import BaseModel, Field

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.policies.check.catalogue import CONDITIONS, describe_provider, words_of
from strands_robots.policies.provider import PolicyContext
from strands_robots.policies.registry import create_policy, policy_names
from strands_robots.policies.settings import settings_of

LIGHT = ("hold", "sine", "scripted")


@pytest.mark.parametrize("name", policy_names())
def test_every_provider_says_what_it_does_and_takes(name: str) -> None:
    found = describe_provider(name)
    assert words_of(name) and found.settings
    for row in found.settings:
        assert row.name and row.type and row.words.isascii()
    keys = {row.name for row in found.settings}
    for text in found.entry.examples:
        assert set(json.loads(text)) <= keys
    assert found.entry.examples


@pytest.mark.parametrize("name", LIGHT)
def test_examples_are_valid_settings(name: str) -> None:
    context = PolicyContext(
        "so101", ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
    )
    for text in describe_provider(name).entry.examples:
        create_policy(name, text, context).close()


def test_settings_have_types_bounds_defaults_and_units() -> None:
    rows = {row.name: row for row in describe_provider("scripted").settings}
    assert rows["speed"].type == "number above 0 up to 1" and rows["speed"].default == "0.4"
    assert rows["pick.object.at"].type == "list of 3: number" and "[m]" in rows["pick.object.at"].words
    assert rows["waypoints[].joints"].type == "mapping from names to number"
    assert rows["pick.object"].default == "", "must be given"
    waves = {row.name for row in describe_provider("sine").settings}
    assert "joints.<name>[].amplitude" in waves


def test_words_of_a_class_that_extends_another_are_found() -> None:
    class Base(BaseModel):
        """Base.

        Attributes:
            host, port: Where the server
                is.
        """

        host: str = "a"
        port: int = 1

    class More(Base):
        """More."""

        depth: float = Field(1.0, description="how deep [m]")

    assert [row.words for row in settings_of(More)] == ["Where the server is.", "Where the server is.", "how deep [m]"]


@pytest.mark.parametrize(
    ("name", "config", "valid"),
    [
        (
            "scripted",
            "{model: so101, pick: {object: {body: cube, colour: red}}}",
            "valid in pick.object: at, body, yaw, width",
        ),
        ("scripted", "{model: so101, pick: {objects: 1}}", "valid in pick: object, place, onto"),
        ("scripted", "{waypoints: [{jonts: {}}]}", "valid in waypoints.0: joints, position, yaw"),
        ("sine", "{joints: {pan: [{amp: 1}]}}", "valid in joints.pan.0: amplitude, frequency, phase"),
        ("hold", "{speed: 1}", "valid: rate, horizon"),
    ],
)
def test_error_names_the_keys_that_are_valid_there(name: str, config: str, valid: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        create_policy(name, config)
    assert valid in str(caught.value) and "pydantic" not in str(caught.value)


def test_keys_of_settings_are_no_booleans_of_yaml() -> None:
    """YAML 1.1 reads on, off, yes, no as booleans: a key of that name could not be given."""
    names = {
        step
        for name in policy_names()
        for row in describe_provider(name).settings
        for step in row.name.replace("[]", "").split(".")
    }
    assert not names & {"on", "off", "yes", "no", "y", "n"}


def test_unknown_provider_is_named_with_the_valid_ones() -> None:
    with pytest.raises(UnknownNameError, match="scripted"):
        describe_provider("skripted")


def test_forms_of_conditions_are_conditions() -> None:
    from strands_robots.core.condition import parse_condition

    for line in CONDITIONS:
        form = line.partition("}: ")[0] + "}"
        if "..." not in form:
            parse_condition(form, "condition")
