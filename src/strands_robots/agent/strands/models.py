"""The model of an agent from its configuration: any provider of Strands, or a class of the user's own. Imports lazily."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

if TYPE_CHECKING:
    from strands.models.model import Model


@dataclass(frozen=True)
class Provider:
    """A provider of Strands.

    Attributes:
        module: Module in strands.models.
        kind: Class in it.
        extra: Extra of strands-agents that installs what it needs; empty when nothing more is needed.
        credentials: Where its key comes from, for people.
        needs: Settings without which it cannot be used.
        defaults: Settings for what was not given.
    """

    module: str
    kind: str
    extra: str = ""
    credentials: str = "none"
    needs: tuple[str, ...] = ("model_id",)
    defaults: Mapping[str, Any] = field(default_factory=dict)


PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        "anthropic": Provider(
            "anthropic", "AnthropicModel", "anthropic", "ANTHROPIC_API_KEY", defaults={"max_tokens": 4096}
        ),
        "bedrock": Provider("bedrock", "BedrockModel", credentials="the credentials of boto3, AWS_REGION", needs=()),
        "gemini": Provider("gemini", "GeminiModel", "gemini", "GOOGLE_API_KEY"),
        "litellm": Provider("litellm", "LiteLLMModel", "litellm", "as LiteLLM's provider has it"),
        "llamaapi": Provider("llamaapi", "LlamaAPIModel", "llamaapi", "LLAMA_API_KEY"),
        "llamacpp": Provider("llamacpp", "LlamaCppModel", needs=()),
        "mistral": Provider("mistral", "MistralModel", "mistral", "MISTRAL_API_KEY"),
        "ollama": Provider("ollama", "OllamaModel", "ollama", defaults={"host": None}),
        "openai": Provider("openai", "OpenAIModel", "openai", "OPENAI_API_KEY"),
        "openai_responses": Provider("openai_responses", "OpenAIResponsesModel", "openai", "OPENAI_API_KEY"),
        "sagemaker": Provider("sagemaker", "SageMakerAIModel", "sagemaker", "the credentials of boto3", needs=()),
        "writer": Provider("writer", "WriterModel", "writer", "WRITER_API_KEY"),
    }
)
"""Providers by the name that the configuration gives them."""

SECRETS = frozenset(
    {
        "api_key",
        "apikey",
        "token",
        "password",
        "secret",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
    }
)
"""Settings that no configuration file may hold: keys belong to the environment."""


def make_model(provider: str, settings: Mapping[str, Any]) -> Model:
    """Return a model.

    Args:
        provider: A name of PROVIDERS, or "module:Class" of a strands.models.Model that can be imported.
        settings: Arguments of its class, `model_id` among them.

    Raises:
        UnknownNameError: If there is no such provider.
        ConfigurationError: If something is not installed, or a setting is not valid; the message names it.
    """
    check_settings(provider, settings)
    module, colon, own = provider.partition(":")
    if colon:
        return _made(_imported(module, own, provider, ""), provider, settings)
    known = PROVIDERS[provider]
    kind = _imported(f"strands.models.{known.module}", known.kind, provider, known.extra)
    return _made(kind, provider, {**known.defaults, **settings})


def check_settings(provider: str, settings: Mapping[str, Any]) -> None:
    """Check what can be checked without importing the provider; raises as `make_model`."""
    if ":" not in provider and provider not in PROVIDERS:
        raise UnknownNameError("model provider", provider, [*PROVIDERS, "<module>:<class>"])
    found = sorted(SECRETS & set(_names(settings)))
    credentials = PROVIDERS[provider].credentials if provider in PROVIDERS else "the environment"
    if found:
        raise ConfigurationError(
            f"settings of provider '{provider}' hold {', '.join(found)}; valid: no secrets in files, but {credentials}"
        )
    missing = [name for name in PROVIDERS[provider].needs if name not in settings] if provider in PROVIDERS else []
    if missing:
        raise ConfigurationError(f"settings of provider '{provider}' lack {', '.join(missing)}")


def model_from_text(given: str) -> tuple[str, dict[str, Any]]:
    """Return provider and settings from "<provider>", "<provider>/<model id>" or "<module>:<class>"."""
    provider, slash, model_id = given.partition("/")
    return (provider, {"model_id": model_id}) if slash else (given, {})


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield str(name).lower()
            yield from _names(item)
    elif isinstance(value, list):
        for item in value:
            yield from _names(item)


def _imported(module: str, kind: str, provider: str, extra: str) -> Any:
    try:
        found = getattr(importlib.import_module(module), kind)
    except ImportError as error:
        package = f"'strands-agents[{extra}]'" if extra else "strands-agents"
        how = "a module on PYTHONPATH" if ":" in provider else f"pip install {package}"
        raise ConfigurationError(
            f"model provider '{provider}' cannot be imported ({printable(str(error))}); valid: {how}"
        ) from error
    except AttributeError as error:
        raise ConfigurationError(f"module '{module}' of provider '{provider}' has no '{kind}'") from error
    from strands.models.model import Model

    if not (inspect.isclass(found) and issubclass(found, Model)):
        raise ConfigurationError(f"'{provider}' is no model; valid: a class made from strands.models.Model")
    return found


def _made(kind: Any, provider: str, settings: Mapping[str, Any]) -> Model:
    """Return the model; a setting that the provider does not know is an error, not a warning."""
    try:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            model: Model = kind(**settings)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"settings of provider '{provider}': {ascii(str(error))[1:400]}") from error
    for entry in said:
        if "Invalid configuration parameters" in str(entry.message):
            words = " ".join(str(entry.message).split("\n")[:2])
            raise ConfigurationError(f"settings of provider '{provider}': {printable(words)}")
    return model
