"""A model behind its adapter: a Policy in the robot's joints and SI. ROS-free; no I/O."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_state import BodyQuantity
from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.types import Action, ActionSpace, ControlMode, Observation, PictureNeed, Playback, PolicyNeeds
from strands_robots.policies.adapt.adapter import Adapter, ElementAdapter
from strands_robots.policies.adapt.adapter_check import check_adapter
from strands_robots.policies.adapt.model import ModelInput, PolicyModel
from strands_robots.policies.adapt.pictures import adapt_picture
from strands_robots.policies.check.plausibility import check_reach
from strands_robots.policies.provider import PolicyContext


class AdaptedPolicy:
    """Asks a model in its own words and answers in the robot's.

    Args:
        model: The model; its space is joint positions or velocities.
        adapter: What lies between it and the robot.
        context: The robot and the goal.

    Attributes:
        model: The model.

    Raises:
        AdapterError: If model, adapter and robot do not fit; the message shows both lists.
    """

    def __init__(self, model: PolicyModel, adapter: Adapter, context: PolicyContext) -> None:
        check_adapter(adapter, model.needs, model.gives, context.joint_names, context.cameras, context.task)
        self._inputs = ModelInputs(model, adapter, context)
        self.model = model
        self._names = tuple(element.joint for element in adapter.action)
        self._scale, self._offset = _factors(adapter.action)
        self._mode = ControlMode.VELOCITY if model.gives.space is ActionSpace.JOINT_VELOCITY else ControlMode.POSITION
        self._limits = context.limits if self._mode is ControlMode.POSITION else None
        self._period = 1.0 / self._inputs.rate
        self.needs = self._inputs.robot_needs
        self.gives = replace(model.gives, rate=self._inputs.rate)

    def reset(self, seed: int) -> None:
        """Start an episode."""
        self.model.reset(seed)

    def infer(self, observation: Observation, playback: Playback | None = None) -> Action:
        """Return rows (H, D) of the adapter's joints in SI.

        Raises:
            PolicyError: If the model cannot answer, answers a wrong shape, or positions that no joint of the robot is near.
        """
        rows = check_rows(self.model.infer(self._inputs.make(observation, playback)), self.model)
        values = rows * self._scale + self._offset
        if self._limits is not None:
            check_reach(values, self._names, self._limits)
        return Action(self._names, values, self._period, self._mode)

    @property
    def connection(self) -> str:
        """State of a remote model's connection; empty for others."""
        return str(getattr(self.model, "connection", ""))

    def close(self) -> None:
        """Free what the model holds."""
        self.model.close()


class ModelInputs:
    """Turns observations into a model's input.

    Args:
        model: The model.
        adapter: Checked against the model.
        context: The robot and the goal.

    Attributes:
        rate: Rows a second of the model's action [Hz].
        robot_needs: What the model needs, in the robot's names.
    """

    def __init__(self, model: PolicyModel, adapter: Adapter, context: PolicyContext) -> None:
        self._model = model
        self._adapter = adapter
        own = model.gives.rate or adapter.rate
        if context.rate > 0.0 and own > 0.0 and abs(context.rate - own) > 1e-9:
            raise ConfigurationError(
                f"the goal asks for a rate of {context.rate:g} Hz, the policy's rows are {1.0 / own:g} s apart; "
                f"valid: {own:g}, or 0 for the policy's own"
            )
        self.rate = own
        self.robot_needs = PolicyNeeds(
            (),
            {entry.camera: PictureNeed() for entry in adapter.cameras.values()},
            model.needs.language,
            model.needs.history,
            bodies=tuple(dict.fromkeys(entry.body for entry in adapter.environment)),
        )
        self._environment = tuple(entry.reading() for entry in adapter.environment)
        scale, offset = _factors(adapter.state)
        self._scale, self._offset = scale, offset

    def make(self, observation: Observation, playback: Playback | None) -> ModelInput:
        """Return an observation in the model's words.

        Raises:
            PolicyError: If a joint, a body or a picture is missing, or a measured number is not finite.
        """
        needs = self._model.needs
        frames = [*observation.earlier, observation][-needs.history :]
        frames = [frames[0]] * (needs.history - len(frames)) + frames  # before the episode the robot was where it began
        state = np.array([[_measured(element, frame) for element in self._adapter.state] for frame in frames])
        state = (state.reshape(len(frames), -1) - self._offset) / self._scale
        if not np.isfinite(state).all():
            column = int(np.argwhere(~np.isfinite(state))[0][1])
            raise PolicyError(
                f"'{self._adapter.state[column].joint}' was measured as {state[-1, column]}; valid: finite"
            )
        pictures = {
            key: np.stack([adapt_picture(_picture(entry.camera, frame), entry, needs.cameras[key]) for frame in frames])
            for key, entry in self._adapter.cameras.items()
        }
        return ModelInput(observation.stamp, state, pictures, observation.task, playback, self._surroundings(frames))

    def _surroundings(self, frames: list[Observation]) -> FloatArray:
        """Return the environment state (T, E)."""
        if not self._environment:
            return np.zeros((len(frames), 0))
        return np.array([[_place(reading, frame) for reading in self._environment] for frame in frames])


def check_rows(rows: FloatArray, model: PolicyModel) -> FloatArray:
    """Return what a model answered as (H, A) float64.

    Raises:
        PolicyError: If the shape is not that of its own declaration, or a number is not finite.
    """
    width, horizon = len(model.gives.action), model.gives.horizon
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != width or len(rows) < 1:
        raise PolicyError(
            f"the policy answered {type(rows).__name__} of shape {np.shape(rows)}; valid: ({horizon or 'H'}, {width})"
        )
    if rows.dtype.kind not in "fiu":
        raise PolicyError(f"the policy answered values of type {rows.dtype}; valid: numbers")
    if not np.isfinite(rows).all():
        row, column = (int(i) for i in np.argwhere(~np.isfinite(rows))[0])
        raise PolicyError(
            f"the policy answered values that are no finite numbers: row {row} of '{model.gives.action[column].name}' is "
            f"{rows[row, column]}"
        )
    return np.asarray(rows, dtype=np.float64)


def _factors(elements: tuple[ElementAdapter, ...]) -> tuple[FloatArray, FloatArray]:
    pairs = np.array([element.scale_and_offset() for element in elements], dtype=np.float64).reshape(-1, 2)
    return pairs[:, 0].copy(), pairs[:, 1].copy()


def _measured(element: ElementAdapter, frame: Observation) -> float:
    try:
        column = frame.joint_names.index(element.joint)
    except ValueError:
        raise PolicyError(
            f"joint '{element.joint}' was not measured; the robot reports {', '.join(frame.joint_names)}"
        ) from None
    values: FloatArray = getattr(frame, element.quantity)
    return float(values[column])


def _place(reading: BodyQuantity, frame: Observation) -> float:
    pose = frame.bodies.get(reading.body)
    if pose is None:
        raise PolicyError(f"no pose of body '{reading.body}'; there are {', '.join(frame.bodies) or 'none'}")
    value = reading.read(pose)
    if not np.isfinite(value):
        raise PolicyError(f"{reading.quantity} of body '{reading.body}' is {value}; valid: finite")
    return value


def _picture(camera: str, frame: Observation) -> np.ndarray:  # type: ignore[type-arg]
    picture = frame.images.get(camera)
    if picture is None:
        raise PolicyError(f"no picture of '{camera}'; there are {', '.join(frame.images) or 'none'}")
    return picture
