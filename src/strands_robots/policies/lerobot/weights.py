"""Whether a policy holds exactly the weights of its checkpoint. LeRobot's own loading is lax, or catches its errors, for many kinds.

The policy's tensors are compared with the files' numbers, after loading, whatever way the kind loads and renames them. So a tensor that is
missing, left over, of another shape, or that was never copied is found for every kind, for plug-ins too. Needs torch and safetensors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from strands_robots.policies.lerobot.checkpoint import broken

RELATIVE, ABSOLUTE = 1e-2, 1e-5
"""Numbers that were rounded to bfloat16 on the way are the same."""

SHOWN = 6
"""Names that a message lists."""


def check_weights(policy: Any, folder: Path, files: Iterable[Path]) -> None:
    """Return if every tensor of the policy has the numbers of the files, and every tensor of the files is in the policy.

    Args:
        policy: The torch module, loaded.
        folder: Folder of the checkpoint, for the message.
        files: Its safetensors files.

    Raises:
        ConfigurationError: If not; the message names the tensors.
    """
    check_tensors(policy.state_dict(), folder, files)


def check_tensors(held: Mapping[str, Any], folder: Path, files: Iterable[Path]) -> None:
    """Return if the tensors `held` are those of the files; see `check_weights`."""
    from safetensors import safe_open

    matched: set[str] = set()
    others: dict[str, Any] = {}
    differ, not_finite = [], []
    for path in files:
        with safe_open(path, framework="pt", device="cpu") as file:
            for name in file.keys():  # noqa: SIM118, no mapping
                tensor = file.get_tensor(name)
                if tensor.is_floating_point() and not tensor.isfinite().all():
                    not_finite.append(name)
                own = _own_name(name, held)
                if own is None:
                    others[name] = tensor
                    continue
                matched.add(own)
                if tensor.shape != held[own].shape:
                    differ.append(f"{name} {list(tensor.shape)} instead of {list(held[own].shape)}")
                elif not _is_same(held[own], tensor):
                    differ.append(f"{name} (not loaded)")
    missing = _without_ties(held, matched)
    missing, left = _without_renamed(held, missing, others, matched)
    problems = [
        *_problem("not finite in the file", not_finite), *_problem("missing in the file", missing),
        *_problem("in the file and not in the policy", left), *_problem("different in policy and file", differ),
    ]  # fmt: skip
    if problems:
        raise broken(
            folder, f"the weights do not fit: {'; '.join(problems)}",
            "weights and config.json of one training, and the lerobot that wrote them",
        )  # fmt: skip


def _own_name(name: str, held: Mapping[str, Any]) -> str | None:
    """Return what the policy calls a tensor of the file: some kinds add or leave out the first part."""
    for candidate in (name, f"model.{name}", name.removeprefix("model.")):
        if candidate in held:
            return candidate
    return None


def _is_same(own: Any, given: Any) -> bool:
    import torch

    mine = own.detach().to("cpu")
    if not mine.is_floating_point():
        return bool(torch.equal(mine, given.to(mine.dtype)))
    return bool(torch.allclose(mine.float(), given.float(), rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True))


def _without_ties(held: Mapping[str, Any], matched: set[str]) -> list[str]:
    """Return the tensors without numbers from the file; one that shares its memory with one that has them is not among them."""
    places = {_place(held[name]) for name in matched}
    return [name for name in held if name not in matched and _place(held[name]) not in places]


def _place(tensor: Any) -> tuple[int, tuple[int, ...]]:
    return tensor.data_ptr() if tensor.numel() else -id(tensor), tuple(tensor.shape)


def _without_renamed(
    held: Mapping[str, Any], missing: list[str], others: Mapping[str, Any], matched: set[str]
) -> tuple[list[str], list[str]]:
    """Return what is missing and left over once tensors that were renamed, or are stored twice, are paired by their numbers."""
    left = dict(others)
    still = []
    for name in missing:
        last = name.rpartition(".")[2]
        twin = next(
            (key for key, tensor in left.items() if key.rpartition(".")[2] == last and _is_twin(held[name], tensor)),
            None,
        )
        if twin is not None:
            del left[twin]
        elif not any(_is_twin(held[name], held[key]) for key in matched):
            still.append(name)
    over = [name for name, tensor in left.items() if not any(_is_twin(held[key], tensor) for key in matched)]
    return still, over


def _is_twin(own: Any, given: Any) -> bool:
    """Return whether two tensors hold the same numbers, and numbers that no two tensors share by chance."""
    if own.shape != given.shape or own.numel() < 2 or own.is_floating_point() != given.is_floating_point():
        return False
    first = own.detach().reshape(-1)
    return bool((first != first[0]).any()) and _is_same(own, given.to("cpu"))


def _problem(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return [f"{what}: {', '.join(names[:SHOWN])}{more}"]
