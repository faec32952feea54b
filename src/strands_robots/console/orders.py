"""What a page may ask for, with its bounds: one class each, made of JSON. No I/O."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from strands_robots.core.errors import ConfigurationError, UnknownNameError
from strands_robots.core.text import printable

Name = Annotated[str, Field(min_length=1, max_length=64)]
Words = Annotated[str, Field(max_length=256)]


def _finite(values: dict[str, float]) -> dict[str, float]:
    if not all(math.isfinite(value) for value in values.values()):
        raise ValueError("a position is not a finite number")
    return values


class Order(BaseModel):
    """Something that a page asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Resume(Order):
    """Clear the stop that the page shows, signed with the operator's key where the graph asks for it."""

    stop_id: Annotated[int, Field(ge=0, lt=2**63)]
    reason: Annotated[str, Field(min_length=1, max_length=256)]
    passphrase: Annotated[str, Field(max_length=1024)] = ""


class Move(Order):
    """Move joints to positions [rad] or [m] with MoveTo; `cancel` ends a motion that this console began."""

    robot: Name
    positions: Annotated[dict[Name, float], Field(min_length=1, max_length=64), AfterValidator(_finite)]
    speed: Annotated[float, Field(ge=0.01, le=1.0)] = 0.3


class Plan(Order):
    """Plan a motion of joints to positions [rad] or [m] through the whole scene, without moving."""

    robot: Name
    positions: Annotated[dict[Name, float], Field(min_length=1, max_length=64), AfterValidator(_finite)]
    speed: Annotated[float, Field(ge=0.01, le=1.0)] = 0.3
    planner: Annotated[str, Field(min_length=1, max_length=32)] = "rrt_connect"


class PlayPlan(Order):
    """Move a robot on exactly the plan that the page showed, by its digest."""

    robot: Name
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class CancelMove(Order):
    """End the motion of a robot that this console began."""

    robot: Name


class Record(Order):
    """Record episodes, as `strands-robots record` does."""

    root: Annotated[str, Field(min_length=1, max_length=1024)]
    task: Annotated[str, Field(min_length=1, max_length=1024)]
    episodes: Annotated[int, Field(ge=1, le=10000)] = 1
    duration: Annotated[float, Field(ge=0.5, le=3600.0)] = 20.0
    reset_time: Annotated[float, Field(ge=0.0, le=3600.0)] = 10.0
    countdown: Annotated[float, Field(ge=0.0, le=3600.0)] = 0.0
    fps: Annotated[int, Field(ge=1, le=200)] = 30
    mode: Literal["create", "resume"] = "create"


class RecordWish(Order):
    """What the person wants of the recording that runs."""

    wish: Literal["next", "again", "stop", "discard", "pause"]


class Calibrate(Order):
    """Calibrate an arm by hand with LeRobot's own command, as `strands-robots calibrate` does: a robot's, or a leader's."""

    robot: Annotated[str, Field(max_length=64)] = ""
    leader: Annotated[str, Field(max_length=64)] = ""
    port: Annotated[str, Field(min_length=1, max_length=256)]
    arm: Name


class CalibrateWish(Order):
    """How the calibration that runs goes on."""

    wish: Literal["use_file", "anew", "middle", "save", "cancel"]


class Decide(Order):
    """Approve or decline a request of an agent, signed with the operator's key over the hash that the page showed."""

    request_id: Name
    digest: Annotated[str, Field(min_length=1, max_length=128)]
    approve: bool
    text: Annotated[str, Field(max_length=1024)] = ""
    passphrase: Annotated[str, Field(max_length=1024)] = ""


class PlanRequest(Order):
    """Plan what a request of an agent would do, without moving, so that a person sees the way before deciding."""

    request_id: Name
    digest: Annotated[str, Field(min_length=1, max_length=128)]


class DeleteEpisodes(Order):
    """Take episodes out of a data set; it is named by the id that the list of data sets gave."""

    dataset: Name
    episodes: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=10000)]


class SplitDataset(Order):
    """Make data sets of parts of one, in new folders beside it; it stays as it is. Parts are written as `dataset split` takes them."""

    dataset: Name
    parts: Annotated[list[Words], Field(min_length=1, max_length=64)]


class PushDataset(Order):
    """Publish a data set on the Hugging Face Hub, with the token that its own client keeps on this machine."""

    dataset: Name
    repo_id: Annotated[str, Field(min_length=3, max_length=128)]
    private: bool = True


class Prompt(Order):
    """Ask an agent of the graph for something."""

    agent: Name
    text: Annotated[str, Field(min_length=1, max_length=16384)]


class CancelPrompt(Order):
    """End the turn that a page began, and the goals that the agent has started in it."""


ORDERS: dict[str, type[Order]] = {
    "resume": Resume,
    "move": Move,
    "plan": Plan,
    "play_plan": PlayPlan,
    "cancel_move": CancelMove,
    "record": Record,
    "record_wish": RecordWish,
    "calibrate": Calibrate,
    "calibrate_wish": CalibrateWish,
    "decide": Decide,
    "plan_request": PlanRequest,
    "prompt": Prompt,
    "cancel_prompt": CancelPrompt,
    "delete_episodes": DeleteEpisodes,
    "split_dataset": SplitDataset,
    "push_dataset": PushDataset,
}


def read_order(name: str, given: Any) -> Order:
    """Return the order of a name and its JSON.

    Raises:
        UnknownNameError: If there is none of that name.
        ConfigurationError: If a field is missing, unknown or out of its bounds; says which, and what is valid.
    """
    kind = ORDERS.get(name)
    if kind is None:
        raise UnknownNameError("order", name, ORDERS)
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        words = "; ".join(f"{'.'.join(map(str, entry['loc'])) or name}: {entry['msg']}" for entry in found[:4])
        raise ConfigurationError(f"{name}: {printable(words)[:400]}") from None
