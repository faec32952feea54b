"""The adapter of a policy that was trained on a dataset of strands_robots: the dataset says what its numbers mean. No I/O."""

from __future__ import annotations

import math

import yaml

from strands_robots.core.errors import ConfigurationError
from strands_robots.dataset.schema import Schema
from strands_robots.description.lerobot_units import POSITION, JointUnit
from strands_robots.policies.adapt.adapter import WORLD, Adapter
from strands_robots.policies.adapt.own_links import own_links
from strands_robots.policies.adapt.units import FACTORS, RANGES

PICTURE_KEY = "observation.images."


def adapter_text(schema: Schema, model: str = "") -> str:
    """Return the adapter, as YAML, for policies trained on a dataset.

    Args:
        schema: What the dataset holds.
        model: Kind of robot, a name in config/robots or a YAML file: places of its own links are computed from the measured
            joints, so that a real robot can say them. Empty leaves every place to a simulated world.

    Raises:
        ConfigurationError: If the dataset is of several robots, or holds what an adapter cannot say.
    """
    if len(schema.robots) != 1:
        names = ", ".join(robot.name for robot in schema.robots)
        raise ConfigurationError(
            f"the dataset is of the robots {names}; valid: of one robot (record with --robot), as a goal moves one and a policy that "
            "learns from this dataset commands them all"
        )
    (robot,) = schema.robots
    elements = [_element(unit) for unit in robot.codec.units]
    cameras = {}
    # No adapter gives a policy depth: one that was trained on it is refused for the picture that it lacks.
    for camera in (camera for camera in schema.cameras if not camera.is_depth):
        owner, _, name = camera.name.partition("/")
        if name and owner != robot.name:
            raise ConfigurationError(
                f"camera '{camera.name}' is another robot's; valid: cameras of '{robot.name}' and of the world"
            )
        cameras[schema.keys[camera.name]] = {"camera": name or WORLD + owner}
    links = own_links(model) if model and schema.environment else ()
    environment = [
        {"name": entry.name, "body": entry.body, "quantity": entry.quantity, "unit": entry.unit}
        | ({"model": model} if entry.body in links else {})
        for entry in schema.environment
    ]
    data = {
        "state": elements, "environment": environment, "cameras": cameras, "action": elements, "rate": float(schema.fps)
    }  # fmt: skip
    Adapter.model_validate(data)
    return yaml.dump(data, Dumper=_PlainDumper, sort_keys=False, default_flow_style=None, width=160)


class _PlainDumper(yaml.SafeDumper):
    """Writes what occurs twice twice, without anchors."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _element(unit: JointUnit) -> dict[str, object]:
    name = unit.joint + POSITION
    if unit.unit in FACTORS and math.isclose(unit.scale, FACTORS[unit.unit]) and unit.offset == 0.0:
        return {"name": name, "joint": unit.joint, "unit": unit.unit}
    if unit.unit in RANGES:
        ends = [unit.offset + unit.scale * end for end in RANGES[unit.unit]]
        return {"name": name, "joint": unit.joint, "unit": unit.unit, "ends": ends}
    raise ConfigurationError(
        f"joint '{unit.joint}' was recorded as {unit.unit} with scale {unit.scale:g} and offset {unit.offset:g}; valid in an adapter: "
        f"{', '.join((*FACTORS, *RANGES))}"
    )
