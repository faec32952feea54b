"""A package as somebody else would install it: announces policies that go wrong in every way, and one that does not."""

from __future__ import annotations

from pathlib import Path

MODULE = '''
import os, time
import numpy as np
from strands_robots.core.types import Action, PictureNeed, PolicyGives, PolicyNeeds

NAMES = ("shoulder_pan", "elbow_flex")

class Policy:
    """Answers well once, then goes wrong as it is named."""
    gives = PolicyGives(horizon=10, rate=50.0, device="test")

    def __init__(self, kind, settings, context):
        self.kind, self.asked, self.context = kind, 0, context
        self.gain = float(settings.get("gain", 1.0))
        self.needs = PolicyNeeds(cameras={"wrist": PictureNeed()}) if kind == "seeing" else PolicyNeeds()

    def reset(self, seed):
        self.asked = 0

    def infer(self, observation, playback=None):
        self.asked += 1
        if self.asked > 1 or self.kind == "seeing":
            return getattr(self, self.kind)(observation)
        return Action(NAMES, np.tile(np.linspace(0.0, 0.1, 10)[:, None], 2), 0.02)

    def good(self, observation):
        return Action(NAMES, np.full((10, 2), 0.1 * self.gain), 0.02)

    def seeing(self, observation):
        brightness = observation.images["wrist"].mean() / 255.0
        return Action(NAMES, np.full((10, 2), brightness), 0.02)

    def raising(self, observation):
        raise ValueError("the first line\\nthe tensor is on the moon")

    def hanging(self, observation):
        while True:
            time.sleep(0.01)

    def nan(self, observation):
        return Action(NAMES, np.full((10, 2), np.nan), 0.02)

    def names(self, observation):
        return Action(("knee", "elbow_flex"), np.zeros((10, 2)), 0.02)

    def shape(self, observation):
        return Action(NAMES, np.zeros((10, 7)), 0.02)

    def dying(self, observation):
        os.kill(os.getpid(), 9)

    def close(self):
        pass

def make(kind):
    return lambda settings, context: Policy(kind, settings, context)

good, seeing, raising, hanging, nan, names, shape, dying = (
    make(kind) for kind in ("good", "seeing", "raising", "hanging", "nan", "names", "shape", "dying"))

def slow_to_load(settings, context):
    time.sleep(60)

def broken(settings, context):
    raise RuntimeError("weights are missing")
'''

KINDS = ("good", "seeing", "raising", "hanging", "nan", "names", "shape", "dying", "slow_to_load", "broken")


def install(folder: Path) -> None:
    """Write the package and its entry points into a folder, which must be on the path of whoever shall find it."""
    (folder / "acme_policies.py").write_text(MODULE)
    info = folder / "acme_policies-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-policies\nVersion: 1.0\n")
    lines = [f"acme_{kind} = acme_policies:{kind}" for kind in KINDS]
    (info / "entry_points.txt").write_text("\n".join(["[strands_robots.policies]", *lines, ""]))
