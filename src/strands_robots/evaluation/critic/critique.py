"""Asks a model about an episode's video and checks what it answers: a verdict only when the answer has the rubric's own form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import jsonschema

from strands_robots.core.text import printable
from strands_robots.evaluation.critic.chat import ChatConfig, CriticError
from strands_robots.evaluation.critic.rubric import Rubric
from strands_robots.evaluation.critic.targets import Target
from strands_robots.evaluation.critic.verdict import Outcome, Verdict


class Endpoint(Protocol):
    """What is asked."""

    config: ChatConfig

    def model(self) -> str:
        """Return the model's id; raises CriticError."""

    def ask(self, prompt: str, video: bytes) -> str:
        """Return an answer; raises CriticError."""


@dataclass(frozen=True)
class Critic:
    """A model with a rubric.

    Attributes:
        endpoint: The model.
        rubric: How it grades.
    """

    endpoint: Endpoint
    rubric: Rubric

    def critique(self, target: Target) -> Verdict:
        """Return the verdict about one episode, and keep it beside the episode.

        Raises:
            ConfigurationError: If the episode has no readable video: then nothing was asked.
        """
        video = target.video()
        verdict = replace(self.judge(video, target.task), episode=target.name)
        verdict.save(target.verdict_path)
        return verdict

    def judge(self, video: bytes, task: str) -> Verdict:
        """Return the verdict about a video.

        Args:
            video: An MP4 file.
            task: What the robot should do, in words.
        """
        config = self.endpoint.config
        prompt = self.rubric.prompt(task)
        asked = Verdict(
            Outcome.NO_VERDICT, "", video_sha256=hashlib.sha256(video).hexdigest(), url=config.url, prompt=prompt,
            settings={**config.sampling(), "think": config.think}, rubric=self.rubric.model_dump(mode="json"),
        )  # fmt: skip
        try:
            asked = replace(asked, model=self.endpoint.model())
            answer = read_answer(self.endpoint.ask(prompt, video), self.rubric)
        except CriticError as error:
            return replace(asked, message=str(error))
        outcome = Outcome.PASS if self.rubric.passes(answer["criteria"]) else Outcome.FAIL
        return replace(
            asked, outcome=outcome, message=answer["summary"], criteria=answer["criteria"],
            suggestion=answer.get("suggestion", {}),
        )  # fmt: skip


def read_answer(text: str, rubric: Rubric) -> dict[str, Any]:
    """Return a model's answer as the rubric wants it.

    Raises:
        CriticError: If it is anything else.
    """
    try:
        answer = json.loads(text)
    except ValueError as error:
        raise CriticError(f"the model's answer is no JSON: {printable(text)[:200]}") from error
    problems = sorted(
        jsonschema.Draft202012Validator(rubric.answer_schema()).iter_errors(answer), key=lambda e: list(e.path)
    )
    if problems:
        place = ".".join(map(str, problems[0].path)) or "the answer"
        raise CriticError(f"the model's answer has another form: {place}: {problems[0].message[:300]}")
    return dict(answer)


def verdicts_of(folder: Path) -> dict[int, Verdict]:
    """Return the verdicts about a dataset's episodes, by episode."""
    from strands_robots.evaluation.critic.targets import CRITIQUES
    from strands_robots.evaluation.critic.verdict import load_verdict

    found = {}
    for path in sorted((folder / CRITIQUES).glob("episode-*.json")):
        found[int(path.stem.removeprefix("episode-"))] = load_verdict(path)
    return found
