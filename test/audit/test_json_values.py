"""What goes into a record: everything, and always something that reads back the same."""

from __future__ import annotations

import enum
import json
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strands_robots.audit.json_values import MAX_DETAILS, bounded, canonical, parse_object, text, to_json

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.none(), inner) | st.tuples(inner, inner)
    ),
)


class Colour(enum.Enum):
    RED = "red"


@SLOW
@given(st.dictionaries(st.text(st.characters()), anything))
def test_anything_becomes_canonical_json_that_reads_back_the_same(details: dict[str, object]) -> None:
    value = bounded(details)
    data = canonical(value)
    assert len(data) <= MAX_DETAILS + 8192
    assert json.loads(data) == value
    assert canonical(to_json(json.loads(data))) == data


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2**53, str(2**53)),
        (-(2**53 - 1), -(2**53 - 1)),
        (1 << 5000, hex(1 << 5000)[:4096]),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (2.0, 2),
        (1e300, "1e+300"),
        (b"\x01\xff", "01ff"),
        (Colour.RED, "red"),
        ({1: 2, None: 3}, {"1": 2, "null": 3}),
        ("a\ud800b", "a?b"),
        (np.float32(0.5), 0.5),
        (np.arange(3), [0, 1, 2]),
        (np.bool_(True), True),
        (object, "<type>"),
        (range(2), [0, 1]),
        (frozenset([7]), [7]),
    ],
)
def test_values_have_the_form_of_the_specification(value: object, expected: object) -> None:
    assert to_json(value) == expected


def test_what_is_too_deep_is_named() -> None:
    value: object = 1
    for _ in range(20):
        value = [value]
    assert "<list: nested too deep>" in json.dumps(to_json(value))


def test_large_details_keep_hash_and_beginning() -> None:
    value = bounded({"text": "x" * 100_000})
    assert value.keys() == {"bytes", "sha256", "beginning"}
    assert value["bytes"] == 100_000 + len('{"text":""}')


def test_text_without_surrogates_is_unchanged() -> None:
    assert text("Grüße") == "Grüße"


@pytest.mark.parametrize("data", ["", "[]", "3", "{", "[" * 100_000, '{"a":' * 100_000])
def test_what_is_no_object_is_none(data: str) -> None:
    assert parse_object(data) is None


def test_an_object_is_read_and_bounded() -> None:
    assert parse_object('{"a": NaN, "b": 1.0}') == {"a": "NaN", "b": 1}
