"""Policies are made by name, and a wrong name or setting says what is valid."""

from __future__ import annotations

from importlib.metadata import EntryPoint, EntryPoints

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.policies import registry
from strands_robots.policies.provider import settings_from_text
from strands_robots.policies.registry import create_policy, policy_names

from .observations import observe


def test_unknown_policy_lists_the_valid_ones_and_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown policy 'sin'; valid: .*sine.*; did you mean 'sine'"):
        create_policy("sin")


def test_hold_stays_where_the_robot_was() -> None:
    policy = create_policy("hold", {"horizon": 4})
    policy.infer(observe(0.0, 1.0, 2.0))
    action = policy.infer(observe(1.0, 1.5, 2.5))
    np.testing.assert_array_equal(action.values, np.repeat([[1.0, 2.0]], 4, axis=0))


def test_hold_takes_no_other_settings() -> None:
    with pytest.raises(ConfigurationError, match="config of policy 'hold': stiffness: Extra inputs"):
        create_policy("hold", "stiffness: 3")


@pytest.mark.parametrize("text", ["[1, 2]", "text", "1: 2", "{a: "])
def test_settings_that_are_no_mapping_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="policy config"):
        settings_from_text(text)


def test_settings_are_yaml_or_json_or_nothing() -> None:
    assert settings_from_text("") == {}
    assert settings_from_text("{a: 1}") == settings_from_text('{"a": 1}') == {"a": 1}


def _announce(monkeypatch: pytest.MonkeyPatch, **providers: str) -> None:
    found = EntryPoints(EntryPoint(name, value, registry.ENTRY_POINTS) for name, value in providers.items())
    monkeypatch.setattr(registry, "entry_points", lambda group: found)


def test_packages_announce_policies_but_cannot_replace_built_in_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    _announce(monkeypatch, still="strands_robots.policies.builtin.hold:create", hold="nowhere:create")
    names = policy_names()
    assert {"hold", "sine", "still"} <= set(names)
    assert names == sorted(set(names))
    assert type(create_policy("still")) is type(create_policy("hold"))


def test_policy_that_cannot_be_loaded_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    _announce(monkeypatch, broken="nowhere:create")
    with pytest.raises(PolicyError, match="policy 'broken' cannot be loaded: No module named 'nowhere'"):
        create_policy("broken")
