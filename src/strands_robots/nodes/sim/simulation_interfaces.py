"""The services and the action of the package simulation_interfaces, where it is installed: the world's time and state, by its own words.

A step is one control period. Time that passes on request only (mode lockstep) counts as paused.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from importlib.util import find_spec
from typing import Any

from rclpy.action import ActionServer, CancelResponse
from rclpy.node import Node
from rclpy.task import Future as RosFuture

from strands_robots.core.errors import StrandsRobotsError, UnknownNameError, WorldError
from strands_robots.core.futures import done, then
from strands_robots.nodes.sim.scene_services import SceneServices
from strands_robots.nodes.sim.standard_entities import FAILED, Refusal, StandardEntities, result
from strands_robots.ros.calls.deferred_service import create_deferred_service
from strands_robots.sim.edit.model_files import ModelGuard
from strands_robots.sim.run.lockstep import StepRequest
from strands_robots.sim.run.runtime import SimRuntime, WorldMode
from strands_robots.sim.world.world import World

CLIENT = "simulation_interfaces"
"""Who owns stepping of a lockstep world while a request steps it."""
INCORRECT_STATE = 3
STEP_TIMEOUT = 10.0
MAX_STEPS = 1_000_000
SUPPORTED = (
    "SPAWNING", "DELETING", "ENTITY_CATEGORIES", "SPAWNING_RESOURCE_STRING", "ENTITY_STATE_GETTING", "ENTITY_STATE_SETTING",
    "SIMULATION_RESET", "SIMULATION_RESET_SPAWNED", "SIMULATION_STATE_GETTING", "SIMULATION_STATE_SETTING",
    "SIMULATION_STATE_PAUSE", "STEP_SIMULATION_SINGLE", "STEP_SIMULATION_MULTIPLE", "STEP_SIMULATION_ACTION",
)  # fmt: skip
"""Features, by the names of simulation_interfaces/SimulatorFeatures."""
ABOUT = (
    "strands_robots on MuJoCo. A step is one control period. Reset needs SCOPE_ALL, or both of SCOPE_TIME and SCOPE_STATE. "
    "Entities are robots and objects; nothing changes while a source holds a robot's lease. "
    "Filters: at most 3 of * + ? { and none after a group."
)


def has_simulation_interfaces() -> bool:
    """Return whether the package is installed."""
    return find_spec("simulation_interfaces") is not None


class SimulationInterfaces:
    """The standard's interfaces to a simulated world, below the node's namespace. Needs simulation_interfaces.

    Args:
        node: The node.
        runtime: The running world.
        world: The world that it runs.
        guard: Decides which files may be read.
        scene: Changes the world and gives what is new its topics.
    """

    def __init__(self, node: Node, runtime: SimRuntime, world: World, guard: ModelGuard, scene: SceneServices) -> None:
        from simulation_interfaces import action, msg, srv

        self._node, self._runtime, self._world = node, runtime, world
        self._srv, self._msg, self._action = srv, msg, action
        self._is_stopped = False
        self._threads: set[threading.Thread] = set()
        self._entities = StandardEntities(runtime, world, guard, scene)
        entities = self._entities
        for name, kind, answer in (
            ("get_simulator_features", srv.GetSimulatorFeatures, self._features),
            ("get_entities", srv.GetEntities, entities.names),
            ("get_entity_state", srv.GetEntityState, entities.state),
            ("get_entities_states", srv.GetEntitiesStates, entities.states),
            ("set_entity_state", srv.SetEntityState, entities.set_state),
            ("spawn_entity", srv.SpawnEntity, entities.spawn),
            ("delete_entity", srv.DeleteEntity, entities.delete),
            ("reset_simulation", srv.ResetSimulation, self._reset),
            ("get_simulation_state", srv.GetSimulationState, self._get_state),
            ("set_simulation_state", srv.SetSimulationState, self._set_state),
            ("step_simulation", srv.StepSimulation, self._step),
        ):
            create_deferred_service(node, kind, name, answered(kind, answer), refuse=partial(_refused, kind))
        self._server = ActionServer(
            node, action.SimulateSteps, "simulate_steps", self._simulate,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )  # fmt: skip

    def stop(self) -> None:
        """Take no more goals; steps that are under way end with the physics thread."""
        for thread in self._threads:
            thread.join(0.3)
        self._server.destroy()

    def _features(self, request: Any) -> Future[Any]:
        kinds = self._msg.SimulatorFeatures
        numbers = [getattr(kinds, name) for name in SUPPORTED if hasattr(kinds, name)]
        response = self._srv.GetSimulatorFeatures.Response()
        response.features = kinds(features=numbers, spawn_formats=["mjcf", "urdf"], custom_info=ABOUT)
        return done(response)

    def _state(self) -> int:
        kinds = self._msg.SimulationState
        if not self._runtime.is_frozen:
            self._is_stopped = False
            return int(kinds.STATE_PLAYING)
        return int(kinds.STATE_STOPPED if self._is_stopped else kinds.STATE_PAUSED)

    def _get_state(self, request: Any) -> Future[Any]:
        response = self._srv.GetSimulationState.Response(result=result(1))
        response.state.state = self._state()
        return done(response)

    def _set_state(self, request: Any) -> Future[Any]:
        kinds, answers = self._msg.SimulationState, self._srv.SetSimulationState.Response
        wanted = int(request.state.state)

        def change() -> Any:
            present = self._state()
            if wanted not in (kinds.STATE_STOPPED, kinds.STATE_PLAYING, kinds.STATE_PAUSED):
                words = f"state {wanted} given; valid: 0 (STOPPED), 1 (PLAYING), 2 (PAUSED); bringup ends the node"
                return answers(result=result(0, words))
            if wanted == present:
                return answers(result=result(answers.ALREADY_IN_TARGET_STATE, "it is in that state"))
            try:
                self._go(wanted)
            except WorldError as error:
                return answers(result=result(answers.STATE_TRANSITION_ERROR, str(error)))
            return answers(result=result(1))

        # Stopped is as after a full reset: what was spawned goes as well.
        is_stop = wanted == kinds.STATE_STOPPED != self._state()
        cleared: Future[Any] = self._entities.remove_spawned() if is_stop else done(None)
        return then(cleared, lambda _: self._runtime.call(change))

    def _go(self, wanted: int) -> None:
        kinds, runtime = self._msg.SimulationState, self._runtime
        if wanted == kinds.STATE_STOPPED:
            runtime.reset(self._world.seed)
        if runtime.config.mode is not WorldMode.LOCKSTEP or wanted == kinds.STATE_PLAYING:
            runtime.pause(wanted != kinds.STATE_PLAYING)
        self._is_stopped = wanted == kinds.STATE_STOPPED

    def _reset(self, request: Any) -> Future[Any]:
        kinds, answers = self._srv.ResetSimulation.Request, self._srv.ResetSimulation.Response
        scope = int(request.scope) or kinds.SCOPE_ALL
        both = kinds.SCOPE_TIME | kinds.SCOPE_STATE
        if (scope & both) not in (0, both) or not scope & (both | kinds.SCOPE_SPAWNED):
            return done(
                answers(result=result(0, f"scope {scope} given; valid: 0, 3 (time with state), 4 (spawned), 7 or 255"))
            )
        if scope & kinds.SCOPE_SPAWNED:
            changed: Future[Any] = self._entities.remove_spawned()
        else:
            changed = done(None)

        def reset() -> Any:
            if scope & both:
                self._runtime.reset(self._world.seed)
            return answers(result=result(1))

        return then(changed, lambda _: self._runtime.call(reset))

    def _step(self, request: Any) -> Future[Any]:
        answers = self._srv.StepSimulation.Response
        if request.steps > MAX_STEPS:
            raise WorldError(f"{request.steps} steps given; valid: at most {MAX_STEPS}")

        def step() -> Any:
            self._advance(int(request.steps))
            return answers(result=result(1))

        return self._runtime.call(step)

    def _advance(self, steps: int) -> None:
        """Advance a world that stands still; in the physics thread.

        Raises:
            WorldError: If it runs, or another client owns stepping, or it did not get that far.
        """
        if not self._runtime.is_frozen:
            raise Refusal(INCORRECT_STATE, "the simulation is playing; valid: step it while it is paused")
        if self._runtime.config.mode is not WorldMode.LOCKSTEP:
            self._runtime.step_paused(steps)
        elif steps:
            made = self._runtime.step(StepRequest(CLIENT, steps, release=True))
            if not made.success:
                raise WorldError(made.message)
        self._is_stopped = False

    async def _simulate(self, handle: Any) -> Any:
        """Carry out a goal of SimulateSteps; the executor goes on while this waits."""
        kind = self._action.SimulateSteps
        finished: RosFuture[None] = RosFuture()
        outcome = [result(4, "the node is ending")]

        def run() -> None:
            try:
                outcome[0] = self._walk(handle, kind)
            except StrandsRobotsError as error:
                outcome[0] = result(error.code if isinstance(error, Refusal) else FAILED, str(error))
            finally:
                finished.set_result(None)
                if self._node.executor is not None:
                    self._node.executor.wake()

        thread = threading.Thread(target=run, name="simulate_steps", daemon=True)
        self._threads.add(thread)
        thread.start()
        try:
            await finished
        finally:
            self._threads.discard(thread)
        if handle.is_cancel_requested:
            handle.canceled()
        elif outcome[0].result == 1:
            handle.succeed()
        else:
            handle.abort()
        return kind.Result(result=outcome[0])

    def _walk(self, handle: Any, kind: Any) -> Any:
        """Make the steps of a goal one by one, in its thread."""
        steps = int(handle.request.steps)
        if not self._runtime.is_frozen:
            return result(INCORRECT_STATE, "the simulation is playing; valid: step it while it is paused")
        for number in range(1, steps + 1):
            if handle.is_cancel_requested:
                return result(4, f"cancelled after {number - 1} of {steps} steps")
            self._runtime.call(lambda: self._advance(1)).result(STEP_TIMEOUT)
            handle.publish_feedback(kind.Feedback(completed_steps=number, remaining_steps=steps - number))
        return result(1)


def answered(kind: Any, answer: Callable[[Any], Future[Any]]) -> Callable[[Any], Future[Any]]:
    """Return a service's callback that says in the standard's codes what was wrong."""

    def on_request(request: Any) -> Future[Any]:
        try:
            future = answer(request)
        except StrandsRobotsError as error:
            return done(_refused(kind, error))
        told: Future[Any] = Future()

        def tell(finished: Future[Any]) -> None:
            error = finished.exception()
            if error is None:
                told.set_result(finished.result())
            elif isinstance(error, StrandsRobotsError):
                told.set_result(_refused(kind, error))
            else:
                told.set_exception(error)

        future.add_done_callback(tell)
        return told

    return on_request


def _refused(kind: Any, error: StrandsRobotsError | str) -> Any:
    if isinstance(error, Refusal):
        return kind.Response(result=result(error.code, str(error)))
    return kind.Response(result=result(2 if isinstance(error, UnknownNameError) else FAILED, str(error)))
