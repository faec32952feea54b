"""Speed of the world's core against the same work done with bare MuJoCo, in the same run.

Physics: one SO-101, 2 ms timestep, 10 physics steps per control step; set the target, step, read the joints.
Pictures: 640 x 480 from the camera above and from the wrist; set the state, draw, read the pixels.
Both ways take short turns, and the ratio is the median over the turns, so that other work on the machine hits both.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import strands_robots.sim  # chooses the OpenGL backend, so before mujoco  # noqa: F401

# isort: split
import mujoco
import numpy as np
from _report import report

from strands_robots.core.arrays import FloatArray
from strands_robots.description.robot_config import load_robot
from strands_robots.sim.render.cameras import Camera
from strands_robots.sim.render.renderer import Picture, PictureKind, SceneRenderer
from strands_robots.sim.world.world import RobotSpec, World, WorldConfig

CONTROL_STEPS = 200
STEP_TURNS = 61
SUBSTEPS = 10
FRAMES = 10
FRAME_TURNS = 25


def main() -> None:
    world = World(WorldConfig(robots=(RobotSpec("so101", load_robot("so101")),)))
    figures: dict[str, float] = {}
    reference: dict[str, float] = {"step_ratio_target": 0.95}
    targets = _targets(world)
    _compare(
        "step",
        STEP_TURNS,
        CONTROL_STEPS,
        lambda: _step(world, targets),
        lambda: _bare_step(world, targets),
        figures,
        reference,
    )
    with SceneRenderer(world) as renderer, mujoco.Renderer(world.model, 480, 640) as bare:
        bare.scene.flags[int(mujoco.mjtRndFlag.mjRND_SHADOW)] = 0
        state = world.get_state()
        for camera in world.cameras.values():
            for kind in (PictureKind.RGB, PictureKind.DEPTH):
                name = f"{camera.name.replace('/', '_')}_{kind.name.lower()}"
                out = renderer.render(state, camera, kind)
                _compare(
                    name,
                    FRAME_TURNS,
                    FRAMES,
                    lambda kind=kind, camera=camera, out=out: _draw(renderer, state, camera, kind, out),
                    lambda kind=kind, camera=camera, out=out: _bare_draw(bare, world, camera.number, kind, out),
                    figures,
                    reference,
                )
    report("world", figures, reference)


def _compare(
    name: str,
    turns: int,
    count: int,
    ours: Callable[[], None],
    bare: Callable[[], None],
    figures: dict[str, float],
    reference: dict[str, float],
) -> None:
    rates: list[tuple[float, float]] = []
    for turn in range(turns):
        if turn % 2:
            mine, theirs = _rate(ours, count), _rate(bare, count)
        else:
            theirs, mine = _rate(bare, count), _rate(ours, count)
        rates.append((mine, theirs))
    figures[f"{name}_rate_hz"] = statistics.median(mine for mine, _ in rates)
    figures[f"{name}_ratio"] = statistics.median(mine / theirs for mine, theirs in rates)
    reference[f"{name}_bare_rate_hz"] = statistics.median(theirs for _, theirs in rates)


def _rate(work: Callable[[], None], count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def _targets(world: World) -> FloatArray:
    """Return a smooth way (CONTROL_STEPS, D) above the ground, around home."""
    robot = world.robots["so101"]
    phase = np.linspace(0.0, 6.0 * np.pi, CONTROL_STEPS)[:, None]
    way = robot.home + 0.2 * np.sin(phase + np.arange(len(robot.home)))
    return np.ascontiguousarray(np.clip(way, robot.limits.lower, robot.limits.upper))


def _step(world: World, targets: FloatArray) -> None:
    robot = world.robots["so101"]
    world.reset(0)
    for target in targets:
        robot.set_target(target)
        world.step(SUBSTEPS)
        robot.read()


def _bare_step(world: World, targets: FloatArray) -> None:
    world.reset(0)
    model, data = world.model, world.data
    for target in targets:
        data.ctrl[:] = target
        mujoco.mj_step(model, data, nstep=SUBSTEPS)


def _draw(renderer: SceneRenderer, state: FloatArray, camera: Camera, kind: PictureKind, out: Picture) -> None:
    for _ in range(FRAMES):
        renderer.render(state, camera, kind, out=out)


def _bare_draw(renderer: mujoco.Renderer, world: World, camera: int, kind: PictureKind, out: Picture) -> None:
    if kind == PictureKind.DEPTH:
        renderer.enable_depth_rendering()
    for _ in range(FRAMES):
        renderer.update_scene(world.data, camera)
        renderer.render(out=out)
    renderer.disable_depth_rendering()


if __name__ == "__main__":
    main()
