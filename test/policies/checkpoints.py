"""Checkpoints of LeRobot, tiny and real: saved by LeRobot itself, then damaged as people's are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow_flex", "wrist_flex", "wrist_roll", "gripper")
NAMES = tuple(f"{joint}.pos" for joint in JOINTS)
PRE = "policy_preprocessor_step_3_normalizer_processor.safetensors"
POST = "policy_postprocessor_step_0_unnormalizer_processor.safetensors"

LOW = (-70.0, -90.0, -60.0, -40.0, -80.0, 2.0)
HIGH = (60.0, 40.0, 80.0, 90.0, 70.0, 95.0)
"""What an SO-101 does in a day: body joints in degrees, the gripper from 0 to 100."""

TINY = {
    "chunk_size": 10, "n_action_steps": 10, "dim_model": 16, "n_heads": 2, "dim_feedforward": 32, "n_encoder_layers": 1,
    "n_vae_encoder_layers": 1, "latent_dim": 4,
}  # fmt: skip

UNITS = dict.fromkeys(JOINTS[:5], "deg")
RADIANS = 3.141592653589793 / 180.0


def statistics(low: tuple[float, ...] = LOW, high: tuple[float, ...] = HIGH, scale: float = 1.0) -> dict[str, Any]:
    """Return the statistics of one vector, as LeRobot computes them."""
    import torch

    first, last = torch.tensor(low) * scale, torch.tensor(high) * scale
    middle, spread = (first + last) / 2.0, (last - first) / 4.0
    return {
        "min": first, "max": last, "mean": middle, "std": spread, "q01": middle - 1.9 * spread, "q99": middle + 1.9 * spread,
        "q10": middle - 1.2 * spread, "q90": middle + 1.2 * spread,
    }  # fmt: skip


def save_act(
    folder: Path, state: Mapping[str, Any] | None = None, action: Mapping[str, Any] | None = None, mode: str = "MEAN_STD",
    **config: Any,
) -> Path:  # fmt: skip
    """Save an ACT on six joints and a place of the world, with processors, as a training leaves it."""
    import torch
    from lerobot.configs import NormalizationMode
    from lerobot.policies.factory import make_pre_post_processors

    from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
    from strands_robots.policies.lerobot.loading import load

    mapping = {key: NormalizationMode(mode) for key in ("STATE", "ACTION")} | {"VISUAL": NormalizationMode.IDENTITY}
    loaded = load(
        LerobotOptions(
            type="act", state=NAMES, action=NAMES, environment=("cube.x", "cube.y"), device="cpu",
            config={**TINY, "normalization_mapping": mapping, **config},
        )
    )  # fmt: skip
    place = {"mean": torch.zeros(2), "std": torch.ones(2), "min": -torch.ones(2), "max": torch.ones(2)}
    data = {
        "observation.state": dict(state or statistics()), "action": dict(action or statistics()),
        "observation.environment_state": place,
    }  # fmt: skip
    pre, post = make_pre_post_processors(loaded.config, dataset_stats=data)
    for part in (loaded.policy, pre, post):
        part.save_pretrained(folder)
    return folder


def change_json(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a JSON object in place."""
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def change_tensors(path: Path, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> None:
    """Write what `change` makes of a file's tensors."""
    from safetensors.torch import load_file, save_file

    save_file({name: tensor.contiguous() for name, tensor in change(load_file(path)).items()}, path)


def adapter(units: Mapping[str, str] | None = None, swap: tuple[str, str] | None = None, rate: float = 30.0) -> str:
    """Return an adapter of the SO-101, with other units for some joints, or with two joints swapped."""
    own = {**UNITS, **(units or {})}
    rows = []
    for joint in JOINTS:
        to = {swap[0]: swap[1], swap[1]: swap[0]}.get(joint, joint) if swap else joint
        unit = own.get(joint, "range_0_100")
        ends = ", ends: [-0.174533, 1.74533]" if unit.startswith("range") else ""
        rows.append(f"{{name: {joint}.pos, joint: {to}, unit: {unit}{ends}}}")
    places = ", ".join(f"{{name: cube.{axis}, body: cube, quantity: {axis}, unit: m}}" for axis in "xy")
    return f"{{state: [{', '.join(rows)}], action: [{', '.join(rows)}], environment: [{places}], rate: {rate:g}}}"
