"""A Strands model that plays a script: no network, no key. It records what it was shown."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

from strands.models.model import Model


class ScriptedModel(Model):
    """Calls one tool of the script in each turn, then says "done".

    Args:
        script: (tool, arguments), or a function of the last tool's text that returns them.
    """

    def __init__(self, script: list[Any]) -> None:
        self._script = list(script)
        self._count = 0
        self.shown: list[str] = []
        self.specs: list[Any] = []

    def update_config(self, **model_config: Any) -> None:
        """There is nothing to configure."""

    def get_config(self) -> Any:
        return {}

    async def structured_output(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        raise NotImplementedError
        yield

    async def stream(
        self, messages: Any, tool_specs: Any = None, *args: Any, **kwargs: Any
    ) -> AsyncGenerator[Any, None]:
        self.specs = tool_specs or []
        results = [block["toolResult"] for block in messages[-1]["content"] if "toolResult" in block]
        self.shown += [part["text"] for result in results for part in result["content"] if "text" in part]
        yield {"messageStart": {"role": "assistant"}}
        if self._count < len(self._script):
            entry = self._script[self._count]
            self._count += 1
            name, arguments = entry(self.shown[-1]) if callable(entry) else entry
            start = {"toolUse": {"name": name, "toolUseId": f"call{self._count}"}}
            yield {"contentBlockStart": {"start": start}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}
        else:
            yield {"contentBlockDelta": {"delta": {"text": "done"}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "end_turn"}}
        yield {
            "metadata": {"usage": {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}, "metrics": {"latencyMs": 0}}
        }
