"""The base of everything that is read from a file that a person wrote."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """A model that refuses fields that it does not know and numbers that are not finite, and that never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
