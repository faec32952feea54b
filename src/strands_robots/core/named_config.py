"""A configuration that a person names: one of config/, a YAML file, or the YAML itself, read into its model."""

from __future__ import annotations

from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import config_text
from strands_robots.core.validation import problems_of

Model = TypeVar("Model", bound=BaseModel)


def load_named(kind: str, model: type[Model], given: str) -> Model:
    """Return a configuration of a kind, whose own files lie in config/<kind>s.

    Args:
        kind: What it is, for messages, for example "task".
        model: What it has to be.
        given: Name in the folder, path of a YAML file, or the YAML itself (a mapping).

    Raises:
        UnknownNameError: If it is no mapping, and neither a known name nor a file.
        ConfigurationError: If it is not valid; the message has every field that is wrong.
    """
    text = config_text(kind, f"{kind}s", given)
    try:
        return model.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the {kind} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        raise ConfigurationError(
            f"the {kind}: {problems_of(error, kind, model)}; valid: {', '.join(model.model_fields)}"
        ) from None
