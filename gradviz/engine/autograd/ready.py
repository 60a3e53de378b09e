"""The queue of nodes that may run.

PyTorch takes the node with the highest sequence number from a binary heap (libstdc++'s ``priority_queue``), where all
AccumulateGrad nodes tie. The order among ties is that heap's; people come to see the order, so it is the same heap.
"""

from __future__ import annotations

from typing import Any


def push(heap: list[Any], node: Any) -> None:
    hole = len(heap)
    heap.append(node)
    if hole:
        _sift_up(heap, hole, node, node.seq)


def _sift_up(heap: list[Any], hole: int, node: Any, seq: int) -> None:
    while hole:
        parent = (hole - 1) >> 1
        above = heap[parent]
        if above.seq >= seq:
            break
        heap[hole] = above
        hole = parent
    heap[hole] = node


def pop(heap: list[Any]) -> Any:
    last = heap.pop()
    if not heap:
        return last
    top = heap[0]
    size, hole, child = len(heap), 0, 0
    if size == 1:
        heap[0] = last
        return top
    while child < (size - 1) >> 1:
        child = 2 * child + 2
        if heap[child].seq < heap[child - 1].seq:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    if not size & 1 and child == (size - 2) >> 1:
        child = 2 * child + 1
        heap[hole] = heap[child]
        hole = child
    _sift_up(heap, hole, last, last.seq)
    return top
