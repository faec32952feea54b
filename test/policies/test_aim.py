"""What a run was for is judged by the world and the robot, not by the run having ended."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.pose import Pose
from strands_robots.core.types import Instant, Observation
from strands_robots.policies.run.goal_fields import PolicyGoal, RunOutcome
from strands_robots.policies.run.judging import Judge
from strands_robots.policies.run.policy_run import RunReason
from strands_robots.policies.run.snapshot import Snapshot
from strands_robots.policies.scripted.aim import aims_of

JAW = "so101/moving_jaw"
SEEN = Observation(5.0, ("gripper",), np.array([0.2]), np.zeros(1), np.zeros(1))
ONTO = json.dumps({"model": "so101", "pick": {"object": {"body": "cube"}, "onto": "plate"}})
LIFT = json.dumps({"model": "so101", "pick": {"object": {"body": "cube"}}})


def world(cube: tuple[float, float, float], *touching: tuple[str, str], speed: float = 0.0) -> Snapshot:
    places = {
        "so101/base_link": (0.0, 0.0, 0.0), JAW: (0.2, 0.0, 0.1), "cube": cube, "plate": (0.2, 0.1, 0.005),
    }  # fmt: skip
    return Snapshot(
        "so101",
        {name: Pose(np.array(place), np.eye(3)) for name, place in places.items()},
        {name: speed if name == "cube" else 0.0 for name in places},
        frozenset({"cube", "plate"}),
        frozenset(frozenset(pair) for pair in touching),
    )


def measured(config: str, after: Snapshot, success_when: str = "") -> Any:
    aims = aims_of("scripted" if config else "hold", config, success_when)
    for aim in aims:
        aim.before(world((0.2, -0.05, 0.0125)))
    (aim,) = aims
    return aim.after(after, SEEN, 5.0)


@pytest.mark.parametrize(
    ("config", "after", "is_done"),
    [
        (LIFT, world((0.2, -0.05, 0.07), ("cube", JAW)), True),
        (LIFT, world((0.2, -0.05, 0.07)), False),
        (LIFT, world((0.2, -0.05, 0.0125), ("cube", JAW)), False),
        (ONTO, world((0.2, 0.1, 0.0225), ("cube", "plate")), True),
        (ONTO, world((0.2, 0.1, 0.0225), ("cube", "plate"), ("cube", JAW)), False),
        (ONTO, world((0.2, 0.1, 0.0225), ("cube", "plate"), speed=0.2), False),
        (ONTO, world((0.2, 0.14, 0.0225), ("cube", "plate")), False),
        (ONTO, world((0.2, 0.1, 0.0725)), False),
        (ONTO, world((0.2, -0.05, 0.0125)), False),
    ],
    ids=[
        "lifted",
        "thrown",
        "held on the ground",
        "on the plate",
        "still held",
        "sliding",
        "at the rim",
        "over it",
        "where it was",
    ],
)
def test_pick_is_done_when_the_object_is_lifted_or_in_its_place(config: str, after: Snapshot, is_done: bool) -> None:
    found = measured(config, after)
    assert found.is_done is is_done
    assert "cube at (" in found.words and found.words.isascii()


def test_pick_at_a_place_is_judged_by_the_object_that_lay_there() -> None:
    config = json.dumps(
        {"model": "so101", "pick": {"object": {"at": [0.2, -0.05, 0.0125]}, "place": [0.25, 0.0, 0.0125]}}
    )
    assert measured(config, world((0.25, 0.01, 0.0125))).is_done
    assert not measured(config, world((0.25, 0.05, 0.0125))).is_done
    far = config.replace("-0.05", "-0.15")
    with pytest.raises(ConfigurationError, match=r"no object .* the nearest, cube, is 0\.100 m away"):
        measured(far, world((0.25, 0.0, 0.0125)))


@pytest.mark.parametrize(
    ("condition", "is_done"),
    [
        ({"contact": ["cube", "plate"]}, True),
        ({"body": "cube", "near": "plate", "within": 0.05}, True),
        ({"body": "cube", "above_z": 0.1}, False),
        ({"all": [{"joint": "gripper", "below": 0.3}, {"not": {"contact": ["cube", "moving_jaw"]}}]}, True),
    ],
)
def test_condition_of_a_goal_is_measured_at_the_end(condition: dict[str, Any], is_done: bool) -> None:
    found = measured("", world((0.2, 0.1, 0.0225), ("cube", "plate")), json.dumps(condition))
    assert found.is_done is is_done and found.words.startswith(
        "success_when " + ("holds" if is_done else "does not hold")
    )


def test_condition_that_one_look_cannot_tell_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="judged once"):
        aims_of("hold", "", "{any: [{holds: {body: cube, above_z: 0.1}, for: 0.5}]}")
    with pytest.raises(UnknownNameError, match="unknown body 'cubes'; valid: cube"):
        measured("", world((0, 0, 0)), "{body: cubes, above_z: 0.1}")


def outcome(judge: Judge) -> RunOutcome:
    return judge.judged(RunOutcome(True, "ran for 5.00 s", RunReason.COMPLETED))


class Ended:
    """A session that has ended well."""

    def __init__(self) -> None:
        import threading

        self.changed = threading.Condition()
        self.run = self
        self.ending = type("Ending", (), {"reason": RunReason.COMPLETED})()
        self.observation = SEEN

    def elapsed(self, now: Instant) -> float:
        return 5.0


def goal(**fields: Any) -> PolicyGoal:
    return PolicyGoal("0" * 32, "so101", lockstep=True, **fields)


def test_run_that_did_not_do_what_it_was_for_did_not_succeed() -> None:
    judge = Judge(goal(policy="scripted", config=ONTO))
    judge.before(lambda: world((0.2, -0.05, 0.0125)))
    judge.after(Ended(), Instant(5.0, 5.0))  # type: ignore[arg-type]
    found = outcome(judge)
    assert (found.success, found.reason, found.task_checked, found.task_done) == (
        False,
        RunReason.NOT_ACHIEVED,
        True,
        False,
    )
    assert "cube not in place" in found.message and "ran for 5.00 s" in found.message


def test_robot_without_a_world_says_that_nothing_was_measured() -> None:
    judge = Judge(goal(policy="scripted", config=ONTO))
    judge.before(None)
    judge.after(Ended(), Instant(5.0, 5.0))  # type: ignore[arg-type]
    found = outcome(judge)
    assert found.success and not found.task_checked and "was not measured" in found.measured
    joints = Judge(goal(policy="hold", success_when="{joint: gripper, above: 0.3}"))
    joints.before(None)
    joints.after(Ended(), Instant(5.0, 5.0))  # type: ignore[arg-type]
    assert outcome(joints).reason is RunReason.NOT_ACHIEVED
    with pytest.raises(ConfigurationError, match="no simulated world"):
        Judge(goal(policy="hold", success_when="{body: cube, above_z: 0.1}")).before(None)


def test_run_for_nothing_in_particular_is_judged_by_its_end_alone() -> None:
    judge = Judge(goal(policy="hold"))
    judge.before(None)
    judge.after(Ended(), Instant(5.0, 5.0))  # type: ignore[arg-type]
    assert outcome(judge) == RunOutcome(True, "ran for 5.00 s", RunReason.COMPLETED)
