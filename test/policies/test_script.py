"""A script's stages: time in which the robot was given nothing to play is not the robot's."""

from __future__ import annotations

import numpy as np
import pytest

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import PolicyError
from strands_robots.policies.scripted.script import Look, Script, ScriptStage

PERIOD, COUNT = 0.02, 20


def script() -> Script:
    stages = [
        ScriptStage("there", lambda before: before + 1.0, (0,)),
        ScriptStage("back", lambda before: before - 1.0, (0,)),
    ]
    made = Script(stages, np.ones(1), tolerance=0.05, patience=3.0)
    made.start(np.zeros(1), 0.0)
    return made


def look(position: float) -> Look:
    return Look(np.array([position]), np.zeros(1))


def test_answer_that_took_longer_than_the_patience_does_not_fail_the_stage() -> None:
    made = script()
    made.update(look(0.0), 0.0)
    made.rows(0.0, PERIOD, COUNT)
    made.update(look(0.0), 20.0)
    rows: FloatArray = made.rows(20.0, PERIOD, COUNT)
    assert made.stage == "there" and rows[0, 0] < 0.2, "it goes on where its rows ended"


def test_stage_that_was_played_and_not_done_fails() -> None:
    made = script()
    time = 0.0
    with pytest.raises(PolicyError, match=r"stage 'there' was not done 3 s after its time"):
        while time < 20.0:
            made.update(look(0.3), time)
            made.rows(time, PERIOD, COUNT)
            time += 0.2
    assert 4.0 < time < 7.0
