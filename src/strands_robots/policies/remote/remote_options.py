"""What a server's policy takes and answers, as settings: for servers that do not say it themselves."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strands_robots.core.types import ActionSpace, Element, PictureNeed, PolicyGives, PolicyNeeds
from strands_robots.policies.remote.connection import LinkConfig

Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(min_length=1, max_length=256)]
Size = tuple[Annotated[int, Field(ge=1, le=4096)], Annotated[int, Field(ge=1, le=4096)]]


class LinkOptions(BaseModel):
    """Where the server is, and how long it may take.

    Attributes:
        host, port: Where the server is.
        api_key: For servers that want one.
        timeout: For one answer [s].
        connect_timeout: For one attempt to connect [s].
        patience: So long a lost connection is tried again [s].
        rate: Rows a second [Hz]; 0 takes what the server says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    api_key: str = ""
    timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 2.0
    connect_timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 5.0
    patience: Annotated[float, Field(ge=0.0, le=600.0)] = 3.0
    rate: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0

    def link(self) -> LinkConfig:
        """Return the times of the connection."""
        return LinkConfig(self.connect_timeout, self.timeout, 0.5 * self.timeout, self.patience)


class RemoteOptions(LinkOptions):
    """The same, and what the policy takes and answers.

    Attributes:
        state: Key in the request -> names of its numbers.
        pictures: Key in the request -> height and width [px].
        action: Key in the answer -> names of its numbers; several keys are put side by side.
        space: What the action's numbers are.
        gripper: How the gripper's number is meant, in words.
        horizon: Rows of one answer; 0 takes any.
        history: Number of observations at once.
        prompt: Key of the task in words; empty for policies without language.
    """

    state: Annotated[dict[str, Names], Field(min_length=1, max_length=64)]
    pictures: Annotated[dict[str, Size], Field(max_length=32)] = Field(default_factory=dict)
    action: Annotated[dict[str, Names], Field(min_length=1, max_length=64)]
    space: ActionSpace = ActionSpace.JOINT_POSITION
    gripper: str = ""
    horizon: Annotated[int, Field(ge=0, le=1000)] = 0
    history: Annotated[int, Field(ge=1, le=64)] = 1
    prompt: str = ""

    @model_validator(mode="after")
    def _distinct(self) -> RemoteOptions:
        for kind, groups in (("state", self.state), ("action", self.action)):
            names = [name for group in groups.values() for name in group]
            if len(set(names)) != len(names):
                raise ValueError(f"{kind} names an element twice: {', '.join(names)}")
        return self

    def needs(self) -> PolicyNeeds:
        """Return what the policy must be given."""
        return PolicyNeeds(
            tuple(Element(name) for group in self.state.values() for name in group),
            {key: PictureNeed(*size) for key, size in self.pictures.items()},
            bool(self.prompt),
            self.history,
        )

    def gives(self) -> PolicyGives:
        """Return what the policy answers."""
        names = tuple(Element(name) for group in self.action.values() for name in group)
        return PolicyGives(
            names, self.space, self.gripper, self.horizon, self.rate, device=f"server at {self.host}:{self.port}"
        )
