"""What a policy needs and gives, in words. No I/O."""

from __future__ import annotations

from strands_robots.core.types import Element, PictureNeed, PolicyGives, PolicyNeeds


def describe_policy(needs: PolicyNeeds, gives: PolicyGives) -> str:
    """Return one line for each thing that a policy needs and gives."""
    lines = [
        f"needs state: {_elements(needs.state)}",
        *([f"needs environment: {_elements(needs.environment)}"] if needs.environment else []),
        *([f"needs bodies of the world: {', '.join(needs.bodies)}"] if needs.bodies else []),
        f"needs cameras: {', '.join(f'{key} {_size(need)}' for key, need in needs.cameras.items()) or 'none'}",
        f"needs task in words: {'yes' if needs.language else 'no'}",
        f"needs history: {needs.history} observation{'s' if needs.history != 1 else ''}"
        + (", fewer at the start of an episode" if needs.takes_short else ""),
        f"gives action: {_elements(gives.action)}",
        f"gives space: {gives.space.value}",
        f"gives gripper: {gives.gripper or 'a joint like the others'}",
        f"gives rows: {gives.horizon or 'as many as it likes'} a chunk, "
        + (f"{gives.rate:g} a second" if gives.rate else "rate not said"),
        f"real-time chunking: {'yes' if gives.rtc else 'no'}",
        f"device: {gives.device}",
        *(f"note: {note}" for note in gives.notes),
    ]
    return "\n".join(lines)


def _elements(elements: tuple[Element, ...]) -> str:
    if not elements:
        return "the robot's joints [SI]"
    return ", ".join(f"{element.name} [{element.unit}]" if element.unit else element.name for element in elements)


def _size(need: PictureNeed) -> str:
    size = f"{need.height}x{need.width}" if need.height else "any size"
    size += f", frames {', '.join(map(str, need.frames))}" if need.frames else ""
    return f"({size}{', optional' if need.is_optional else ''})"
