"""A blind trial: pairs of episodes in a hidden order, matched start pictures, a verdict for each, and an early end. No ROS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from strands_robots.core.errors import ConfigurationError
from strands_robots.evaluation.blind.overlay import Picture, difference, overlay
from strands_robots.evaluation.blind.sealed import SIDES, SealedOrder, open_sealed
from strands_robots.evaluation.blind.station import Go, Person, Station, StationEnd
from strands_robots.evaluation.compare.comparison import Comparison, compare
from strands_robots.evaluation.compare.live import PairFeed
from strands_robots.evaluation.compare.outcomes import Outcomes, outcome_of
from strands_robots.evaluation.episode_result import ERRORS, EpisodeResult, PolicyChoice
from strands_robots.evaluation.results_file import ResultsFile
from strands_robots.evaluation.run_record import policy_identity, run_record
from strands_robots.evaluation.video_file import save_video, video_suffix

FILM_RATE = 10.0  # [Hz]
UNCLEAR = "unclear"
"""Reason of an episode that could not be judged."""

FAILED = "policy_failed"
"""A policy that raised has not done the task; to run it again until it does not raise would flatter it."""


class Critique(Protocol):
    """Judges a video."""

    def __call__(self, video: Path) -> bool | None:
        """Return whether the task was done; None for no verdict."""


@dataclass(frozen=True)
class BlindTrial:
    """What is compared.

    Attributes:
        task: What the robot shall do, in words.
        first, second: The policies; the first is what the second is held against.
        pairs: Most pairs.
        folder: For everything that is kept; a trial that was left goes on there.
        judge: Who says whether the task was done: "person", "condition" or "critic".
        alpha: Share of false alarms that is accepted.
        seed: Of the policies in the first pair; the others count up.
        critique: Judges a video, for "critic".
    """

    task: str
    first: PolicyChoice
    second: PolicyChoice
    pairs: int
    folder: Path
    judge: str = "person"
    alpha: float = 0.05
    seed: int = 0
    critique: Critique | None = None

    def __post_init__(self) -> None:
        if self.judge not in ("person", "condition", "critic"):
            raise ConfigurationError(f"the verdict is by '{self.judge}'; valid: person, condition, critic")
        if self.judge == "critic" and self.critique is None:
            raise ConfigurationError("no critic is given; valid: an endpoint of a model that takes videos")
        if not 1 <= self.pairs <= 10_000:
            raise ConfigurationError(f"{self.pairs} pairs were asked for; valid: 1 to 10000")


def run_blind(trial: BlindTrial, station: Station, person: Person, tell: Callable[[str], None]) -> Comparison | None:
    """Run episodes until the evidence is enough or all pairs are done, then say which policy was which.

    Each episode is on the disk before the next one begins. Until then nothing tells which policy ran.

    Returns:
        What the pairs say; None when the person left, and the trial can go on later.

    Raises:
        StrandsRobotsError: If the folder is of another trial, or the station fails.
    """
    order = open_sealed(trial.folder)
    tell(f"the order of the policies is sealed: {order.seal}")
    with ResultsFile(trial.folder, _record(trial, order), is_resumed=True) as file:
        desk = _Episodes(trial, order, station, person, tell, file)
        for episode in range(2 * trial.pairs):
            if desk.feed.early.verdict:
                break
            if not desk.has(episode) and not desk.run(episode):
                tell(f"left after {episode} episodes; the same command goes on")
                return None
    return _reveal(trial, desk.feed)


class _Episodes:
    """Runs one episode after the other."""

    def __init__(
        self, trial: BlindTrial, order: SealedOrder, station: Station, person: Person, tell: Callable[[str], None],
        file: ResultsFile,
    ) -> None:  # fmt: skip
        self.feed = PairFeed(list(range(trial.pairs)), trial.alpha)
        self._trial, self._order, self._station, self._person = trial, order, station, person
        self._tell, self._file = tell, file
        self._done: set[int] = set()
        for result in file.done.values():
            self._take(result)

    def has(self, episode: int) -> bool:
        """Return whether an episode has a verdict."""
        return episode in self._done

    def run(self, episode: int) -> bool:
        """Run an episode until it has a verdict; return False when the person leaves."""
        trial = self._trial
        attempt = self._file.attempts.get((trial.task, episode), 0)
        while True:
            attempt += 1
            if not self._match(episode):
                return False
            side = self._order.side(episode)
            choice = trial.first if side == SIDES[0] else trial.second
            end = self._station.run(choice, trial.seed + episode // 2)
            result = replace(self._verdict(episode, end), attempt=attempt)
            self._file.append(result)
            if not result.is_error:
                self._take(result)
                return True
            self._tell(f"episode {episode + 1} could not be judged ({result.reason}); it is run again")

    def _match(self, episode: int) -> bool:
        """Have the person lay the things as in the pair's first episode; return False when they leave."""
        place = f"episode {episode + 1} of at most {2 * self._trial.pairs}"
        while True:
            words = f"{place}: {self._shown(episode)}"
            go = self._person.prepare(words)
            if go is Go.RUN:
                self._keep_start(episode)
                return True
            if go is Go.LEAVE:
                return False

    def _shown(self, episode: int) -> str:
        """Write the overlay of the pair's first start and now, and return what to say about it."""
        before = self._start_file(episode - 1)
        if episode % 2 == 0:
            return "lay the things for a new pair"
        now = self._station.look()
        if now is None or not before.is_file():
            return "lay the things as they lay at the start of the last episode"
        with Image.open(before) as picture:
            earlier: Picture = np.asarray(picture.convert("RGB"), dtype=np.uint8)
        path = self._trial.folder / "overlay.png"
        Image.fromarray(overlay(earlier, now)).save(path)
        return f"lay the things as before; {path} shows both, mean difference {difference(earlier, now):.1f} of 255"

    def _keep_start(self, episode: int) -> None:
        picture = self._station.look()
        if picture is not None:
            path = self._start_file(episode)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(path)

    def _start_file(self, episode: int) -> Path:
        return self._trial.folder / "starts" / f"episode_{episode:05d}.png"

    def _verdict(self, episode: int, end: StationEnd) -> EpisodeResult:
        """Return what became of an episode; latencies are left out, as they would tell the policies apart."""
        trial = self._trial
        result = EpisodeResult(
            trial.seed + episode // 2, False, round(end.elapsed, 3), end.reason, end.message, task=trial.task,
            index=episode, is_error=end.reason in ERRORS and end.reason != FAILED,
        )  # fmt: skip
        if end.frames:
            path = trial.folder / "videos" / f"episode_{episode:05d}{video_suffix()}"
            result = replace(result, video=save_video(path, end.frames, FILM_RATE))
        if result.is_error or end.reason == FAILED:
            return result
        done = self._judged(episode, end, result.video)
        if done is None:
            return replace(result, reason=UNCLEAR, is_error=True)
        return replace(result, success=done)

    def _judged(self, episode: int, end: StationEnd, video: str) -> bool | None:
        if self._trial.judge == "condition":
            return end.is_met if end.is_checked else None
        if self._trial.judge == "critic":
            assert self._trial.critique is not None
            return self._trial.critique(Path(video)) if video else None
        return self._person.judge(f"episode {episode + 1}: was the task done ({self._trial.task})?")

    def _take(self, result: EpisodeResult) -> None:
        self._done.add(result.index)
        self.feed.take(self._order.side(result.index), replace(result, index=result.index // 2))


def _record(trial: BlindTrial, order: SealedOrder) -> dict[str, Any]:
    policies = {side: policy_identity(choice) for side, choice in zip(SIDES, (trial.first, trial.second))}
    about = {"seal": order.seal, "first_seed": trial.seed, "alpha": trial.alpha, "judge": trial.judge, "gate": True}
    return run_record({trial.task: {"policies": policies, **about}}, {"pairs": trial.pairs})


def _reveal(trial: BlindTrial, feed: PairFeed) -> Comparison:
    names = (f"a ({trial.first.policy})", f"b ({trial.second.policy})")
    first, second = (
        Outcomes(name, {(trial.task, pair): outcome_of(feed.results[side, pair]) for pair in feed.taken})
        for side, name in zip(SIDES, names)
    )
    return compare(first, second, trial.alpha, is_sequential=True)
