"""`strands-robots mcp`: the graph's tools for any MCP client, under the approval policy."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.cli.cli_options import Namespace, complain, find_graph
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.agent.tools.toolset import Toolset

TOKEN_VARIABLE = "STRANDS_ROBOTS_MCP_TOKEN"
SHORTEST_TOKEN = 16

Policy = Annotated[str, typer.Option(help="Approval policy; empty for the one that comes with the package.")]


Folders = Annotated[
    list[Path] | None,
    typer.Option(
        "--lerobot", help="Folder in which LeRobot's commands may read and write, as tools; may be given several times."
    ),
]


CriticUrl = Annotated[
    str,
    typer.Option(
        help="OpenAI-compatible endpoint of a model that grades videos in the --lerobot folders, as a tool.",
        envvar="STRANDS_ROBOTS_CRITIC_URL",
    ),
]


Fleet = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the agent's own member of a fleet, an operator that may tell at most; gives fleet tools."
    ),
]


Permits = Annotated[
    Path | None,
    typer.Option(help="Private folder in which requests that wait outlive this process; one process at a time has it."),
]


@contextlib.contextmanager
def graph_tools(
    namespace: str,
    name: str,
    policy: str,
    folders: Sequence[Path] = (),
    permits: Path | None = None,
    critic: str = "",
    fleet: Path | None = None,
) -> Iterator[Toolset]:
    """Give the tools of a running graph; leaving cancels the goals and the jobs that they started.

    Args:
        namespace: The graph's namespace.
        name: Who asks.
        policy: Approval policy; empty for the package's.
        folders: Folders for LeRobot's commands; none leaves these tools out.
        permits: Private folder in which requests that wait outlive this process; None for none.
        critic: Endpoint of a model that grades videos in these folders; empty leaves the tool out.
        fleet: Folder of the agent's own member of a fleet; None leaves its tools out.

    Raises:
        ConfigurationError: If ROS cannot be imported, or the policy or a folder is not usable.
    """
    from strands_robots.core.ros_home import ros_home
    from strands_robots.core.share import share_directory

    share = share_directory()
    find_graph(namespace)
    try:
        from strands_robots.agent.fleet.fleet_tools import fleet_tools
        from strands_robots.agent.lerobot.critic_tools import critic_tools
        from strands_robots.agent.lerobot.paths import LeRobotFolders
        from strands_robots.agent.lerobot.tools import LerobotTools
        from strands_robots.agent.tools.toolset import Toolset
        from strands_robots.clients.agent_graph import AgentGraph
    except ImportError as error:
        raise ConfigurationError(
            f"ROS 2 is not available in this shell ({error}); source the setup.bash of the installation first"
        ) from error
    path = Path(policy).expanduser() if policy else share / "config" / "approval_policy.yaml"
    with contextlib.ExitStack() as stack:
        kept_out = (path, ros_home() / "strands_robots", *([permits] if permits else []))
        workspace = LeRobotFolders(folders, kept_out) if folders else None
        graph = stack.enter_context(contextlib.closing(AgentGraph(namespace, name, path, permits)))
        lerobot = [stack.enter_context(contextlib.closing(LerobotTools(graph, workspace)))] if workspace else []
        others = stack.enter_context(fleet_tools(graph, fleet)) if fleet is not None else []
        yield Toolset(graph, [*lerobot, *critic_tools(graph, workspace, critic), *others])


def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve http://127.0.0.1:<port>/mcp instead of stdio.")] = False,
    port: Annotated[int, typer.Option(help="Port of --http.", min=1, max=65535)] = 8790,
    policy: Policy = "",
    name: Annotated[str, typer.Option(help="Name of the asker in approvals and the audit log.")] = "mcp",
    lerobot: Folders = None,
    permits: Permits = None,
    critic: CriticUrl = "",
    fleet: Fleet = None,
    namespace: Namespace = "",
) -> None:
    """Serve the graph's tools to an MCP client until it goes, or until Ctrl-C.

    What needs a person's approval answers approval_required; strands-robots approvals decides. With --http every request
    carries the token of STRANDS_ROBOTS_MCP_TOKEN, or one that is made and printed.
    """
    try:
        from strands_robots.agent.mcp import server as mcp_server
    except ImportError as error:
        raise ConfigurationError(
            f"the MCP server is not installed ({error}); install it with: pip install -r requirements/agent.txt"
        ) from error
    with graph_tools(namespace, name, policy, lerobot or (), permits, critic, fleet) as tools:
        if not http:
            import asyncio

            asyncio.run(mcp_server.serve_stdio(tools))
            return
        import uvicorn

        app = mcp_server.http_app(tools, port, _token())
        complain(f"serving http://127.0.0.1:{port}/mcp")
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


def _token() -> str:
    given = os.environ.get(TOKEN_VARIABLE, "")
    if given and (len(given) < SHORTEST_TOKEN or not given.isascii()):
        raise ConfigurationError(
            f"{TOKEN_VARIABLE} has {len(given)} characters; valid: at least {SHORTEST_TOKEN} of ASCII"
        )
    if given:
        return given
    made = secrets.token_urlsafe(32)
    complain(f"token: {made}")
    return made
