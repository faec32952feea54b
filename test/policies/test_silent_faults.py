"""What used to go wrong without a word between a published policy and a robot, each on a robot or at the check that now refuses it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, ConfigurationError, StrandsRobotsError
from strands_robots.core.types import ActionSpace, ControlMode, Element, PictureNeed, PolicyGives, PolicyNeeds
from strands_robots.description.robot_config import load_robot
from strands_robots.evaluation.episode import EpisodeRunner
from strands_robots.evaluation.episode_result import PolicyChoice
from strands_robots.evaluation.task import load_task
from strands_robots.policies.adapt.adapted import AdaptedPolicy
from strands_robots.policies.adapt.adapter import Adapter, load_adapter
from strands_robots.policies.adapt.units import scale_and_offset
from strands_robots.policies.provider import PolicyContext

from .models import RecordingModel
from .observations import observe
from .server_process import ServerProcess, server

PANDA = load_robot("panda").limits()
ARM = PANDA.names[:7]
DROID = {
    "state": {"observation/joint_position": [f"joint_{i}" for i in range(7)], "observation/gripper_position": ["gripper"]},
    "action": {"actions": [*(f"joint_{i}" for i in range(7)), "gripper"]},
    "space": "joint_velocity", "rate": 15.0, "warm_up": 5.0, "timeout": 5.0, "patience": 0.3,
}  # fmt: skip
HAND = {"name": "gripper", "joint": "panda_finger_joint1", "unit": "range_0_1", "ends": [0.04, 0.0]}
HOLD_CUBE = """
name: close
instruction: hold the cube
robot: panda
objects:
  cube: {shape: box, size: [0.012, 0.012, 0.012], x: 0.3069, y: 0.0, z: 0.487, is_free: false}
success: {holds: {all: [{contact: [cube, panda_leftfinger]}, {contact: [cube, panda_rightfinger]}]}, for: 0.2}
duration: 3.0
settle: 0.0
"""


def _adapter(**hand: Any) -> str:
    arm = [{"name": f"joint_{i}", "joint": joint} for i, joint in enumerate(ARM)]
    return json.dumps({
        "state": [*({**entry, "unit": "rad"} for entry in arm), HAND],
        "action": [*({**entry, "unit": "0.2 rad per 1/15 s", "clip": [-1, 1]} for entry in arm), {**HAND, **hand}],
    })  # fmt: skip


@pytest.fixture(scope="module")
def droid() -> Iterator[int]:
    with server("websocket_server.py", "droid") as process:
        yield process.port


def test_hand_of_a_velocity_and_position_policy_closes_on_a_cube(droid: int) -> None:
    choice = PolicyChoice("openpi", json.dumps({**DROID, "port": droid}), _adapter(mode="position", threshold=0.5))
    runner = EpisodeRunner(load_task(HOLD_CUBE), choice)
    result = runner.run(0)
    finger = runner.world.joint("panda_finger_joint1", "position")
    assert result.success, result.message
    assert finger == pytest.approx(0.012, abs=2e-3)  # half of the cube
    assert runner.world.in_contact("cube", "panda_leftfinger")
    assert runner.world.in_contact("cube", "panda_rightfinger")
    runner.close()


def test_hands_position_is_no_velocity_without_a_word_that_says_so(droid: int) -> None:
    context = PolicyContext("panda", PANDA.names, PANDA, "", 0.0, {}, _adapter())
    from strands_robots.policies.registry import create_policy

    with pytest.raises(AdapterError, match=r"'gripper' is a velocity .*and the adapter has range_0_1; valid: a speed"):
        create_policy("openpi", {**DROID, "port": droid}, context)


@pytest.mark.parametrize("fault", ["die", "error", "slow"])
def test_server_that_fails_in_the_middle_ends_the_goal_and_the_arm_holds(fault: str) -> None:
    with server("websocket_server.py", "droid") as process:
        settings = {**DROID, "port": process.port, "api_key": fault, "timeout": 0.8}
        task = load_task(HOLD_CUBE.replace("for: 0.2", "for: 100"))
        runner = EpisodeRunner(task, PolicyChoice("openpi", json.dumps(settings), _adapter(mode="position")))
        result = runner.run(0)
        assert result.reason == "policy_failed"
        words = {
            "die": f"no server at ws://127.0.0.1:{process.port}",
            "error": "CUDA is out of memory",
            "slow": "did not answer within 0.8 s",
        }
        assert words[fault] in result.message
        speeds = [abs(runner.world.joint(joint, "velocity")) for joint in ARM]
        assert max(speeds) < 0.02
        runner.close()


@pytest.mark.long
def test_server_whose_first_answer_takes_twenty_seconds_is_waited_for_at_load_only() -> None:
    with server("websocket_server.py", "droid") as process:
        settings = {**DROID, "port": process.port, "api_key": "compile20", "warm_up": 60.0, "timeout": 2.0}
        runner = EpisodeRunner(
            load_task(HOLD_CUBE), PolicyChoice("openpi", json.dumps(settings), _adapter(mode="position", threshold=0.5))
        )
        result = runner.run(0)
        assert result.success, result.message
        assert result.latency_p50 < 2.0
        runner.close()


@pytest.mark.long
def test_server_that_compiles_for_twenty_seconds_beside_another_client_is_warming() -> None:
    from strands_robots.policies.remote.openpi import OpenpiModel, OpenpiOptions

    process = ServerProcess("websocket_server.py", "droid")
    model = OpenpiModel(OpenpiOptions(port=process.port, **{**DROID, "api_key": "compile20", "warm_up": 60.0}))  # type: ignore[arg-type]
    model.warm_up()
    assert model.connection == "streaming"
    model.close()
    process.kill()


def test_units_with_a_number_and_a_time_are_what_they_say() -> None:
    assert scale_and_offset("0.2 rad per 1/15 s", None) == (pytest.approx(3.0), 0.0)
    assert scale_and_offset("0.05 m", None) == (0.05, 0.0)
    assert scale_and_offset("-1 m", None) == (-1.0, 0.0)
    for wrong, words in (
        ("0.2 rad per 0 s", "is no speed"),
        ("2 Nm per 1 s", "is no speed"),
        ("0 m", "not 0"),
        ("0.2 furlong", "unknown unit"),
    ):
        with pytest.raises(StrandsRobotsError, match=words):
            scale_and_offset(wrong, None)


@pytest.mark.parametrize(
    ("space", "unit", "mode", "words"),
    [
        (ActionSpace.JOINT_POSITION, "rad/s", None, "'a' is a position .* and the adapter has rad/s"),
        (ActionSpace.JOINT_VELOCITY, "rad", None, "'a' is a velocity .* and the adapter has rad;"),
        (
            ActionSpace.JOINT_VELOCITY,
            "rad/s",
            "position",
            "'a' is a position .the adapter's mode., and the adapter has rad/s",
        ),
        (ActionSpace.JOINT_DELTA, "rad/s", None, "'a' is a delta"),
        (ActionSpace.JOINT_POSITION, "Nm", None, "'a' is a position .* and the adapter has Nm"),
    ],
)
def test_unit_that_does_not_measure_what_the_mode_says_is_refused(
    space: ActionSpace, unit: str, mode: str | None, words: str
) -> None:
    entry = {"name": "a", "joint": "shoulder_pan", "unit": unit, **({"mode": mode} if mode else {})}
    model = RecordingModel(needs=PolicyNeeds(), gives=PolicyGives((Element("a"),), space, rate=10.0))
    with pytest.raises(AdapterError, match=words):
        AdaptedPolicy(model, load_adapter(json.dumps({"action": [entry]})), PolicyContext("arm", ("shoulder_pan",)))


def test_state_whose_unit_does_not_measure_its_quantity_is_refused() -> None:
    entry = {"name": "s", "joint": "shoulder_pan", "unit": "rad", "quantity": "velocity"}
    model = RecordingModel(needs=PolicyNeeds((Element("s"),)), gives=PolicyGives((Element("a"),), rate=10.0))
    adapter = {"state": [entry], "action": [{"name": "a", "joint": "shoulder_pan", "unit": "rad"}]}
    with pytest.raises(AdapterError, match="'s' is the velocity of 'shoulder_pan', and the adapter has rad"):
        AdaptedPolicy(model, load_adapter(json.dumps(adapter)), PolicyContext("arm", ("shoulder_pan",)))


def _joint_policy(space: ActionSpace, rows: FloatArray, limits: Any = None, **element: Any) -> AdaptedPolicy:
    entry = {"name": "a", "joint": "shoulder_pan", "unit": "rad", **element}
    model = RecordingModel(lambda _: rows, PolicyNeeds(), PolicyGives((Element("a"),), space, rate=10.0))
    return AdaptedPolicy(
        model, load_adapter(json.dumps({"action": [entry]})), PolicyContext("arm", ("shoulder_pan",), limits)
    )


def test_deltas_add_up_and_relative_numbers_count_from_the_measured_joint() -> None:
    rows = np.array([[0.1], [0.2], [-0.1]])
    seen = observe(0.0, 0.5, names=("shoulder_pan",))
    delta = _joint_policy(ActionSpace.JOINT_DELTA, rows).infer(seen)
    np.testing.assert_allclose(delta.values[:, 0], [0.6, 0.8, 0.7])
    relative = _joint_policy(ActionSpace.JOINT_RELATIVE, rows).infer(seen)
    np.testing.assert_allclose(relative.values[:, 0], [0.6, 0.7, 0.4])
    assert relative.mode is ControlMode.POSITION


def test_deltas_against_a_limit_come_back_with_the_first_step_away() -> None:
    from .observations import LIMITS

    limits = replace(LIMITS, names=("shoulder_pan",), **{
        key: getattr(LIMITS, key)[:1] for key in ("lower", "upper", "velocity", "acceleration", "effort")
    })  # fmt: skip
    rows = np.array([[0.8], [0.8], [-0.3]])
    action = _joint_policy(ActionSpace.JOINT_DELTA, rows, limits).infer(observe(0.0, 0.5, names=("shoulder_pan",)))
    np.testing.assert_allclose(action.values[:, 0], [1.0, 1.0, 0.7])


def test_threshold_and_direction_hold_in_every_space() -> None:
    rows = np.array([[0.49], [0.51]])
    hand = {"unit": "range_0_1", "ends": [0.04, 0.0], "threshold": 0.5}
    for space, mode in (
        (ActionSpace.JOINT_POSITION, None),
        (ActionSpace.JOINT_VELOCITY, "position"),
        (ActionSpace.JOINT_DELTA, "position"),
    ):
        policy = _joint_policy(space, rows, **hand, **({"mode": mode} if mode else {}))
        np.testing.assert_allclose(policy.infer(observe(0.0, 0.0, names=("shoulder_pan",))).values[:, 0], [0.04, 0.0])
    with pytest.raises(ConfigurationError, match="threshold is 2; valid: between 0 and 1"):
        _joint_policy(ActionSpace.JOINT_POSITION, rows, **{**hand, "threshold": 2.0})
    with pytest.raises(ConfigurationError, match="threshold needs a unit with ends"):
        _joint_policy(ActionSpace.JOINT_POSITION, rows, threshold=0.5)


def test_ignored_columns_are_answered_and_not_executed() -> None:
    gives = PolicyGives((Element("x"), Element("a"), Element("y")), rate=10.0)
    model = RecordingModel(lambda _: np.array([[9.0, 0.3, 9.0]]), PolicyNeeds(), gives)
    entry = {"name": "a", "joint": "shoulder_pan", "unit": "rad"}
    context = PolicyContext("arm", ("shoulder_pan",))
    policy = AdaptedPolicy(model, load_adapter(json.dumps({"action": [entry], "ignored": ["x", "y"]})), context)
    np.testing.assert_allclose(policy.infer(observe(0.0, 0.0, names=("shoulder_pan",))).values, [[0.3]])
    with pytest.raises(AdapterError, match=r"action: the policy has \[x, a, y\], the adapter \[a \(rad\)\]"):
        AdaptedPolicy(model, load_adapter(json.dumps({"action": [entry]})), context)
    with pytest.raises(AdapterError, match=r"ignored: the adapter names \[z\], the policy has \[x, a, y\]"):
        AdaptedPolicy(model, load_adapter(json.dumps({"action": [entry], "ignored": ["x", "y", "z"]})), context)


def _pictured(
    takes_short: bool, start: str | None, frames: tuple[int, ...] = ()
) -> tuple[AdaptedPolicy, RecordingModel]:
    needs = PolicyNeeds(
        (), {"front": PictureNeed(4, 6, frames=frames)}, history=4, takes_short=takes_short, state_frames=(0,)
    )
    model = RecordingModel(lambda _: np.zeros((1, 1)), needs, PolicyGives((Element("a"),), rate=10.0))
    adapter = {
        "action": [{"name": "a", "joint": "shoulder_pan", "unit": "rad"}], "cameras": {"front": {"camera": "wrist"}},
        **({"start": start} if start else {}),
    }  # fmt: skip
    context = PolicyContext("arm", ("shoulder_pan",), None, None, 0.0, {"wrist": (4, 6)})
    return AdaptedPolicy(model, Adapter.model_validate(adapter), context), model


def _seen(count: int) -> Any:
    frames = [
        replace(observe(0.1 * i, 0.0, names=("shoulder_pan",)), images={"wrist": np.full((4, 6, 3), i, np.uint8)})
        for i in range(count)
    ]
    return replace(frames[-1], earlier=tuple(frames[:-1]))


def test_context_is_short_at_the_start_where_the_model_or_the_adapter_says_so() -> None:
    for takes_short, start, shown in (
        (True, None, [0, 1]),
        (True, "repeat", [0, 0, 0, 1]),
        (False, None, [0, 0, 0, 1]),
    ):
        policy, model = _pictured(takes_short, start)
        policy.infer(_seen(2))
        assert model.given[0].pictures["front"][:, 0, 0, 0].tolist() == shown
    with pytest.raises(AdapterError, match="start: the adapter says short, the policy takes 4 frames at once"):
        _pictured(False, "short")


def test_frames_are_chosen_for_each_camera_by_steps_before_the_present_one() -> None:
    policy, model = _pictured(False, None, (-3, 0))
    policy.infer(_seen(5))
    assert model.given[0].pictures["front"][:, 0, 0, 0].tolist() == [1, 4]
    policy.infer(_seen(2))
    assert model.given[1].pictures["front"][:, 0, 0, 0].tolist() == [0, 1]  # before the episode it was as it began
    assert model.given[1].state.shape == (1, 0)


def test_elements_whose_unit_only_the_adapter_says_are_named() -> None:
    from strands_robots.policies.adapt.adapter_units import unchecked_elements

    adapter = load_adapter("openpi_droid")
    needs = PolicyNeeds((Element("s"), Element("t", "rad")))
    gives = PolicyGives((Element("a"), Element("b", "rad"), Element("c")))
    assert unchecked_elements(adapter.model_copy(update={"ignored": ("c",)}), needs, gives) == (
        "state 's'",
        "action 'a'",
    )
