"""A model behind its adapter: a Policy in the robot's joints and SI. ROS-free; no I/O."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.body_state import BodyQuantity
from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.types import Action, Observation, PictureNeed, Playback, PolicyNeeds
from strands_robots.policies.adapt.adapter import Adapter, ElementAdapter
from strands_robots.policies.adapt.adapter_check import check_adapter
from strands_robots.policies.adapt.adapter_tool import ConstantAdapter, ToolStateAdapter
from strands_robots.policies.adapt.joint_rows import JointRows
from strands_robots.policies.adapt.model import ModelInput, PolicyModel
from strands_robots.policies.adapt.own_links import OwnLinks
from strands_robots.policies.adapt.pictures import adapt_picture
from strands_robots.policies.adapt.tool_frame import ToolFrame, tool_numbers
from strands_robots.policies.provider import PolicyContext


class AdaptedPolicy:
    """Asks a model in its own words and answers in the robot's.

    Args:
        model: The model; its space is one of joints.
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
        self._rows = JointRows(adapter, model.gives, 1.0 / self._inputs.rate, context.limits)
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
        return self._rows.action(rows, observation)

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
            bodies=tuple(dict.fromkeys(entry.body for entry in adapter.environment if not entry.model)),
        )
        self._links = OwnLinks(adapter.environment, context.joint_names)
        self._environment = tuple(entry.reading() for entry in adapter.environment)
        self._tool = None if adapter.tool is None else ToolFrame(adapter.tool, context.joint_names)
        self._is_short = adapter.start == "short" or (adapter.start is None and model.needs.takes_short)

    def make(self, observation: Observation, playback: Playback | None) -> ModelInput:
        """Return an observation in the model's words.

        Raises:
            PolicyError: If a joint, a body or a picture is missing, or a measured number is not finite.
        """
        needs = self._model.needs
        seen = [*observation.earlier, observation]
        states = self._chosen(seen, needs.state_frames)
        state = np.array([self._numbers(frame) for frame in states]).reshape(len(states), -1)
        pictures = {
            key: np.stack(
                [
                    adapt_picture(_picture(entry.camera, frame), entry, needs.cameras[key])
                    for frame in self._chosen(seen, needs.cameras[key].frames)
                ]
            )
            for key, entry in self._adapter.cameras.items()
        }
        return ModelInput(observation.stamp, state, pictures, observation.task, playback, self._surroundings(states))

    def _chosen(self, seen: list[Observation], frames: tuple[int, ...]) -> list[Observation]:
        """Return the observations at the given steps before the present one; without steps, every one of the history.

        Before the episode the robot was where it began, unless the model takes a short context.
        """
        steps = frames or tuple(range(1 - self._model.needs.history, 1))
        last = len(seen) - 1
        if self._is_short:
            steps = tuple(step for step in steps if last + step >= 0)
        return [seen[max(last + step, 0)] for step in steps]

    def _numbers(self, frame: Observation) -> list[float]:
        """Return one row of the model's state."""
        row: list[float] = []
        for entry in self._adapter.state:
            if isinstance(entry, ToolStateAdapter):
                assert self._tool is not None  # an adapter with such an entry has a tool
                for joint in self._tool.names:
                    _measured_as(joint, "position", frame)
                row += tool_numbers(self._tool.pose(self._tool.measured(frame)), entry).tolist()
            elif isinstance(entry, ConstantAdapter):
                row.append(entry.constant)
            else:
                scale, offset = entry.scale_and_offset()
                row.append((_measured(entry, frame) - offset) / scale)
        return row

    def _surroundings(self, frames: list[Observation]) -> FloatArray:
        """Return the environment state (T, E)."""
        if not self._environment:
            return np.zeros((len(frames), 0))
        seen = [replace(frame, bodies={**frame.bodies, **self._links.poses(frame)}) for frame in frames]
        return np.array([[_place(reading, frame) for reading in self._environment] for frame in seen])


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


def _measured(element: ElementAdapter, frame: Observation) -> float:
    return _measured_as(element.joint, element.quantity, frame)


def _measured_as(joint: str, quantity: str, frame: Observation) -> float:
    try:
        column = frame.joint_names.index(joint)
    except ValueError:
        raise PolicyError(
            f"joint '{joint}' was not measured; the robot reports {', '.join(frame.joint_names)}"
        ) from None
    value = float(getattr(frame, quantity)[column])
    if not np.isfinite(value):
        raise PolicyError(f"'{joint}' was measured as {value}; valid: finite")
    return value


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
