"""The reference of the command line and of the launch arguments, from the commands themselves."""

from __future__ import annotations

from typing import Any

from interfaces import escape


def commands_page() -> str:
    """Return the page of every command as Markdown."""
    import typer

    from strands_robots.cli.main import app

    root = typer.main.get_command(app)
    lines = ["# Commands", "", "Generated from `strands-robots --help`.", ""]
    for name, command in sorted(root.commands.items()):  # type: ignore[attr-defined]
        lines += _command(f"strands-robots {name}", command, 2)
    return "\n".join(lines)


def _command(path: str, command: Any, level: int) -> list[str]:
    lines = [f"{'#' * level} {path}", "", escape((command.help or "").strip()), ""]
    children = getattr(command, "commands", None)
    if children:
        for name, child in sorted(children.items()):
            lines += _command(f"{path} {name}", child, level + 1)
        return lines
    rows = []
    for entry in command.params:
        names = ", ".join([*entry.opts, *entry.secondary_opts])
        shown = f"`{names}`" if entry.param_type_name == "option" else f"`{entry.name.upper()}`"
        default = entry.default if isinstance(entry.default, (bool, int, float, str)) and entry.default != "" else ""
        rows.append(f"| {shown} | {escape(entry.help or '')} | {f'`{default}`' if default != '' else ''} |")
    return [*lines, "| option | meaning | default |", "|---|---|---|", *rows, ""] if rows else lines


def launch_page() -> str:
    """Return the page of the arguments of sim.launch.py as Markdown."""
    from strands_robots.bringup.sim import LAUNCH_ARGUMENTS, describe

    lines = [
        "# Launch arguments", "", "`ros2 launch strands_robots sim.launch.py <name>:=<value>`; the same as `strands-robots sim`.", "",
        "| argument | meaning | default |", "|---|---|---|",
    ]  # fmt: skip
    lines += [
        f"| `{name}` | {escape(describe(name))} | {f'`{default}`' if default else ''} |"
        for name, default in LAUNCH_ARGUMENTS.items()
    ]
    return "\n".join(lines)
