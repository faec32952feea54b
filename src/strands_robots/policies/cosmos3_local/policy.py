"""Policy "cosmos3_local": Cosmos 3 in this process, by diffusers' Cosmos3OmniPipeline in its mode "policy".

The model sees one picture and the task, and no state; it answers a chunk of poses, each relative to the one before it in the tool's own
axes (backward_framewise), as position, the first two columns of the rotation and the gripper. The end-effector bridge anchors them where
the tool really is. With `replan` the model is asked every so many rows only: in between what is left of its chunk is answered, so that
with execute_rows 1 each row is anchored on the achieved pose.

What is not known is asked for, not guessed: the pipeline applies no statistics, and whether a checkpoint's numbers are metric depends on
the checkpoint. The setting `statistics` has no default.

Source: diffusers `pipelines/cosmos/pipeline_cosmos3_omni.py`; cosmos-framework `pose_utils.py` (pose conventions).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import ConfigurationError, PolicyError
from strands_robots.core.text import printable
from strands_robots.core.types import ActionSpace, Element, PictureNeed, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput
from strands_robots.policies.preflight import check_memory
from strands_robots.policies.provider import PolicyContext, read_settings
from strands_robots.policies.remote.cosmos3 import compose

ONE_ARM = ("droid_lerobot", "robomind-franka", "robomind-ur", "bridge_orig_lerobot", "fractal", "umi")
"""Domains of one arm: ten numbers."""

NAMES = ("dx", "dy", "dz", "r0", "r1", "r2", "r3", "r4", "r5", "gripper")
PLANE = ("dx", "dy")
Numbers = Annotated[tuple[float, ...], Field(min_length=2, max_length=10)]


class Statistics(BaseModel):
    """How the checkpoint's numbers become metric: number * scale + offset, for each element."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    scale: Numbers
    offset: Numbers


class Cosmos3LocalOptions(BaseModel):
    """Settings of "cosmos3_local".

    Attributes:
        path: Folder of a checkpoint in diffusers' form; nothing is downloaded.
        domain: The embodiment, which fixes the form of the action.
        view_point: What the picture is: ego_view, third_person_view, wrist_view, or concat_view of three views.
        statistics: "none" for a checkpoint whose numbers are metric, or scale and offset of each.
        gripper: How the gripper's number is meant, in words; the checkpoint does not say it.
        chunk: Rows of one chunk.
        replan: Rows after which the model is asked again; 0 asks it each time.
        steps: Of denoising.
        guidance: Weight of the task.
        resolution: Tier of the conditioning picture.
        rate: Rows a second, and pictures a second of the imagined video [Hz].
        size: Height and width of each view [px].
        device, dtype: Where and in which precision it computes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    path: str
    domain: Literal["droid_lerobot", "robomind-franka", "robomind-ur", "bridge_orig_lerobot", "fractal", "umi", "pusht"]
    view_point: Literal["ego_view", "third_person_view", "wrist_view", "concat_view"] = "concat_view"
    statistics: Literal["none"] | Statistics
    gripper: str = "not known"
    chunk: Annotated[int, Field(ge=1, le=128)] = 16
    replan: Annotated[int, Field(ge=0, le=128)] = 0
    steps: Annotated[int, Field(ge=1, le=200)] = 35
    guidance: Annotated[float, Field(ge=0.0, le=50.0)] = 6.0
    resolution: Literal[256, 480, 704, 720] = 480
    rate: Annotated[float, Field(gt=0.0, le=120.0)] = 15.0
    size: tuple[Annotated[int, Field(ge=16, le=2048)], Annotated[int, Field(ge=16, le=2048)]] = (360, 640)
    device: str = "cuda"
    dtype: Literal["bfloat16", "float16", "float32"] = "bfloat16"

    @model_validator(mode="after")
    def _consistent(self) -> Cosmos3LocalOptions:
        if self.replan > self.chunk:
            raise ValueError(f"replan is {self.replan}; valid: up to the chunk's {self.chunk} rows")
        if isinstance(self.statistics, Statistics):
            width = len(self.names)
            if len(self.statistics.scale) != width or len(self.statistics.offset) != width:
                raise ValueError(f"statistics need {width} numbers each, for {', '.join(self.names)}")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the action's numbers."""
        return PLANE if self.domain == "pusht" else NAMES

    @property
    def views(self) -> tuple[str, ...]:
        """Names of the pictures."""
        return ("wrist", "left", "right") if self.view_point == "concat_view" else ("image",)


class Cosmos3LocalModel:
    """Asks a pipeline of Cosmos 3.

    Args:
        pipeline: diffusers' Cosmos3OmniPipeline.
        options: Settings.
    """

    def __init__(self, pipeline: Any, options: Cosmos3LocalOptions) -> None:
        self._pipeline = pipeline
        self._options = options
        self._seed = 0
        self._count = 0
        self._chunk: tuple[float, FloatArray] | None = None
        self.needs = PolicyNeeds((), dict.fromkeys(options.views, PictureNeed(*options.size)), language=True)
        # With replan the rows of an answer differ in number: what is left of a chunk.
        self.gives = PolicyGives(
            tuple(Element(name) for name in options.names), ActionSpace.EE_DELTA, options.gripper,
            0 if options.replan else options.chunk, options.rate, device=options.device,
        )  # fmt: skip

    def reset(self, seed: int) -> None:
        """Start an episode; the same seed and observations give the same actions."""
        self._seed, self._count, self._chunk = seed, 0, None

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A): a fresh chunk, or what is left of the last one.

        Raises:
            PolicyError: If the pipeline answers something else than its domain's rows.
        """
        rate, replan = self._options.rate, self._options.replan
        if replan and self._chunk is not None:
            begin, rows = self._chunk
            row = round((given.stamp - begin) * rate)
            if 0 <= row < replan:
                return rows[row:]
        rows = self._imagine(given)
        self._chunk = (given.stamp, rows)
        return rows

    def close(self) -> None:
        """Free what the model holds."""
        self._pipeline = None

    def _imagine(self, given: ModelInput) -> FloatArray:
        import torch
        from diffusers.pipelines.cosmos.pipeline_cosmos3_omni import CosmosActionCondition
        from PIL import Image

        options = self._options
        pictures = [given.pictures[view][-1] for view in options.views]
        picture = compose(*pictures) if len(pictures) == 3 else pictures[0]
        generator = torch.Generator(device="cpu").manual_seed((self._seed << 20) + self._count)
        self._count += 1
        action = CosmosActionCondition(
            mode="policy", chunk_size=options.chunk, domain_name=options.domain, resolution_tier=options.resolution,
            image=Image.fromarray(picture), view_point=options.view_point,
        )  # fmt: skip
        with torch.inference_mode():
            output = self._pipeline(
                given.task, action=action, fps=options.rate, num_inference_steps=options.steps,
                guidance_scale=options.guidance, generator=generator, output_type="latent", enable_safety_check=False,
            )  # fmt: skip
        rows = np.asarray(output.action[0].float().cpu().numpy(), dtype=np.float64)
        if rows.shape != (options.chunk, len(options.names)) or not np.isfinite(rows).all():
            raise PolicyError(
                f"the pipeline answered {rows.shape}; valid: ({options.chunk}, {len(options.names)}), finite"
            )
        if isinstance(options.statistics, Statistics):
            rows = rows * np.array(options.statistics.scale) + np.array(options.statistics.offset)
        return rows


def load_pipeline(options: Cosmos3LocalOptions) -> Any:
    """Return a checkpoint's pipeline, from its folder only.

    Raises:
        ConfigurationError: If the folder is no such checkpoint, or there is no room for it.
        PolicyError: If diffusers is missing or too old.
    """
    folder = Path(options.path).expanduser()
    if not (folder / "model_index.json").is_file():
        raise ConfigurationError(
            f"path '{printable(options.path)}' is no checkpoint of diffusers (no model_index.json); nothing is downloaded. "
            "The 8-wide Policy-DROID checkpoints do not fit this pipeline: serve those, policy 'cosmos3'"
        )
    try:
        import torch
        from diffusers import Cosmos3OmniPipeline
    except ImportError as error:
        raise PolicyError(f"policy 'cosmos3_local' needs diffusers with Cosmos3OmniPipeline: {error}") from error
    check_memory(folder, options.device)
    pipeline = Cosmos3OmniPipeline.from_pretrained(
        str(folder), torch_dtype=getattr(torch, options.dtype), local_files_only=True, enable_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(options.device)


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "cosmos3_local"; raises ConfigurationError, AdapterError or PolicyError."""
    options = read_settings(Cosmos3LocalOptions, "cosmos3_local", settings)
    return adapt(Cosmos3LocalModel(load_pipeline(options), options), context)
