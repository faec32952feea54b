"""How the videos of a dataset are encoded, and the options of LeRobot's writer that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from strands_robots.core.errors import ConfigurationError

_PRESETS = {"h264": "superfast", "hevc": "superfast", "libsvtav1": "12"}


@dataclass(frozen=True)
class EncoderConfig:
    """Video settings.

    Attributes:
        codec: "h264", "libsvtav1" or another of LeRobot.
        crf: Quality, lower is better; 0 for LeRobot's default.
        preset: Speed; empty for one that keeps up with cameras.
        threads: Threads of each encoder; 0 leaves it to the codec.
        queue: Pictures of a camera that may wait for its encoder.
    """

    codec: str = "h264"
    crf: int = 0
    preset: str = ""
    threads: int = 0
    queue: int = 30


def writer_options(given: EncoderConfig, has_cameras: bool) -> dict[str, Any]:
    """Return the options of LeRobot's writer.

    Args:
        given: Video settings.
        has_cameras: Whether there is anything to encode.

    Raises:
        ConfigurationError: If LeRobot refuses the settings.
    """
    from lerobot.configs.video import RGBEncoderConfig

    options: dict[str, Any] = {"vcodec": given.codec}
    preset = given.preset or _PRESETS.get(given.codec, "")
    if preset:
        options["preset"] = int(preset) if preset.isdigit() else preset
    if given.crf:
        options["crf"] = given.crf
    try:
        rgb = RGBEncoderConfig(**options)
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"video settings cannot be used: {error}") from error
    return {
        "streaming_encoding": has_cameras,
        "video_backend": "pyav",
        "encoder_queue_maxsize": given.queue,
        "encoder_threads": given.threads or None,
        "rgb_encoder": rgb,
    }
