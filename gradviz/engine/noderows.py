"""Facts of backward nodes, and of what they save, as a recorder is told them."""

from __future__ import annotations

from typing import Any

from gradviz.engine.autograd.node import FREED, AccumulateGrad
from gradviz.engine.autograd.packing import Packed
from gradviz.engine.identity import cell_id, node_id, number_node, storage_id, tensor_id


def node_rows(node: Any, outputs: Any, rows: list[Any]) -> None:
    """Facts of ``node`` and of every node behind it that the recording has not met (usually new AccumulateGrads)."""
    waiting = [node]
    node_id(node)
    node.nid = abs(node.nid)
    for node in waiting:
        edges = []
        for after, slot in node.next:
            if after is None:
                edges.append((0, 0))
                continue
            nid = after.nid
            if nid <= 0:
                after.nid = nid = -nid or number_node(after)
                waiting.append(after)
            edges.append((nid, slot))
        leaf = tensor_id(node.variable) if node.__class__ is AccumulateGrad else 0
        saved = () if node.saved is None else saved_rows(node, outputs)
        rows.append((node.nid, node.__class__.__name__, leaf, edges, saved, node.order,
                     node.site))


def saved_rows(node: Any, outputs: Any) -> list[Any]:
    saved = node.saved
    if node.__class__.__name__ == "CopySlices":
        inner = node.args[0]
        return saved_rows(inner, outputs)
    if saved is None or saved is FREED:
        return []
    rows = []
    names = node.saves
    for i in range(0, len(saved), 2):
        holder = saved[i]
        if holder is None:
            continue
        name = names[i // 2] if i // 2 < len(names) else str(i // 2)
        if holder.__class__ is Packed:
            holder, version = holder.of(), -1
            if holder is None:
                rows.append((name, 0, 0, 0, version))
                continue
        else:
            version = saved[i + 1]
        cell = holder._cell
        if hasattr(holder, "_tid"):
            tid = tensor_id(holder)
            sid = storage_id(holder)
        else:
            own = next((t for t in outputs if t._array is holder._array), None)
            tid = 0 if own is None else abs(own._tid)
            sid = cell_id(cell) if cell.storage is None else cell.storage.sid
        rows.append((name, tid, sid, cell_id(cell), version))
    return rows
