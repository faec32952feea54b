"""Some numbers of a MuJoCo array, read and written without allocating."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strands_robots.core.arrays import FloatArray


class Slots:
    """Places in one array, in an order of their own; a view where they lie side by side, which is several times faster."""

    def __init__(self, array: FloatArray, numbers: Sequence[int]) -> None:
        self._array = array
        self._numbers = np.asarray(numbers, dtype=np.intp)
        first = int(self._numbers[0])
        is_run = np.array_equal(self._numbers, np.arange(first, first + len(numbers)))
        self._view = array[first : first + len(numbers)] if is_run else None

    def read(self, out: FloatArray) -> None:
        """Copy the values into `out`, of the same length."""
        if self._view is not None:
            out[:] = self._view
        else:
            np.take(self._array, self._numbers, out=out, mode="clip")  # any other mode buffers

    def write(self, values: FloatArray) -> None:
        """Set the values."""
        if self._view is not None:
            self._view[:] = values
        else:
            self._array[self._numbers] = values
