"""What a video file of a dataset really is: its frames, their times, size and codec. Decodes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import library

TIME_TOLERANCE = 1e-4
"""How far the time of a frame may be from a multiple of 1 / fps [s]; LeRobot's own tolerance."""


@dataclass(frozen=True)
class VideoFile:
    """One video.

    Attributes:
        frames: Its frames.
        rate: Frames a second that it names [Hz]; 0 where it names none.
        width, height: Size [px].
        codec: Name of the codec, as FFmpeg calls the format: "h264", "av1", ...
        times: When each frame is shown [s], sorted.
    """

    frames: int
    rate: float
    width: int
    height: int
    codec: str
    times: tuple[float, ...]

    def worst_time(self, fps: float) -> float:
        """Return how far the worst frame is from its place at k / fps [s]."""
        first = self.times[0] if self.times else 0.0
        return max((abs(time - first - k / fps) for k, time in enumerate(self.times)), default=0.0)


def read_video_file(path: Path) -> VideoFile:
    """Return what a video is, by its packets.

    Raises:
        DatasetError: If it is missing, or no video.
    """
    av = library("av")
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            base = float(stream.time_base or 0)
            times = sorted(
                float(packet.pts) * base for packet in container.demux(stream) if packet.size and packet.pts is not None
            )
            context = stream.codec_context
            return VideoFile(
                len(times), float(stream.average_rate or 0), context.width, context.height,
                context.codec.canonical_name, tuple(times),
            )  # fmt: skip
    except (av.error.FFmpegError, OSError, IndexError) as error:
        raise DatasetError(f"{path} is no readable video: {error}") from error
