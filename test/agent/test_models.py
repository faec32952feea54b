"""Which model an agent gets: providers, what is missing for them, and settings that cannot be used."""

from __future__ import annotations

import importlib.util
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest

pytest.importorskip("strands", reason="strands-agents is not installed")

from strands_robots.agent.strands.models import PROVIDERS, make_model, model_from_text
from strands_robots.core.errors import ConfigurationError, UnknownNameError

from .scripted_agent import ScriptedAgent


def test_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match=r"'antropic'; valid: .*anthropic.*did you mean 'anthropic'"):
        make_model("antropic", {})


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_of_the_table_is_one_of_strands(name: str) -> None:
    known = PROVIDERS[name]
    spec = importlib.util.find_spec(f"strands.models.{known.module}")
    assert spec is not None and spec.origin is not None
    assert f"class {known.kind}(" in Path(spec.origin).read_text(encoding="utf-8")
    assert not known.extra or known.extra in (metadata("strands-agents").get_all("Provides-Extra") or [])


def test_every_provider_of_strands_is_in_the_table() -> None:
    spec = importlib.util.find_spec("strands.models")
    assert spec is not None and spec.origin is not None
    offered = set(re.findall(r'name == "(\w+Model)"', Path(spec.origin).read_text(encoding="utf-8")))
    assert offered <= {known.kind for known in PROVIDERS.values()}


def test_provider_that_is_not_installed_says_what_installs_it() -> None:
    missing = [name for name, known in PROVIDERS.items() if known.extra and not importlib.util.find_spec(known.extra)]
    if not missing:
        pytest.skip("every provider is installed")
    with pytest.raises(ConfigurationError, match=r"pip install 'strands-agents\[\w+\]'"):
        make_model(missing[0], {"model_id": "x"})


def test_model_of_a_module_is_made_with_its_settings() -> None:
    assert isinstance(make_model(f"{ScriptedAgent.__module__}:ScriptedAgent", {"root": "/x"}), ScriptedAgent)


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is no model"):
        make_model("pathlib:Path", {})
    with pytest.raises(ConfigurationError, match="has no 'Nothing'"):
        make_model("pathlib:Nothing", {})
    with pytest.raises(ConfigurationError, match="module on PYTHONPATH"):
        make_model("not_there_at_all:Model", {})


def test_setting_that_the_provider_does_not_know_is_an_error_with_the_valid_ones() -> None:
    with pytest.raises(ConfigurationError, match=r"temperatur.*Valid parameters are: .*'params'"):
        make_model("llamacpp", {"temperatur": 0.1})


def test_keys_in_a_file_are_refused_with_the_variable_that_takes_them() -> None:
    with pytest.raises(ConfigurationError, match=r"hold api_key; valid: .*ANTHROPIC_API_KEY"):
        make_model("anthropic", {"model_id": "x", "client_args": {"api_key": "sk-1"}})


def test_model_without_a_name_is_refused_where_there_is_no_default() -> None:
    with pytest.raises(ConfigurationError, match="lack model_id"):
        make_model("ollama", {})


def test_model_in_one_word() -> None:
    assert model_from_text("ollama/library/llama3:8b") == ("ollama", {"model_id": "library/llama3:8b"})
    assert model_from_text("bedrock") == ("bedrock", {})
    assert model_from_text("scripted_agent:ScriptedAgent") == ("scripted_agent:ScriptedAgent", {})
