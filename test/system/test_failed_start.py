"""A graph that cannot start: the last line names robot, file and cause, and no other node's traceback hides it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from graph import Graph, claim_domain

from strands_robots.core.errors import ConfigurationError
from strands_robots.sim.world.world_setup import naming_robots

BROKEN = """<mujoco model="broken"><worldbody><body name="base"><geom type="box" size=".1 .1 .1"/>
<camera name="side" mode="track" pos="1 0 0"/><body name="arm"><joint name="j" axis="0 0 1" range="-1 1"/>
<geom type="capsule" fromto="0 0 0 .2 0 0" size=".01"/></body></body></worldbody>
<actuator><position joint="k"/></actuator></mujoco>"""


def start(tmp_path: Path, *words: str) -> list[str]:
    domain, lock = claim_domain()
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "ROS_HOME": str(tmp_path), "TERM": "dumb"}
    command = [sys.executable, "-m", "strands_robots.cli.entry", *words]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60.0)
    finally:
        lock.close()
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return (done.stdout + done.stderr).splitlines()


def test_robot_file_that_cannot_be_used_is_in_the_last_line(tmp_path: Path) -> None:
    file = tmp_path / "broken.xml"
    file.write_text(BROKEN)
    last = start(tmp_path, "sim", "--robot", str(file))[-1]
    assert "sim_node ended" in last and str(file) in last and "'k'" in last


def test_driver_that_refuses_is_in_the_last_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.json"
    file.write_text("{}")
    last = start(
        tmp_path, "real", "--robot", "left:=so101", "--port", "/dev/nothing", "--calibration", str(file)
    )[-1]  # fmt: skip
    assert (
        "driver_node ended" in last
        and "robot 'left'" in last
        and str(file) in last
        and "is not one of this robot" in last
    )


def test_error_that_names_neither_robot_nor_file_gets_both() -> None:
    words = r"robot 'left' \(/x/left\.xml\): camera 'left/side' follows something"
    with pytest.raises(ConfigurationError, match=words), naming_robots(["left=/x/left.xml", "right=so101"]):
        raise ConfigurationError("camera 'left/side' follows something")


@pytest.mark.skipif(bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")), reason="has a screen")
def test_window_without_a_screen_is_refused_and_aborts_nothing() -> None:
    with Graph() as graph:
        process = graph.start("sim_node", robots=["so101=so101"], headless=False)
        assert process.wait(30.0) == 2, process.text
        assert process.text.splitlines()[-1].startswith("error: headless is false") and "terminate" not in process.text
