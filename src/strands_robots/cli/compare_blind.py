"""`strands-robots compare --blind`: the person at the arm, and what they type."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from strands_robots.cli.cli_options import complain, connect
from strands_robots.core.errors import ConfigurationError

if TYPE_CHECKING:
    from strands_robots.evaluation.blind.station import Go
    from strands_robots.evaluation.blind.trial import BlindTrial, Critique
    from strands_robots.evaluation.compare.comparison import Comparison


@dataclass(frozen=True)
class BlindWords:
    """What was typed, see `compare`."""

    task: str
    robot: str
    duration: float
    camera: str
    judge: str
    success_when: str
    stop_when: str
    pairs: int
    seed: int
    alpha: float
    output: Path | None
    namespace: str


def blind_trial(a: str, b: str, words: BlindWords) -> Comparison | None:
    """Run a blind trial on the graph and return what it says; None when the person left.

    Raises:
        StrandsRobotsError: If something that is needed is missing; the message says what.
    """
    from strands_robots.evaluation.blind.trial import run_blind

    trial = _trial(a, b, words)
    with connect(words.namespace) as client:
        from strands_robots.clients.blind_station import GraphStation, StationFields

        station = GraphStation(
            client,
            StationFields(words.robot, words.task, words.duration, words.camera, words.success_when, words.stop_when),
        )
        return run_blind(trial, station, TypingPerson(), complain)


def _trial(a: str, b: str, words: BlindWords) -> BlindTrial:
    from strands_robots.evaluation.blind.trial import BlindTrial
    from strands_robots.evaluation.compare.live import read_choice

    if not words.task.strip() or not words.robot or words.output is None or not words.duration > 0.0:
        raise ConfigurationError("a blind trial needs --task in words, --robot, --output and a --duration above 0")
    if (words.judge == "condition") != bool(words.success_when.strip()):
        raise ConfigurationError("--judge condition and --success-when CONDITION go together")
    if words.judge == "critic" and not words.camera:
        raise ConfigurationError("a critic looks at a video; valid: --camera <robot>/<camera>")
    return BlindTrial(
        words.task, read_choice(a), read_choice(b), words.pairs, words.output.expanduser(), words.judge, words.alpha,
        words.seed, _critic(words.task) if words.judge == "critic" else None,
    )  # fmt: skip


def _critic(task: str) -> Critique:
    """Return what asks the critic that the environment names, with the rubric `manipulation`."""
    from strands_robots.evaluation.critic.chat import ChatConfig, ChatEndpoint
    from strands_robots.evaluation.critic.critique import Critic
    from strands_robots.evaluation.critic.rubric import load_rubric
    from strands_robots.evaluation.critic.verdict import Outcome

    url = os.environ.get("STRANDS_ROBOTS_CRITIC_URL", "http://127.0.0.1:8000/v1")
    config = ChatConfig(url, api_key=os.environ.get("STRANDS_ROBOTS_CRITIC_KEY", ""))
    critic = Critic(ChatEndpoint(config), load_rubric("manipulation"))

    def judge(video: Path) -> bool | None:
        verdict = critic.judge(video.read_bytes(), task)
        if verdict.outcome is Outcome.NO_VERDICT:
            complain(f"no verdict: {verdict.message}")
            return None
        return verdict.outcome is Outcome.PASS

    return judge


class TypingPerson:
    """A person at a keyboard; the end of the input leaves the trial."""

    def prepare(self, words: str) -> Go:
        """Ask whether to run."""
        from strands_robots.evaluation.blind.station import Go

        answers = {"": Go.RUN, "l": Go.LOOK, "q": Go.LEAVE}
        return answers[_ask(f"{words}\n  Enter runs it, l looks again, q leaves: ", answers, "q")]

    def judge(self, words: str) -> bool | None:
        """Ask whether the task was done."""
        answers = {"y": True, "n": False, "u": None}
        return answers[_ask(f"{words}\n  y, n, or u when it cannot be said: ", answers, "u")]


def _ask(words: str, answers: dict[str, object] | dict[str, Go] | dict[str, bool | None], at_end: str) -> str:
    while True:
        try:
            given = input(words).strip().lower()
        except EOFError:
            return at_end
        if given in answers:
            return given
        complain(f"'{given[:20]}' is no answer; valid: {', '.join(word or 'Enter' for word in answers)}")
