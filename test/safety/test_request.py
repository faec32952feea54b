"""Canonical requests: the same hash only for the same request, and no request that cannot be written exactly."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strands_robots.approvals.approval_refusal import ApprovalRefusal, ApprovalRefusedError
from strands_robots.approvals.approval_request import CanonicalRequest, canonical_request, parse_request

KIND = "strands_robots/action/MoveTo"
FIELDS = st.dictionaries(
    st.text(max_size=8),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=12,
    ),
    max_size=5,
)


def request(**fields: object) -> CanonicalRequest:
    return canonical_request("so101/move_to", KIND, fields)


def refusal(fields: object, name: str = "so101/move_to", kind: str = KIND) -> str:
    with pytest.raises(ApprovalRefusedError) as caught:
        canonical_request(name, kind, fields)  # type: ignore[arg-type]
    assert caught.value.refusal is ApprovalRefusal.MALFORMED
    assert str(caught.value).isascii()
    return str(caught.value)


def test_order_of_the_fields_does_not_matter() -> None:
    assert request(a=1, b=[2.0]).digest == request(b=[2.0], a=1).digest


def test_leading_slash_does_not_matter() -> None:
    assert canonical_request("/so101/move_to", KIND, {}) == canonical_request("so101/move_to", KIND, {})


@pytest.mark.parametrize(
    "changed",
    [
        canonical_request("so101/move_to", KIND, {"a": 1, "b": 3}),
        canonical_request("so101/move_to", KIND, {"a": 1}),
        canonical_request("so101/move_to", KIND, {"a": 1, "b": "2"}),
        canonical_request("so101/move_to", KIND, {"a": 1, "b": 2, "c": None}),
        canonical_request("other/move_to", KIND, {"a": 1, "b": 2}),
        canonical_request("so101/move_to", "strands_robots/srv/MoveTo", {"a": 1, "b": 2}),
    ],
)
def test_every_part_is_in_the_hash(changed: CanonicalRequest) -> None:
    assert changed.digest != request(a=1, b=2).digest


def test_smallest_change_of_a_number_is_another_request() -> None:
    assert request(x=0.1).digest != request(x=math.nextafter(0.1, 1.0)).digest


@given(FIELDS)
def test_fields_survive_as_text(fields: dict[str, object]) -> None:
    try:
        made = request(**fields)
    except ApprovalRefusedError:
        return
    again = parse_request(made.name, made.kind, made.fields)
    assert again == made


@given(FIELDS, FIELDS)
def test_equal_hashes_mean_equal_fields(first: dict[str, object], second: dict[str, object]) -> None:
    try:
        one, two = request(**first), request(**second)
    except ApprovalRefusedError:
        return
    assert (one.digest == two.digest) == (json.loads(one.fields) == json.loads(two.fields) and one.fields == two.fields)


@pytest.mark.parametrize("value", [2.0**53, 1e20, 1e21, -1e300, -0.0])
def test_large_whole_numbers_read_back_the_same(value: float) -> None:
    made = request(x=value)
    assert parse_request(made.name, made.kind, made.fields) == made


def test_integers_of_64_bits_are_kept_exactly() -> None:
    assert request(n=2**64 - 1).digest != request(n=2**64 - 2).digest
    assert json.loads(request(n=2**64 - 1).fields) == {"n": str(2**64 - 1)}


def test_bytes_are_hex() -> None:
    assert json.loads(request(data=b"\x00\xff").fields) == {"data": "00ff"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_finite(value: float) -> None:
    assert "field 'a.b[1]'" in refusal({"a": {"b": [0.0, value]}})


@pytest.mark.parametrize("value", [object(), {1, 2}, {1: 2}, "\ud800"])
def test_value_that_json_does_not_have(value: object) -> None:
    refusal({"a": value})


def test_fields_that_are_no_object() -> None:
    refusal([1, 2])


def test_nesting_without_end() -> None:
    deep: object = 0
    for _ in range(20):
        deep = [deep]
    assert "nested deeper" in refusal({"a": deep})


def test_request_longer_than_a_person_reads() -> None:
    assert "at most 16384" in refusal({"a": "x" * 17000})


@pytest.mark.parametrize("name", ["", "/", "a b", "a//b", "a/", "1a", "a\n", "\u00e4", "a" * 129])
def test_name_that_is_none(name: str) -> None:
    assert "no name of ROS" in refusal({}, name=name)


@pytest.mark.parametrize(
    "kind", ["", "MoveTo", "pkg/MoveTo", "pkg/srv/moveTo", "pkg/other/MoveTo", "a" * 129 + "/srv/X"]
)
def test_type_that_is_none(kind: str) -> None:
    assert "no type" in refusal({}, kind=kind)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1, "a": 2}', '{"a": NaN}', "3"])
def test_text_that_is_no_json_object(text: str) -> None:
    with pytest.raises(ApprovalRefusedError) as caught:
        parse_request("a", KIND, text)
    assert caught.value.refusal is ApprovalRefusal.MALFORMED
