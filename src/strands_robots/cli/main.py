"""Entry point of `strands-robots`: commands that are loaded when they are used, and errors as one line and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any

import typer
from typer.core import TyperGroup

from strands_robots.cli.commands import COMMANDS
from strands_robots.core.errors import StrandsRobotsError
from strands_robots.core.text import printable

_STYLE: dict[str, Any] = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"]},
}


class LazyCommands(MutableMapping[str, Any]):
    """Commands of the table by name; each is loaded when it is asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = load_command(name)
        return self._loaded[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**COMMANDS, **self._loaded})

    def __len__(self) -> int:
        return len({**COMMANDS, **self._loaded})

    def __contains__(self, name: object) -> bool:
        return name in COMMANDS or name in self._loaded


class LazyGroup(TyperGroup):
    """The top of the command line; its help and a mistyped name load no command."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**{**given, "commands": None})
        self.commands = LazyCommands()

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the table of the commands, from their first sentences."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in COMMANDS.values()])


def load_command(name: str) -> Any:
    """Return the command of a name in the table; loads its module. Raises KeyError where there is none."""
    entry = COMMANDS[name]
    found = getattr(importlib.import_module(f"strands_robots.cli.{entry.module}"), entry.attribute)
    parent = typer.Typer(add_completion=False, **_STYLE)
    parent.callback()(_nothing)
    if isinstance(found, typer.Typer):
        parent.add_typer(found, name=name)
    elif entry.takes_unknown:
        parent.command(name, context_settings={"ignore_unknown_options": True})(found)
    else:
        parent.command(name)(found)
    return typer.main.get_group(parent).commands[name]


def _nothing() -> None:
    """Make a Typer a group."""


app = typer.Typer(
    cls=LazyGroup, help="Simulated and real robots on ROS 2, with an emergency stop.", no_args_is_help=True, **_STYLE
)
app.callback()(_nothing)


def main(begun: object = None) -> int:
    """Run the command line and return the exit code.

    Args:
        begun: What cli/entry.py has begun already, for the command; None for nothing.

    Returns:
        0 when it did what was asked, 2 for arguments that cannot be used, 130 after Ctrl-C, else what the command says.
    """
    try:
        app(obj=begun, prog_name="strands-robots")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except StrandsRobotsError as error:
        text = str(error)
        print("error: " + (text if text.isascii() else printable(text)), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0
