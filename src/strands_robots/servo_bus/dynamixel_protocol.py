"""Packets of Dynamixel's protocol 2.0. No I/O.

A packet is FF FF FD 00 <id> <length, 2 bytes> <instruction> <parameters> <CRC, 2 bytes>: length counts what follows it. An answer has
instruction 0x55 and an error byte before its parameters. Where FF FF FD comes up from the instruction on, FD is stuffed in after it,
so that no header is found inside a packet; length and CRC are those of the stuffed packet.

Source: Robotis e-manual, "DYNAMIXEL Protocol 2.0" and "CRC calculation".
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

BROADCAST = 0xFE
HEADER = b"\xff\xff\xfd\x00"
_PATTERN, _STUFFED = b"\xff\xff\xfd", b"\xff\xff\xfd\xfd"
OVERHEAD = 11
"""Bytes of an answer without parameters."""
LONGEST = 1024


class DynamixelInstruction(enum.IntEnum):
    """What a packet asks for, and STATUS, which an answer is."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    REBOOT = 0x08
    STATUS = 0x55
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


class Problem(enum.IntEnum):
    """Why a servo did not do what was asked: the low seven bits of an answer's error byte."""

    NONE = 0
    RESULT = 1
    INSTRUCTION = 2
    CRC = 3
    DATA_RANGE = 4
    DATA_LENGTH = 5
    DATA_LIMIT = 6
    ACCESS = 7


ALERT = 0x80
"""In the error byte: the servo has a hardware error; its register says which."""


@dataclass(frozen=True)
class DynamixelPacket:
    """One packet whose CRC was right.

    Attributes:
        id: Servo that is addressed or answers.
        code: Instruction.
        parameters: What follows it, unstuffed; of an answer, beginning with its error byte.
    """

    id: int
    code: int
    parameters: bytes = b""


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        value = byte << 8
        for _ in range(8):
            value = value << 1 ^ 0x8005 if value & 0x8000 else value << 1
        table.append(value & 0xFFFF)
    return tuple(table)


CRC_TABLE = _crc_table()
"""Polynomial x^16 + x^15 + x^2 + 1, from the highest bit."""


def crc16(data: bytes | bytearray | memoryview) -> int:
    """Return the CRC over everything before it, header included."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFF00) ^ CRC_TABLE[value >> 8 ^ byte]
    return value


def encode(packet: DynamixelPacket) -> bytes:
    """Return the packet's bytes."""
    body = (bytes((packet.code,)) + packet.parameters).replace(_PATTERN, _STUFFED)
    data = HEADER + bytes((packet.id,)) + (len(body) + 2).to_bytes(2, "little") + body
    return data + crc16(data).to_bytes(2, "little")


def status(number: int, error: int, parameters: bytes = b"") -> bytes:
    """Return an answer's bytes."""
    return encode(DynamixelPacket(number, DynamixelInstruction.STATUS, bytes((error,)) + parameters))


class DynamixelParser:
    """Finds packets in a stream of bytes; what is no packet is skipped and counted.

    Attributes:
        damaged: Packets with a wrong CRC, and impossible lengths.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[DynamixelPacket]:
        """Return the packets that are complete with `data`."""
        self._bytes += data
        packets: list[DynamixelPacket] = []
        while True:
            start = self._bytes.find(HEADER)
            if start < 0:
                del self._bytes[: max(len(self._bytes) - 3, 0)]
                return packets
            del self._bytes[:start]
            if len(self._bytes) < 7:
                return packets
            length = int.from_bytes(self._bytes[5:7], "little")
            if not 3 <= length <= LONGEST:
                self.damaged += 1
                del self._bytes[:4]
                continue
            end = 7 + length
            if len(self._bytes) < end:
                return packets
            if crc16(memoryview(self._bytes)[: end - 2]) == int.from_bytes(self._bytes[end - 2 : end], "little"):
                body = bytes(self._bytes[7 : end - 2]).replace(_STUFFED, _PATTERN)
                packets.append(DynamixelPacket(self._bytes[4], body[0], body[1:]))
                del self._bytes[:end]
            else:
                self.damaged += 1
                del self._bytes[:4]

    def clear(self) -> None:
        """Forget what was not a whole packet yet; after a pause on the line."""
        self._bytes.clear()
