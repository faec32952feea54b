"""Hypothesis strategies for messages of any type, with the values that break programs."""

from __future__ import annotations

import importlib
import math
import re
from typing import Any

from hypothesis import strategies as st

NAMES = [
    "", "so101", "so101/", "so101/elbow_flex", "so101/gripper_link", "cube", "floor", "world", "overhead", "so101/wrist", "#0", "#-1",
    "body", "geom", "joint", "option", "mass", "gravity", "timestep", "box", "sphere", "mesh", "site", "hinge", "flat",
    "rough", "up", "new",
    "../../etc/passwd", "/etc/passwd", "~/x.png", "../escaped.png", "file:///etc/passwd", "bomb.xml", "outside.xml", "link.xml", "loop.xml",
    "good.xml", "good.mjb", "a\0b", "\u00e4\U0001f916", "%s%n{0}", "x" * 300,
]  # fmt: skip
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 0.001, 1e-320, 1e6, 1e19, -1e308, math.nan, math.inf, -math.inf]
INTEGERS = {
    "uint8": 8,
    "int8": 7,
    "octet": 8,
    "uint16": 16,
    "int16": 15,
    "uint32": 32,
    "int32": 31,
    "uint64": 64,
    "int64": 63,
}
GOOD = (
    '<mujoco><worldbody><geom name="floor" type="plane" size="0 0 1"/>'
    '<body name="cube"><freejoint/><geom size=".1"/></body></worldbody></mujoco>'
)
ENTITIES = "".join(f'<!ENTITY e{i + 1} "{f"&e{i};" * 10}">' for i in range(12))
DOCUMENTS = [
    "", GOOD, GOOD[:50], "\0" + GOOD, GOOD.replace(".1", "nan"), GOOD.replace(".1", "-1"), "<mujoco/>" * 2, "<a>" * 5000 + "</a>" * 5000,
    f'<!DOCTYPE x [<!ENTITY e0 "ha">{ENTITIES}]><mujoco model="&e12;"/>',
    '<!DOCTYPE x SYSTEM "file:///etc/passwd"><mujoco/>',
    '<mujoco><include file="/etc/passwd"/></mujoco>',
    '<mujoco><include file="../../secret.xml"/></mujoco>',
    '<mujoco><asset><mesh name="m" file="/etc/passwd"/><hfield name="h" nrow="99999" ncol="99999"/></asset></mujoco>',
    '<mujoco><asset><texture name="t" type="2d" builtin="flat" width="100000" height="100000"/></asset></mujoco>',
    '<mujoco><worldbody><replicate count="1000"><replicate count="1000"><geom size="1"/></replicate></replicate></worldbody></mujoco>',
    '<mujoco><size memory="900000G"/></mujoco>', '<mujoco><option timestep="0" gravity="nan nan nan"/></mujoco>',
    "<mujoco><worldbody>" + '<body><freejoint/><geom size="1"/></body>' * 300 + "</worldbody></mujoco>",
    "<mujoco>" + " " * 4_000_000 + "</mujoco>", "\u00e4" * 1000,
]  # fmt: skip
LONGEST = 1_000_000
"""Elements of an array without a bound."""
MESSAGES = 10_000
"""The same where each is a message: more cost the test seconds, not the node."""


def messages(kind: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for messages of a type."""
    fields = {name: values(text) for name, text in kind.get_fields_and_field_types().items()}
    return st.fixed_dictionaries({}, optional=fields).map(lambda chosen: kind(**chosen))


def values(text: str) -> st.SearchStrategy[Any]:
    """Return a strategy for the values of a field, given its type as ROS writes it."""
    array = re.fullmatch(r"(.+)\[(\d+)\]", text)
    if array:
        return st.lists(values(array[1]), min_size=int(array[2]), max_size=int(array[2]))
    sequence = re.fullmatch(r"sequence<(.+?)(?:, (\d+))?>", text)
    if sequence:
        return _sequences(sequence[1], int(sequence[2] or LONGEST))
    if text in ("boolean", "bool"):
        return st.booleans()
    if text in ("double", "float"):
        limit = 1e38 if text == "float" else math.inf
        return st.sampled_from([number for number in NUMBERS if not abs(number) > limit or not math.isfinite(number)])
    if text in INTEGERS:
        return st.sampled_from([0, 1, 2, 3, 2 ** INTEGERS[text] - 1])
    if text.startswith("string"):
        bound = re.fullmatch(r"string<(\d+)>", text)
        length = int(bound[1]) if bound else LONGEST
        chosen = NAMES if length <= 256 else NAMES[:10] + DOCUMENTS
        return st.sampled_from([each for each in chosen if len(each.encode()) <= length])
    package, name = text.split("/")
    return st.deferred(lambda: messages(getattr(importlib.import_module(f"{package}.msg"), name)))


def _sequences(element: str, bound: int) -> st.SearchStrategy[Any]:
    """Return a strategy for arrays: mostly short ones, and full ones of one element."""
    few = st.lists(values(element), max_size=min(bound, 4))
    count = min(bound, MESSAGES) if "/" in element else bound
    full = values(element).map(lambda each: [each] * count)
    return st.one_of(few, few, few, full)
