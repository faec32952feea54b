"""Whether a policy computes the same as before: one forward pass under deterministic algorithms, as two hashes. Needs torch."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

SEED = 0


@dataclass(frozen=True)
class Fingerprint:
    """What one forward pass did.

    Attributes:
        operators: SHA-256 over the names and the shapes of all operators in their order, hex.
        operator_count: How many they are.
        outputs: SHA-256 over the names, types, shapes and bytes of the outputs, hex.
        is_deterministic: Whether a second pass gave the same; without that the hashes say nothing.
        trouble: The operator that has no deterministic form, in torch's words; empty when all have one.
    """

    operators: str
    operator_count: int
    outputs: str
    is_deterministic: bool
    trouble: str = ""


def take_fingerprint(policy: Any, batch: Mapping[str, Any]) -> Fingerprint:
    """Return the fingerprint of `policy.forward(batch)`; torch's random numbers are as before afterwards.

    Args:
        policy: LeRobot's policy; its mode is restored.
        batch: What it takes, already processed.
    """
    import torch

    was_training = policy.training
    policy.eval()
    try:
        with _deterministic(torch) as trouble:
            first, second = (_forward(torch, policy, batch) for _ in range(2))
    finally:
        policy.train(was_training)
    return Fingerprint(*first, first == second and not trouble, "; ".join(sorted(trouble)))


@contextlib.contextmanager
def _deterministic(torch: Any) -> Iterator[set[str]]:
    """Have torch use deterministic algorithms; give the set of what it says of operators that have none."""
    import warnings

    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    trouble: set[str] = set()
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with warnings.catch_warnings(record=True) as caught, torch.random.fork_rng():
            warnings.simplefilter("always")
            yield trouble
            trouble |= {str(entry.message).split(".")[0] for entry in caught if "determinis" in str(entry.message)}
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


def _forward(torch: Any, policy: Any, batch: Mapping[str, Any]) -> tuple[str, int, str]:
    from torch.utils._python_dispatch import TorchDispatchMode

    operators, count = hashlib.sha256(), 0

    class Watch(TorchDispatchMode):  # type: ignore[misc]
        def __torch_dispatch__(self, function: Any, kinds: Any, given: Any = (), named: Any = None) -> Any:
            nonlocal count
            count += 1
            shapes = [tuple(entry.shape) for entry in given if isinstance(entry, torch.Tensor)]
            operators.update(f"{function} {shapes}\n".encode())
            return function(*given, **(named or {}))

    torch.manual_seed(SEED)
    with torch.no_grad(), Watch():
        outputs = policy.forward({key: _copy(torch, value) for key, value in batch.items()})
    return operators.hexdigest(), count, _hash(torch, outputs)


def _copy(torch: Any, value: Any) -> Any:
    return value.clone() if isinstance(value, torch.Tensor) else value


def _hash(torch: Any, outputs: Any) -> str:
    digest = hashlib.sha256()

    def add(name: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            plain = value.detach().cpu().contiguous()
            digest.update(f"{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
            digest.update(plain.view(-1).view(torch.uint8).numpy().tobytes())
        elif isinstance(value, Mapping):
            for key in sorted(value):
                add(f"{name}.{key}", value[key])
        elif isinstance(value, (list, tuple)):
            for i, entry in enumerate(value):
                add(f"{name}.{i}", entry)
        else:
            digest.update(f"{name} {value!r}\n".encode())

    add("", outputs)
    return digest.hexdigest()
