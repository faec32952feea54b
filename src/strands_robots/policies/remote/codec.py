"""numpy arrays in msgpack, as three families of servers have them. Nothing is ever unpickled; what comes is checked.

Source: openpi `openpi_client/msgpack_numpy.py` (openpi, Cosmos 3), VERA `server/protocol/_msgpack_numpy.py` (the same but for the
mark of scalars), Isaac-GR00T `MsgSerializer` (GR00T), and the package msgpack-numpy (RoboLab's client of GR00T N1.7).
"""

from __future__ import annotations

import io
import math
from typing import Any

import msgpack
import numpy as np

from strands_robots.policies.remote.errors import ProtocolError

MAX_BYTES = 256 * 1024 * 1024
"""Largest message that is taken."""

_KINDS = frozenset("biuf")


def pack_openpi(value: Any) -> bytes:
    """Return a value with numpy arrays as bytes."""
    return bytes(msgpack.packb(value, default=_to_openpi))


def unpack_openpi(message: bytes) -> Any:
    """Return the value of a message.

    Raises:
        ProtocolError: If it is truncated or holds something that is no array.
    """
    return _unpack(message, _from_openpi)


def pack_vera(value: Any) -> bytes:
    """Return a value with numpy arrays as bytes."""
    return bytes(msgpack.packb(value, default=lambda entry: _to_openpi(entry, b"__npscalar__")))


def pack_groot(value: Any) -> bytes:
    """Return a value with numpy arrays as bytes, each as a .npy file."""
    return bytes(msgpack.packb(value, default=_to_groot))


def pack_msgpack_numpy(value: Any) -> bytes:
    """Return a value with numpy arrays as bytes, as the package msgpack-numpy writes them."""
    return bytes(msgpack.packb(value, default=_to_msgpack_numpy))


def unpack_groot(message: bytes) -> Any:
    """Return the value of a message; arrays may be .npy files or msgpack-numpy's.

    Raises:
        ProtocolError: If it is truncated or holds something that is no array.
    """
    return _unpack(message, _from_groot)


def _unpack(message: bytes, hook: Any) -> Any:
    try:
        return msgpack.unpackb(message, object_hook=hook, strict_map_key=False, max_bin_len=MAX_BYTES)
    except (ValueError, TypeError, KeyError, msgpack.exceptions.UnpackException) as error:
        raise ProtocolError(
            f"a message of {len(message)} bytes cannot be read: {type(error).__name__}: {error}"
        ) from error


def _to_openpi(value: Any, scalar: bytes = b"__npgeneric__") -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return {scalar: True, b"data": value.item(), b"dtype": value.dtype.str}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _from_openpi(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        return _array(_dtype(value[b"dtype"]), value[b"shape"], value[b"data"])
    if b"__npgeneric__" in value or b"__npscalar__" in value:
        return _dtype(value[b"dtype"]).type(value[b"data"])
    return value


def _to_groot(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        stream = io.BytesIO()
        np.save(stream, value, allow_pickle=False)
        return {"__ndarray_class__": True, "as_npy": stream.getvalue()}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _from_groot(value: dict[Any, Any]) -> Any:
    if "__ndarray_class__" in value:
        stream = io.BytesIO(value["as_npy"])
        array = np.load(stream, allow_pickle=False)
        if array.dtype.kind not in _KINDS:
            raise ValueError(f"an array of type {array.dtype}")
        return array
    if b"nd" in value:
        if value.get(b"kind") not in (b"", "", None):
            raise ValueError(f"an array of kind {value[b'kind']!r}")
        dtype = _dtype(value[b"type"])
        if value[b"nd"]:
            return _array(dtype, value[b"shape"], value[b"data"])
        return np.frombuffer(value[b"data"], dtype=dtype)[0]
    return value


def _to_msgpack_numpy(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind in _KINDS:
        return {
            b"nd": True, b"type": value.dtype.str, b"kind": b"", b"shape": value.shape, b"data": value.tobytes()
        }  # fmt: skip
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _array(dtype: np.dtype[Any], sizes: Any, data: bytes) -> Any:
    shape = tuple(int(size) for size in sizes)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError(f"an array of {dtype} {shape} comes with {len(data)} bytes")
    return np.frombuffer(data, dtype=dtype).reshape(shape)


def _dtype(text: Any) -> np.dtype[Any]:
    dtype = np.dtype(text.decode() if isinstance(text, bytes) else text)
    if dtype.kind not in _KINDS:
        raise ValueError(f"an array of type {dtype}")
    return dtype
