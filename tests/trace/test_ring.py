"""A trace with a budget: its first half stays, then new events take the place of older ones; killed, it reads."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import pytest

from gradviz.events import KINDS, Span
from gradviz.trace import BadTrace, pack, ring
from gradviz.trace.reader import Reader
from gradviz.trace.writer import Writer

MARK, GAP, VALUE = (KINDS[name].code for name in ("mark", "gap", "value"))


def alive(writer: Writer) -> Any:
    def rows() -> Any:
        tables = {GAP: pack.encode(GAP, zip((1, 1, 0, 0, 0, 0, "dropped", writer.dropped)), [])}
        return bytes([GAP]), tables, [], 1, 1

    return rows


def fill(writer: Writer, chunks: int, seed: int = 0) -> list[int]:
    """Chunks of marks "0", "1", ... and a value each, at spans that come as they go; how many marks after each."""
    rng = random.Random(seed)
    writer.alive = alive(writer)
    number, spans, ends = 0, 0, []
    for _ in range(chunks):
        if rng.random() < 0.3:
            spans += 1
            writer.spans([Span(spans, f"file{spans}.py", "f", spans, 0, spans, 1, (), False)])
            if rng.random() < 0.3:
                writer.source(f"file{spans}.py", "x = 1\n" * spans)
        n = rng.randrange(1, 40)
        common = [(i, 1, spans, 0, 0, 0) for i in range(number, number + n)]
        rows = {MARK: [(*one, str(one[0])) for one in common],
                VALUE: [(*one, 1, "x", rng.randbytes(200) + str(one[0]).encode()) for one in common]}
        values: list[Any] = []
        tables = {code: pack.encode(code, zip(*table, strict=True), values) for code, table in rows.items()}
        stacks = ([[spans]], [0], [writer._numbered[1] + 1]) if spans else None
        assert writer.encoded(bytes([MARK, VALUE]) * n, tables, values, number, number + n, stacks)
        number += n
        ends.append(number)
    return ends


def told(reader: Reader) -> list[str]:
    """The marks and gaps in order; values, spans and stacks are as they were written."""
    found: list[str] = []
    for chunk in reader.chunks():
        if "gap" in chunk.tables:
            found += [f"gap {chunk.tables['gap']['dropped'][0]}"]
            continue
        texts, values = chunk.tables["mark"]["text"], chunk.tables["value"]["value"]
        numbers = [texts.texts[i] for i in texts.index]  # type: ignore[union-attr]
        for number, value, span in zip(numbers, values.tolist(), chunk.tables["mark"]["span"].tolist()):  # type: ignore[union-attr]
            content = reader.value(value)
            assert content is None or (isinstance(content, bytes) and content[200:] == number.encode())
            assert reader.spans[span].line == span
        assert all(reader.spans[one].line == one for one in reader.stacks.of(chunk.first_seq))
        found += numbers
    return found


def contiguous(marks: list[str]) -> tuple[int, int, int]:
    """(end of the first part, begin of the second, end): the first begins at 0; both are whole."""
    at = next((i for i, one in enumerate(marks) if one.startswith("gap")), len(marks))
    first, second = [int(one) for one in marks[:at]], [int(one) for one in marks[at + 1:]]
    assert first == list(range(len(first)))
    if not second:
        return len(first), len(first), len(first)
    assert second == list(range(second[0], second[-1] + 1))
    assert marks[at] == f"gap {2 * (second[0] - len(first))}"
    return len(first), second[0], second[-1] + 1


def test_a_budget_that_holds_all_changes_nothing(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "t.gvt", {}, most=100_000_000)
    ends = fill(writer, 100)
    writer.close()
    with Reader(writer.path) as reader:
        assert told(reader) == [str(i) for i in range(ends[-1])]
        assert (reader.state, reader.damage) == ("complete", "")


@pytest.mark.parametrize("seed", range(4))
def test_the_beginning_and_the_end_are_kept(tmp_path: Path, seed: int) -> None:
    writer = Writer(tmp_path / "t.gvt", {}, most=ring.LEAST)
    ends = fill(writer, 400 + 57 * seed, seed)
    writer.close()
    assert ring.LEAST * 0.7 < os.path.getsize(writer.path) < ring.LEAST * 1.01
    with Reader(writer.path) as reader:
        first, second, end = contiguous(told(reader))
        assert first < second < end == ends[-1]
        assert (reader.state, reader.damage) == ("complete", "")
        assert not list(reader.chunks())


def test_a_budget_too_small_and_an_event_too_large(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too small"):
        Writer(tmp_path / "t.gvt", {}, most=1000)
    assert not (tmp_path / "t.gvt").exists()
    writer = Writer(tmp_path / "t.gvt", {}, most=ring.LEAST)
    row = (1, 1, 0, 0, 0, 0, 1, "x", random.Random(0).randbytes(ring.LEAST))
    values: list[Any] = []
    table = {VALUE: pack.encode(VALUE, zip(row), values)}
    assert not writer.encoded(bytes([VALUE]), table, values, 1, 1)
    writer.chunk(bytes([MARK]), {MARK: [(1, 1, 0, 0, 0, 0, "after")]})
    writer.close()
    with Reader(writer.path) as reader:
        assert sum(chunk.n for chunk in reader.chunks()) == 1
        assert reader.state == "complete"


@pytest.mark.slow
def test_killed_at_any_time_the_newest_that_was_written_is_there(tmp_path: Path,
                                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """The file after every write, and in the midst of it, is made anew from what was written where."""
    log: list[tuple[int, bytes]] = []
    real = os.write

    def noted(fd: int, data: Any) -> int:
        log.append((os.lseek(fd, 0, os.SEEK_CUR), bytes(data)))
        return real(fd, data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", noted)
        writer = Writer(tmp_path / "t.gvt", {}, most=ring.LEAST)
        fill(writer, 300)
        writer.abandon()
    rng = random.Random(1)
    image, path, newest, turns = bytearray(), tmp_path / "cut.gvt", 0, 0
    for offset, data in log:
        image += bytes(max(0, offset - len(image)))  # a hole
        some = rng.random() < 0.05 or data[:4] == b"SEGM"  # in the midst of a turn above all
        cuts = {1, *(rng.randrange(len(data)) for _ in range(3 * some))} if offset else set()
        for cut in sorted({*cuts, len(data)}):
            now = image.copy()
            now[offset:offset + cut] = data[:cut]
            path.write_bytes(now)
            with Reader(path) as reader:
                _, _, end = contiguous(told(reader))
                assert (reader.state, reader.damage) == ("incomplete", "")
            assert end >= newest
        newest = end
        turns += data[:4] == b"SEGM"
        image[offset:offset + len(data)] = data
    assert turns > 5


def test_any_flipped_bit_gives_no_wrong_data(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "t.gvt", {}, most=ring.LEAST)
    fill(writer, 300)
    writer.close()
    data, path, rng = bytearray(Path(writer.path).read_bytes()), tmp_path / "flipped.gvt", random.Random(2)
    for _ in range(150):
        at, bit = rng.randrange(100, len(data)), 1 << rng.randrange(8)
        data[at] ^= bit
        path.write_bytes(data)
        with Reader(path) as reader:
            try:
                marks = told(reader)
            except BadTrace:
                marks = []
            first = [int(one) for one in marks if not one.startswith("gap")]
            assert first == sorted(set(first))
        data[at] ^= bit


@pytest.mark.parametrize("every", [1, 7, 90])
def test_a_reader_follows_round_the_ring(tmp_path: Path, every: int) -> None:
    writer = Writer(tmp_path / "t.gvt", {}, most=ring.LEAST)
    found: list[str] = []
    with Reader(writer.path) as reader:
        for _ in range(300 // every):
            ends = more(writer, every)
            found += told(reader)
            assert reader.damage == ""
        writer.close()
        found += told(reader)
        assert reader.state == "complete"
    marks = [int(one) for one in found if not one.startswith("gap")]
    assert marks == sorted(set(marks))
    assert marks[-1] == ends - 1
    if every < 8:
        assert marks == list(range(ends))


def more(writer: Writer, chunks: int) -> int:
    """More marks: how many there are then."""
    writer.alive = alive(writer)
    for _ in range(chunks):
        number = writer.events // 2
        rows = [(i, 1, 0, 0, 0, 0, str(i)) for i in range(number, number + 20)]
        values: list[Any] = []
        noise = [(i, 1, 0, 0, 0, 0, 1, "x", random.Random(i).randbytes(200) + str(i).encode())
                 for i in range(number, number + 20)]
        tables = {MARK: pack.encode(MARK, zip(*rows, strict=True), values),
                  VALUE: pack.encode(VALUE, zip(*noise, strict=True), values)}
        assert writer.encoded(bytes([MARK, VALUE]) * 20, tables, values, number, number + 20)
    return writer.events // 2
