"""A Strands model that plays a script: no network, no key. For examples, tests, and a dry run of an agent_node.

In a configuration of agent_node: {provider: "strands_robots.agent.strands.scripted_model:ScriptedModel", settings: {script: [...]}}.
Imports strands.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

from strands.models.model import Model

Call = tuple[str, dict[str, Any]]
Entry = Call | str | Callable[[str], Call]

LAST_WORDS = "done"


class ScriptedModel(Model):
    """Calls one tool of the script in each step, and says the script's sentences, which end a turn.

    Args:
        script: (tool, arguments), a function of the last tool's text that returns these, or a sentence. After the last one it
            says "done".

    Attributes:
        shown: Texts of all tool results that it was shown.
        specs: The tools that it was offered last.
    """

    def __init__(self, script: Sequence[Any]) -> None:
        self._script: list[Entry] = [
            entry if callable(entry) or isinstance(entry, str) else tuple(entry) for entry in script
        ]
        self._next = 0
        self.shown: list[str] = []
        self.specs: list[Any] = []

    def update_config(self, **model_config: Any) -> None:
        """Do nothing: there is nothing to configure."""

    def get_config(self) -> Any:
        """Return nothing: there is nothing to configure."""
        return {}

    def structured_output(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        """Raise NotImplementedError: a script has no structure to fill."""
        raise NotImplementedError("a scripted model has no structured output")

    async def stream(
        self, messages: Any, tool_specs: Any = None, *args: Any, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        """Yield the next entry as the events of a model."""
        self.specs = tool_specs or []
        results = [block["toolResult"] for block in messages[-1]["content"] if "toolResult" in block]
        self.shown += [part["text"] for result in results for part in result["content"] if "text" in part]
        entry = self._script[self._next] if self._next < len(self._script) else LAST_WORDS
        self._next += 1
        if callable(entry):
            entry = entry(self.shown[-1])
        yield {"messageStart": {"role": "assistant"}}
        if isinstance(entry, str):
            yield {"contentBlockDelta": {"delta": {"text": entry}}}
        else:
            start = {"toolUse": {"name": entry[0], "toolUseId": f"call{self._next}"}}
            yield {"contentBlockStart": {"start": start}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(entry[1])}}}}
        yield {"contentBlockStop": {}}
        yield {"messageStop": {"stopReason": "end_turn" if isinstance(entry, str) else "tool_use"}}
        yield {
            "metadata": {"usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}, "metrics": {"latencyMs": 0}}
        }
