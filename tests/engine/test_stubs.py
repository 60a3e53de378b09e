"""The stub says what the tables of ops make."""

from __future__ import annotations

from gradviz.engine.stubs import FILE, text


def test_the_file_is_fresh() -> None:
    """``make stubs`` writes it anew."""
    assert FILE.read_text(encoding="utf-8") == text()
