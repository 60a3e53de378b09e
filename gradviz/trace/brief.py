"""Brief records (``events.BRIEF``) of a chunk, in full again: column by column, no event is touched by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from gradviz.events import BRIEF, BRIEF_DEAD, BY_CODE, COMMON, INTS, KINDS, MODES, VALUE, Word
from gradviz.trace import columns
from gradviz.trace.columns import BadColumn, Column, Ints, Lists, Table, Texts, concatenate, rows_in, take

FULL: Final = np.arange(256, dtype=np.uint8)
"""The code of each kind in full."""
FULL[BRIEF_DEAD] = KINDS["dead"].code
_DTYPES: Final = {}
for _code, _record in BRIEF.items():
    FULL[_code] = KINDS[_record.name].code
    _DTYPES[_code] = np.dtype([(name, "<" + {"q": "i8", "I": "u4", "H": "u2", "B": "u1"}[letter])
                               for name, letter in _record.numbers])


def tables(kinds: NDArray[np.uint8], raw: Mapping[int, Any], words: Sequence[Word], values_before: int,
           t: int) -> dict[str, Table]:
    """The tables of a chunk by kind. Value columns hold 1-based numbers over the whole trace, ``values_before`` being
    how many came in earlier chunks; ``t`` is when what died in a chunk of nothing else did. Raises ValueError."""
    full = {code: _record_table(code, tree, words, values_before) if code in BRIEF
            else columns.decode(code, tree, values_before) for code, tree in raw.items() if code != BRIEF_DEAD}
    if BRIEF_DEAD in raw:
        full[BRIEF_DEAD] = _deaths(np.flatnonzero(kinds == BRIEF_DEAD), kinds, full, raw[BRIEF_DEAD], t)
    found: dict[str, Table] = {}
    for code in sorted({int(FULL[code]) for code in full}):
        parts = [(np.flatnonzero(kinds == part), full[part]) for part in full if FULL[part] == code]
        if any(len(places) != rows_in(table) for places, table in parts):
            raise BadColumn("kinds and tables disagree")
        found[BY_CODE[code].name] = _merged(parts)
    return found


def _merged(parts: Sequence[tuple[Ints, Table]]) -> Table:
    """Tables of one kind, with the positions of their events, as one in the order of these."""
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    return cast(Table, take(concatenate([table for _, table in parts]), order))


def _record_table(code: int, raw: Any, words: Sequence[Word], values_before: int) -> Table:
    zero, data, spans, callers, *values = raw
    dtype = _DTYPES[code]
    n, rest = divmod(len(data), dtype.itemsize)
    if rest or len(values) != len(BRIEF[code].values):
        raise BadColumn("records of another length")
    records = np.frombuffer(data, np.uint8).reshape(dtype.itemsize, n).T.copy().reshape(-1).view(dtype)
    table: dict[str, Any] = {name: _narrow(records[name]) for name, _ in BRIEF[code].numbers}
    table["t"] -= zero
    table["span"], table["caller"] = columns.read_ints(spans), columns.read_ints(callers)
    for name, value in zip(BRIEF[code].values, values, strict=True):
        table[name] = columns.read(VALUE, value, values_before)
    if any(len(column) != n for column in table.values()):
        raise BadColumn("columns of unequal length")
    if BRIEF[code].name == "op":
        return _ops(table, n, words)
    table["begin"] -= zero
    return _steps(table, n, words)


def _narrow(column: NDArray[Any]) -> Ints:
    """As signed integers: of 8 bytes only where they are needed, as a trace has many."""
    if column.itemsize == 8:
        return cast(Ints, column.astype(np.int64))
    return cast(Ints, column.astype(np.int64 if column.max(initial=0) >> 31 else np.int32))


class _Words:
    """A column of numbers of words, 0 for none."""

    def __init__(self, numbers: Ints, words: Sequence[Word]) -> None:
        counts = np.bincount(numbers)
        if len(counts) > len(words) + 1:
            raise BadColumn("words are missing")
        used = np.flatnonzero(counts)
        place = np.zeros(len(counts), np.int32)
        place[used] = np.arange(len(used))
        self.index = cast(Ints, place[numbers])
        self.words = [words[number - 1] if number else None for number in used.tolist()]

    def texts(self, part: int = -1) -> Texts:
        """The words, or of each of them, which have blanks between, one part."""
        texts = [str(word or "") for word in self.words]
        if part >= 0:
            texts = [[*text.split(" "), "", ""][part] for text in texts]
        return Texts(texts, self.index)

    def lists(self, part: int) -> Lists:
        """Of layouts the shape or the stride."""
        rows: list[Sequence[int]] = [() if word is None else cast(Any, word)[part] for word in self.words]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=offsets[1:])
        small = Lists(offsets, np.array([n for row in rows for n in row], np.int64))
        return cast(Lists, take(small, self.index))

    def dtypes(self) -> Texts:
        return Texts([str(cast(Any, word)[2]) if word else "" for word in self.words], self.index)


def _woven(columns: Sequence[Table], there: Sequence[NDArray[np.bool_]]) -> Lists:
    """A column of lists: of each row the items that are there."""
    mask = np.stack(there, 1)
    n, many = mask.shape
    items = take(concatenate(columns), (np.arange(n)[:, None] + n * np.arange(many))[mask])
    return Lists(_offsets(mask.sum(1)), items)


def _ones(n: int, table: Table, there: NDArray[np.bool_] | None = None) -> Lists:
    """A column of lists of one row each, or of none where nothing is there."""
    if there is None or there.all():
        return Lists(np.arange(n + 1), table)
    return Lists(_offsets(there), take(table, np.flatnonzero(there)))


def _offsets(lengths: NDArray[Any]) -> Ints:
    offsets = np.zeros(len(lengths) + 1, np.int64)
    lengths.cumsum(out=offsets[1:])
    return offsets


def _same(n: int, value: Any) -> Any:
    return np.broadcast_to(np.asarray(value, None if isinstance(value, bool) else np.int8), (n,))


def _text(n: int, text: str) -> Texts:
    return Texts([text], _same(n, 0))


def _none(n: int, items: Column) -> Lists:
    return Lists(np.zeros(n + 1, np.int64), items)


def _common(table: Table) -> Table:
    return {name: table[name] for name, _ in COMMON}


def _ops(table: dict[str, Any], n: int, words: Sequence[Word]) -> Table:
    number, second, form = table["id"], table["second"], table["form"]
    node, layout = _Words(table["node"], words), _Words(table["layout"], words)
    tracked = table["node"] > 0
    zero = _same(n, 0)
    sources = [zero, table["first"], second, number], [zero, table["counter"], table["second_counter"], number], [
        zero, table["version"], table["second_version"], zero]
    saved: list[Table] = []
    for place in (0, 1):
        kept = form >> 2 * place & 3
        tid, cid, version = (np.choose(kept, source) for source in sources)
        saved.append({"field": node.texts(1 + place), "tid": tid, "sid": cid, "cid": cid, "version": version})
    edges: list[Table] = [{"nid": table["edge"], "slot": table["slot"]},
                          {"nid": table["second_edge"], "slot": table["second_slot"]}]
    nodes: Table = {
        "nid": number, "name": node.texts(0), "leaf": zero, "edges": _woven(edges, [form >= 16, form >= 32]),
        "saved": _woven(saved, [form & 3 > 0, form & 12 > 0]), "order": _same(n, 1), "site": zero}
    facts: Table = {
        "tid": number, "sid": number, "cid": number, "shape": layout.lists(0), "stride": layout.lists(1),
        "offset": zero, "dtype": layout.dtypes(), "device": _text(n, "cpu"), "requires_grad": tracked,
        "is_leaf": ~tracked, "base": zero, "version": zero, "grad_fn": number * tracked, "output": zero,
        "how": _text(n, "op"), "value": table["value"]}
    inputs: list[Table] = [{"tid": table["first"], "version": table["version"]},
                           {"tid": second, "version": table["second_version"]}]
    if len(table["mode"]) and table["mode"].max() >= len(MODES):
        raise BadColumn("a mode that nothing has")
    writes: Table = dict.fromkeys(("sid", "cid", "tid", "before", "after", "value"), cast(Ints, np.zeros(0, np.int8)))
    return {**_common(table), "id": number, "name": _Words(table["name"], words).texts(),
            "args": _Words(table["args"], words).texts(), "inputs": _woven(inputs, [_same(n, True), second > 0]),
            "outputs": _ones(n, facts), "nodes": _ones(n, nodes, tracked), "writes": _none(n, writes),
            "mode": Texts(list(MODES), table["mode"]), "ok": _same(n, True)}


def _steps(table: dict[str, Any], n: int, words: Sequence[Word]) -> Table:
    def gradients(layout: str, value: str) -> Table:
        known = _Words(table[layout], words)
        return {"tid": (table[layout] > 0).astype(np.int8) - np.int8(1), "sid": _same(n, 0), "shape": known.lists(0),
                "dtype": known.dtypes(), "value": table[value]}

    out = _woven([gradients("share", "share_value"), gradients("second_share", "second_value")],
                 [table["edges"] > 0, table["edges"] > 1])
    return {**_common(table), "id": table["id"], "call": table["call"], "nid": table["nid"],
            "grads_in": _ones(n, gradients("layout", "value")), "grads_out": out, "begin": table["begin"],
            "ok": _same(n, True), "site": _same(n, 0)}


def _deaths(places: Ints, kinds: NDArray[np.uint8], full: Mapping[int, Table], raw: Any, t: int) -> Table:
    """What died has the common columns of the event that follows it, or else of the last."""
    tids = columns.read(INTS, raw, 0)
    n = len(kinds)
    at = np.where(places + 1 < n, places + 1, np.maximum(places - 1, 0))
    found: Table = {"span": _same(len(at), 0), "caller": _same(len(at), 0)}
    for name, default in (("t", t), ("thread", 0), ("scope", 0), ("within", 0)):
        whole = np.full(n, default, np.int64)
        for code, table in full.items():
            whole[kinds == code] = cast(Ints, table[name])
        found[name] = whole[at]
    return {**_common(found), "tids": tids, "nids": _none(len(at), np.zeros(0, np.int64))}
