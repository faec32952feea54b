"""The simulated world: robots in one MuJoCo model, stepped, reset, stored and restored. No ROS, no threads of its own."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import mujoco
import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import UnknownNameError, WorldError
from strands_robots.description.model_file import compile_changed, compile_model
from strands_robots.description.robot_spec import RobotSpec
from strands_robots.description.servos import actuator_group
from strands_robots.sim.randomize.randomization import Nominal, Start, noisy_cameras
from strands_robots.sim.randomize.variations import Drawn, Variation, stream
from strands_robots.sim.randomize.varied_model import move_to_start
from strands_robots.sim.render.cameras import Camera, collect_cameras
from strands_robots.sim.run.rollout import Futures, KeptRollout
from strands_robots.sim.scene.scene import build_scene, scene_source, set_picture_size
from strands_robots.sim.world.applied_wrenches import Push, Pushes
from strands_robots.sim.world.render_source import RenderSource
from strands_robots.sim.world.soundness import check_soundness
from strands_robots.sim.world.state import DivergenceWatch, carry_over, name_what_has_state, read_state, write_state
from strands_robots.sim.world.world_config import WorldConfig, keep_robots
from strands_robots.sim.world.world_robot import WorldRobot

__all__ = ["RobotSpec", "World", "WorldConfig"]


class World:
    """Robots and their surroundings in one physics.

    Every method takes `lock` itself; who needs several calls to see one instant holds it around them.

    Attributes:
        config: What the world was made from.
        spec: The editable description; `recompile` applies changes.
        model, data: MuJoCo's compiled model and its state; replaced by `recompile`.
        generation: Raised by every `recompile`, so that copies of the model can be renewed.
        robots: Robots by name, in the order of the configuration.
        cameras: Cameras by name.
        lock: Guards `model`, `data` and all that refers to them.
        seed: Seed of the last reset.
        physics_steps: Physics steps since the last reset.
        fault: What made the simulation diverge, or None. While it is set the world does not step.
        nominal: The model without what was drawn.
        drawn: What the last reset drew of `config.variations`.
    """

    def __init__(self, config: WorldConfig, seed: int = 0) -> None:
        """Build the world and put it to its start.

        Raises:
            ModelError: If a model file cannot be used.
            UnknownNameError, WorldError: If the variations are not possible.
        """
        self.config = config
        self.lock = threading.RLock()
        self.spec = build_scene(config)
        name_what_has_state(self.spec)
        self.model = compile_model(self.spec, scene_source(config), "the world")
        self.data = mujoco.MjData(self.model)
        self.generation = 0
        self.robots: Mapping[str, WorldRobot] = MappingProxyType(
            {spec.name: WorldRobot(spec, index + 1, self.lock) for index, spec in enumerate(config.robots)}
        )
        self.cameras: Mapping[str, Camera] = MappingProxyType(collect_cameras(self.model, config))
        self.nominal, self._layout = self.model, self.generation
        self._stage = RenderSource(self.model, self._layout, self.cameras)
        self.drawn: tuple[Drawn, ...] = ()
        self.fault: str | None = None
        self.seed = seed
        self.physics_steps = 0
        self._sha256 = (-1, b"")  # layout that it belongs to, and its MJCF
        self._streams: dict[str, np.random.Generator] = {}
        self._pushes = Pushes()
        self._rollout = KeptRollout()
        self._bind()
        self.vary(config.variations, seed)

    @property
    def time(self) -> float:
        """Simulated time [s]."""
        return float(self.data.time)

    @property
    def timestep(self) -> float:
        """Physics timestep [s]."""
        return float(self.model.opt.timestep)

    @property
    def model_sha256(self) -> str:
        """SHA-256 of the world's MJCF and what was drawn, hexadecimal."""
        with self.lock:
            if self._sha256[0] != self._layout:  # writing the MJCF takes 0.1 s; a reset does not change it
                self._sha256 = self._layout, self.spec.to_xml().encode()
            return hashlib.sha256(self._sha256[1] + b"".join(f"\n{each!r}".encode() for each in self.drawn)).hexdigest()

    @property
    def stage(self) -> RenderSource:
        """What the present state belongs to."""
        with self.lock:
            return self._stage

    def step(self, count: int = 1) -> None:
        """Advance the physics.

        Args:
            count: Number of physics timesteps.

        Raises:
            WorldError: If the simulation has diverged, now or before. It is not put back by itself: `reset` or `set_state` do.
        """
        with self.lock:
            if self.fault is not None:
                raise WorldError(f"the simulation has diverged: {self.fault}; reset the world or restore a state")
            left = count
            while left and self._pushes.running:
                self._pushes.apply(self.model, self.data)
                mujoco.mj_step(self.model, self.data)
                left -= 1
            if left:
                mujoco.mj_step(self.model, self.data, left)
            self.physics_steps += count
            self.fault = self._watch.check()
            if self.fault is not None:
                raise WorldError(
                    f"the simulation diverged near {self.time:.3f} s: {self.fault}; reset the world or restore a state"
                )

    @property
    def keyframes(self) -> list[str]:
        """Names of the poses that the scene file brings, for `reset`."""
        return [name for i in range(self.model.nkey) if (name := self.model.key(i).name)]

    def reset(self, seed: int = 0, keyframe: str = "") -> None:
        """Put the world to its start: time 0, every robot at home, at rest, torque on.

        The same seed and targets then give byte-identical states.

        Args:
            seed: Of the random streams.
            keyframe: Pose of the scene file for everything but the robots; empty for where everything was put.

        Raises:
            UnknownNameError: If there is no such keyframe.
            WorldError: If the variations give no start; the world stays as it was.
        """
        with self.lock:
            if keyframe and keyframe not in self.keyframes:
                raise UnknownNameError("keyframe", keyframe, self.keyframes)
            nominal = self._without_variations(self.model.key(keyframe).id if keyframe else -1)
            start = nominal.draw(self.config.variations, seed)
            self._pushes.clear(self.data)
            self._begin(start)
            if keyframe:
                mujoco.mj_resetDataKeyframe(self.model, self.data, self.model.key(keyframe).id)
                self.data.time = 0.0
            else:
                mujoco.mj_resetData(self.model, self.data)
            for robot in self.robots.values():
                robot.place_home()
            if start.drawn:
                move_to_start(self.model, self.data.qpos, start.drawn, nominal.limits())
                for robot in self.robots.values():
                    robot.hold()
            mujoco.mj_forward(self.model, self.data)
            self.seed = seed
            self.physics_steps = 0
            self._streams.clear()
            self._clear_fault()
            for robot in self.robots.values():
                robot.read()

    def vary(self, variations: Sequence[Variation], seed: int = 0) -> None:
        """Take other variations and reset; none puts back what the world was made as.

        Args:
            variations: What every reset draws anew from now on.
            seed: Seed of this reset.

        Raises:
            UnknownNameError: If a variation holds for something that is not there.
            WorldError: If the variations give no start. The world stays as it was, in both cases.
        """
        with self.lock:
            self._without_variations().check(variations)
            before, self.config = self.config, dataclasses.replace(self.config, variations=tuple(variations))
            try:
                self.reset(seed)
            except WorldError:
                self.config = before
                raise

    def _without_variations(self, keyframe: int = -1) -> Nominal:
        return Nominal(self.nominal, self.robots, self.cameras, keyframe)

    def _begin(self, start: Start) -> None:
        """Take the model of a start, if it is another one; its state is not set yet."""
        if start.drawn == self.drawn and (start.model is self.nominal) == (self.model is self.nominal):
            return
        self.drawn = start.drawn
        self.model, self.data = start.model, mujoco.MjData(start.model)
        self.cameras = MappingProxyType(noisy_cameras(collect_cameras(self.model, self.config), self.drawn))
        self.generation += 1
        self._stage = RenderSource(self.model, self._layout, self.cameras)
        self._bind()

    def random_stream(self, purpose: str) -> np.random.Generator:
        """Return the random stream of one purpose; it depends on the seed and the purpose only and starts anew at `reset`."""
        if purpose not in self._streams:
            self._streams[purpose] = stream(self.seed, purpose)
        return self._streams[purpose]

    def get_state(self, out: FloatArray | None = None) -> FloatArray:
        """Return the integration state (n,) of the world: all that its future depends on, except switched-off torque.

        Args:
            out: Array (n,) to write into instead of a new one.
        """
        with self.lock:
            return read_state(self.model, self.data, out)

    def set_state(self, state: FloatArray) -> None:
        """Restore a state from `get_state` of the same world.

        Raises:
            ShapeError: If the array is not a state of this world.
            WorldError: If it is not finite.
        """
        with self.lock:
            write_state(self.model, self.data, state)
            if self._pushes:
                self._pushes.clear(self.data)
            self.physics_steps = round(self.data.time / self.timestep)
            self._clear_fault()
            for robot in self.robots.values():
                robot.read()

    def rollout(self, actions: FloatArray, states: FloatArray | None = None, substeps: int = 10) -> Futures:
        """Run many independent copies of the world on all cores; the world itself does not move.

        Arguments, result and errors are those of `BatchRollout.run`; without `states` every copy begins with the present one.
        """
        with self.lock:
            start = self.get_state()[None] if states is None else states
            batch = self._rollout.of(self)
        return batch.run(actions, start, substeps)

    def close(self) -> None:
        """Free the threads that `rollout` keeps; the world can be used on, and starts them again."""
        with self.lock:
            self._rollout.close()

    def push(self, push: Push) -> float:
        """Push a body for some time and return when that ends [s]; `reset` and `set_state` end it at once.

        Raises:
            UnknownNameError: If the body does not exist.
            WorldError: If it cannot move or a value is not possible.
        """
        with self.lock:
            return self._pushes.begin(self.model, push, self.time)

    def set_positions(self, qpos: FloatArray, qvel: FloatArray) -> None:
        """Put everything somewhere, robots holding where they then are; `placement.place` does it by names.

        Args:
            qpos: Generalised positions (nq,).
            qvel: Generalised velocities (nv,).
        """
        with self.lock:
            self.data.qpos[:], self.data.qvel[:] = qpos, qvel
            self.data.qacc_warmstart[:] = 0.0
            for robot in self.robots.values():
                robot.hold()
            mujoco.mj_forward(self.model, self.data)
            self._clear_fault()

    def recompile(self) -> None:
        """Apply changes of `spec`, as `adopt` does; a change that is refused stays in `spec`."""
        with self.lock:
            self.adopt(self.spec.copy(), self.config)

    def load(self, config: WorldConfig) -> None:
        """Take other surroundings for the world's; time, robots and their state stay.

        Args:
            config: The surroundings and the robots; robots that the world has, of the same kind at the same place, stay the same
                objects and keep their state.

        Raises:
            ModelError: If it cannot be used; the message has MuJoCo's own words and the world stays as it was.
        """
        with self.lock:
            config = keep_robots(config, [robot.spec for robot in self.robots.values()])
            spec = build_scene(config)
            name_what_has_state(spec)
            model = compile_model(spec, scene_source(config), "the world")
            data = mujoco.MjData(model)
            carry_over(self.model, self.data, model, data)
            self._swap(spec, config, model, data)

    def adopt(self, spec: mujoco.MjSpec, config: WorldConfig) -> None:
        """Take a changed copy of `spec` for the world, keeping time and the state of what is still there.

        Args:
            spec: A changed copy of `self.spec`; belongs to the world afterwards.
            config: What it is made of. Robots whose very `RobotSpec` it still has stay the same objects.

        Raises:
            ModelError: If MuJoCo's compiler or the rules for cameras and robots refuse it; the world stays as it was.
        """
        with self.lock:
            set_picture_size(spec, config)
            name_what_has_state(spec)
            model = compile_changed(spec)
            data = mujoco.MjData(model)
            carry_over(self.model, self.data, model, data)
            self._swap(spec, config, model, data)

    def _swap(self, spec: mujoco.MjSpec, config: WorldConfig, model: mujoco.MjModel, data: mujoco.MjData) -> None:
        """Become another world, which already has the state of this one."""
        check_soundness(model, data)
        collect_cameras(model, config)  # refuses what cannot be published, before anything is changed
        present = self.robots
        robots = {
            spec.name: present[spec.name]
            if spec.name in present and present[spec.name].spec is spec
            else WorldRobot(spec, actuator_group(model, spec.name), self.lock)
            for spec in config.robots
        }
        added = [robot for name, robot in robots.items() if robot is not present.get(name)]
        for robot in added:
            robot.bind(model, data)  # refuses what cannot be commanded, before anything is changed
        self.spec, self.config, self.data, self.nominal = spec, config, data, model
        self.robots, self.cameras = MappingProxyType(robots), collect_cameras(model, config)
        start = self._without_variations().draw_again(config.variations, self.seed, self.drawn)
        self.model, self.drawn = start.model, start.drawn
        self.cameras = MappingProxyType(noisy_cameras(collect_cameras(self.model, config), self.drawn))
        self.generation += 1
        self._layout = self.generation
        self._stage = RenderSource(self.model, self._layout, self.cameras)
        self._bind()
        for robot in added:
            robot.place_home()
        mujoco.mj_forward(self.model, self.data)
        self._clear_fault()
        for robot in robots.values():
            robot.read()

    def camera(self, name: str) -> Camera:
        """Return a camera by name.

        Raises:
            UnknownNameError: If there is none; the message lists the valid names.
        """
        camera = self.cameras.get(name)
        if camera is None:
            raise UnknownNameError("camera", name, self.cameras)
        return camera

    def robot(self, name: str) -> WorldRobot:
        """Return a robot by name.

        Raises:
            UnknownNameError: If there is none; the message lists the valid names.
        """
        robot = self.robots.get(name)
        if robot is None:
            raise UnknownNameError("robot", name, self.robots)
        return robot

    def _bind(self) -> None:
        for robot in self.robots.values():
            robot.bind(self.model, self.data)
        self._pushes.rebind(self.model, self.data)
        self._watch = DivergenceWatch(self.model, self.data)

    def _clear_fault(self) -> None:
        self._watch.forget()
        self.fault = None
