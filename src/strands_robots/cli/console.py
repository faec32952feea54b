"""`strands-robots console`: the console in the browser for a graph that runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from strands_robots.cli.cli_options import Namespace, find_graph
from strands_robots.core.errors import ConfigurationError


def console(
    robot: Annotated[
        list[str] | None,
        typer.Option(
            help="Robot that pages may move by hand: its name, or <name>:=<robot>. May be repeated; none for looking on."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(help="Port of 127.0.0.1; the next one is the stop's own.", min=1, max=65534)
    ] = 8780,
    stop_button: Annotated[str, typer.Option(help="Where the stop button beside the robots is, in words.")] = "",
    listen: Annotated[
        str,
        typer.Option(
            help="Address on which browsers of other machines may look on and stop, and sign in, over TLS; for example 0.0.0.0."
        ),
    ] = "",
    listen_port: Annotated[
        int, typer.Option(help="Port for other machines; the next one is the stop's own.", min=1, max=65534)
    ] = 8790,
    certificate: Annotated[
        Path | None,
        typer.Option(help="With --listen: PEM file of the certificate; other machines use the names in it."),
    ] = None,
    key: Annotated[Path | None, typer.Option(help="With --listen: PEM file of its private key.")] = None,
    namespace: Namespace = "",
) -> None:
    """Serve the console for a running graph until Ctrl-C. The address that is printed works once, in one browser.

    Without --listen only browsers on this machine reach it. From another one:
    ssh -L 8780:127.0.0.1:8780 -L 8781:127.0.0.1:8781 <this machine>.
    `strands-robots sim --console` and `real --console` start it together with the graph.
    """
    import importlib.util

    if importlib.util.find_spec("uvicorn") is None:
        raise ConfigurationError("uvicorn is not installed; install it with: pip install -r requirements/console.txt")
    from strands_robots.bringup.graph import Graph, NodeSpec, ParameterValue, ros_arguments
    from strands_robots.bringup.prepare import find_executable
    from strands_robots.bringup.robots import parse_robot
    from strands_robots.core.graph_environment import prepare_process
    from strands_robots.core.share import find_share

    if len({bool(listen), bool(certificate), bool(key)}) > 1:
        raise ConfigurationError("--listen, --certificate and --key belong together; valid: all three or none")
    specs = [parse_robot(text) for text in robot or ()]
    parameters: dict[str, ParameterValue] = {
        "robots": tuple(f"{spec.name}={spec.model}" for spec in specs) or ("",),
        "port": port,
        "stop_port": port + 1,
        "stop_button": stop_button,
        "listen": listen,
        "listen_port": listen_port,
        "listen_stop_port": listen_port + 1,
        "certificate": str(certificate.expanduser().absolute()) if certificate else "",
        "key": str(key.expanduser().absolute()) if key else "",
    }
    node = NodeSpec("console_node", "console_node", parameters=parameters)
    program = str(find_executable(node.package, node.executable))
    find_graph(namespace)
    prepare_process(find_share(), has_pictures=True)
    # The node takes the place of this command, so that Ctrl-C is the node's.
    os.execve(program, [program, *ros_arguments(node, Graph((node,), namespace=namespace))], os.environ)
