"""Settings of the policy "lerobot"."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(max_length=256)]
Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]


class LerobotOptions(BaseModel):
    """Settings of "lerobot".

    Attributes:
        path: Folder or hub id of a trained policy, with its own pre- and post-processors; empty makes an untrained one.
        revision: Revision of a hub id.
        type: LeRobot's name of the kind, for example act; needed without `path`, checked with it.
        device: "cpu", "cuda", "cuda:1", "mps", or "auto" for the best one there is. What is asked for and missing is an error.
        state, action: Names of the elements; empty takes the adapter's, when they are as many.
        environment: Names of the elements of LeRobot's observation.environment_state; empty takes the adapter's, when they are as many.
        cameras: Pictures of an untrained policy: key -> height and width [px].
        config: Fields of LeRobot's own configuration that are to be different.
        rate: Rows a second [Hz]; LeRobot's files do not say it. 0 leaves it to the adapter.
        rtc: Continue the running chunk (real-time chunking), for the kinds that can.
        rtc_horizon: Rows over which a new chunk is guided by the running one.
        seed: Seed of untrained weights.
        statistics_prefix: Beginning of the names of the statistics to normalise with, for checkpoints that hold those of several
            robots, for example "so100.buffer.".
        statistics_margin: Part of a joint's way by which the checkpoint's statistics, through the adapter, may lie outside its limits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    path: str = ""
    revision: str = ""
    type: str = ""
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    state: Names = ()
    action: Names = ()
    environment: Names = ()
    cameras: Annotated[dict[str, Size], Field(max_length=16)] = Field(default_factory=dict)
    config: dict[str, Any] = Field(default_factory=dict)
    rate: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0
    rtc: bool = False
    rtc_horizon: Annotated[int, Field(ge=1, le=1000)] = 10
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    statistics_prefix: Annotated[str, Field(max_length=128)] = ""
    statistics_margin: Annotated[float, Field(ge=0.0, le=10.0)] = 0.1

    @model_validator(mode="after")
    def _something(self) -> LerobotOptions:
        if not self.path and not self.type:
            raise ValueError("'path' of a trained policy is needed, or 'type' of an untrained one")
        if not self.path and not (self.state and self.action):
            raise ValueError("an untrained policy needs the names of its 'state' and its 'action'")
        if self.path and self.cameras:
            raise ValueError("'cameras' are those of the trained policy; valid without 'path' only")
        if self.statistics_prefix and not self.path:
            raise ValueError("'statistics_prefix' is of a trained policy; valid with 'path' only")
        return self
