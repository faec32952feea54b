"""The adapter: what goes to the model, what comes back, and every mismatch refused with both lists."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import yaml

from strands_robots.core.errors import AdapterError, ConfigurationError, PolicyError, UnknownNameError
from strands_robots.core.types import ControlMode, Element, Observation, PictureNeed, PolicyNeeds
from strands_robots.policies.adapt.adapted import AdaptedPolicy
from strands_robots.policies.adapt.adapter import load_adapter
from strands_robots.policies.provider import PolicyContext

from .models import ADAPTER, GIVES, NEEDS, VELOCITY, RecordingModel
from .observations import NAMES, observe

CONTEXT = PolicyContext("arm", NAMES, None, "stack", 0.0, {"wrist": (4, 6), "top": (8, 8)})
PICTURE = np.arange(72, dtype=np.uint8).reshape(4, 6, 3)


def _observation(stamp: float = 1.0, *position: float) -> Observation:
    return replace(observe(stamp, *(position or (0.5, 0.0))), images={"wrist": PICTURE}, task="stack")


def _edited(**changes: object) -> str:
    return yaml.safe_dump({**yaml.safe_load(ADAPTER), **changes})


def _policy(
    adapter: str = ADAPTER, model: RecordingModel | None = None, context: PolicyContext = CONTEXT
) -> AdaptedPolicy:
    return AdaptedPolicy(model if model is not None else RecordingModel(), load_adapter(adapter), context)


def test_model_gets_its_names_order_and_units_and_the_robot_its_own() -> None:
    model = RecordingModel()
    action = _policy(model=model).infer(_observation())
    given = model.given[0]
    np.testing.assert_allclose(given.state, [[np.degrees(0.5), 50.0]])
    np.testing.assert_array_equal(given.pictures["front"], PICTURE[None])
    assert (set(given.pictures), given.task) == ({"front"}, "stack")
    assert (action.joint_names, action.control_period, action.mode) == (
        ("elbow_flex", "shoulder_pan"), 0.02, ControlMode.POSITION,
    )  # fmt: skip
    np.testing.assert_allclose(action.values, np.tile([[0.0, np.pi / 2]], (3, 1)))


def test_needs_are_told_in_the_robots_names() -> None:
    policy = _policy()
    assert set(policy.needs.cameras) == {"wrist"}
    assert policy.needs.language


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"state": yaml.safe_load(ADAPTER)["state"][::-1]},
            "state: the policy has [pan.pos (deg), elbow.pos (range_0_100)], "
            "the adapter [elbow.pos (range_0_100), pan.pos (deg)]",
        ),
        (
            {"state": [{"name": "pan.pos", "joint": "shoulder_pan", "unit": "deg"}]},
            "state: the policy has [pan.pos (deg), elbow.pos (range_0_100)], the adapter [pan.pos (deg)]",
        ),
        (
            {
                "state": [
                    {"name": "pan.pos", "joint": "shoulder_pan", "unit": "rad"},
                    {"name": "elbow.pos", "joint": "elbow_flex", "unit": "range_0_100", "ends": [-1, 1]},
                ]
            },
            "the adapter [pan.pos (rad), elbow.pos (range_0_100)]",
        ),
        ({"cameras": {}}, "cameras: the policy has [front, side (optional)], the adapter [side (absent)]"),
        (
            {"cameras": {}, "absent_cameras": ["front", "side"]},
            "the adapter leaves out [front], the policy can do without [side] only",
        ),
        ({"cameras": {"front": {"camera": "wrst"}}}, "the adapter names [wrst], the robot has [wrist, top]"),
        ({"cameras": {"front": {"camera": "top"}}}, "'front' is 4x6, 'top' takes 8x8"),
        (
            {"action": [{"name": "pan.pos", "joint": "knee", "unit": "deg"}]},
            "action: the policy has [elbow.pos (range_0_100), pan.pos (deg)], the adapter [pan.pos (deg)]; "
            "action: the adapter names joints [knee], the robot has [shoulder_pan, elbow_flex]",
        ),
    ],
)
def test_mismatch_is_refused_with_both_lists(changes: dict[str, object], words: str) -> None:
    with pytest.raises(AdapterError) as refused:
        _policy(_edited(**changes))
    assert words in str(refused.value)


def test_model_of_another_space_is_refused() -> None:
    model = RecordingModel(needs=PolicyNeeds(), gives=VELOCITY)
    with pytest.raises(
        AdapterError, match=r"'pan' is a velocity \(the policy's space is joint_velocity\), and the adapter has rad"
    ):
        _policy("{action: [{name: pan, joint: shoulder_pan, unit: rad}]}", model)
    with pytest.raises(AdapterError, match="end_effector"):
        _policy("{end_effector: {model: so101, translation: [x, y, z]}}", model)


def test_velocities_are_commanded_as_velocities() -> None:
    model = RecordingModel(
        lambda given: np.full((3, 1), 180.0), PolicyNeeds(), replace(VELOCITY, action=(Element("pan", ""),))
    )
    action = _policy("{action: [{name: pan, joint: shoulder_pan, unit: deg/s}]}", model).infer(observe(0.0))
    assert action.mode is ControlMode.VELOCITY
    np.testing.assert_allclose(action.values, np.pi)


def test_missing_task_missing_rate_and_another_rate_are_refused() -> None:
    with pytest.raises(AdapterError, match="needs the task in words"):
        _policy(context=replace(CONTEXT, task=""))
    with pytest.raises(AdapterError, match="neither the policy nor the adapter says a rate"):
        _policy(model=RecordingModel(gives=replace(GIVES, rate=0.0)))
    with pytest.raises(ConfigurationError, match="asks for a rate of 20 Hz"):
        _policy(context=replace(CONTEXT, rate=20.0))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{state: [{name: a, joint: b, unit: furlong}]}", "unknown unit 'furlong'"),
        ("{state: [{name: a, joint: b, unit: range_0_1}]}", "needs ends"),
        ("{state: [{name: a, joint: b, unit: deg, ends: [0, 1]}]}", "takes no ends"),
        ("{action: [{name: a, joint: b, unit: deg}, {name: c, joint: b, unit: deg}]}", "commands a joint twice"),
        ("{cameras: {front: {camera: wrist, resize: crop}}}", "cameras.front.resize"),
        ("{images: {}}", "Extra inputs are not permitted"),
        ("{state: [", "not YAML"),
    ],
)
def test_adapter_that_cannot_be_used_says_what_is_wrong(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_adapter(text)
    assert words in str(refused.value)


def test_unknown_adapter_names_those_that_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown adapter 'so102'.*so101"):
        load_adapter("so102")


def test_missing_picture_joint_or_number_is_an_error_and_never_zero() -> None:
    policy = _policy()
    with pytest.raises(PolicyError, match="no picture of 'wrist'; there are none"):
        policy.infer(replace(_observation(), images={}))
    with pytest.raises(PolicyError, match="joint 'shoulder_pan' was not measured"):
        policy.infer(replace(observe(1.0, 0.0, names=("elbow_flex",)), images={"wrist": PICTURE}))
    with pytest.raises(PolicyError, match="'shoulder_pan' was measured as nan"):
        policy.infer(_observation(1.0, float("nan"), 0.0))
    with pytest.raises(PolicyError, match=r"gave 8x8, the policy takes 4x6"):
        policy.infer(replace(_observation(), images={"wrist": np.zeros((8, 8, 3), np.uint8)}))
    with pytest.raises(PolicyError, match="gave float64"):
        policy.infer(replace(_observation(), images={"wrist": np.zeros((4, 6, 3))}))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (np.zeros((3, 3)), r"shape \(3, 3\); valid: \(3, 2\)"),
        (np.zeros(2), r"shape \(2,\)"),
        (np.zeros((0, 2)), r"shape \(0, 2\)"),
        ([[1.0, 2.0]], "answered list"),
        (np.array([["a", "b"]]), "valid: numbers"),
        (np.array([[1.0, np.nan]]), "row 0 of 'pan.pos' is nan"),
    ],
)
def test_wrong_answer_of_the_model_is_named(rows: object, words: str) -> None:
    model = RecordingModel(lambda given: rows)  # type: ignore[arg-type, return-value]
    with pytest.raises(PolicyError, match=words):
        _policy(model=model).infer(_observation())


def test_history_is_stacked_oldest_first_and_begins_with_the_first_observation() -> None:
    model = RecordingModel(needs=replace(NEEDS, history=3))
    policy = _policy(model=model)
    first = _observation(1.0, 0.1, 0.0)
    policy.infer(first)
    policy.infer(replace(_observation(1.02, 0.2, 0.0), earlier=(first,)))
    np.testing.assert_allclose(np.radians(model.given[0].state[:, 0]), [0.1, 0.1, 0.1])
    np.testing.assert_allclose(np.radians(model.given[1].state[:, 0]), [0.1, 0.1, 0.2])
    assert model.given[1].pictures["front"].shape == (3, 4, 6, 3)


def test_pictures_are_stretched_padded_and_reordered_as_asked() -> None:
    needs = replace(NEEDS, cameras={"front": PictureNeed(8, 8)})
    wide = np.full((4, 8, 3), (255, 0, 10), np.uint8)
    seen = {}
    for resize, order in (("stretch", "rgb"), ("pad", "bgr")):
        model = RecordingModel(needs=needs)
        entry = {"front": {"camera": "wrist", "resize": resize, "order": order}}
        policy = _policy(_edited(cameras=entry, absent_cameras=[]), model)
        policy.infer(replace(_observation(), images={"wrist": wide}))
        seen[resize] = model.given[0].pictures["front"][0]
    assert (seen["stretch"] == (255, 0, 10)).all()
    assert (seen["pad"][2:6] == (10, 0, 255)).all()
    assert not seen["pad"][:2].any()
    assert not seen["pad"][6:].any()
