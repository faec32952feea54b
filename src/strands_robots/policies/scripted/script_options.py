"""Settings of the policy "scripted"."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from strands_robots.core.strict_model import StrictModel
from strands_robots.policies.provider import PolicyOptions

Number = Annotated[float, Field(allow_inf_nan=False)]


class WaypointOptions(StrictModel):
    """Where to go next: joints, or the tool's position with the gripper pointing down.

    Attributes:
        joints: Positions [rad] or [m]; the others stay.
        position: Tool position in the base frame [m].
        yaw: Direction of the tool's x axis about the vertical [rad]; None takes what is nearest.
        gripper: Part of the way from closed (0) to open (1); None leaves it.
        duration: Time for the way [s]; 0 takes what the speed allows.
        pause: Time to stay there [s].
    """

    joints: dict[str, Number] = Field(default_factory=dict)
    position: tuple[Number, Number, Number] | None = None
    yaw: Number | None = None
    gripper: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    duration: Annotated[float, Field(ge=0.0, le=600.0)] = 0.0
    pause: Annotated[float, Field(ge=0.0, le=600.0)] = 0.0

    @model_validator(mode="after")
    def _goes_somewhere(self) -> WaypointOptions:
        if not self.joints and self.position is None and self.gripper is None and self.pause == 0.0:
            raise ValueError("a way point needs joints, position, gripper or pause")
        return self


class ObjectOptions(StrictModel):
    """A box that lies there.

    Attributes:
        at: Its centre in the robot's base frame [m], instead of `body`.
        body: Its name in the world, instead of `at`, where there is a simulated world that can be asked.
        yaw: Its rotation about the vertical [rad], with `at`.
        width: Its width between the jaws [m]; null takes what the world says of `body`, and 0.025 with `at`.
    """

    at: tuple[Number, Number, Number] | None = None
    body: str = ""
    yaw: Number = 0.0
    width: Annotated[float, Field(gt=0.0, le=0.2)] | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> ObjectOptions:
        if (self.at is None) == (self.body == ""):
            raise ValueError("an object needs 'at' or 'body', one of them")
        return self


class PickOptions(StrictModel):
    """Pick an object up and, where `place` or `onto` is given, put it down there.

    Attributes:
        object: What to pick.
        place: Where its centre shall be in the base frame [m]; null keeps it lifted.
        onto: Body of the world to put it on, in the middle, instead of `place`; the object must be given by `body`.
        lift: How high over the place where it lay [m].
        approach: How high over the object the way down begins [m].
        open: How far the gripper opens, 0 to 1.
        tries: How often it grips anew when it closed on nothing.
        held: The object is in the gripper already: it is put down only, at `place` or `onto` a body.
    """

    object: ObjectOptions
    place: tuple[Number, Number, Number] | None = None
    onto: str = ""
    lift: Annotated[float, Field(gt=0.0, le=0.3)] = 0.06
    approach: Annotated[float, Field(gt=0.0, le=0.3)] = 0.05
    open: Annotated[float, Field(gt=0.0, le=1.0)] = 0.6
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    held: bool = False

    @model_validator(mode="after")
    def _one_place(self) -> PickOptions:
        if self.onto and self.place is not None:
            raise ValueError("an object is put down at 'place' or 'onto' a body, one of them")
        if self.onto and not self.object.body:
            raise ValueError("'onto' needs the object by its name in the world, as object.body")
        if self.onto and self.onto == self.object.body:
            raise ValueError(f"'{self.onto}' cannot be put on itself")
        if self.held and (not self.object.body or (self.place is None and not self.onto)):
            raise ValueError("'held' needs the object by its name in the world, as object.body, and 'place' or 'onto'")
        return self


class ScriptedOptions(PolicyOptions):
    """Settings of "scripted".

    Attributes:
        model: Kind of robot, a name in config/robots or a YAML file; needed for tool positions and picking.
        waypoints: Where to go, one after the other.
        pick: What to pick up instead.
        speed: Part of the joints' velocity limits.
        tolerance: A joint this near to its target has arrived [rad] or [m].
        patience: A target not reached this long after its time is a failure [s].
        end_run: The run ends with the script; else the robot holds until the run's own end.
    """

    model: str = ""
    waypoints: Annotated[tuple[WaypointOptions, ...], Field(max_length=256)] = ()
    pick: PickOptions | None = None
    speed: Annotated[float, Field(gt=0.0, le=1.0)] = 0.4
    tolerance: Annotated[float, Field(gt=0.0, le=1.0)] = 0.05
    patience: Annotated[float, Field(gt=0.0, le=60.0)] = 3.0
    end_run: bool = False

    @model_validator(mode="after")
    def _one_script(self) -> ScriptedOptions:
        if bool(self.waypoints) == (self.pick is not None):
            raise ValueError("a script needs 'waypoints' or 'pick', one of them")
        if not self.model and (self.pick is not None or any(point.position for point in self.waypoints)):
            raise ValueError("'model' is needed for tool positions and picking, for example so101")
        return self
