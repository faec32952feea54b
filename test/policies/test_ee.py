"""The end-effector bridge on the SO-101: the tool goes where the model says, by forward kinematics of what is commanded."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, PolicyError
from strands_robots.core.pose import rotation_matrix
from strands_robots.core.types import ActionSpace, Element, Observation, PolicyGives, PolicyNeeds
from strands_robots.description.robot_config import load_robot
from strands_robots.motion.arm import Arm
from strands_robots.policies.adapt.adapter import Adapter, EndEffectorAdapter, GripperAdapter
from strands_robots.policies.adapt.end_effector import EndEffectorPolicy, gripper_position, rotation_of
from strands_robots.policies.adapt.tool_frame import last_body
from strands_robots.policies.provider import PolicyContext

from .models import RecordingModel

CONFIG = load_robot("so101")
ARM = Arm(CONFIG)
NAMES = ARM.limits.names
HOME = np.array([CONFIG.home[name] for name in NAMES])
GRIPPER = GripperAdapter(
    name="grip", joint="gripper", open=0.0, closed=1.0, open_position=1.7, closed_position=0.0, threshold=0.5
)


def _observation(position: FloatArray = HOME, stamp: float = 0.0) -> Observation:
    return Observation(stamp, NAMES, position.copy(), np.zeros(6), np.zeros(6))


def _policy(rows: FloatArray, space: ActionSpace = ActionSpace.EE_DELTA, **options: object) -> EndEffectorPolicy:
    names = ("x", "y", "z", "grip")[: rows.shape[1]]
    gives = PolicyGives(tuple(Element(name) for name in names), space, rate=10.0)
    given: dict[str, object] = {"model": "so101", "translation": ("x", "y", "z"), **options}
    if len(names) == 4:
        given["gripper"] = GRIPPER
    adapter = Adapter(end_effector=EndEffectorAdapter(**given))  # type: ignore[arg-type]
    return EndEffectorPolicy(
        RecordingModel(lambda _: rows, PolicyNeeds(), gives), adapter, PolicyContext("arm", NAMES, cameras=None)
    )


def _tool(position: FloatArray) -> FloatArray:
    return ARM.tool_pose(position).position.copy()


def test_deltas_add_up_from_the_measured_pose_in_base_axes() -> None:
    start = _tool(HOME)
    action = _policy(np.tile([0.005, -0.004, 0.006, 0.9], (4, 1))).infer(_observation())
    for i, row in enumerate(action.values):
        np.testing.assert_allclose(_tool(row), start + (i + 1) * np.array([0.005, -0.004, 0.006]), atol=2e-3)
    assert action.values[:, NAMES.index("gripper")].tolist() == [0.0] * 4


def test_next_chunk_is_anchored_where_the_tool_really_is() -> None:
    policy = _policy(np.array([[0.0, 0.0, 0.004]]))
    policy.infer(_observation())
    moved = HOME + np.array([0.3, 0.0, 0.0, 0.0, 0.0, 0.0])
    row = policy.infer(_observation(moved, 0.1)).values[0]
    np.testing.assert_allclose(_tool(row), _tool(moved) + np.array([0.0, 0.0, 0.004]), atol=1e-3)


def test_commanded_anchor_goes_on_from_what_was_commanded() -> None:
    policy = _policy(np.array([[0.0, 0.0, 0.004]]), anchor="commanded")
    first = policy.infer(_observation()).values[0]
    second = policy.infer(_observation(HOME, 0.1)).values[0]
    np.testing.assert_allclose(_tool(second), _tool(first) + np.array([0.0, 0.0, 0.004]), atol=1e-3)


def test_tool_frame_deltas_follow_the_tools_axes_and_scale() -> None:
    row = _policy(np.array([[0.0, 0.0, 5.0]]), frame="tool", translation_scale=1e-3).infer(_observation()).values[0]
    axis = ARM.tool_pose(HOME).axis.copy()
    np.testing.assert_allclose(_tool(row), _tool(HOME) + 0.005 * axis, atol=1e-3)


def test_poses_are_reached_and_smoothing_lags_behind() -> None:
    goal = _tool(HOME) + np.array([0.0, 0.02, 0.01])
    row = _policy(goal[None], ActionSpace.EE_POSE).infer(_observation()).values[0]
    np.testing.assert_allclose(_tool(row), goal, atol=1e-3)
    lazy = _policy(goal[None], ActionSpace.EE_POSE, smoothing=0.5).infer(_observation()).values[0]
    np.testing.assert_allclose(lazy, 0.5 * (HOME + row), atol=1e-6)


def test_unreachable_way_is_cut_and_counted_and_an_unreachable_beginning_is_an_error() -> None:
    rows = np.array([[0.0, 0.0, 0.0], [0.01, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    policy = _policy(rows)
    assert len(policy.infer(_observation()).values) == 2
    assert policy.unreachable == 2
    with pytest.raises(PolicyError, match=r"the tool cannot be at .* the nearest is"):
        _policy(rows[2:3]).infer(_observation())


def test_mismatches_are_refused_with_both_lists() -> None:
    with pytest.raises(AdapterError, match=r"the policy has \[x, y, z\], end_effector \[a, b, c\]"):
        _policy(np.zeros((1, 3)), translation=("a", "b", "c"))
    with pytest.raises(AdapterError, match=r"has joints \[shoulder_pan.*\], the robot \[knee\]"):
        gives = PolicyGives(tuple(Element(name) for name in "xyz"), ActionSpace.EE_DELTA, rate=10.0)
        adapter = Adapter(end_effector=EndEffectorAdapter(model="so101", translation=("x", "y", "z")))
        EndEffectorPolicy(RecordingModel(needs=PolicyNeeds(), gives=gives), adapter, PolicyContext("arm", ("knee",)))


def test_last_body_of_the_longest_chain_is_the_tool_where_none_is_named() -> None:
    assert "jaw" in last_body(ARM)


@pytest.mark.parametrize(("number", "position"), [(0.2, 1.7), (0.8, 0.0)])
def test_gripper_number_is_binarized_at_the_threshold(number: float, position: float) -> None:
    assert gripper_position(number, GRIPPER) == pytest.approx(position)


def test_gripper_number_is_interpolated_without_threshold() -> None:
    assert gripper_position(0.25, GRIPPER.model_copy(update={"threshold": None})) == pytest.approx(0.75 * 1.7)


def _form(form: str) -> EndEffectorAdapter:
    size = {"rotation_vector": 3, "rpy": 3, "quaternion": 4, "matrix_6d": 6}[form]
    return EndEffectorAdapter(
        model="so101",
        translation=("x", "y", "z"),
        rotation=tuple(f"r{i}" for i in range(size)),
        form=form,  # type: ignore[arg-type]
    )


def test_every_form_of_one_rotation_is_the_same_rotation() -> None:
    vector = np.array([0.3, -0.2, 0.5])
    matrix = rotation_matrix(vector)
    angle = float(np.linalg.norm(vector))
    quaternion = np.array([*(np.sin(angle / 2) * vector / angle), np.cos(angle / 2)])
    yaw, pitch = np.arctan2(matrix[1, 0], matrix[0, 0]), np.arcsin(-matrix[2, 0])
    roll = np.arctan2(matrix[2, 1], matrix[2, 2])
    for form, numbers in (
        ("rotation_vector", vector), ("quaternion", 2.0 * quaternion), ("rpy", np.array([roll, pitch, yaw])),
        ("matrix_6d", np.concatenate([matrix[:, 0], matrix[:, 1]])),
    ):  # fmt: skip
        np.testing.assert_allclose(rotation_of(numbers, _form(form)), matrix, atol=1e-9)
    with pytest.raises(PolicyError, match="quaternion"):
        rotation_of(np.zeros(4), _form("quaternion"))
    with pytest.raises(PolicyError, match="parallel"):
        rotation_of(np.array([1.0, 0, 0, 2, 0, 0]), _form("matrix_6d"))
