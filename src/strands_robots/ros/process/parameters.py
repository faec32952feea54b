"""A node's parameters are one dataclass: declared with descriptors, checked, read once at the start, then read-only."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar, get_type_hints

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.node import Node
from rclpy.parameter import Parameter

from strands_robots.core.errors import ConfigurationError, UnknownNameError

ConfigT = TypeVar("ConfigT")

_NOT_OURS = ("use_sim_time", "start_type_description_service")
_KINDS: Mapping[Any, Parameter.Type] = MappingProxyType(
    {
        bool: Parameter.Type.BOOL,
        int: Parameter.Type.INTEGER,
        float: Parameter.Type.DOUBLE,
        str: Parameter.Type.STRING,
        tuple[str, ...]: Parameter.Type.STRING_ARRAY,
        tuple[float, ...]: Parameter.Type.DOUBLE_ARRAY,
    }
)


def parameter(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: Sequence[str] = (),
) -> Any:
    """Return a dataclass field that is a node's parameter.

    Args:
        default: Value when none is given.
        description: What it is, with its unit.
        minimum, maximum: Inclusive bounds of a number.
        choices: The valid strings; empty for any.
    """
    metadata = {"description": description, "minimum": minimum, "maximum": maximum, "choices": tuple(choices)}
    return dataclasses.field(default=default, metadata=metadata)


def read_parameters(node: Node, kind: type[ConfigT]) -> ConfigT:
    """Declare the fields of a dataclass as read-only parameters of the node and return them.

    Args:
        node: The node, with none of these declared yet.
        kind: Dataclass whose fields are made with `parameter`.

    Raises:
        UnknownNameError: If a parameter was given that the dataclass does not have; the message lists those that it
        has. ConfigurationError: If a value has the wrong type or lies outside its bounds; the message says what is
        valid.
    """
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    given = {
        name: value
        for name, value in _overrides(node).items()
        if name not in _NOT_OURS and not name.startswith("qos_overrides.")
    }
    for name in given:
        if name not in fields:
            raise UnknownNameError(f"parameter of {node.get_name()}", name, fields)
    values: dict[str, Any] = {}
    for name, field in fields.items():
        value, hint = field.default, hints[name]
        if name in given and given[name].type_ is not Parameter.Type.NOT_SET:
            value = check_value(name, given[name].value, hint, field.metadata)
        values[name] = value
        declared = _KINDS[hint] if value == () else list(value) if isinstance(value, tuple) else value
        node.declare_parameter(name, declared, _descriptor(field.metadata, hint), ignore_override=True)
    return kind(**values)


def _overrides(node: Node) -> Mapping[str, Parameter]:
    """Return every parameter that was given to the node.

    rclpy has no public way to see those that were not declared; its option to declare them all fails on an empty list.
    """
    return node._parameter_overrides


def check_value(name: str, value: Any, hint: Any, metadata: Mapping[str, Any]) -> Any:
    """Return a given value in the field's type.

    Args:
        name: Name of the parameter, for the message.
        value: What was given; a whole number is accepted where a float is wanted.
        hint: Type of the field.
        metadata: Metadata of `parameter`.

    Raises:
        ConfigurationError: If the value is not valid.
    """
    problem = ConfigurationError(
        f"parameter '{name}' ({metadata['description']}) is {value!r}; valid: {_valid(hint, metadata)}"
    )
    if hint in (tuple[str, ...], tuple[float, ...]):
        if isinstance(value, (str, bytes)) or (not isinstance(value, Sequence) and not hasattr(value, "__len__")):
            raise problem
        item = str if hint == tuple[str, ...] else float
        items = tuple(float(v) if item is float and type(v) is int else v for v in value)
        if not all(type(v) is item for v in items):
            raise problem
        return items
    if hint is float and type(value) is int:
        value = float(value)
    if type(value) is not hint:
        raise problem
    if hint is float and not math.isfinite(value):
        raise problem
    low, high = metadata["minimum"], metadata["maximum"]
    if (low is not None and value < low) or (high is not None and value > high):
        raise problem
    if metadata["choices"] and value not in metadata["choices"]:
        raise problem
    return value


def _valid(hint: Any, metadata: Mapping[str, Any]) -> str:
    if metadata["choices"]:
        return ", ".join(metadata["choices"])
    text = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        str: "a string",
        tuple[str, ...]: "a list of strings",
        tuple[float, ...]: "a list of numbers",
    }[hint]
    if metadata["minimum"] is not None:
        text += f" >= {metadata['minimum']:g}"
    if metadata["maximum"] is not None:
        text += f" <= {metadata['maximum']:g}"
    return text


def _descriptor(metadata: Mapping[str, Any], hint: Any) -> ParameterDescriptor:
    low, high = metadata["minimum"], metadata["maximum"]
    descriptor = ParameterDescriptor(description=metadata["description"], read_only=True)
    if metadata["choices"]:
        descriptor.additional_constraints = _valid(hint, metadata)
    if hint is float and (low, high) != (None, None):
        largest = 1.7976931348623157e308
        descriptor.floating_point_range = [
            FloatingPointRange(
                from_value=-largest if low is None else float(low), to_value=largest if high is None else float(high)
            )
        ]
    if hint is int and (low, high) != (None, None):
        descriptor.integer_range = [
            IntegerRange(
                from_value=-(2**63) if low is None else int(low), to_value=2**63 - 1 if high is None else int(high)
            )
        ]
    return descriptor
