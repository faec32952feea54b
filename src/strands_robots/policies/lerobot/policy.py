"""Policy "lerobot": any policy of LeRobot in this process, with its own pre- and post-processors. Needs lerobot and torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from strands_robots.core.arrays import FloatArray
from strands_robots.core.errors import AdapterError, PolicyError, StrandsRobotsError
from strands_robots.core.types import Element, PictureNeed, Policy, PolicyGives, PolicyNeeds
from strands_robots.policies.adapt.adapted import check_rows
from strands_robots.policies.adapt.adapter import Adapter, BodyAdapter, ElementAdapter, load_adapter
from strands_robots.policies.adapt.assemble import adapt
from strands_robots.policies.adapt.model import ModelInput, made_up_input
from strands_robots.policies.lerobot.lerobot_options import LerobotOptions
from strands_robots.policies.lerobot.loading import ACTION, ENVIRONMENT, STATE, LoadedPolicy, load
from strands_robots.policies.lerobot.opening import one_line
from strands_robots.policies.lerobot.temporal import check_order, check_rate, history, horizon
from strands_robots.policies.provider import PolicyContext, read_settings

_QUEUED = frozenset({"multi_task_dit", "tdmpc", "vqbet"})
"""Kinds whose chunk is predicted from what their queues hold, not from the batch."""

_TIME_FIRST = frozenset({"tdmpc"})
"""Kinds whose chunk is (time, batch, action)."""


_SINGLE = frozenset({"gaussian_actor"})
"""Kinds that answer one action, drawn from a distribution: its middle is played, and held for a row more if the next one is late."""


class LerobotModel:
    """One policy of LeRobot.

    Args:
        loaded: The policy and its processors.
        state, action: Names of the elements.
        rate: Rows a second [Hz]; 0 when not known.
        rtc: Continue the running chunk.
        environment: Names of the elements of the environment state.

    Attributes:
        statistics: Of the training data, as the checkpoint normalises with them; None for untrained policies.
    """

    def __init__(
        self,
        loaded: LoadedPolicy,
        state: tuple[str, ...],
        action: tuple[str, ...],
        rate: float = 0.0,
        rtc: bool = False,
        environment: tuple[str, ...] = (),
    ) -> None:
        config = loaded.config
        self._loaded = loaded
        self.statistics = loaded.statistics
        self._history = history(config)
        if config.type == "tdmpc" and list(config.image_features or {}) not in ([], ["observation.image"]):
            raise PolicyError(
                f"LeRobot's TD-MPC predicts chunks from a picture named 'observation.image' only; this one has "
                f"{', '.join(config.image_features)}; valid: that name, or an environment state"
            )
        self._is_queued = config.type in _QUEUED
        self._is_time_first = config.type in _TIME_FIRST
        self._is_single = config.type in _SINGLE
        self._last: Any = None
        pictures = {
            key: PictureNeed(int(feature.shape[1]), int(feature.shape[2]))
            for key, feature in (config.image_features or {}).items()
        }
        self.needs = PolicyNeeds(
            tuple(Element(name) for name in state), pictures, _takes_language(config), self._history,
            tuple(Element(name) for name in environment),
        )  # fmt: skip
        self.gives = PolicyGives(
            tuple(Element(name) for name in action), horizon=2 if self._is_single else horizon(config), rate=rate,
            rtc=rtc, device=loaded.device, notes=loaded.notes,
        )  # fmt: skip

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(int(weight.numel()) for weight in self._loaded.policy.parameters())

    def reset(self, seed: int) -> None:
        """Start an episode; the seed is that of the noise of diffusion and flow."""
        import torch

        torch.manual_seed(seed)
        self._loaded.policy.reset()
        self._last = None

    def infer(self, given: ModelInput) -> FloatArray:
        """Return rows (H, A) in the units of the training data."""
        import torch

        loaded = self._loaded
        with torch.no_grad():
            batch = self._fill_queues(given) if self._is_queued else self._prepared(self._batch(given))
            if not self._is_queued and hasattr(loaded.policy, "_queues"):
                loaded.policy.reset()  # every inference brings its whole history
            if self._is_single:
                chunk = torch.tanh(loaded.policy.forward(batch)["action_mean"])[None].repeat(1, 2, 1)
            else:
                chunk = loaded.policy.predict_action_chunk(batch, **self._continuation(given))
            chunk = chunk if chunk.ndim == 3 else chunk[None]
            rows = chunk[:, 0] if self._is_time_first else chunk[0]
            self._last = rows.detach().clone() if self.gives.rtc else None
            processed = loaded.postprocess(rows)
        result: FloatArray = processed.detach().to("cpu", torch.float64).numpy()
        return result

    def close(self) -> None:
        """Let go of the network."""
        self._last = None

    def _continuation(self, given: ModelInput) -> dict[str, Any]:
        """Return what is left of the running chunk, in the policy's own normalized numbers, for real-time chunking."""
        playback = given.playback
        if playback is None or not self.gives.rtc:
            return {}
        left = None
        if self._last is not None and 0 <= playback.elapsed < len(self._last):
            left = self._last[playback.elapsed :]
        return {"inference_delay": playback.delay, "prev_chunk_left_over": left}

    def _batch(self, given: ModelInput, frame: int | None = None) -> dict[str, Any]:
        import torch

        frames = slice(None) if frame is None else slice(frame, frame + 1)
        squeeze = self._history == 1 or frame is not None
        batch: dict[str, Any] = {}
        if self.needs.state:
            state = torch.from_numpy(given.state[frames].astype(np.float32))
            batch[STATE] = state[-1:] if squeeze else state[None]
        if self.needs.environment:
            places = torch.from_numpy(given.environment[frames].astype(np.float32))
            batch[ENVIRONMENT] = places[-1:] if squeeze else places[None]
        for key, pictures in given.pictures.items():
            chw = (
                torch.from_numpy(np.ascontiguousarray(pictures[frames].transpose(0, 3, 1, 2))).to(torch.float32) / 255.0
            )
            batch[key] = chw[-1:] if squeeze else chw[None]
        if self.needs.language:
            batch["task"] = [given.task]
        return batch

    def _prepared(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Return a batch as the policy takes it; the pipeline adds an action that is not there."""
        prepared = self._loaded.preprocess(batch)
        return {key: value for key, value in prepared.items() if key != ACTION and value is not None}

    def _fill_queues(self, given: ModelInput) -> dict[str, Any]:
        """Give a policy that only reads its queues the whole history; return the last batch."""
        import torch
        from lerobot.policies.utils import populate_queues

        policy = self._loaded.policy
        policy.reset()
        batch: dict[str, Any] = {}
        for frame in range(self._history):
            batch = self._prepared(self._batch(given, frame))
            keys = policy.config.image_features
            if keys:
                batch["observation.images"] = torch.stack([batch[key] for key in keys], dim=-4)
            policy._queues = populate_queues(policy._queues, batch, exclude_keys=[ACTION])
        return batch


def _takes_language(config: Any) -> bool:
    return (
        hasattr(config, "tokenizer_max_length")
        or hasattr(config, "vlm_model_name")
        or config.type in ("pi0", "pi05", "groot")
    )


def _names(
    kind: str, given: tuple[str, ...], elements: tuple[Element | ElementAdapter | BodyAdapter, ...], size: int
) -> tuple[str, ...]:
    """Return the names of a vector's elements: LeRobot's files have only their number."""
    names = given or tuple(element.name for element in elements)
    if len(names) != size:
        raise AdapterError(
            f"{kind}: the policy has {size} numbers, {'the settings' if given else 'the adapter'} {list(names)}"
        )
    return names


def make_model(options: LerobotOptions, adapter: Adapter | None) -> LerobotModel:
    """Return a policy of LeRobot; raises ConfigurationError, AdapterError or PolicyError."""
    loaded = load(options)
    features = {**loaded.config.input_features, **loaded.config.output_features}
    pictures = loaded.config.image_features or {}
    others = [key for key in loaded.config.input_features if key not in (STATE, ENVIRONMENT) and key not in pictures]
    if others:
        raise AdapterError(
            f"the policy needs {', '.join(others)}; valid inputs: {STATE}, {ENVIRONMENT} and pictures, so train without the others"
        )
    sizes = {key: int(features[key].shape[0]) if key in features else 0 for key in (STATE, ACTION, ENVIRONMENT)}
    if adapter is None:
        state = options.state or tuple(f"state[{i}]" for i in range(sizes[STATE]))
        action = options.action or tuple(f"action[{i}]" for i in range(sizes[ACTION]))
        environment = options.environment or tuple(f"environment[{i}]" for i in range(sizes[ENVIRONMENT]))
    else:
        state = _names("state", options.state, adapter.state_elements, sizes[STATE])
        action = _names("action", options.action, adapter.action, sizes[ACTION])
        environment = _names("environment", options.environment, adapter.environment, sizes[ENVIRONMENT])
    trained = loaded.trained_on
    if trained is not None:
        check_order("state", state, trained.names.get(STATE))
        check_order("action", action, trained.names.get(ACTION))
        rate = options.rate or (adapter.rate if adapter is not None else 0.0)
        loaded = replace(loaded, notes=(*loaded.notes, *check_rate(rate, trained)))
    return LerobotModel(loaded, state, action, options.rate, options.rtc, environment)


def warm_up(policy: Policy, path: str = "") -> None:
    """Ask once on made-up numbers, so that the first inference of a goal is as fast as the others: torch prepares itself then.

    Raises:
        ConfigurationError: If the policy cannot answer; `path` is its folder, for the message.
    """
    model = getattr(policy, "model", None)
    if isinstance(model, LerobotModel):
        with one_line(path or "the policy", "cannot answer", "weights, processors and config.json of one training"):
            check_rows(model.infer(made_up_input(model.needs)), model)


def create(settings: Mapping[str, Any], context: PolicyContext) -> Policy:
    """Provider of "lerobot"; raises ConfigurationError, AdapterError or PolicyError."""
    options = read_settings(LerobotOptions, "lerobot", settings)
    adapter = load_adapter(context.adapter) if context.adapter.strip() else None
    if adapter is not None and not options.rate and not adapter.rate:
        adapter = adapter.model_copy(update={"rate": context.rate})
    policy = adapt(make_model(options, adapter), context)
    try:
        warm_up(policy, options.path)
    except StrandsRobotsError:
        policy.close()
        raise
    return policy
