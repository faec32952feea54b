"""Models in words of their own, for the tests of adapters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.types import ActionSpace, Element, PictureNeed, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.model import ModelInput

NEEDS = PolicyNeeds(
    (Element("pan.pos", "deg"), Element("elbow.pos", "range_0_100")),
    {"front": PictureNeed(4, 6), "side": PictureNeed(is_optional=True)},
    language=True,
)
GIVES = PolicyGives((Element("elbow.pos", "range_0_100"), Element("pan.pos", "deg")), horizon=3, rate=50.0)

ADAPTER = """
state:
  - {name: pan.pos, joint: shoulder_pan, unit: deg}
  - {name: elbow.pos, joint: elbow_flex, unit: range_0_100, ends: [-1.0, 1.0]}
cameras:
  front: {camera: wrist}
absent_cameras: [side]
action:
  - {name: elbow.pos, joint: elbow_flex, unit: range_0_100, ends: [-1.0, 1.0]}
  - {name: pan.pos, joint: shoulder_pan, unit: deg}
"""


class RecordingModel:
    """Keeps what it is given and answers what it is told to."""

    def __init__(
        self,
        answer: Callable[[ModelInput], FloatArray] = lambda given: np.tile([[50.0, 90.0]], (3, 1)),
        needs: PolicyNeeds = NEEDS,
        gives: PolicyGives = GIVES,
    ) -> None:
        self.needs = needs
        self.gives = gives
        self.given: list[ModelInput] = []
        self.seed = -1
        self.is_closed = False
        self._answer = answer

    def reset(self, seed: int) -> None:
        self.seed = seed

    def infer(self, given: ModelInput) -> FloatArray:
        self.given.append(given)
        return self._answer(given)

    def close(self) -> None:
        self.is_closed = True


VELOCITY = PolicyGives((Element("pan", "rad/s"),), ActionSpace.JOINT_VELOCITY, horizon=3, rate=50.0)
