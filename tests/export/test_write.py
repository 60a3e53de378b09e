"""A file appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.export.write import put


def test_a_file_is_written(tmp_path: Path) -> None:
    put(tmp_path / "a.svg", b"one", force=False)
    assert (tmp_path / "a.svg").read_bytes() == b"one"
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_an_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError, match=r"a\.svg exists"):
        put(target, b"new", force=False)
    assert target.read_bytes() == b"old"
    put(target, b"new", force=True)
    assert target.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    target = tmp_path / "a.svg"
    target.write_bytes(b"old")
    with pytest.raises(OSError, match="disk full"):
        put(target, b"new", force=True)
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.svg"]


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    put(tmp_path / "a.svg", b"one", force=False)
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a.svg").stat().st_mode == (tmp_path / "b").stat().st_mode
