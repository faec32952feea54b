"""The world around the robots: a page is told once what a shape is, then where it is, and everything anew when the world changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from strands_robots.console.world_scene import MOST_CORNERS, WorldScene, WorldShape

BOX = WorldShape("box", (1.0, 2.0, 3.0), (0.0, 0.0, 0.123456789), (0.0, 0.0, 0.0, 1.0), (1.0, 0.5, 0.0, 1.0))


def test_a_page_is_told_what_is_new_then_only_what_moved() -> None:
    scene = WorldScene()
    first = scene.since(0)
    assert first["is_whole"] and not first["shapes"]
    scene.put("a", BOX)
    scene.put("b", BOX)
    second = scene.since(first["number"])
    assert not second["is_whole"] and set(second["shapes"]) == {"a", "b"}
    assert second["shapes"]["a"]["kind"] == "box" and second["shapes"]["a"]["xyz"] == [0.0, 0.0, 0.12346]
    assert not scene.since(second["number"])["shapes"]
    scene.put("a", replace(BOX, xyz=(1.0, 0.0, 0.0)))
    third = scene.since(second["number"])
    assert third["shapes"] == {"a": {"xyz": [1.0, 0.0, 0.0], "quaternion": [0.0, 0.0, 0.0, 1.0]}}


def test_a_world_that_was_changed_is_told_whole_to_every_page() -> None:
    scene = WorldScene()
    scene.put("a", BOX)
    before = scene.since(0)["number"]
    scene.clear()
    scene.put("b", BOX)
    found = scene.since(before)
    assert found["is_whole"] and set(found["shapes"]) == {"b"} and found["shapes"]["b"]["size"] == [1.0, 2.0, 3.0]
    assert not scene.since(found["number"])["is_whole"]


@pytest.mark.parametrize("number", [0, 10**15])
def test_a_number_of_another_run_is_answered(number: int) -> None:
    scene = WorldScene()
    scene.put("a", BOX)
    assert scene.since(number)["is_whole"] and scene.since(number)["shapes"]


def test_what_a_page_cannot_draw_is_counted() -> None:
    scene = WorldScene()
    scene.put("a", replace(BOX, kind="triangles", points=[0.0] * (3 * MOST_CORNERS)))
    scene.put("b", replace(BOX, kind="triangles", points=[0.0] * 9))
    assert set(scene.since(0)["shapes"]) == {"a"} and scene.left_out == 1
