"""Errors of recording."""

from __future__ import annotations

from strands_robots.core.errors import StrandsRobotsError


class RecordingError(StrandsRobotsError):
    """An episode or dataset cannot be recorded."""


class DiskFullError(RecordingError):
    """There is no room for more; the completed episodes are intact."""


class DatasetError(StrandsRobotsError):
    """A dataset cannot be read or is not what it claims to be."""


class IncompleteDatasetError(DatasetError):
    """A dataset was never finished: its recording ended before the first episode was whole, and it holds none."""
