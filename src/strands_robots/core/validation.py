"""What pydantic found wrong -> one line for a person."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, get_args

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError


def problems_of(error: ValidationError, root: str, model: type[BaseModel] | None = None) -> str:
    """Return every field that is wrong, why, what was given, and for an unknown or missing key which keys are valid there.

    Args:
        error: What pydantic says.
        root: Names the whole where no field is to blame.
        model: What was to be read; without it, valid keys of nested parts are not known.
    """
    return "; ".join(
        _problem(".".join(map(str, entry["loc"])) or root, entry["msg"], ascii(entry["input"])[:64])
        + _valid_there(entry, model)
        for entry in error.errors()
    )


def reading_problem(error: Exception, root: str, model: type[BaseModel] | None = None) -> str:
    """Return in one line what reading a file raised: pydantic's findings as `problems_of`, everything else as it says itself."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return problems_of(error, root, model)
    return " ".join(str(error).split())


def nested_models(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models in a field's type, whatever lists, mappings and unions are around them."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from nested_models(part)


def _valid_there(entry: Any, model: type[BaseModel] | None) -> str:
    location = entry["loc"][:-1]
    if model is None or not location or entry["type"] not in ("extra_forbidden", "missing"):
        return ""
    models = [model]
    for step in location:
        inner = [each for outer in models for each in _below(outer, step)]
        # A number or a name of a mapping is a step inside the field; so is the tag of a union.
        models = inner or models
    keys = dict.fromkeys(key for each in models for key in each.model_fields)
    return f", valid in {'.'.join(map(str, location))}: {', '.join(keys)}"


def _below(model: type[BaseModel], step: Any) -> list[type[BaseModel]]:
    field = model.model_fields.get(str(step))
    return list(nested_models(field.annotation)) if field is not None else []


def _problem(field: str, words: str, given: str) -> str:
    valid = words.removeprefix("Input should be ")
    if valid != words:
        return f"{field} is {given}; valid: {valid}"
    return f"{field}: {words.removeprefix('Value error, ')} (given {given})"
