"""The configuration of an agent: model, words, conversation, limits and the events that wake it. One YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from strands_robots.agent.conversation.wake_rules import WakeConfig, problems_of
from strands_robots.agent.strands.models import check_settings, model_from_text
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.strict_model import StrictModel
from strands_robots.core.text import printable

_LONGEST = 1 << 20

Seconds = Annotated[float, Field(gt=0.0, le=86400.0, allow_inf_nan=False)]


class ModelConfig(StrictModel):
    """Which model: a provider of agent/strands/models.py or "module:Class", and its settings."""

    provider: str = "bedrock"
    settings: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _can_be_made(self) -> ModelConfig:
        try:
            check_settings(self.provider, self.settings)
        except StrandsRobotsError as error:
            raise ValueError(str(error)) from error
        return self


class ConversationConfig(StrictModel):
    """What of a conversation the model is shown.

    Attributes:
        keep: "window": the last messages. "summary": the model writes a summary of the older half when there are more.
        messages: So many messages.
        pictures: The last so many pictures; in the place of older ones stand words.
    """

    keep: Literal["window", "summary"] = "window"
    messages: Annotated[int, Field(ge=6, le=1000)] = 40
    pictures: Annotated[int, Field(ge=0, le=20)] = 2


class AgentLimitsConfig(StrictModel):
    """Where a turn ends at the latest.

    Attributes:
        steps: Calls of the model.
        time: Wall time [s].
        approval_wait: How long one call waits for a person [s].
    """

    steps: Annotated[int, Field(ge=1, le=1000)] = 60
    time: Seconds = 1800.0
    approval_wait: Seconds = 600.0


class AgentConfig(StrictModel):
    """The file.

    Attributes:
        model: The model.
        system_prompt: What it is told on top of the package's own words.
        conversation: What it is shown of what was said before.
        limits: Where a turn ends.
        wake: Events that begin a turn.
    """

    version: Literal[1]
    model: ModelConfig = ModelConfig()
    system_prompt: Annotated[str, Field(max_length=20_000)] = ""
    conversation: ConversationConfig = ConversationConfig()
    limits: AgentLimitsConfig = AgentLimitsConfig()
    wake: WakeConfig = WakeConfig()


def load_agent_config(path: Path, model: str = "") -> AgentConfig:
    """Return the configuration in a file.

    Args:
        path: The file.
        model: "<provider>/<model id>", "<provider>" or "<module>:<class>" in the place of the file's model; empty for that.

    Raises:
        ConfigurationError: If it cannot be read or is not valid; the message has everything that is wrong.
    """
    try:
        values = yaml.safe_load(path.read_bytes()[:_LONGEST])
    except OSError as error:
        raise ConfigurationError(f"the agent's configuration '{path}' cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"the agent's configuration '{path}' is no YAML: {_line(str(error))}") from error
    if model and isinstance(values, dict):
        provider, settings = model_from_text(model)
        values["model"] = {"provider": provider, "settings": settings}
    try:
        config = AgentConfig.model_validate(values)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, entry['loc'])) or 'the file'}: {entry['msg']}" for entry in error.errors()]
        raise _not_valid(path, problems) from error
    problems = problems_of(config.wake)
    if problems:
        raise _not_valid(path, problems)
    return config


def _not_valid(path: Path, problems: list[str]) -> ConfigurationError:
    return ConfigurationError(f"the agent's configuration '{path}' is not valid: {_line('; '.join(problems))}")


def _line(text: str) -> str:
    return " ".join(printable(text).replace("\\n", " ").split())
