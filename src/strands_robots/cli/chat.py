"""`strands-robots chat`: talk to the agent of a graph, see its tools at work and what waits for a person."""

from __future__ import annotations

import contextlib
import sys
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from strands_robots.agent.conversation.turn import ANSWERED, TurnEnd
from strands_robots.cli.cli_options import Namespace, find_graph, operator_source
from strands_robots.cli.entry import INTERRUPTED
from strands_robots.core.errors import ConfigurationError
from strands_robots.live.terminal import can_show_live

if TYPE_CHECKING:
    from strands_robots.agent.conversation.chat_view import Say
    from strands_robots.clients.prompt_client import PromptClient

END_SHOWN = 2.0
"""How long the last steps of a turn may come after its result [s]."""

LOOK_PERIOD = 0.2
CANCEL_TIMEOUT = 10.0
PROMPT = "> "


class Chat:
    """One person's side of conversations.

    Args:
        client: Makes the client, given what takes steps.
        say: Shows text.
        session: Name of the conversation.
        take_over: Cancel a turn that runs.
        is_typed: A person types the prompts.
    """

    def __init__(
        self,
        client: Callable[[Callable[..., None]], PromptClient],
        say: Say,
        session: str,
        take_over: bool,
        is_typed: bool = False,
    ) -> None:
        from strands_robots.agent.conversation.chat_view import Printer, TurnLines

        self._say = say
        self._session = session
        self._take_over = take_over
        self._own = ""
        self._printer = Printer(TurnLines(say, lambda: self._own, PROMPT if is_typed else ""))
        self._client = client(self._printer.put)

    def close(self) -> None:
        """Leave the graph; a turn that was begun here is cancelled."""
        self._client.close()
        self._printer.close()

    def ask(self, prompt: str) -> int:
        """Show one turn and return the exit code; Ctrl-C cancels the turn and returns 130."""
        self._own = uuid.uuid4().hex
        try:
            return self._ask(prompt, self._own)
        finally:
            self._own = ""

    def _ask(self, prompt: str, goal_id: str) -> int:
        goal = self._client.send(prompt, operator_source(), self._session, self._take_over, goal_id)
        was_interrupted = False
        try:
            end = None
            while end is None:
                end = self._client.end(goal, LOOK_PERIOD)
                self._check(end)
        except KeyboardInterrupt:
            was_interrupted = True
            self._say("\ncancelling the turn and its goals\n", "quiet")
            self._client.cancel(goal)
            end = self._client.end(goal, CANCEL_TIMEOUT)
        if end is None:
            raise ConfigurationError(
                f"the agent did not confirm within {CANCEL_TIMEOUT:g} s; strands-robots estop stops"
            )
        is_shown = end.reason in ("busy", "refused") or self._printer.wait_for_end(goal_id, END_SHOWN)
        if end.reason in ("busy", "refused") or (not is_shown and not end.is_answered):
            self._say(f"[{end.reason}] {end.message}\n", "error")
        elif not is_shown:
            self._say(f"{end.message}\n", "answer")
        self._say(_summary(end), "quiet")
        return INTERRUPTED if was_interrupted else 0 if end.reason == ANSWERED else 1

    def _check(self, end: TurnEnd | None) -> None:
        if end is None and not self._client.is_there():
            raise ConfigurationError("agent_node is gone; its goals are cancelled, the robots hold")


def chat(
    prompt: Annotated[
        list[str] | None, typer.Argument(help="One prompt, and end with its turn; without it, a conversation.")
    ] = None,
    session: Annotated[str, typer.Option(help="Conversation to continue or to begin.")] = "main",
    agent: Annotated[str, typer.Option(help="Name of the agent.")] = "agent",
    take_over: Annotated[bool, typer.Option("--take-over", help="Cancel a turn that runs, with its goals.")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="No colours in a terminal either.")] = False,
    namespace: Namespace = "",
) -> None:
    """Talk to the agent of a running graph (strands-robots sim --agent ...).

    Ctrl-C cancels the turn and the motion that it began, not the program (a second one leaves at once); Ctrl-D ends it.
    Where there is no terminal each line of the input is a prompt; answers go to the output, everything else to the error
    output. The prompt "" goes on with a turn that waited for a person when agent_node ended.

    Exit code of the last turn: 0 when it was answered, 130 after Ctrl-C, else 1.
    """
    is_terminal = can_show_live() and not plain
    with _opened(namespace, agent, is_terminal, session, take_over, bool(prompt)) as (talk, say):
        if prompt:
            raise typer.Exit(talk.ask(" ".join(prompt)))
        code = 0
        for line in _lines(say, agent, session):
            code = talk.ask(line)
        raise typer.Exit(code)


def _lines(say: Say, agent: str, session: str) -> Iterator[str]:
    """Yield what the person types, or the lines of a file; not the empty ones."""
    if not sys.stdin.isatty():
        yield from (line.rstrip("\n") for line in sys.stdin if line.strip())
        return
    import readline  # noqa: F401  input() edits lines and has a history with it

    say(f"conversation '{session}' with {agent}; Ctrl-C cancels a turn, Ctrl-D ends\n", "quiet")
    while True:
        try:
            line = input(PROMPT)
        except KeyboardInterrupt:
            say("\n", "quiet")
            continue
        except EOFError:
            say("\n", "quiet")
            return
        if line.strip():
            yield line


@contextlib.contextmanager
def _opened(
    namespace: str, agent: str, is_terminal: bool, session: str, take_over: bool, is_one: bool
) -> Iterator[tuple[Chat, Say]]:
    from strands_robots.agent.conversation.chat_view import plain_say, rich_say

    find_graph(namespace)
    try:
        from strands_robots.clients.prompt_client import PromptClient
    except ImportError as error:
        raise ConfigurationError(
            f"ROS 2 is not available in this shell ({error}); source the setup.bash of the installation first"
        ) from error
    if is_terminal:
        from rich.console import Console

        say = rich_say(Console(highlight=False))
    else:
        say = plain_say(sys.stdout, sys.stderr)
    is_typed = sys.stdin.isatty() and not is_one
    talk = Chat(lambda put: PromptClient(namespace, agent, put), say, session, take_over, is_typed)
    with contextlib.closing(talk):
        yield talk, say


def _summary(end: TurnEnd) -> str:
    tokens = f", {end.input_tokens} + {end.output_tokens} tokens" if end.input_tokens or end.output_tokens else ""
    return f"({end.elapsed:.1f} s, {end.tool_calls} tool calls{tokens})\n"
