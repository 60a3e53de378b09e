"""What is written is what is read."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gradviz.events import Kind, Span, Struct
from gradviz.trace import BadTrace, columns
from gradviz.trace.reader import Reader
from gradviz.trace.writer import Writer

from . import rows

SPANS = [Span(number, f"file{number}.py", "f", number, 0, number, 4, ("é", "self.w"), number == 2)
         for number in range(1, 4)]
META = {"argv": ["a.py"], "producer": "test"}


def write(writer: Writer, events: list[tuple[Kind, tuple[Any, ...]]]) -> None:
    tables: dict[int, list[tuple[Any, ...]]] = {}
    for kind, fields in events:
        tables.setdefault(kind.code, []).append(fields)
    writer.chunk(bytes(kind.code for kind, _ in events), tables)


def read(reader: Reader) -> list[tuple[str, Any]]:
    """All events from where the reader is, in order."""
    events = []
    for chunk in reader.chunks():
        at = dict.fromkeys(chunk.tables, 0)
        for code in chunk.kinds:
            kind = rows.KINDS[next(name for name, kind in rows.KINDS.items() if kind.code == code)]
            type_ = Struct(kind.name, columns.fields_of(kind))
            table = columns.reader(chunk.tables[kind.name], type_)(at[kind.name])
            events.append((kind.name, rows.found(type_, table, reader.value)))
            at[kind.name] += 1
    return events


def expected(events: list[tuple[Kind, tuple[Any, ...]]]) -> list[tuple[str, Any]]:
    return [(kind.name, rows.read_back(Struct("", columns.fields_of(kind)), fields, None)) for kind, fields in events]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(rows.events(len(SPANS)), max_size=3))
def test_any_events_come_back_as_they_were(chunks: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(Path(folder) / "t.gvt", META)
        writer.spans(SPANS)
        for events in chunks:
            write(writer, events)
        writer.close()
        with Reader(writer.path) as reader:
            got, told = read(reader), [event for events in chunks for event in expected(events)]
            assert rows.same(got, told), (got, told)
            assert (reader.state, reader.events, reader.expected) == ("complete", len(told), len(told))


def mark(text: str, t: int = 0) -> tuple[Kind, tuple[Any, ...]]:
    return rows.KINDS["mark"], (t, 1, 1, 0, 0, 0, text)


def test_a_follower_sees_what_comes_and_how_it_ends(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "t.gvt", META)
    with Reader(writer.path) as reader:
        assert (reader.meta, reader.state, read(reader)) == (META, "recording", [])
        writer.spans(SPANS)
        writer.source("file1.py", "é = 1\n")
        write(writer, [mark("one")])
        assert [fields[-1] for _, fields in read(reader)] == ["one"]
        assert (reader.spans[1:], reader.sources) == (SPANS, {"file1.py": "é = 1\n"})
        write(writer, [mark("two"), mark("three")])
        assert [fields[-1] for _, fields in read(reader)] == ["two", "three"]
        assert reader.state == "recording"
        writer.close()
        assert (read(reader), reader.state, reader.damage) == ([], "complete", "")


def test_without_an_end_and_a_writer_it_is_incomplete(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "t.gvt", META)
    writer.spans(SPANS)
    write(writer, [mark("one")])
    writer.abandon()
    with Reader(writer.path) as reader:
        assert [fields[-1] for _, fields in read(reader)] == ["one"]
        assert (reader.state, reader.damage) == ("incomplete", "")


def test_an_existing_trace_is_kept_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "t.gvt"
    writer = Writer(path, META)
    writer.spans(SPANS)
    write(writer, [mark("mine")])
    writer.abandon()
    with pytest.raises(FileExistsError):
        Writer(path, META)
    with Reader(path) as reader:
        assert len(read(reader)) == 1
    Writer(path, META, force=True).close()
    with Reader(path) as reader:
        assert (reader.state, read(reader)) == ("complete", [])


@pytest.mark.parametrize("content", [b"mine", b"\x89PNG\r\n\x1a\n", b"\x89GVT\n"])
def test_what_is_no_trace_is_kept_though_forced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "t.gvt"
    path.write_bytes(content)
    with pytest.raises(FileExistsError):
        Writer(path, META, force=True)
    assert path.read_bytes() == content


def test_a_failed_write_leaves_no_torn_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    writer = Writer(tmp_path / "t.gvt", META)
    writer.spans(SPANS)
    write(writer, [mark("one")])
    real = os.write

    def full(fd: int, data: bytes) -> int:
        real(fd, bytes(data[:5]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        write(writer, [mark("two")])
    monkeypatch.undo()
    write(writer, [mark("three")])
    writer.close()
    with Reader(writer.path) as reader:
        assert [fields[-1] for _, fields in read(reader)] == ["one", "three"]
        assert reader.state == "complete"


def test_writing_imports_no_numpy() -> None:
    code = "import gradviz.recorder, gradviz.launch, sys; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(("content", "words"), [
    (b"", "the file is empty"),
    (b"import torch\n", "not a gradviz trace"),
    (b"\x89PNG\r\n\x1a\n" + bytes(40), "not a gradviz trace"),
    (b"\x89GVT\r\n", "cut short"),
    (bytes(5000), "not a gradviz trace"),
])
def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "foreign.gvt"
    path.write_bytes(content)
    with pytest.raises(BadTrace) as caught:
        Reader(path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_not_there_and_a_folder_are_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadTrace, match="No such file"):
        Reader(tmp_path / "nothing.gvt")
    with pytest.raises(BadTrace, match="not a file"):
        Reader(tmp_path)


def test_a_newer_format_is_refused_with_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gradviz.trace.writer.FORMAT_VERSION", 9)
    Writer(tmp_path / "t.gvt", META).close()
    with pytest.raises(BadTrace, match=r"newer gradviz \(format 9"):
        Reader(tmp_path / "t.gvt")
