"""A Strands model without network and key, which plays a script that the first word of the prompt names.

It has no memory: what comes next is read from the messages, so that it goes on after a restart like a real one. A process
of its own reaches it as "scripted_agent:ScriptedAgent" with this folder on PYTHONPATH.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from strands.models.model import Model

Call = tuple[str, dict[str, Any]]
Entry = Call | Callable[[list[str]], Call]
PAN = "shoulder_pan"


def stack(root: str, run: str) -> list[Entry]:
    """Stack two cubes and record it; a second run leaves the cubes and the dataset of the first alone."""
    lower, upper = f"lower{run}", f"upper{run}"
    return [
        ("describe_robot", {}),
        other("world_edit", bodies=[cube(lower, 0.016)]),
        other("world_edit", bodies=[cube(upper, 0.05)]),
        ("world_query", {"names": [lower, upper], "what": 1}),
        ("look", {"camera": "so101/wrist", "width": 160}),
        ("find_tool", {"query": "record dataset"}),
        other("recorder_start", root=root + run, repo_id="test/stack", fps=10, task="stack", robots=["so101"],
              cameras=["so101/wrist"]),
        other("recorder_episode", command="BEGIN", task="stack two cubes"),
        move(0.3),
        move(-0.2),
        other("recorder_episode", command="END", outcome="SUCCEEDED"),
        other("recorder_episode", command="STOP"),
    ]  # fmt: skip


def cube(name: str, z: float) -> dict[str, Any]:
    return {
        "name": name, "is_free": True, "pose": {"position": {"x": 0.25, "y": 0.1, "z": z}},
        "shapes": [{"kind": "box", "size": [0.015, 0.015, 0.015], "mass": 0.02}],
    }  # fmt: skip


def other(name: str, **arguments: Any) -> Call:
    return "call_tool", {"name": name, "arguments": arguments}


def move(pan: float, **more: Any) -> Call:
    return "move_to", {"robot": "so101", "joints": {PAN: pan}, "wait": 30, **more}


class ScriptedAgent(Model):
    """Plays the script, saying a sentence before each call.

    Args:
        settings: `root`, with the second word of the prompt, is the folder of the dataset that "stack" records.
    """

    def __init__(self, **settings: Any) -> None:
        self._settings = settings
        self.scripts: Mapping[str, list[Entry]] = {
            "slow": [move(1.2, speed=0.03, wait=100)],
            "leave": [move(0.4, speed=0.2, wait=0.0)],
            "grip": [("start_set_gripper", {"goal": {"robot": "so101", "position": 0.5}, "wait": 30})],
            "look": [("look", {"camera": "so101/wrist", "width": 96})],
            "many": [("describe_robot", {})] * 50,
        }  # fmt: skip

    def update_config(self, **model_config: Any) -> None:
        """There is nothing to configure."""

    def get_config(self) -> Any:
        return {}

    async def structured_output(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        raise NotImplementedError
        yield

    async def stream(self, messages: Any, *args: Any, **kwargs: Any) -> AsyncGenerator[Any, None]:
        prompts = [i for i, message in enumerate(messages) if "toolResult" not in message["content"][-1]
                   and message["role"] == "user"]  # fmt: skip
        prompt = messages[prompts[-1]]["content"][-1]["text"]
        results = [block["toolResult"] for message in messages[prompts[-1] + 1 :] for block in message["content"]
                   if "toolResult" in block]  # fmt: skip
        word, *rest = prompt.lower().replace(":", " ").replace(",", " ").replace(".", " ").split()
        yield {"messageStart": {"role": "assistant"}}
        if word == "fail":
            raise ConnectionError("the server of the model is not there")
        if word == "hang":
            await asyncio.sleep(3600.0)
        script = stack(self._settings["root"], rest[0]) if word == "stack" else self.scripts.get(word, [])
        if len(results) < len(script):
            texts = [part["text"] for result in results for part in result["content"] if "text" in part]
            entry = script[len(results)]
            name, arguments = entry(texts) if callable(entry) else entry
            for event in _text([f"Step {len(results) + 1}: ", name, ". "]):
                yield event
            start = {"toolUse": {"name": name, "toolUseId": f"{word}{len(messages)}"}}
            yield {"contentBlockStart": {"start": start}}
            yield {"contentBlockDelta": {"delta": {"toolUse": {"input": json.dumps(arguments)}}}}
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "tool_use"}}
        else:
            for piece in _answer(word, messages, prompts, results):
                yield {"contentBlockDelta": {"delta": {"text": piece}}}
                await asyncio.sleep(0.02 if word == "write" else 0.0)
            yield {"contentBlockStop": {}}
            yield {"messageStop": {"stopReason": "end_turn"}}
        yield {
            "metadata": {"usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10}, "metrics": {"latencyMs": 0}}
        }


def _text(pieces: list[str]) -> list[dict[str, Any]]:
    deltas = [{"contentBlockDelta": {"delta": {"text": piece}}} for piece in pieces]
    return [*deltas, {"contentBlockStop": {}}]


def _answer(word: str, messages: Any, prompts: list[int], results: list[Any]) -> list[str]:
    if word == "recall":
        return [f"{index}: {messages[i]['content'][-1]['text'][:60]}; " for index, i in enumerate(prompts)]
    if word == "pictures":
        parts = [part for message in messages for block in message["content"]
                 for part in block.get("toolResult", {}).get("content", [])]  # fmt: skip
        return [f"{sum('image' in part for part in parts)} pictures"]
    if word == "write":
        return [f"{number} " for number in range(2000)]
    if word == "event":
        return ["I woke."]
    failed = [result["content"][0]["text"] for result in results if result["status"] == "error"]
    return ["done", "; failed: " + " | ".join(failed) if failed else "."]
