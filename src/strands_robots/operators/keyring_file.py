"""The form of the keyring's file, and its check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.key_file import KeyFileError
from strands_robots.core.validation import reading_problem


class KeyringEntry(BaseModel):
    """One operator in the file; keys and proofs are hexadecimal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    public_key: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    proof: Annotated[str, Field(pattern=r"^[0-9a-f]{128}$")]
    roles: Annotated[list[Literal["resume", "approve"]], Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1]
    keys: Annotated[list[KeyringEntry], Field(max_length=1000)]


def read_entries(data: bytes, path: Path) -> list[KeyringEntry]:
    """Return the operators in a file's bytes.

    Args:
        data: The bytes, YAML.
        path: The file, for messages.

    Raises:
        KeyFileError: If they are no keyring; the message has every field that is wrong.
    """
    try:
        return _File.model_validate(yaml.safe_load(data)).keys
    except (yaml.YAMLError, ValidationError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the keyring '{path}' is not valid: {reading_problem(error, 'keyring')}") from error
