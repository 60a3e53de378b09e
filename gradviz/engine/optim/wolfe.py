"""A line search for a step that satisfies the strong Wolfe conditions (Nocedal and Wright, algorithms 3.5 and 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Point(NamedTuple):
    """A place on the line: the step to it, the loss, the gradient and its slope along the line."""

    t: Any
    loss: Any
    grad: Any
    slope: Any


def cubic_minimum(a: Point, b: Point, bounds: tuple[Any, Any] | None = None) -> Any:
    """Where the cubic through both points has its minimum, within ``bounds`` or else between them."""
    low, high = bounds or ((a.t, b.t) if a.t <= b.t else (b.t, a.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1 ** 2 - a.slope * b.slope
    if not square >= 0:
        return (low + high) / 2.0
    d2 = square.sqrt()
    if a.t <= b.t:
        best = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    else:
        best = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
    return min(max(best, low), high)


def strong_wolfe(evaluate: Callable[[Any], tuple[Any, Any]], t: Any, direction: Any, start: Point,
                 c1: float = 1e-4, c2: float = 0.9, tolerance: float = 1e-9, most: int = 25) -> tuple[Point, int]:
    """The step taken and how often the loss was evaluated. ``evaluate(t)`` gives loss and gradient at a step ``t``."""

    def at(t: Any) -> Point:
        loss, grad = evaluate(t)
        return Point(t, loss, grad, grad.dot(direction))

    def high(p: Point) -> bool:
        return bool(p.loss > start.loss + c1 * p.t * start.slope)

    def flat(p: Point) -> bool:
        return bool(abs(p.slope) <= -c2 * start.slope)

    start = start._replace(grad=start.grad.clone())
    before, here, calls, turns = start, at(t), 1, 0
    bracket: list[Point] = []
    done = False
    while turns < most:
        if high(here) or (turns > 1 and here.loss >= before.loss):
            bracket = [before, here]
        elif flat(here):
            bracket, done = [here], True
        elif here.slope >= 0:
            bracket = [before, here]
        if bracket:
            break
        t = cubic_minimum(before, here, (here.t + 0.01 * (here.t - before.t), here.t * 10))
        before, here = here, at(t)
        calls, turns = calls + 1, turns + 1
    if turns == most:
        bracket = [start, here]
    return _zoom(at, high, flat, bracket, done, calls, turns, most, tolerance / direction.abs().max())


def _zoom(at: Any, high: Any, flat: Any, bracket: list[Point], done: bool, calls: int, turns: int, most: int,
          width: Any) -> tuple[Point, int]:
    """Narrow a bracket until a point in it is good enough."""
    stuck = False
    low, up = (0, 1) if bracket[0].loss <= bracket[-1].loss else (1, 0)
    while not done and turns < most:
        if abs(bracket[1].t - bracket[0].t) < width:
            break
        t = cubic_minimum(bracket[0], bracket[1])
        first, last = min(p.t for p in bracket), max(p.t for p in bracket)
        margin = 0.1 * (last - first)
        if min(last - t, t - first) < margin:  # too near to an end: twice in a row it is moved inwards
            if stuck or t >= last or t <= first:
                t = last - margin if abs(t - last) < abs(t - first) else first + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        here = at(t)
        calls, turns = calls + 1, turns + 1
        if high(here) or here.loss >= bracket[low].loss:
            bracket[up] = here
            low, up = (0, 1) if bracket[0].loss <= bracket[1].loss else (1, 0)
        else:
            if flat(here):
                done = True
            elif here.slope * (bracket[up].t - bracket[low].t) >= 0:
                bracket[up] = bracket[low]
            bracket[low] = here
    return bracket[low], calls
