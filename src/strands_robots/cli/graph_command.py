"""What the commands that start a graph have alike: options from a class, and running the graph."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable
from typing import Annotated, TypeVar, get_type_hints

import typer

from strands_robots.bringup.graph import Graph
from strands_robots.bringup.graph_options import describe_option, option_fields

CommandT = TypeVar("CommandT", bound=Callable[..., None])


def with_options(kind: type) -> Callable[[CommandT], CommandT]:
    """Give a command every option of a class, with its description and default, so that each is written down once.

    Args:
        kind: The class. The command takes its options as `**options`; a parameter of the command's own hides the option of its name.
    """

    def decorate(command: CommandT) -> CommandT:
        hints = get_type_hints(kind)
        given = inspect.signature(command, eval_str=True)
        own = {name: entry for name, entry in given.parameters.items() if entry.kind is not entry.VAR_KEYWORD}
        added = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=entry.default,
                annotation=Annotated[hints[name], typer.Option(help=describe_option(kind, name))],
            )
            for name, entry in option_fields(kind).items()
            if name not in own
        ]
        parameters = [entry.replace(kind=inspect.Parameter.KEYWORD_ONLY) for entry in own.values()]
        command.__signature__ = given.replace(parameters=[*parameters, *added])  # type: ignore[attr-defined]
        command.__annotations__ = {entry.name: entry.annotation for entry in (*parameters, *added)}
        return command

    return decorate


def run(graph: Graph) -> int:
    """Run a graph until it ends, with `launch` where it is installed, and return the exit code.

    Args:
        graph: The graph, without its environment.
    """
    from strands_robots.bringup.prepare import complete, process_of

    graph = complete(graph)
    processes = [process_of(spec, graph) for spec in graph.nodes]
    if importlib.util.find_spec("launch_ros"):
        from strands_robots.bringup.ros_launch import run_graph

        return run_graph(graph)
    from strands_robots.bringup.supervisor import supervise

    return supervise(processes, graph.environment, graph.journal)
