"""An agent's conversations: kept in files by Strands, shown to the model in part. Imports strands.

A conversation is opened for each turn, so that a turn after a crash begins exactly as any other. One process has it at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strands import Agent
from strands.agent.conversation_manager import (
    ConversationManager,
    SlidingWindowConversationManager,
    SummarizingConversationManager,
)
from strands.hooks import BeforeModelCallEvent, HookProvider, HookRegistry
from strands.interrupt import Interrupt
from strands.models.model import Model
from strands.session.file_session_manager import FileSessionManager
from strands.tools.executors import SequentialToolExecutor

from strands_robots.agent.conversation.agent_config import AgentConfig, ConversationConfig
from strands_robots.agent.strands.strands_tools import SYSTEM_PROMPT, StopsFirst, agent_tools
from strands_robots.agent.tools.toolset import Toolset
from strands_robots.core.errors import ConfigurationError, StrandsRobotsError
from strands_robots.core.text import printable

MAIN = "main"
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


class ConversationBusyError(StrandsRobotsError):
    """Another process has a turn in this conversation."""


def check_session(name: str) -> str:
    """Return the name of a conversation, "main" for none given; raises ConfigurationError for one that cannot be used."""
    if name and not _NAME.fullmatch(name):
        raise ConfigurationError(
            f"conversation '{printable(name)[:80]}' cannot be used; valid: 1 to 64 letters, digits, - and _"
        )
    return name or MAIN


class Conversations:
    """Opens conversations.

    Args:
        config: The agent's configuration.
        model: Its model.
        tools: Its tools.
        folder: Where conversations are kept; made when it is not there, for this user only.
    """

    def __init__(self, config: AgentConfig, model: Model, tools: Toolset, folder: Path) -> None:
        self._config = config
        self._model = model
        self._tools = tools
        self._folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"folder '{folder}' of conversations cannot be made: {error.strerror}") from error

    @contextlib.contextmanager
    def opened(self, name: str, hooks: list[HookProvider]) -> Iterator[Agent]:
        """Give the agent with what was said before, and with the tools that the graph has now.

        Args:
            name: The conversation.
            hooks: Strands' hooks, for the follower of the turn.

        Raises:
            ConversationBusyError: If another process has it open.
        """
        with (self._folder / f"session_{name}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ConversationBusyError(
                    f"conversation '{name}' in '{self._folder}' is in use by another process; valid: another name"
                ) from error
            self._tools.refresh()
            keeper = FileSessionManager(session_id=name, storage_dir=str(self._folder))
            agent = Agent(
                model=self._model,
                tools=list(agent_tools(self._tools)),
                system_prompt="\n\n".join(filter(None, (SYSTEM_PROMPT, self._config.system_prompt))),
                conversation_manager=conversation_manager(self._config.conversation),
                session_manager=keeper,
                hooks=[StopsFirst(self._tools), *hooks, OldPictures(self._config.conversation.pictures)],
                tool_executor=SequentialToolExecutor(),
                callback_handler=None,
            )
            try:
                yield agent
            finally:
                keeper.sync_agent(agent)  # A call that was given up after the turn is given up in the file too.
                agent.shutdown()


def conversation_manager(config: ConversationConfig) -> ConversationManager:
    """Return Strands' manager for what of a conversation the model is shown."""
    if config.keep == "summary":
        return _Summary(config.messages)
    return SlidingWindowConversationManager(config.messages, per_turn=True)


class _Summary(SummarizingConversationManager):
    """Summarizes the older half as soon as there are more messages than wanted, not only when the model's window is full."""

    def __init__(self, most: int) -> None:
        super().__init__(summary_ratio=0.5, preserve_recent_messages=min(6, most // 2), proactive_compression=True)
        self._most = most

    def apply_management(self, agent: Agent, **kwargs: Any) -> None:
        """Called by Strands after each turn."""
        if len(agent.messages) > self._most:
            self.reduce_context(agent)


class OldPictures(HookProvider):
    """Before the model is called, puts words in the place of all pictures but the last ones."""

    def __init__(self, keep: int) -> None:
        self._keep = keep

    def register_hooks(self, registry: HookRegistry, **kwargs: Any) -> None:
        """Called by Strands."""
        registry.add_callback(BeforeModelCallEvent, self._on_model_call)

    def _on_model_call(self, event: BeforeModelCallEvent) -> None:
        drop_pictures(event.agent.messages, self._keep)


def drop_pictures(messages: list[Any], keep: int) -> int:
    """Replace all pictures in tool results but the last `keep` by words; returns how many."""
    dropped = 0
    for message in reversed(messages):
        for block in reversed(message["content"]):
            parts = block["toolResult"]["content"] if "toolResult" in block else []
            for index in reversed(range(len(parts))):
                if "image" not in parts[index]:
                    continue
                keep -= 1
                if keep < 0:
                    parts[index] = {"text": "[an older picture, left out; look again if you need one]"}
                    dropped += 1
    return dropped


def open_interrupts(agent: Agent) -> list[Interrupt] | None:
    """Return the calls at which a turn of the conversation was cut off, answered or not; None when it was not."""
    state = agent.take_snapshot(include=["interrupt_state"]).data["interrupt_state"]
    return [Interrupt(**entry) for entry in state["interrupts"].values()] if state["activated"] else None


def forget_waiting(agent: Agent) -> None:
    """Give up the call that waits for a person, so that the conversation can go on: its tool has no result."""
    snapshot = agent.take_snapshot(include=["interrupt_state"])
    snapshot.data["interrupt_state"] = {"interrupts": {}, "context": {}, "activated": False}
    agent.load_snapshot(snapshot)
