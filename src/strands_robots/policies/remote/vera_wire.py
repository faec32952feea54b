"""What VERA serves under each embodiment's name, in the words of its wire.

The action's meaning is the checkpoint's action mode, which the handshake says; the factory's own table is only its fallback.
Deltas of the tool are rotation vectors and metres in the robot's base frame, one for each row.

Source: VERA `server/protocol/adapter_factory.py` (views, proprioception, periods), `policy/motion_policy*.py` (`get_wire_metadata`),
`controller/obs_builder.py` and `controller/run_mimicgen_eval.py` (sizes of views), `controller/action_player.py` (scales, grippers).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from strands_robots.core.types import ActionSpace

Names = tuple[str, ...]
Mode = tuple[ActionSpace, Names]

_EE: Names = ("dx", "dy", "dz", "drx", "dry", "drz", "gripper")
_JOINTS: Names = (*(f"joint_{i}" for i in range(7)), "gripper")
_HAND: Names = tuple(f"joint_{i}" for i in range(16))
_XYZ, _XYZW = ("x", "y", "z"), ("qx", "qy", "qz", "qw")


def _proprio(key: str, parts: Names) -> Names:
    return tuple(f"{key}.{part}" for part in parts)


@dataclass(frozen=True)
class Embodiment:
    """What VERA serves under one name.

    Attributes:
        modes: The server's word for the action -> our space, and the names of its numbers.
        views: Cameras, in the order in which they stand side by side.
        proprio: The server's key of a state -> names of its numbers. The server takes it, and does without it.
        view_size: Height and width of each view where the server does not say it [px].
        rate: Rows a second where the server does not say it [Hz].
        port, vis_port: Where the container of the strands-robots provider listens.
        gripper: How the gripper's number is meant; empty without one.
        checkpoints: Variable of the server -> the file below the folder of checkpoints that it names.
    """

    modes: Mapping[str, Mode]
    views: Names
    proprio: Mapping[str, Names]
    view_size: tuple[int, int]
    rate: float
    port: int
    vis_port: int
    gripper: str = ""
    checkpoints: Mapping[str, str] = MappingProxyType({})


EMBODIMENTS: Mapping[str, Embodiment] = MappingProxyType(
    {
        "pusht": Embodiment(
            dict.fromkeys(("pusht_pos_cmd", "pos", "velocity"), (ActionSpace.EE_DELTA, ("dx", "dy"))),
            ("image",), {}, (96, 96), 10.0, 8820, 8821, "",
            {"VERA_PUSHT_PLANNER_CKPT": "pusht-dfot/model.ckpt", "VERA_PUSHT_DYNAMICS_CKPT": "pusht-idm/model.ckpt"},
        ),
        "mimicgen": Embodiment(
            dict.fromkeys(("eef_delta", "se3_quat"), (ActionSpace.EE_DELTA, _EE)),
            ("agentview_image", "robot0_eye_in_hand_image"),
            {
                "robot0_eef_pos": _proprio("robot0_eef_pos", _XYZ), "robot0_eef_quat": _proprio("robot0_eef_quat", _XYZW),
                "robot0_gripper_qpos": _proprio("robot0_gripper_qpos", ("left", "right")),
            },
            (128, 128), 20.0, 8800, 8801, "-1 open, 1 closed", {"VERA_MIMICGEN_DYNAMICS_CKPT": "idm-mimicgen-285ouq1q/model.ckpt"},
        ),
        "allegro": Embodiment(
            {
                "absolute": (ActionSpace.JOINT_POSITION, _HAND), "joint_position": (ActionSpace.JOINT_POSITION, _HAND),
                "qpos_delta": (ActionSpace.JOINT_DELTA, _HAND),
            },
            tuple(f"camera_{i}" for i in range(12)), {"q_robot": _proprio("q_robot", tuple(map(str, range(16))))},
            (128, 192), 15.0, 8802, 8803,
        ),
        "droid": Embodiment(
            {
                "se3_delta": (ActionSpace.EE_DELTA, _EE), "cartesian_delta": (ActionSpace.EE_DELTA, _EE),
                "joint_delta": (ActionSpace.JOINT_DELTA, _JOINTS),
            },
            ("varied_1", "varied_2", "hand"),
            {
                "q_robot": _proprio("q_robot", tuple(map(str, range(7)))), "eef_pos": _proprio("eef_pos", _XYZ),
                "eef_quat": _proprio("eef_quat", _XYZW), "gripper_qpos": ("gripper_qpos",),
            },
            (128, 192), 15.0, 8804, 8805, "0 open, above 0.5 closed",
        ),
    }
)  # fmt: skip
