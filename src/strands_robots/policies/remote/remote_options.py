"""What a server's policy takes and answers, as settings: for servers that do not say it themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from strands_robots.core.types import ActionSpace, Element, PictureNeed, PolicyGives, PolicyNeeds
from strands_robots.policies.remote.connection import LinkConfig

Names = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=128)], ...], Field(min_length=1, max_length=256)]
Size = tuple[Annotated[int, Field(ge=1, le=4096)], Annotated[int, Field(ge=1, le=4096)]]


class PictureOptions(BaseModel):
    """One picture of a request; written as [height, width] where the rest is as usual.

    Attributes:
        size: Height and width [px].
        layout: Order of its axes: "hwc", or "chw" with the colours first.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Size
    layout: Literal["hwc", "chw"] = "hwc"


def _with_size(given: Any) -> Any:
    return {"size": given} if isinstance(given, (list, tuple)) else given


Picture = Annotated[PictureOptions, BeforeValidator(_with_size)]


class LinkOptions(BaseModel):
    """Where the server is, and how long it may take.

    Attributes:
        host, port: Where the server is.
        uri: The same as a whole, with a path and with TLS where it has them: ws://, wss://; empty takes host and port.
        api_key: For servers that want one.
        auth: How it is sent: "Authorization: Api-Key <key>" or "Authorization: Bearer <key>".
        timeout: For one answer [s].
        warm_up: For the first answer, which is asked for when the policy is loaded, on made-up numbers: models are compiled with it
            [s]; 0 leaves it out.
        connect_timeout: For one attempt to connect [s].
        patience: So long a lost connection is tried again [s].
        rate: Rows a second [Hz]; 0 takes what the server says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Field(ge=1, le=65535)]
    uri: Annotated[str, Field(max_length=2048)] = ""
    api_key: str = ""
    auth: Literal["api_key", "bearer"] = "api_key"
    warm_up: Annotated[float, Field(ge=0.0, le=3600.0)] = 100.0
    timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 2.0
    connect_timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 5.0
    patience: Annotated[float, Field(ge=0.0, le=600.0)] = 3.0
    rate: Annotated[float, Field(ge=0.0, le=1000.0)] = 0.0

    @model_validator(mode="after")
    def _is_address(self) -> LinkOptions:
        if self.uri:
            found = urlsplit(self.uri)
            if found.scheme not in ("ws", "wss") or not found.hostname:
                raise ValueError(f"uri is {ascii(self.uri)[:256]}; valid: such as wss://robots.example/v1/policy")
        return self

    def link(self) -> LinkConfig:
        """Return the times of the connection."""
        return LinkConfig(self.connect_timeout, self.timeout, 0.5 * self.timeout, self.patience, warm_up=self.warm_up)

    def address(self, path: str = "") -> str:
        """Return the URI of a WebSocket server; `path` where the settings name none."""
        return self.uri or f"ws://{self.host}:{self.port}{path}"

    def headers(self) -> dict[str, str]:
        """Return what is said about who asks."""
        word = "Bearer" if self.auth == "bearer" else "Api-Key"
        return {"Authorization": f"{word} {self.api_key}"} if self.api_key else {}


class RemoteOptions(LinkOptions):
    """The same, and what the policy takes and answers.

    Attributes:
        state: Key in the request -> names of its numbers.
        pictures: Key in the request -> height and width [px], or size and layout.
        action: Key in the answer -> names of its numbers; several keys are put side by side.
        space: What the action's numbers are.
        gripper: How the gripper's number is meant, in words.
        horizon: Rows of one answer; 0 takes any.
        history: Number of observations at once.
        prompt: Key of the task in words; empty for policies without language.
    """

    state: Annotated[dict[str, Names], Field(min_length=1, max_length=64)]
    pictures: Annotated[dict[str, Picture], Field(max_length=32)] = Field(default_factory=dict)
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
            {key: PictureNeed(*picture.size) for key, picture in self.pictures.items()},
            bool(self.prompt),
            self.history,
        )

    def gives(self) -> PolicyGives:
        """Return what the policy answers."""
        names = tuple(Element(name) for group in self.action.values() for name in group)
        return PolicyGives(
            names,
            self.space,
            self.gripper,
            self.horizon,
            self.rate,
            device=f"server at {self.uri or f'{self.host}:{self.port}'}",
        )
