"""How the videos of a dataset are encoded, and the options of LeRobot's writer that say so."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from strands_robots.core.errors import ConfigurationError, UnknownNameError

_MEANING = ("depth_min", "depth_max", "shift", "use_log")
"""Settings of a depth encoder that say which distance a number of its video is."""

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
        rgb: Further settings of LeRobot's RGBEncoderConfig by name, for example g, pix_fmt, fast_decode, extra_options.
        depth: Settings of its DepthEncoderConfig by name, for example depth_min and depth_max [m], use_log, vcodec.
    """

    codec: str = "h264"
    crf: int = 0
    preset: str = ""
    threads: int = 0
    queue: int = 30
    rgb: Mapping[str, Any] = field(default_factory=dict)
    depth: Mapping[str, Any] = field(default_factory=dict)


def encoder_settings(text: str) -> dict[str, dict[str, Any]]:
    """Return further settings of the encoders that were given as text.

    Args:
        text: YAML or JSON with "rgb", "depth" or both, each a mapping; empty for none.

    Raises:
        ConfigurationError: If it is something else.
        UnknownNameError: If a part has another name.
    """
    try:
        given = yaml.safe_load(text) if text.strip() else {}
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the encoder's settings are not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(given, dict) or not all(isinstance(part, dict) for part in given.values()):
        raise ConfigurationError(
            f"the encoder's settings are {ascii(given)[:80]}; valid: {{rgb: {{g: 2}}, depth: {{depth_max: 2.0}}}}"
        )
    for name in given:
        if name not in ("rgb", "depth"):
            raise UnknownNameError("kind of encoder", str(name), ("rgb", "depth"))
    return given


def depth_ends(given: EncoderConfig) -> tuple[float, float]:
    """Return the nearest and the farthest distance that the depth encoder can say [m]; raises as `writer_options`."""
    config = _depth_config(given)
    return float(config.depth_min), float(config.depth_max)


def as_recorded(given: EncoderConfig, infos: Mapping[str, Mapping[str, Any]]) -> EncoderConfig:
    """Return the settings with which a dataset goes on: what its depth means is written once, for every episode.

    Args:
        given: What was asked for.
        infos: What info.json says of the video of each depth camera.

    Raises:
        ConfigurationError: If a setting was asked for by which the depth of the further episodes would be read wrongly.
    """
    from lerobot.configs.video import encoder_config_from_video_info

    for key, info in infos.items():
        stored = encoder_config_from_video_info(dict(info))
        kept = {name: getattr(stored, name) for name in _MEANING}
        for name in sorted(given.depth.keys() & kept.keys()):
            if given.depth[name] != kept[name]:
                raise ConfigurationError(
                    f"{key} was recorded with {name} {kept[name]}, and {given.depth[name]} is asked for; valid: {kept[name]}, "
                    "or a new dataset"
                )
        given = dataclasses.replace(given, depth={**given.depth, **kept})
    return given


def writer_options(given: EncoderConfig, has_cameras: bool) -> dict[str, Any]:
    """Return the options of LeRobot's writer.

    Args:
        given: Video settings.
        has_cameras: Whether there is anything to encode.

    Raises:
        ConfigurationError: If LeRobot refuses the settings.
    """
    from lerobot.configs.video import RGBEncoderConfig

    _check_names("rgb", given.rgb, RGBEncoderConfig)
    options: dict[str, Any] = {"vcodec": given.codec}
    preset = given.preset or _PRESETS.get(given.codec, "")
    if preset:
        options["preset"] = int(preset) if preset.isdigit() else preset
    if given.crf:
        options["crf"] = given.crf
    try:
        rgb = RGBEncoderConfig(**{**options, **given.rgb})
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"video settings cannot be used: {error}") from error
    return {
        "streaming_encoding": has_cameras,
        "video_backend": "pyav",
        "encoder_queue_maxsize": given.queue,
        "encoder_threads": given.threads or None,
        "rgb_encoder": rgb,
        "depth_encoder": _depth_config(given),
    }


def _depth_config(given: EncoderConfig) -> Any:
    from lerobot.configs.video import DepthEncoderConfig

    _check_names("depth", given.depth, DepthEncoderConfig)
    try:
        config = DepthEncoderConfig(**given.depth)
        is_range = 0.0 <= config.depth_min < config.depth_max
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"settings of the depth encoder cannot be used: {error}") from error
    if not is_range or (config.use_log and config.depth_min + config.shift <= 0.0):
        raise ConfigurationError(
            f"the depth encoder has depth_min {config.depth_min} m, depth_max {config.depth_max} m, shift {config.shift} m; valid: "
            "depth_min at least 0 and below depth_max, and above -shift where use_log is true"
        )
    return config


def _check_names(kind: str, given: Mapping[str, Any], config: Any) -> None:
    valid = [entry.name for entry in dataclasses.fields(config)]
    for name in given:
        if name not in valid:
            raise UnknownNameError(f"setting of LeRobot's {kind} encoder", str(name), valid)
