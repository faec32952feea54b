"""Packets of the Feetech bus (protocol 0, STS and SMS series). No I/O.

A packet is FF FF <id> <length> <instruction or status> <parameters> <checksum>: length counts what follows it, the checksum is
the inverted low byte of the sum from id to the last parameter.

Source: Feetech, "Communication Protocol Manual" of the STS/SMS series.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

BROADCAST = 0xFE
HEADER = b"\xff\xff"
OVERHEAD = 6
"""Bytes of a packet without parameters."""


class FeetechInstruction(enum.IntEnum):
    """What a packet asks for."""

    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


class StatusBit(enum.IntFlag):
    """Why a servo complains, in the status byte of each answer."""

    VOLTAGE = 0x01
    SENSOR = 0x02
    OVERHEAT = 0x04
    OVERCURRENT = 0x08
    ANGLE = 0x10
    OVERLOAD = 0x20


@dataclass(frozen=True)
class FeetechPacket:
    """One packet whose checksum was right.

    Attributes:
        id: Servo that is addressed or answers.
        code: Instruction of a request, status byte of an answer.
        parameters: The rest.
    """

    id: int
    code: int
    parameters: bytes = b""


def checksum(body: bytes | bytearray | memoryview) -> int:
    """Return the checksum over id, length, code and parameters."""
    return ~sum(body) & 0xFF


def encode(packet: FeetechPacket) -> bytes:
    """Return the packet's bytes."""
    body = bytes((packet.id, len(packet.parameters) + 2, packet.code)) + packet.parameters
    return HEADER + body + bytes((checksum(body),))


class FeetechParser:
    """Finds packets in a stream of bytes; what is no packet is skipped and counted.

    Attributes:
        damaged: Packets with a wrong checksum, and impossible lengths.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._bytes = bytearray()

    def feed(self, data: bytes) -> list[FeetechPacket]:
        """Return the packets that are complete with `data`."""
        self._bytes += data
        packets: list[FeetechPacket] = []
        while True:
            start = self._bytes.find(HEADER)
            if start < 0:
                del self._bytes[: max(len(self._bytes) - 1, 0)]
                return packets
            del self._bytes[:start]
            if len(self._bytes) < 4:
                return packets
            if self._bytes[2] == 0xFF or self._bytes[3] < 2:
                self.damaged += self._bytes[2] != 0xFF
                del self._bytes[0]
                continue
            end = 4 + self._bytes[3]
            if len(self._bytes) < end:
                return packets
            body = bytes(self._bytes[2 : end - 1])
            if checksum(body) == self._bytes[end - 1]:
                packets.append(FeetechPacket(body[0], body[2], body[3:]))
                del self._bytes[:end]
            else:
                self.damaged += 1
                del self._bytes[:2]

    def clear(self) -> None:
        """Forget what was not a whole packet yet; after a pause on the line."""
        self._bytes.clear()


def encode_signed(value: int, sign_bit: int) -> int:
    """Return a number as sign and magnitude; too large a magnitude becomes the largest."""
    magnitude = min(abs(value), (1 << sign_bit) - 1)
    return magnitude | (1 << sign_bit) if value < 0 else magnitude


def decode_signed(word: int, sign_bit: int) -> int:
    """Return the number that is written as sign and magnitude."""
    magnitude = word & ((1 << sign_bit) - 1)
    return -magnitude if word >> sign_bit & 1 else magnitude
