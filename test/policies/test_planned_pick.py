"""The policy "scripted" picks among walls in a world that is known: nothing but the object is touched, and what cannot be had is said."""

from __future__ import annotations

import pytest

from strands_robots.evaluation.episode import EpisodeResult, EpisodeRunner, PolicyChoice
from strands_robots.evaluation.task import load_task

pytestmark = pytest.mark.timeout(600)  # seconds of computing, which take minutes on a machine that many share

TASK = """
name: over_the_wall
robot: so101
objects:
  cube: {{shape: box, size: [0.0125, 0.0125, 0.0125], mass: 0.02, x: 0.21, y: 0.08, z: 0.0125, yaw: 0.3}}
  wall: {{shape: box, size: [0.05, 0.003, 0.03], is_free: false, x: 0.21, y: 0.0, z: 0.03}}
{more}
success:
  holds:
    all:
      - {{body: cube, at: [0.2, -0.09, 0.0125], within: 0.025}}
      - {{not: {{contact: [cube, gripper_link]}}}}
      - {{not: {{contact: [cube, moving_jaw_so101_v1_link]}}}}
  for: 1.0
duration: 25.0
"""
PICK = "{model: so101, speed: 0.5, pick: {object: {body: cube}, place: [0.2, -0.09, 0.0125]}}"
PIT = "\n".join(
    f"  {name}: {{shape: box, size: [{size}], is_free: false, x: {x}, y: {y}, z: 0.04}}"
    for name, size, x, y in (
        ("north", "0.003, 0.03, 0.04", 0.235, 0.08),
        ("south", "0.003, 0.03, 0.04", 0.185, 0.08),
        ("east", "0.03, 0.003, 0.04", 0.21, 0.105),
    )
)


def play(more: str = "") -> tuple[EpisodeResult, set[str]]:
    """Return what became of an episode, and what the robot touched besides the cube."""
    runner = EpisodeRunner(load_task(TASK.format(more=more)), PolicyChoice("scripted", PICK))
    model, data = runner.world.world.model, runner.world.world.data
    touched: set[str] = set()

    def look() -> None:
        for row in data.contact.geom[: data.ncon].tolist():
            names = {model.body(model.geom_bodyid[geom]).name for geom in row}
            others = {name for name in names if not name.startswith("so101/")}
            if len(names) > len(others) and not names & {"so101/base_link"}:
                touched.update(others - {"cube"})

    def begin() -> None:
        runner.world.on_period = look

    try:
        return runner.run(3, on_begin=begin), touched
    finally:
        runner.close()


def test_a_cube_is_carried_over_a_wall_and_only_the_cube_is_touched() -> None:
    result, touched = play()
    assert result.success, result.message
    assert touched == set()


def test_a_cube_between_walls_is_left_where_it_is_and_the_message_says_why() -> None:
    result, touched = play(PIT)
    assert (result.success, touched) == (False, set())
    assert result.reason == "policy_failed"
    assert "'cube' cannot be picked: none of" in result.message


@pytest.mark.parametrize("name", ["bowl"])
def test_an_object_that_is_not_there_is_named(name: str) -> None:
    choice = PolicyChoice("scripted", PICK.replace("cube", name))
    runner = EpisodeRunner(load_task(TASK.format(more="")), choice)
    try:
        result = runner.run(0)
    finally:
        runner.close()
    assert not result.success and f"'{name}'" in result.message and "cube" in result.message
