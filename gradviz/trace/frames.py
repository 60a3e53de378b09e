"""How a trace lies on disk: a 16-byte header, then frames of tag, checksum, length and payload.

A frame that does not match its checksum, or that the file is too short for, ends what can be read.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import Any, Final, NamedTuple

import msgspec
import zstandard

MAGIC: Final = b"\x89GVT\r\n\x1a\n"
"""As PNG's: not a text, and a transfer that treats it as one shows."""
_HEADER = struct.Struct("<8sII")
HEADER_SIZE: Final = _HEADER.size
_FRAME = struct.Struct("<4sIQ")
FRAME_SIZE: Final = _FRAME.size
_KEY = struct.Struct("<4sQ")

META: Final = b"META"
SPANS: Final = b"SPAN"
SOURCE: Final = b"SRCE"
VALUES: Final = b"VALS"
STACKS: Final = b"STCK"
WORDS: Final = b"WORD"
RING: Final = b"RING"
SEGMENT: Final = b"SEGM"
LATE: Final = b"LATE"
KEEP: Final = b"KEEP"
CHUNK: Final = b"CHNK"
INDEX: Final = b"INDX"
END: Final = b"END "

FOOTER = struct.Struct("<QQQ")
"""The payload of END: where INDEX begins, the number of events, the number of values."""
MOST_BYTES: Final = 1 << 32
"""No frame unpacks to more: a hostile file cannot take all memory."""


class BadTrace(Exception):
    """The file cannot be read as a trace; the text is one line that says why."""


class Frame(NamedTuple):
    tag: bytes
    payload: bytes
    offset: int
    end: int


class Torn(Exception):
    """No whole, undamaged frame lies here. ``short``: the file ends before the frame does."""

    def __init__(self, short: bool) -> None:
        super().__init__("cut short" if short else "damaged")
        self.short = short


def header(version: int) -> bytes:
    head = _HEADER.pack(MAGIC, version, 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


def version_of(head: bytes) -> int:
    """The format version in a file's first bytes. Raises BadTrace when they are not those of a trace."""
    if not head:
        raise BadTrace("the file is empty")
    if not head.startswith(MAGIC[:min(len(head), len(MAGIC))]):
        raise BadTrace("not a gradviz trace")
    if len(head) < HEADER_SIZE:
        raise BadTrace("cut short before its first event")
    _, version, check = _HEADER.unpack(head)
    if zlib.crc32(head[:-4]) != check:
        raise BadTrace("damaged: its header does not match its checksum")
    return int(version)


def frame(tag: bytes, payload: bytes, turn: int = 0) -> bytes:
    """A frame; ``turn``: of the ring's segment that it lies in, 0 if in none."""
    check = zlib.crc32(payload, zlib.crc32(_KEY.pack(tag, len(payload)), turn))
    return _FRAME.pack(tag, check, len(payload)) + payload


def read_frame(fd: int, offset: int, size: int, turn: int = 0) -> Frame:
    """The frame at ``offset`` of a file of ``size`` bytes. Raises Torn. Threads may share the descriptor."""
    head = os.pread(fd, FRAME_SIZE, offset)
    if len(head) < FRAME_SIZE:
        raise Torn(short=True)
    tag, check, length = _FRAME.unpack(head)
    if length > size - offset - FRAME_SIZE:
        raise Torn(short=True)
    payload = _read(fd, length, offset + FRAME_SIZE)
    if zlib.crc32(payload, zlib.crc32(_KEY.pack(tag, length), turn)) != check:
        raise Torn(short=False)
    return Frame(tag, payload, offset, offset + FRAME_SIZE + length)


def _read(fd: int, length: int, offset: int) -> bytes:
    payload = os.pread(fd, length, offset)
    while len(payload) < length:  # the system gives at most 2 GiB at a time
        more = os.pread(fd, length - len(payload), offset + len(payload))
        if not more:
            raise Torn(short=True)
        payload += more
    return payload


encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder().decode


def packed(tree: Any, level: int = 1) -> bytes:
    """Plain data as compressed msgpack."""
    return zstandard.ZstdCompressor(level=level).compress(encode(tree))


def unpacked(payload: bytes) -> Any:
    """Back again; raises ValueError for anything else."""
    try:
        size = zstandard.frame_content_size(payload)
        if not 0 <= size <= MOST_BYTES:
            raise ValueError("of unknown or unlikely size")
        return decode(zstandard.ZstdDecompressor().decompress(payload))
    except (zstandard.ZstdError, MemoryError) as error:
        raise ValueError(str(error)) from None


def decode(payload: bytes) -> Any:
    """Plain msgpack; raises ValueError for anything else."""
    try:
        return _decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
