"""Schemas against the interface files and the generated Python of every installed interface."""

from __future__ import annotations

import importlib

import pytest

from strands_robots.agent.tools.arguments import check_arguments
from strands_robots.agent.tools.definition import Definition, load_definition, parse_definition
from strands_robots.agent.tools.schema import hidden_fields, request_schema
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError, UnknownNameError
from strands_robots.core.interface_files import interface_names

jsonschema = pytest.importorskip("jsonschema")

NAMES = interface_names()
OWN = [name for name in NAMES if name.startswith("strands_robots/")]


@pytest.mark.parametrize("name", NAMES)
def test_schema_of_every_installed_interface_is_valid_and_has_its_fields(name: str) -> None:
    schema = request_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    package, kind, stem = name.split("/")
    generated = getattr(importlib.import_module(f"{package}.{kind}"), stem)
    part = {"msg": generated, "srv": getattr(generated, "Request", None), "action": getattr(generated, "Goal", None)}[
        kind
    ]
    fields = set(part.get_fields_and_field_types()) - {"structure_needs_at_least_one_member"}
    assert set(schema["properties"]) == fields - hidden_fields(name)


@pytest.mark.parametrize("name", [name for name in OWN if "/msg/" not in name])
def test_every_request_field_of_the_package_is_described(name: str) -> None:
    schema = request_schema(name)
    assert load_definition(name).comment, "the interface says what it does"
    missing = [field for field, entry in schema["properties"].items() if not entry.get("description")]
    assert not missing


def parse(text: str) -> Definition:
    return parse_definition("a/msg/B", text)


def test_constants_belong_to_the_field_that_names_them() -> None:
    part = parse("# What.\n\nuint8 RED=1\nuint8 BLUE=2\n# Size.\nuint8 size\n# RED or BLUE.\nuint8 colour\n").parts[0]
    # `size` follows the constants directly, as in messages that comment the field below its constants.
    assert [constant.name for constant in part.fields[0].constants] == ["RED", "BLUE"]
    part = parse("uint8 RED=1\n# Name.\nstring name\n# RED or nothing.\nuint8 colour\n").parts[0]
    assert [constant.name for constant in part.fields[1].constants] == ["RED"]


def test_defaults_bounds_and_trailing_comments_are_read() -> None:
    part = parse('string<=8 name "a # b"  # who\nfloat64[3] place [1.0, 2.0, 3.0]\nint32[<=4] few\nbyte raw 3').parts[0]
    name, place, few, raw = part.fields
    assert (name.default, name.longest_text, name.comment) == ("a # b", 8, "who")
    assert (place.default, place.length) == ([1.0, 2.0, 3.0], 3)
    assert (few.most, few.length) == (4, None)
    assert (raw.kind, raw.default) == ("uint8", 3)


def test_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(ConfigurationError, match="a/msg/B has the line"):
        parse("float64 = = 3")


MOVE = request_schema("strands_robots/action/MoveTo")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"target": "TARGET_NOTHING"}, "TARGET_JOINTS, TARGET_POSE"),
        ({"positions": [float("nan")]}, "finite"),
        ({"positions": [0.0] * 65}, "list of 0 to 64"),
        ({"joint_names": ["x" * 65]}, "at most 64 bytes"),
        ({"joint_nams": []}, "did you mean 'joint_names'"),
        ({"source": "operator/anna"}, "unknown argument"),
        ({"straight": 1}, "true or false"),
        ({"pose": {"pose": {"position": {"x": "1"}}}}, "pose.pose.position.x"),
        ({"robot": "x" * 70000}, "at most 65536"),
        ([], "JSON object"),
    ],
)
def test_argument_that_does_not_fit_is_refused_with_what_is_valid(given: object, words: str) -> None:
    with pytest.raises(StrandsRobotsError, match=words):
        check_arguments(given, MOVE)


def test_deeply_nested_argument_is_refused() -> None:
    deep: object = 1
    for _ in range(5000):
        deep = {"a": deep}
    with pytest.raises((ConfigurationError, UnknownNameError)):
        check_arguments({"robot": deep}, MOVE)


def test_arguments_that_pass_here_pass_jsonschema_too() -> None:
    given = {"robot": "so101", "target": "TARGET_POSE", "pose": {"pose": {"position": {"x": 0.1}}}, "speed_scale": 0.5}
    jsonschema.validate(dict(check_arguments(given, MOVE)), MOVE)
