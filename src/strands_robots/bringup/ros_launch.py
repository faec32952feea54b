"""A graph as actions of `launch`; imported only where launch and launch_ros are installed."""

from __future__ import annotations

import atexit
import sys
from collections.abc import Mapping

from launch.actions import (
    DeclareLaunchArgument,
    ExecuteProcess,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
    TimerAction,
)
from launch.event_handlers import OnProcessIO
from launch.events.process import ProcessExited, ProcessIO
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from launch import LaunchContext, LaunchDescription, LaunchService
from strands_robots.bringup.end_cause import LONGEST_CAUSE, cause_in
from strands_robots.bringup.exit_journal import EndJournal
from strands_robots.bringup.graph import EndGraph, ExitRule, Graph, NodeSpec, Restart, join_namespace
from strands_robots.bringup.graph import ParameterValue as Value
from strands_robots.bringup.prepare import command_of, complete
from strands_robots.bringup.real import REAL_ARGUMENTS, real_graph, real_options_from_text
from strands_robots.bringup.real import describe as describe_real
from strands_robots.bringup.sim import (
    LAUNCH_ARGUMENTS,
    describe,
    options_from_text,
    sim_graph,
)
from strands_robots.bringup.supervisor import HARD_STEPS
from strands_robots.core.errors import StrandsRobotsError


class GraphEndedError(StrandsRobotsError):
    """The end of a process ended the graph. Raised inside `launch`: only an exception makes its exit code non-zero."""


def sim_description() -> LaunchDescription:
    """Return the launch description of a simulation, with the arguments of `strands-robots sim`."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=describe(name))
        for name, default in LAUNCH_ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_sim_actions)])


def _sim_actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {name: LaunchConfiguration(name).perform(context) for name in LAUNCH_ARGUMENTS}
    options = options_from_text(given)
    origins: list[LaunchDescriptionEntity] = [LogInfo(msg=robot.origin) for robot in options.robots if robot.origin]
    return [*origins, *graph_actions(complete(sim_graph(options)))]


def real_description() -> LaunchDescription:
    """Return the launch description of a real robot, with the arguments of `strands-robots real`."""
    declared = [
        DeclareLaunchArgument(name, default_value=default, description=describe_real(name))
        for name, default in REAL_ARGUMENTS.items()
    ]
    return LaunchDescription([*declared, OpaqueFunction(function=_real_actions)])


def _real_actions(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    given = {name: LaunchConfiguration(name).perform(context) for name in REAL_ARGUMENTS}
    return graph_actions(complete(real_graph(real_options_from_text(given))))


def graph_actions(graph: Graph) -> list[LaunchDescriptionEntity]:
    """Return the actions that start a graph and treat the end of each node as its NodeSpec says."""
    environment = [SetEnvironmentVariable(name, value) for name, value in graph.environment.items()]
    journal = EndJournal(graph.journal) if graph.journal is not None else None
    causes = _Causes()
    return [*environment, causes.listener(), *(_first_start(spec, graph, journal, causes) for spec in graph.nodes)]


def run_graph(graph: Graph) -> int:
    """Run a graph with `launch` until it ends and return the exit code."""
    # As ros2 launch decides who passes Ctrl-C on: the terminal to all at once, else launch to each node.
    service = LaunchService(noninteractive=not sys.stdin.isatty())
    service.include_launch_description(LaunchDescription(graph_actions(graph)))
    return int(service.run())


class _Causes:
    """What each process said last of why it ends."""

    def __init__(self) -> None:
        self._of: dict[str, str] = {}
        self._rests: dict[tuple[str, bool], str] = {}

    def listener(self) -> LaunchDescriptionEntity:
        """Return the action that listens to the output of every process."""
        return RegisterEventHandler(OnProcessIO(on_stdout=self._hear, on_stderr=self._hear))

    def of(self, process: str) -> str:
        """Return the cause that a process gave, by launch's own name of it; empty when it gave none."""
        return self._of.get(process, "")

    def _hear(self, event: ProcessIO) -> None:
        stream = (event.process_name, event.from_stderr)
        *lines, rest = (self._rests.get(stream, "") + event.text.decode("utf-8", "replace")).split("\n")
        self._rests[stream] = rest[-LONGEST_CAUSE:]
        for line in lines:
            if cause := cause_in(line.rstrip()):
                self._of[event.process_name] = cause


def _say_last(text: str) -> None:
    """Print a line when this process ends: launch reports the end of every other process after it has said ours."""
    atexit.register(print, f"[graph] {text}", flush=True)


def _first_start(spec: NodeSpec, graph: Graph, journal: EndJournal | None, causes: _Causes) -> LaunchDescriptionEntity:
    rule = ExitRule(spec.name, spec.on_exit, spec.restart_delays)
    if journal is not None:
        rule.tell = journal.write
    action = _node(spec, graph, rule, causes)
    return TimerAction(period=spec.start_delay, actions=[action]) if spec.start_delay > 0.0 else action


def _node(spec: NodeSpec, graph: Graph, rule: ExitRule, causes: _Causes) -> ExecuteProcess:
    def process_ended(event: ProcessExited, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        if context.is_shutdown:
            return []
        decision = rule.process_ended(event.returncode, causes.of(event.process_name))
        if isinstance(decision, EndGraph):
            _say_last(decision.text)
            raise GraphEndedError(decision.text)
        actions: list[LaunchDescriptionEntity] = [LogInfo(msg=decision.text)]
        if isinstance(decision, Restart):
            actions.append(TimerAction(period=decision.delay, actions=[_node(spec, graph, rule, causes)]))
        return actions

    # launch sends SIGINT first; its two other waits follow it.
    common = {
        "output": "screen",
        "on_exit": process_ended,
        "sigterm_timeout": str(spec.end_patience),
        "sigkill_timeout": str(HARD_STEPS[0][1]),
    }
    if not spec.is_ros_node:
        return ExecuteProcess(cmd=list(command_of(spec, graph)), name=spec.name, **common)
    parameters = [_typed(spec.parameters), *(str(path) for path in spec.parameter_files)]
    return Node(
        package=spec.package,
        executable=spec.executable,
        name=spec.name,
        namespace=join_namespace(graph.namespace, spec.namespace),
        parameters=[entry for entry in parameters if entry],
        remappings=list(spec.remappings),
        arguments=list(spec.arguments),
        ros_arguments=["--log-level", graph.log_level],
        **common,
    )


def _typed(parameters: Mapping[str, Value]) -> dict[str, object]:
    """Return parameters whose texts stay texts; launch_ros would read "12" as a number."""
    kinds: dict[type, object] = {str: str, tuple: list[str]}
    return {
        name: ParameterValue(list(value) if isinstance(value, tuple) else value, value_type=kinds[type(value)])
        if type(value) in kinds
        else value
        for name, value in parameters.items()
    }
