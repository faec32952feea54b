"""An OpenAI-compatible chat endpoint that takes videos: vLLM with NVIDIA's Cosmos reasoner, or any other by its URL.

An error is an error, never an answer: whatever is not a complete message of the model raises.

Source: OpenAI "Chat Completions" reference; vLLM "Multimodal inputs" (video_url, media_io_kwargs); sampling as in NVIDIA's
Cosmos-Reason examples.
"""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from strands_robots.core.errors import ConfigurationError, StrandsRobotsError

MOST_BYTES = 64 * 1024 * 1024


class CriticError(StrandsRobotsError):
    """The model did not answer, or not with a message of its own."""


@dataclass(frozen=True)
class ChatConfig:
    """How the model is asked.

    Attributes:
        url: Up to and with /v1.
        model: Its id; empty takes the only one that the server has.
        api_key: Sent as a Bearer token; empty for none.
        think: Let it think first, in <think> tags, where it can.
        fps: Pictures a second that it looks at [Hz].
        seed: Of its sampling.
        timeout: For an answer [s].
        max_tokens: Longest answer.
    """

    url: str = "http://127.0.0.1:8000/v1"
    model: str = ""
    api_key: str = ""
    think: bool = False
    fps: float = 4.0
    seed: int = 0
    timeout: float = 300.0
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        found = urlsplit(self.url)
        if found.scheme not in ("http", "https") or not found.hostname:
            raise ConfigurationError(f"url is {ascii(self.url)[:256]}; valid: such as http://127.0.0.1:8000/v1")
        if not 0.0 < self.fps <= 60.0:
            raise ConfigurationError(f"fps is {self.fps}; valid: above 0, up to 60")

    def sampling(self) -> dict[str, Any]:
        """Return what is said about sampling."""
        chosen = (0.95, 0.6, 0.0) if self.think else (0.8, 0.7, 1.5)
        return {
            "top_p": chosen[0], "temperature": chosen[1], "presence_penalty": chosen[2], "seed": self.seed,
            "max_tokens": self.max_tokens, "top_k": 20, "repetition_penalty": 1.0,
            "media_io_kwargs": {"video": {"fps": self.fps}},
        }  # fmt: skip


class ChatEndpoint:
    """Asks one server.

    Args:
        config: How.
    """

    def __init__(self, config: ChatConfig) -> None:
        self.config = config
        self._model = config.model

    def model(self) -> str:
        """Return the model's id.

        Raises:
            CriticError: If the server does not say it, or has several.
        """
        if not self._model:
            data = self._ask("GET", "/models", None)
            names = [str(entry.get("id", "")) for entry in data.get("data", ()) if isinstance(entry, Mapping)]
            if len(names) != 1:
                raise CriticError(
                    f"{self.config.url} has the models {', '.join(names) or 'none'}; valid: one, or --model"
                )
            self._model = names[0]
        return self._model

    def ask(self, prompt: str, video: bytes) -> str:
        """Return the model's answer to a question about a video, without what it thought.

        Args:
            prompt: The question.
            video: An MP4 file.

        Raises:
            CriticError: If there is no complete answer.
        """
        if self.config.think:
            prompt += "\n\nAnswer in this form: <think>\nyour reasoning\n</think>\n\n<answer>\nyour answer\n</answer>"
        address = "data:video/mp4;base64," + base64.b64encode(video).decode("ascii")
        content = [{"type": "video_url", "video_url": {"url": address}}, {"type": "text", "text": prompt}]
        request = {"model": self.model(), "messages": [{"role": "user", "content": content}], **self.config.sampling()}
        data = self._ask("POST", "/chat/completions", request)
        choices = data.get("choices")
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
            raise CriticError(f"the answer of {self.config.url} has no choices: {ascii(json.dumps(data))[:300]}")
        reason = choices[0].get("finish_reason")
        if reason != "stop":
            raise CriticError(f"the model's answer ended with '{reason}'; valid: stop")
        text = (choices[0].get("message") or {}).get("content")
        if not isinstance(text, str) or not text.strip():
            raise CriticError("the model's answer is empty")
        return answer_of(text)

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None) -> Mapping[str, Any]:
        config, found = self.config, urlsplit(self.config.url)
        kind = http.client.HTTPSConnection if found.scheme == "https" else http.client.HTTPConnection
        connection = kind(found.hostname or "", found.port, timeout=config.timeout)
        headers = {"Content-Type": "application/json"}
        if config.api_key:
            headers["Authorization"] = f"Bearer {config.api_key}"
        try:
            content = None if body is None else json.dumps(body).encode()
            connection.request(method, found.path.rstrip("/") + path, content, headers)
            response = connection.getresponse()
            answer = response.read(MOST_BYTES)
        except TimeoutError as error:
            raise CriticError(f"{config.url} did not answer within {config.timeout:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            raise CriticError(f"{config.url} cannot be asked: {error}") from error
        finally:
            connection.close()
        if response.status != 200:
            raise CriticError(f"{config.url}{path} answers HTTP {response.status}: {ascii(answer[:300])[2:-1]}")
        try:
            data = json.loads(answer)
        except ValueError as error:
            raise CriticError(f"{config.url}{path} answers no JSON: {error}") from error
        if not isinstance(data, dict) or data.get("error"):
            raise CriticError(f"{config.url}{path} reports: {ascii(json.dumps(data))[:300]}")
        return data


def answer_of(text: str) -> str:
    """Return an answer without the thoughts before it, and without the fence of a code block."""
    if "</think>" in text:
        text = text.partition("</think>")[2]
    elif "<think>" in text:
        raise CriticError("the model's answer ends in its thoughts")
    if "<answer>" in text:
        text = text.partition("<answer>")[2].partition("</answer>")[0]
    text = text.strip()
    if text.startswith("```") and text.endswith("```"):
        text = text.strip("`").partition("\n")[2].strip()
    return text
