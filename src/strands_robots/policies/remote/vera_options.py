"""Settings of the policy "vera", as arguments or VERA_* variables; a variable wins over an argument, for deployments."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError
from strands_robots.policies.remote.connection import LinkConfig
from strands_robots.policies.remote.remote_options import Size

START_PATIENCE = 600.0
"""A server that is started here loads its models first [s]."""


class VeraOptions(BaseModel):
    """Settings of "vera".

    Attributes:
        embodiment: pusht, mimicgen, allegro or droid.
        host, api_key: Where the server is, and what it wants to hear.
        port, vis_port: Ports; 0 takes the embodiment's.
        uri, auth: Address as a whole (ws://, wss://), and how the key is sent, as for the other servers.
        timeout, connect_timeout, patience, warm_up: For one answer, one attempt to connect, all attempts, and the first answer [s].
        proprio: Send the state that the server names (it does without it); None: where the adapter has one.
        view_size: Height and width of each view [px]; None takes the server's, else the embodiment's.
        action_scale: Metres or radians in one of the server's numbers, for a server that neither is metric nor says its scale.
        lang_guidance, hist_guidance: Weights of words and of history in the planner; None leaves the server's.
        server_mode: "attach" to a running server, or start one as "subprocess" or with "docker".
        ckpt_root: Folder of the checkpoints, which are never downloaded; needed to start a server.
        image: Container image.
        algo_config, dynamics_run_id, text_prompt, sample_steps, tracker_backend: Passed to a server that is started.
        motion_plan_scale: Set in the server after connecting; 0 leaves it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    embodiment: str
    host: Annotated[str, Field(min_length=1, max_length=255)] = "127.0.0.1"
    uri: str = ""
    auth: Literal["api_key", "bearer"] = "api_key"
    api_key: str = ""
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    vis_port: Annotated[int, Field(ge=0, le=65535)] = 0
    timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 30.0
    connect_timeout: Annotated[float, Field(gt=0.0, le=600.0)] = 5.0
    patience: Annotated[float, Field(ge=0.0, le=3600.0)] = 3.0
    warm_up: Annotated[float, Field(ge=0.0, le=3600.0)] = 100.0
    proprio: bool | None = None
    view_size: Size | None = None
    action_scale: Annotated[tuple[Annotated[float, Field(gt=0.0)], ...], Field(max_length=64)] = ()
    lang_guidance: float | None = None
    hist_guidance: float | None = None
    server_mode: Literal["attach", "subprocess", "docker"] = "attach"
    ckpt_root: str = ""
    image: str = "strands-vera-server:latest"
    algo_config: str = ""
    dynamics_run_id: str = ""
    text_prompt: str = ""
    sample_steps: Annotated[int, Field(ge=0, le=1000)] = 0
    tracker_backend: str = ""
    motion_plan_scale: Annotated[float, Field(ge=0.0, le=100.0)] = 0.0

    def link(self, starts_server: bool) -> LinkConfig:
        """Return the times of the connection; a server that is started here is waited for longer."""
        patience = max(self.patience, START_PATIENCE) if starts_server else self.patience
        return LinkConfig(self.connect_timeout, self.timeout, 0.5 * self.timeout, patience, warm_up=self.warm_up)

    def address(self, port: int) -> str:
        """Return the server's URI."""
        return self.uri or f"ws://{self.host}:{port}"

    def headers(self) -> dict[str, str]:
        """Return what is said about who asks."""
        word = "Bearer" if self.auth == "bearer" else "Api-Key"
        return {"Authorization": f"{word} {self.api_key}"} if self.api_key else {}


VARIABLES: Mapping[str, str] = {
    "VERA_SERVER_PORT": "port",
    "VERA_VIS_PORT": "vis_port",
    "VERA_ALGO_CONFIG": "algo_config",
    "VERA_DYNAMICS_RUN_ID": "dynamics_run_id",
    "VERA_TEXT_PROMPT": "text_prompt",
    "VERA_CKPT_ROOT": "ckpt_root",
    "VERA_SAMPLE_STEPS": "sample_steps",
    "VERA_TRACKER_BACKEND": "tracker_backend",
    "VERA_MOTION_PLAN_SCALE": "motion_plan_scale",
    "VERA_SERVER_MODE": "server_mode",
}
"""Environment variable -> setting."""


def with_environment(options: VeraOptions, environment: Mapping[str, str] | None = None) -> VeraOptions:
    """Return the options with what VERA_* variables say.

    Raises:
        ConfigurationError: If a variable's value is not valid; the message names it.
    """
    values = os.environ if environment is None else environment
    given = {setting: values[name] for name, setting in VARIABLES.items() if values.get(name)}
    try:
        return VeraOptions.model_validate({**options.model_dump(), **given})
    except ValidationError as error:
        by_setting = {setting: name for name, setting in VARIABLES.items()}
        problems = "; ".join(
            f"{by_setting.get(str(entry['loc'][0]), entry['loc'][0])}: {entry['msg']} (given {ascii(entry['input'])[:64]})"
            for entry in error.errors()
        )
        raise ConfigurationError(f"environment of policy 'vera': {problems}") from None
