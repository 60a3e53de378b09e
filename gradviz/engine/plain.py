"""What most programs are made of, told the short way: ops on one or two tensors that make one, steps of plain nodes.

Each is a brief record (``events.BRIEF``) of what is at hand; no more is done while the script waits. What has no such
form goes the long way, through :mod:`gradviz.engine.observe`.
"""

from __future__ import annotations

from struct import Struct, error
from time import perf_counter_ns as now
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.namespaces import raw
from gradviz.engine.autograd.saved import Output
from gradviz.engine.fingerprint import shared
from gradviz.engine.identity import SMALL, alive, tensor_id, value
from gradviz.engine.observe import mutes
from gradviz.engine.xp import ndarray
from gradviz.events import BRIEF, MODES

OP, STEP = (next(code for code, record in BRIEF.items() if record.name == name) for name in ("op", "step"))
pack_op, pack_step = Struct(BRIEF[OP].format).pack, Struct(BRIEF[STEP].format).pack
NOTHING = observe.NOTHING
new_id, position, Watch, regions = probe.new_id, probe.position, probe.Watch, modes.regions
fit = raw.fit


def op(name: str, args: str, one: Any, two: Any, out: Any) -> None:
    """An op of one tensor, or of two, has made one, whose memory is its own."""
    sink: Any = probe.sink
    if mutes.open or shared or out._array.__class__ is not ndarray:
        return _long(name, args, one, two, out)
    first, cell = one._tid, one._cell
    if first <= 0:
        first = tensor_id(one)
    version, counter, storage = cell.version, cell.cid, cell.storage
    if storage is not None and storage.sid != counter:
        return _long(name, args, one, two, out)
    second = second_version = second_counter = 0
    if two is not None:
        second, cell = two._tid, two._cell
        if second <= 0:
            second = tensor_id(two)
        second_version, second_counter, storage = cell.version, cell.cid, cell.storage
        if storage is not None and storage.sid != second_counter:
            return _long(name, args, one, two, out)
    words, array, node = sink.words, out._array, None if out._edge is None else out._edge[0]
    node_word = edge = slot = next_edge = next_slot = form = 0
    if node is None:
        layout: Any = array.shape, array.strides, array.dtype
    else:
        layout = node.shape, array.strides, node.dtype
        node_word = words.get(node.__class__) or sink.word(node.__class__)
        edges = node.next
        after, slot = edges[0]
        if after is not None:
            edge = after.nid
        form = 16
        if len(edges) == 2:
            form = 32
            after, next_slot = edges[1]
            if after is not None:
                next_edge = after.nid
                if next_edge <= 0:
                    form = 256
        saved = node.saved
        if saved:
            holder = saved[0]
            if holder is not None:
                form |= 1 if holder is one else 2 if holder is two else 3 if holder.__class__ is Output else 256
            if len(saved) == 4:
                holder = saved[2]
                if holder is not None:
                    form |= 4 if holder is one else 8 if holder is two else 12 if holder.__class__ is Output else 256
            elif len(saved) > 4:
                form = 256
        if form > 255 or edge < 0 or (edge == 0 and edges[0][0] is not None) or len(edges) > 2 or not node_word:
            return _long(name, args, one, two, out)
    layout = words.get(layout) or sink.word(layout)
    name_word = words.get(name) or sink.word(name)
    args_word = (words.get(args) or sink.word(args)) if args else 0
    if not (layout and name_word) or (args and not args_word):
        return _long(name, args, one, two, out)
    number = new_id()
    thread, scope, within = position.here
    try:
        packed = pack_op(now(), thread, scope, within, number, name_word, args_word, node_word,
                         MODES.index(modes.thread.mode) if regions.off else 0, first, version, counter,
                         second, second_version, second_counter, form, edge, slot, next_edge, next_slot, layout)
    except error:
        return _long(name, args, one, two, out)
    out._tid = out._cell.cid = number
    if node is not None:
        node.nid = number
    watch = alive[number] = Watch(out, sink.died)
    watch.number = number
    return sink.brief((  # type: ignore[no-any-return]
        OP, sink.site(), packed, array.tobytes() if array.nbytes <= SMALL and sink.values == "auto" else value(array)))


def _long(name: str, args: str, one: Any, two: Any, out: Any) -> None:
    observe.op(name, args, (one,) if two is None else (one, two), (out,))


def step(call: Any, node: Any, g: Any, shares: Any, started: int) -> Any:
    """A node has run on plain arrays, for nobody else. Gives its shares as the next nodes get them."""
    sink: Any = probe.sink
    edges, nid, told = node.next, node.nid, call.told
    many = len(edges)
    if nid <= 0 or node.width != 1 or not 0 < many < 3 or len(shares) != many or g.__class__ is not ndarray:
        return _long_step(call, node, g, shares, started)
    like = node.shape, node.dtype
    layout = sink.words.get(like) or sink.word(like)
    if not layout:
        return _long_step(call, node, g, shares, started)
    limit = SMALL if sink.values == "auto" else -1
    known, content = told.pop(node, NOTHING) if told else NOTHING
    if known is not g:
        content = g.tobytes() if g.nbytes <= limit else value(g)
    first, share, kept = _passed(told, edges[0], shares[0], g, content, like, layout, limit)
    second, other, other_kept = (0, None, None) if many == 1 else _passed(
        told, edges[1], shares[1], g, content, like, layout, limit)
    if first < 0 or second < 0:
        return _long_step(call, node, g, shares, started)
    thread, scope, within = call.here
    try:
        packed = pack_step(now(), thread, scope, within, new_id(), call.id, nid, started, many, layout, first, second)
    except error:
        return _long_step(call, node, g, shares, started)
    sink.brief((STEP, call.site, packed, content, kept, other_kept))
    return (share,) if many == 1 else (share, other)


def _passed(told: Any, edge: Any, share: Any, g: Any, content: Any, like: Any, layout: int, limit: int) -> Any:
    """What goes along an edge: the word of its layout (0: nothing goes, -1: there is none), the share, its value. Only
    statistics are worth remembering for the next node."""
    after, slot = edge
    if after is None or share is None:
        return 0, None, None
    shape, dtype = like
    if after.shape != shape or after.dtype is not dtype:
        share = fit(share, after, slot)
        like = share.shape, share.dtype
        sink: Any = probe.sink
        layout = sink.words.get(like) or sink.word(like) or -1
    elif share.__class__ is not ndarray or share.shape != shape or share.dtype is not dtype:
        share = fit(share, after, slot)
    if share is not g:
        content = share.tobytes() if share.nbytes <= limit else value(share)
    if content.__class__ is tuple:
        told[after] = share, content
    return layout, share, content


def _long_step(call: Any, node: Any, g: Any, shares: Any, started: int) -> Any:
    fits = [None if share is None or after is None else fit(share, after, slot)
            for (after, slot), share in zip(node.next, shares, strict=False)]
    observe.step(call, node, new_id(), g, fits, started)
    return fits
