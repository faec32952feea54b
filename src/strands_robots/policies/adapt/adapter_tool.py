"""What an adapter says of a model's state besides joints: the tool, where the model thinks it is, and how its pose is written."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strands_robots.policies.adapt.units import quantity_of, scale_and_offset

Name = Annotated[str, Field(min_length=1, max_length=128)]
Vector = tuple[float, float, float]

RotationForm = Literal["rotation_vector", "rpy", "quaternion", "quaternion_wxyz", "matrix_6d", "matrix_6d_rows"]
"""Forms of a rotation: rotation vector (axis times angle); roll-pitch-yaw about the fixed axes x, y, z; quaternion x y z w, or
w x y z; the first two columns of the rotation matrix one after the other, or its first two rows."""

SIZES = {
    "position": 3,
    "rotation_vector": 3,
    "rpy": 3,
    "quaternion": 4,
    "quaternion_wxyz": 4,
    "matrix_6d": 6,
    "matrix_6d_rows": 6,
}
"""Numbers in each form."""

ANGLES = frozenset({"rotation_vector", "rpy"})
"""Forms whose numbers are angles."""


class ToolAdapter(BaseModel):
    """The frame whose pose the model is told, and which its poses are of.

    Attributes:
        model: Kind of robot, for its kinematics: a name in config/robots, or a YAML, MJCF or URDF file.
        frame: Body or site of that model; empty takes the robot's tool frame, else the last body of its longest chain.
        offset: The model's tool point in that frame [m].
        rotation: The model's tool axes in that frame, as rows of a rotation matrix (3, 3): R_model = R_frame @ rotation.
        base_position: Where the robot's base is in the frame in which the model counts [m].
        base_rpy: How it is turned there: roll, pitch, yaw [rad].
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    model: Name
    frame: str = ""
    offset: Vector = (0.0, 0.0, 0.0)
    rotation: tuple[Vector, Vector, Vector] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))
    base_position: Vector = (0.0, 0.0, 0.0)
    base_rpy: Vector = (0.0, 0.0, 0.0)

    @model_validator(mode="after")
    def _is_rotation(self) -> ToolAdapter:
        import numpy as np

        matrix = np.array(self.rotation)
        if np.abs(matrix @ matrix.T - np.eye(3)).max() > 1e-6 or np.linalg.det(matrix) < 0.0:
            raise ValueError(f"tool.rotation {self.rotation} is no rotation; valid: orthonormal rows, determinant 1")
        return self


class ToolStateAdapter(BaseModel):
    """Numbers of the model's state that are about the pose of the robot's tool, from forward kinematics of what is measured.

    Attributes:
        names: Their names in the model's vocabulary, in order.
        tool: Which part of the pose: its position, or its rotation in one of the forms.
        unit: Unit of positions (m, mm, or such as "0.05 m") and of angles (rad, deg); empty for quaternions and matrices.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    names: Annotated[tuple[Name, ...], Field(min_length=3, max_length=6)]
    tool: Literal["position"] | RotationForm
    unit: str = ""

    @model_validator(mode="after")
    def _complete(self) -> ToolStateAdapter:
        size = SIZES[self.tool]
        if len(self.names) != size:
            raise ValueError(f"the tool's {self.tool} has {size} numbers; given {', '.join(self.names)}")
        wanted = {"position": "length"}.get(self.tool, "angle" if self.tool in ANGLES else "")
        given = quantity_of(self.unit) if self.unit else ""
        if wanted != given:
            valid = {"length": "m or mm", "angle": "rad or deg", "": "none"}[wanted]
            raise ValueError(f"the tool's {self.tool} has the unit '{self.unit}'; valid: {valid}")
        return self

    @property
    def scale(self) -> float:
        """SI units in one of the model's."""
        return scale_and_offset(self.unit, None)[0] if self.unit else 1.0


class ConstantAdapter(BaseModel):
    """A number of the model's state that is always the same by the model's own definition, such as padding; nothing is measured.

    Attributes:
        name: Name in the model's vocabulary.
        constant: The number, in the model's unit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: Name
    constant: float
