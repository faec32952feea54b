"""An agent that knows nothing but the list of tools and their answers.

It imports nothing of this package and knows no tool but find_tool and call_tool.

For each thing that it wants, said in words, it asks find_tool, takes the best tool that it can call, fills the arguments from the schema
with what the sentence says and with what earlier answers said, and calls it. What a language model adds is taking a sentence apart
into such wants; that is all that the sentences in the tests do.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

TRIES = 3
OF_USE_UNASKED = frozenset({"robot", "policy", "config", "root"})
"""What is known fills these although the schema does not require them: most calls are about a robot, and a policy has a config."""

_WORD = re.compile(r"[a-z]+|[0-9]+")
_ENDINGS = ("ing", "ed", "es", "s", "e")
_LITTLE = frozenset(
    ["a", "an", "the", "of", "to", "in", "on", "into", "at", "for", "from", "with", "and", "or", "is", "are", "it", "its",
     "what", "which", "do", "does", "there", "me"]
)  # fmt: skip


class McpClient:
    """The tools over MCP's stdio: JSON-RPC, a line for each message.

    Source: modelcontextprotocol.io, "Transports" (stdio) and "Tools".
    """

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            list(words), env=dict(environment), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._last = 0
        hello = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "tools-only", "version": "1"},
        }
        self._ask("initialize", hello)
        self._write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def list(self) -> list[dict[str, Any]]:
        """Return the tools that are shown."""
        return list(self._ask("tools/list", {})["tools"])

    def call(self, name: str, arguments: Mapping[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Return whether a tool failed, and what it answered."""
        answer = self._ask("tools/call", {"name": name, "arguments": arguments})
        return bool(answer.get("isError")), json.loads(answer["content"][0]["text"])

    def close(self) -> None:
        """End the server, as a client that goes does."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(60.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise

    def _write(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message) + "\n")
        self._process.stdin.flush()

    def _ask(self, method: str, params: Mapping[str, Any]) -> Any:
        assert self._process.stdout is not None
        self._last += 1
        self._write({"jsonrpc": "2.0", "id": self._last, "method": method, "params": params})
        for line in self._process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self._last:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
        raise AssertionError(f"the server ended while it was asked for {method}")


class ToolsOnlyAgent:
    """Does what is wanted with tools.

    Args:
        client: Has `list` and `call`, as McpClient.

    Attributes:
        known: What answers said, by the name of the argument that it fits.
        log: Each call: tool, arguments, whether it failed, answer.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._shown = {tool["name"] for tool in client.list()}
        assert {"find_tool", "call_tool"} <= self._shown
        self.known: dict[str, Any] = {}
        self._choices: dict[str, list[str]] = {}
        self.log: list[tuple[str, Any, bool, Any]] = []

    def do(self, want: str, **said: Any) -> dict[str, Any]:
        """Do something and return the answer's data; raises AssertionError with the answer when it fails.

        What failed for no fault of the arguments is tried again, as on a busy machine it may help.
        """
        for _ in range(TRIES):
            failed, answer = self.attempt(want, **said)
            if not failed:
                return answer
            if answer.get("error") in ("invalid_arguments", "unknown_tool", "not_there", "forbidden"):
                break
        raise AssertionError(f"{want}: {self.log[-1]}")

    def attempt(self, want: str, **said: Any) -> tuple[bool, dict[str, Any]]:
        """Do something and return whether it failed and what was answered.

        Args:
            want: What is wanted, in words.
            said: What the sentence says, each by a word or two for what it is, as `dataset="me/plate"`.
        """
        _, found = self._client.call("find_tool", {"query": want})
        for tool in found.get("tools", ()):
            arguments = self._filled(tool["input"], want, said)
            if arguments is not None:
                return self._until_it_ends(*self._call(tool["name"], arguments, want))
        raise AssertionError(
            f"no tool for '{want}' can be called with {said} and {self.known}: {json.dumps(found)[:2000]}"
        )

    def _until_it_ends(self, failed: bool, answer: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Return what became of something that an answer says still runs, and that it says how to ask about."""
        while answer.get("state") == "running" and "goal_id" in answer:
            _, found = self._client.call("find_tool", {"query": answer["next"]})
            tool = next(tool for tool in found["tools"] if "goal_id" in tool["input"]["properties"])
            failed, answer = self._call(tool["name"], {"goal_id": answer["goal_id"], "wait": 60.0}, "")
        return failed, answer

    def _call(self, name: str, arguments: Any, want: str) -> tuple[bool, dict[str, Any]]:
        if name in self._shown:
            failed, answer = self._client.call(name, arguments)
        else:
            failed, answer = self._client.call("call_tool", {"name": name, "arguments": arguments})
        self.log.append((name, arguments, failed, answer))
        data = answer.get("data", answer)
        self._learn(data, want)
        return failed, data

    # Arguments ---------------------------------------------------------------------------------------------------------

    def _filled(self, schema: Any, want: str, said: Mapping[str, Any]) -> Any:
        """Return arguments for a schema; None when something that it requires, or something that was said, has no place."""
        leaves = dict(_leaves(schema, ()))
        values: dict[tuple[Any, ...], Any] = {}
        for words, value in said.items():
            place = _best_place(words, value, leaves, values)
            if place is None:
                return None
            values[place] = _as_said(value, leaves[place])
        for place, part in leaves.items():
            if place in values:
                continue
            is_wanted = place[-1] in schema.get("required", ()) or place[-1] in OF_USE_UNASKED
            if is_wanted and 0 not in place and place[-1] in self.known and _fits(self._chosen(place[-1], want), part):
                values[place] = self._chosen(place[-1], want)
            elif "enum" in part and (chosen := _named(part["enum"], want)) is not None:
                values[place] = chosen
        missing = [name for name in schema.get("required", ()) if not any(place[0] == name for place in values)]
        return None if missing else _nested(values)

    def _chosen(self, name: str, want: str) -> Any:
        """Return what is known for an argument; of several, the one that is named."""
        named = [choice for choice in self._choices.get(name, ()) if set(_tokens(choice)) & set(_tokens(want))]
        return named[0] if named else self.known[name]

    # Answers -----------------------------------------------------------------------------------------------------------

    def _learn(self, data: Any, want: str) -> None:
        """Keep of an answer what an argument of a later call may be: names in lists, and texts by their own name."""
        if not isinstance(data, dict):
            return
        for name, value in data.items():
            one = name.removesuffix("s") if not name.endswith("ies") else name[:-3] + "y"
            names = (
                list(value)
                if isinstance(value, (dict, list)) and value and all(isinstance(each, str) for each in value)
                else []
            )
            if names and one != name:
                self._choices[one], self.known[one] = names, names[0]
            elif isinstance(value, str) and value and name in ("goal_id", "root", "kind"):
                self.known[name] = value
            if isinstance(value, dict):
                for inner in (value, *value.values()):
                    self._learn(inner, want)

    def choose(self, data: Mapping[str, Any], task: str) -> str:
        """Of names with words for each of them, take the one whose words fit a task best; it is known from then on."""
        (names,) = [
            key
            for key, value in data.items()
            if isinstance(value, list) and len(value) == len(data["words"]) and key != "words"
        ]
        wanted = set(_tokens(task))
        fits = [len(wanted & set(_tokens(words))) for words in data["words"]]
        best = data[names][fits.index(max(fits))]
        self.known[names[:-3] + "y" if names.endswith("ies") else names.removesuffix("s")] = best
        self._choices.pop("policy", None)
        return str(best)

    def settle(self, data: Mapping[str, Any], **said: Any) -> str:
        """From settings with examples make a configuration for what was said; it is known as `config` from then on."""
        rows = {row["name"]: row for row in data["settings"]}
        best: tuple[int, Any] = (-1, None)
        for text in data["examples"]:
            example = json.loads(text)
            leaves = {
                path: {"type": "string", "description": f"{row['description']}"}
                for path, row in rows.items()
                if _at(example, path) is not None
            }
            places = {
                words: _best_place(words, value, {tuple(path.split(".")): part for path, part in leaves.items()}, {})
                for words, value in said.items()
            }
            found = {words: place for words, place in places.items() if place is not None}
            left = len(leaves) - len(found)
            if len(set(found.values())) == len(said) and 100 - left > best[0]:
                for words, place in found.items():
                    _put(example, place, said[words])
                best = (100 - left, example)
        assert best[1] is not None, f"no example fits {said}: {data['examples']}"
        self.known["config"] = json.dumps(best[1])
        return str(self.known["config"])


def _leaves(schema: Mapping[str, Any], path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Mapping[str, Any]]]:
    """Yield what can be filled in: each argument, those inside others by their path, and the first item of lists of objects."""
    for name, part in schema.get("properties", {}).items():
        place = (*path, name)
        items = part.get("items", {})
        if len(place) > 7:
            continue
        if part.get("properties"):
            yield from _leaves(part, place)
        elif items.get("properties"):
            yield from _leaves(items, (*place, 0))
        else:
            yield place, part


def _best_place(
    words: str, value: Any, leaves: Mapping[tuple[Any, ...], Any], taken: Mapping[tuple[Any, ...], Any]
) -> tuple[Any, ...] | None:
    """Return the argument that is meant by some words: its name counts most, then its description, then how short its path is."""
    wanted = set(_tokens(words))
    scores = {}
    for place, part in leaves.items():
        names = set(_tokens(" ".join(map(str, place[-1:]))))
        around = set(_tokens(" ".join(map(str, place[:-1]))))
        told = set(_tokens(str(part.get("description", ""))))
        score = (
            4 * len(wanted & names)
            + 2 * len(wanted & around)
            + len(wanted & told)
            - 0.1 * len(place)
            - 0.5 * (len(names - wanted))
        )
        if wanted & (names | around | told) and place not in taken and _fits(value, part):
            scores[place] = score
    return max(scores, key=lambda place: scores[place], default=None)


def _fits(value: Any, part: Mapping[str, Any]) -> bool:
    if "enum" in part:
        return _named(part["enum"], str(value)) is not None
    kinds = {"string": str, "boolean": bool, "array": list, "object": dict, "number": (int, float), "integer": int}
    kind = kinds.get(part.get("type", "object"), dict)
    if isinstance(value, bool) and kind is not bool:
        return False
    return isinstance(value, kind)  # type: ignore[arg-type]


def _as_said(value: Any, part: Mapping[str, Any]) -> Any:
    return _named(part["enum"], str(value)) if "enum" in part else value


def _named(choices: Sequence[Any], words: str) -> Any:
    """Return the choice that some words name; None for none."""
    wanted = set(_tokens(words))
    fitting = [choice for choice in choices if set(_tokens(str(choice))) and set(_tokens(str(choice))) <= wanted]
    return fitting[0] if fitting else None


def _nested(values: Mapping[tuple[Any, ...], Any]) -> Any:
    made: dict[str, Any] = {}
    for place, value in values.items():
        _put(made, place, value)
    return made


def _put(made: Any, place: tuple[Any, ...], value: Any) -> None:
    for step, following in itertools.pairwise(place):
        if isinstance(step, int):
            if not made:
                made.append({})
            made = made[0]
        else:
            made = made.setdefault(step, [] if isinstance(following, int) else {})
    made[place[-1]] = value


def _at(example: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(example, dict) or step not in example:
            return None
        example = example[step]
    return None if isinstance(example, (dict, list)) else example


def _tokens(text: str) -> list[str]:
    words = [word for word in _WORD.findall(text.lower()) if word not in _LITTLE]
    return [_root(word) for word in words]


def _root(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word
