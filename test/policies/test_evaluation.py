"""Tasks, conditions and episodes: what counts as a success, that seeds decide everything, and that the scripted pick really grasps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from strands_robots.core.condition import Watch, parse_condition
from strands_robots.core.errors import ConfigurationError, PolicyError, UnknownNameError
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.runner import EvaluationConfig, evaluate
from strands_robots.evaluation.scene import begin_episode, make_world
from strands_robots.evaluation.statistics import wilson_interval
from strands_robots.evaluation.task import load_task

PICK = "{model: so101, speed: 0.5, pick: {object: {body: cube}}}"
PLACE = "{model: so101, speed: 0.5, pick: {object: {body: cube}, place: [0.2, -0.1, 0.0125]}}"
REACH = """
name: reach
robot: so101
success: {holds: {joint: shoulder_pan, above: 0.3}, for: 0.1}
duration: 2.0
settle: 0.0
"""


class Scene:
    """Facts that a test sets."""

    def __init__(self, time: float = 0.0, **bodies: tuple[float, float, float]) -> None:
        self.time = time
        self.bodies = bodies
        self.contacts: set[frozenset[str]] = set()
        self.joints = {"gripper": 0.0}

    def joint(self, name: str, quantity: str) -> float:
        return self.joints[name]

    def body(self, name: str) -> tuple[float, float, float]:
        return self.bodies[name]

    def in_contact(self, first: str, second: str) -> bool:
        return frozenset((first, second)) in self.contacts


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("{body: cube, above_z: 0.05}", True),
        ("{body: cube, above_z: 0.15}", False),
        ("{body: cube, at: [0.2, 0.0, 0.1], within: 0.01}", True),
        ("{body: cube, near: bowl, within: 0.05}", False),
        ("{contact: [cube, bowl]}", True),
        ("{not: {contact: [cube, bowl]}}", False),
        ("{joint: gripper, above: -0.1, below: 0.1}", True),
        ("{all: [{joint: gripper, below: 0.1}, {body: cube, above_z: 0.15}]}", False),
        ("{any: [{joint: gripper, below: 0.1}, {body: cube, above_z: 0.15}]}", True),
        ("{time_above: 1.0}", False),
    ],
)
def test_condition_says_what_is(condition: str, holds: bool) -> None:
    scene = Scene(cube=(0.2, 0.0, 0.1), bowl=(0.2, 0.1, 0.0))
    scene.contacts.add(frozenset(("cube", "bowl")))
    assert Watch(parse_condition(condition, "success")).holds(scene) is holds


def test_lasting_condition_starts_anew_when_it_is_interrupted() -> None:
    watch = Watch(parse_condition("{holds: {body: cube, above_z: 0.05}, for: 0.3}", "success"))
    heights = [0.1, 0.1, 0.0, 0.1, 0.1, 0.1, 0.1]
    held = [watch.holds(Scene(0.1 * i, cube=(0.0, 0.0, z))) for i, z in enumerate(heights)]
    assert held == [False] * 6 + [True]


DRAWER = (
    "objects: {drawer: {size: [0.1, 0.1, 0.1], x: 0.4, y: 0.3, z: 0.2, is_free: false, "
    "slide: {axis: [1, 0, 0], range: [0, 0.1], start: 0.05}, parts: [{size: [0.1, 0.1, 0.1], at: [0, 0, 0.2]}]}}\n"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (REACH.replace("0.3}", "0.3, sideways: 1}"), "unknown or missing fields"),
        (REACH.replace("robot: so101\n", ""), "robot: Field required"),
        (REACH + "objects: {cube: {size: [0.01], x: 0, y: 0, z: 0}}\n", "a box has 3 sizes; given 1"),
        (REACH + "objects: {cube: {size: [1, 1, 1], x: [2, 1], y: 0, z: 0}}\n", "valid: the lower number first"),
        (REACH + DRAWER.replace(", is_free: false", ""), "valid: is_free false with a slide"),
        (REACH + DRAWER.replace("start: 0.05", "start: 0.2"), "valid: a start within its range"),
        (REACH + DRAWER.replace("[1, 0, 0]", "[0, 0, 0]"), "valid: a direction"),
        (REACH + DRAWER.replace("[0.1, 0.1, 0.1], at", "[0.1], at"), "a box has 3 sizes; given 1"),
        ("[: ", "not YAML"),
    ],
)
def test_task_that_cannot_be_used_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_task(text)
    assert words in str(refused.value)


def test_drawer_begins_where_the_seed_says_and_slides_along_its_axis_only() -> None:
    task = load_task(REACH + DRAWER.replace("start: 0.05", "start: [0.0, 0.1]"))
    world = make_world(task)
    places = []
    for seed in (1, 1, 2):
        begin_episode(world, task, seed)
        places.append(world.data.body("drawer").xpos.copy())
    np.testing.assert_array_equal(places[0], places[1])
    assert 0.4 <= places[0][0] <= 0.5 and places[0][0] != places[2][0]
    np.testing.assert_allclose(places[0][1:], [0.3, 0.2])


def test_unknown_names_are_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match="lift_cube"):
        load_task("lift_cub")
    with pytest.raises(UnknownNameError, match=r"unknown body of a condition 'bowl'; valid: .*so101/base_link"):
        make_world(load_task(REACH.replace("joint: shoulder_pan, above: 0.3", "body: bowl, above_z: 0.3")))


def test_seed_decides_where_things_lie() -> None:
    task = load_task("lift_cube")
    world = make_world(task)
    places = []
    for seed in (1, 2, 1):
        begin_episode(world, task, seed)
        places.append(tuple(world.data.body("cube").xpos))
    assert places[0] == places[2] != places[1]
    assert 0.17 <= places[0][0] <= 0.25


def test_scripted_pick_lifts_the_cube_and_places_it_and_repeats_to_the_digit() -> None:
    runner = EpisodeRunner(load_task("lift_cube"), PolicyChoice("scripted", PICK))
    results = [runner.run(seed) for seed in (0, 1, 0)]
    assert [result.success for result in results] == [True] * 3, results
    assert results[0].time == results[2].time
    placing = load_task("lift_cube").model_copy(
        update={"success": parse_condition("{all: [{body: cube, at: [0.2, -0.1, 0.0125], within: 0.02}, "
                                           "{not: {contact: [cube, moving_jaw_so101_v1_link]}}]}", "success")}
    )  # fmt: skip
    placed = EpisodeRunner(placing, PolicyChoice("scripted", PLACE)).run(0)
    assert placed.success, placed


def test_gripper_that_closes_on_nothing_fails_and_says_so() -> None:
    config = "{model: so101, speed: 1.0, pick: {object: {at: [0.2, 0.15, 0.0125]}, tries: 1}}"
    result = EpisodeRunner(load_task("lift_cube"), PolicyChoice("scripted", config)).run(0)
    assert (result.success, result.reason) == (False, "policy_failed")
    assert "closed on nothing" in result.message


def test_place_out_of_reach_fails_and_says_so() -> None:
    config = "{model: so101, pick: {object: {at: [0.9, 0.0, 0.0125]}}}"
    result = EpisodeRunner(load_task("lift_cube"), PolicyChoice("scripted", config)).run(0)
    assert (result.success, result.reason) == (False, "policy_failed")
    assert "cannot grasp from above" in result.message


def test_way_points_are_played_one_after_the_other() -> None:
    config = "{waypoints: [{joints: {shoulder_pan: -0.3}}, {joints: {shoulder_pan: 0.35, elbow_flex: 0.4}}]}"
    result = EpisodeRunner(load_task(REACH.replace("2.0", "8.0")), PolicyChoice("scripted", config)).run(0)
    assert result.success, result


def test_failed_task_is_told_from_one_that_succeeds() -> None:
    runner = EpisodeRunner(load_task(REACH), PolicyChoice("hold"))
    result = runner.run(0)
    assert (result.success, result.reason) == (False, "completed")
    assert result.message.startswith("not done")


def test_evaluation_in_processes_counts_writes_and_does_not_depend_on_their_number(tmp_path: Path) -> None:
    config = EvaluationConfig("lift_cube", PolicyChoice("scripted", PICK), 3, 10, 2, tmp_path)
    told = []
    both = evaluate(config, lambda result: told.append(result.seed))
    assert (both.successes, sorted(told)) == (3, [10, 11, 12])
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["successes"] == 3
    assert [entry["seed"] for entry in written["results"]] == [10, 11, 12]
    single = EpisodeRunner(load_task("lift_cube"), PolicyChoice("scripted", PICK)).run(12)
    assert single.time == written["results"][2]["time"]
    assert "3 of 3 succeeded, 100.0 % (95 % interval 43.9 to 100.0 %)" in both.summary()


def test_failures_are_filmed_and_a_policy_that_cannot_be_made_ends_the_evaluation(tmp_path: Path) -> None:
    result = EpisodeRunner(load_task(REACH.replace("2.0", "0.3")), PolicyChoice("hold")).run(
        0, tmp_path / "v" / "e.gif"
    )
    assert Path(result.video).read_bytes()[:3] == b"GIF"
    with pytest.raises(PolicyError, match="unknown policy 'holt'"):
        evaluate(EvaluationConfig(REACH, PolicyChoice("holt"), 2, workers=1))


@pytest.mark.parametrize(
    ("successes", "episodes", "lower", "upper"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0), (8, 10, 0.4902, 0.9433), (50, 100, 0.4038, 0.5962)],
)
def test_wilson_interval_is_the_published_one(successes: int, episodes: int, lower: float, upper: float) -> None:
    assert wilson_interval(successes, episodes) == (pytest.approx(lower, abs=1e-4), pytest.approx(upper, abs=1e-4))
