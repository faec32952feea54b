"""agent_node of a graph, from what a person gave for --agent."""

from __future__ import annotations

from pathlib import Path

from strands_robots.bringup.graph import NodeSpec, OnExit, ParameterValue
from strands_robots.core.errors import ConfigurationError
from strands_robots.core.share import share_directory
from strands_robots.core.text import printable

START_DELAY = 1.5
"""agent_node starts this long after the others [s]: importing Strands takes a core for a second, which robots need first."""

DESCRIPTION = (
    "Start agent_node: a configuration file (.yaml), or a model as <provider>/<model id>, <provider> or <module>:<class>; "
    "empty for no agent. Beside a real robot approval_node starts too: people decide about what moves it."
)


def check_agent(given: str) -> None:
    """Raise ConfigurationError for what cannot be an agent. The rest is checked by agent_node, whose last word is in the log."""
    if _is_file(given) and not Path(given).expanduser().is_file():
        raise ConfigurationError(f"agent '{printable(given)}' does not exist; valid: {DESCRIPTION}")


def agent_node(given: str, run_id: str, files: tuple[Path, ...], is_free: bool) -> NodeSpec:
    """Return agent_node.

    A graph goes on without its agent: nothing of a robot depends on it.

    Args:
        given: What the person gave.
        run_id: Run of the graph.
        files: Parameter files.
        is_free: Nothing real can move and no person decides, so that moving is audited and not asked.
    """
    policy = share_directory() / "config" / "approval_policy_simulation.yaml" if is_free else ""
    parameters: dict[str, ParameterValue] = {
        "run_id": run_id,
        "use_sim_time": False,
        "policy": str(policy),
        "config": str(Path(given).expanduser().resolve()) if _is_file(given) else "",
        "model": "" if _is_file(given) else given,
    }
    return NodeSpec(
        "agent_node", "agent_node", parameters=parameters, parameter_files=files, on_exit=OnExit.OPTIONAL,
        start_delay=START_DELAY,
    )  # fmt: skip


def _is_file(given: str) -> bool:
    return given.endswith((".yaml", ".yml"))
