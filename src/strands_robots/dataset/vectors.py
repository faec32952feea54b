"""The vectors of a dataset by episode. Every file is read once, however many episodes lie in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from strands_robots.dataset.errors import DatasetError
from strands_robots.dataset.table import EpisodeRow, Info, library, read_table

_TYPES = {"float": "float32", "double": "float64", "halffloat": "float16"}


class Vectors:
    """Reads files of vectors; keeps the last one, for episodes come in order.

    Args:
        root: Folder of the dataset.
        info: Its info.
    """

    def __init__(self, root: Path, info: Info) -> None:
        self._root = root
        self._info = info
        self._path: Path | None = None
        self._table: Any = None

    def episode(self, row: EpisodeRow) -> dict[str, NDArray[Any]]:
        """Return the features of an episode that are numbers, (N,) or (N, ...).

        Raises:
            DatasetError: If the file cannot be read, lacks a feature, or has one of another type or shape than the info says.
        """
        if self._path != row.data:
            self._path, self._table = row.data, read_table(self._root / row.data)
        table = self._table
        wanted = [name for name, feature in self._info.features.items() if _is_number(feature["dtype"])]
        missing = [name for name in wanted if name not in table.column_names]
        if missing:
            raise DatasetError(f"{row.data} lacks the columns {', '.join(missing)}")
        part = table.filter(library("pyarrow.compute").equal(table["episode_index"], row.index))
        return {name: self._column(part, name, row) for name in wanted}

    def _column(self, table: Any, name: str, row: EpisodeRow) -> NDArray[Any]:
        feature = self._info.features[name]
        column = table[name]
        kind, nesting = column.type, 0
        while hasattr(kind, "value_type"):
            kind, nesting = kind.value_type, nesting + 1
        dtype = _TYPES.get(str(kind), str(kind))
        if dtype != feature["dtype"]:
            raise DatasetError(f"{name} is of type {dtype} in {row.data}; the info says {feature['dtype']}")
        shape = tuple(feature["shape"])
        try:
            values = np.array(column.to_pylist(), dtype=feature["dtype"])
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{name} has rows of different lengths, or without numbers, in {row.data}") from error
        valid = (shape, ()) if shape == (1,) else (shape,)
        if len(values) and values.shape[1:] not in valid:
            raise DatasetError(
                f"{name} has the shape {list(values.shape[1:])} in {row.data}; the info says {list(shape)}"
            )
        return values


def _is_number(dtype: str) -> bool:
    return dtype.startswith(("float", "int", "uint")) or dtype == "bool"
