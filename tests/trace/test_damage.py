"""A trace that was cut, flipped, killed or made by an enemy: a true prefix, or one clear line; never wrong data."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gradviz.events import KINDS, STATISTICS, Span
from gradviz.trace import BadTrace, frames
from gradviz.trace.reader import Reader
from gradviz.trace.writer import Writer

from .test_round_trip import SPANS, mark, read, write

Events = list[tuple[str, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Events]:
    """A small trace with everything in it, and its events."""
    writer = Writer(tmp_path_factory.mktemp("whole") / "t.gvt", {"producer": "test"})
    writer.spans(SPANS)
    writer.source("file1.py", "x = 1\n")
    common = (1, 1, 2, 0, 0, 0)
    for number in range(4):
        value = KINDS["value"], (*common, number, "outputs.0", bytes([number, 7]))
        figures = tuple(float(i + number) for i in range(len(STATISTICS)))
        figures = KINDS["value"], (*common, number, "outputs.1", figures)
        op = KINDS["op"], (*common, number, f"op{number}", "", [(1, 0)], [], [], [], "grad", True)
        write(writer, [mark(f"mark {number}"), value, op, figures])
    writer.close()
    with Reader(writer.path) as reader:
        return Path(writer.path).read_bytes(), read(reader)


def prefix(path: Path, events: Events) -> bool:
    """Reading gives the first so many of ``events``, or one clear line; True when it gave all."""
    try:
        reader = Reader(path)
    except BadTrace as error:
        return len(str(error).splitlines()) != 1  # never
    with reader:
        got = read(reader)
        assert got == events[:len(got)]
        if reader.state == "complete" and not reader.damage:
            assert len(got) == len(events)
        return len(got) == len(events)


def test_cut_at_every_byte(tmp_path: Path, whole: tuple[bytes, Events]) -> None:
    data, events = whole
    path = tmp_path / "cut.gvt"
    path.write_bytes(data)
    for size in range(len(data) - 1, -1, -1):
        os.truncate(path, size)
        prefix(path, events)


def test_any_flipped_bit_is_found(tmp_path: Path, whole: tuple[bytes, Events]) -> None:
    data, events = whole
    path = tmp_path / "flipped.gvt"
    path.write_bytes(data)
    rng = random.Random(0)
    with path.open("r+b", buffering=0) as file:
        for _ in range(1500):
            at, bit = rng.randrange(len(data)), 1 << rng.randrange(8)
            file.seek(at)
            file.write(bytes([data[at] ^ bit]))
            prefix(path, events)
            file.seek(at)
            file.write(data[at:at + 1])


def test_garbage_after_the_end_and_holes_change_no_event(tmp_path: Path, whole: tuple[bytes, Events]) -> None:
    data, events = whole
    path = tmp_path / "t.gvt"
    path.write_bytes(data + b"garbage")
    assert prefix(path, events)
    rng = random.Random(1)
    for _ in range(200):
        first, length = rng.randrange(len(data)), rng.randrange(200)
        patch = rng.choice((b"", bytes(length), rng.randbytes(length)))
        path.write_bytes(data[:first] + patch + data[first + length:])
        prefix(path, events)


def sealed(payloads: list[tuple[bytes, bytes]]) -> bytes:
    """A file whose frames are sound, whatever lies in them."""
    meta = frames.frame(frames.META, frames.packed({"producer": "enemy"}))
    return frames.header(1) + meta + b"".join(frames.frame(*payload) for payload in payloads)


def test_frames_with_nonsense_in_them_end_the_reading(tmp_path: Path) -> None:
    """The checksum is right, the content is not: a file made by an enemy, or by a mistake of ours."""
    path = tmp_path / "enemy.gvt"
    huge = frames.packed([[8, bytes(8)], b"", b""])
    kind = KINDS["mark"].code
    column = [1, b"\0"]
    good = [column] * 6 + [[["text"], column]]
    bodies: list[Any] = [
        None, 7, [], {}, [b"", {}], [bytes([kind]), {}], [bytes([kind]), {kind: []}], [bytes([kind]), {kind: 5}],
        [bytes([99]), {99: good}], [bytes([kind]), {kind: [*good[:6], [[7], column]]}],
        [bytes([kind]), {kind: [*good[:6], [["x"], [1, b"\5"]]]}], [bytes([kind]), {kind: [*good[:6], ["x", column]]}],
        [bytes([kind]), {kind: [*good[:2], [1, b"\7"], *good[3:]]}],
        [bytes([kind]), {kind: [["4,<i4", b"\0" * 20], *good[1:]]}],
        [bytes([kind]), {kind: [[1, b"\0\0"], *good[1:]]}], ["no", {kind: good}], [bytes([kind]), {"mark": good}],
    ]
    cases = [[(frames.CHUNK, frames.encode([0, 1, 0, 0, {kind: 1}, 0, frames.packed(body)]))] for body in bodies]
    cases += [[(tag, payload)] for tag in (frames.CHUNK, frames.SPANS, frames.SOURCE, frames.END)
              for payload in (b"", b"\xff" * 30, frames.packed(None), frames.packed([[1]]), frames.packed({"a": 1}),
                              frames.encode([0] * 7))]
    cases += [[(frames.VALUES, huge), (frames.VALUES, huge)],
              [(frames.CHUNK, frames.encode([0, 1, 0, 0, {kind: 1}, 1, frames.packed([bytes([kind]), {kind: good}])]))],
              [(frames.CHUNK, frames.encode([5, 1, 0, 0, {kind: 1}, 0, frames.packed([bytes([kind]), {kind: good}])]))]]
    for case in cases:
        path.write_bytes(sealed(case))
        with Reader(path) as reader:
            assert list(reader.chunks()) == []
            assert reader.damage, case
            assert reader.state == "incomplete"


def test_values_that_are_nonsense_are_refused(tmp_path: Path) -> None:
    kind = KINDS["value"].code
    column = [1, b"\1"]
    zero = [1, b"\0"]
    body = frames.packed([bytes([kind]), {kind: [zero] * 6 + [column, [["outputs.0"], zero], column]}])
    for values in (None, [[1, b"\5"], b"", b""], [[1, b"\xff"], b"", bytes(8)], [[1, b"\xfe"], b"", b""],
                   [[3, b"\1"], b"a", b""], [[1, b"\1"], "a", b""]):
        path = tmp_path / "enemy.gvt"
        path.write_bytes(sealed([(frames.VALUES, frames.packed(values)),
                                 (frames.CHUNK, frames.encode([0, 1, 0, 0, {kind: 1}, 1, body]))]))
        with Reader(path) as reader:
            assert [chunk.n for chunk in reader.chunks()] == [1]
            with pytest.raises(BadTrace):
                reader.value(1)
            assert reader.value(2) is None


def test_a_frame_that_claims_to_unpack_to_too_much_is_refused(tmp_path: Path) -> None:
    import zstandard

    bomb = zstandard.ZstdCompressor().compress(bytes(100))
    assert bomb[4] & 0xE0 == 0x20  # one byte of content size
    lying = bomb[:4] + bytes([0xE0]) + (1 << 60).to_bytes(8, "little") + bomb[6:]
    path = tmp_path / "bomb.gvt"
    path.write_bytes(sealed([(frames.SPANS, lying)]))
    with Reader(path) as reader:
        assert list(reader.chunks()) == []
        assert reader.damage


WRITES = """
import sys
from gradviz.events import KINDS, Span
from gradviz.trace.writer import Writer
writer = Writer(sys.argv[1], {"producer": "test"})
writer.spans([Span(1, "a.py", "f", 1, 0, 1, 4, (), False)])
code, n = KINDS["mark"].code, 0
print("started", flush=True)
while True:
    writer.chunk(bytes([code] * 50), {code: [(0, 1, 1, 0, 0, 0, str(n + i)) for i in range(50)]})
    n += 50
"""


@pytest.mark.slow
def test_killed_at_any_moment_all_that_was_written_is_readable(tmp_path: Path) -> None:
    rng = random.Random(2)
    for number in range(5):
        path = tmp_path / f"{number}.gvt"
        with subprocess.Popen([sys.executable, "-c", WRITES, path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.random() * 0.1)
            with Reader(path) as reader:
                assert reader.state == "recording"
            process.send_signal(signal.SIGKILL)
        with Reader(path) as reader:
            texts = [fields[-1] for _, fields in read(reader)]
            assert texts == [str(i) for i in range(len(texts))]
            assert texts
            assert reader.state == "incomplete"


def test_spans_must_be_numbered_in_order(tmp_path: Path) -> None:
    span = tuple(Span(2, "a.py", "f", 1, 0, 1, 4, (), False))
    path = tmp_path / "t.gvt"
    path.write_bytes(sealed([(frames.SPANS, frames.packed([span]))]))
    with Reader(path) as reader:
        assert list(reader.chunks()) == []
        assert reader.damage
        assert len(reader.spans) == 1
