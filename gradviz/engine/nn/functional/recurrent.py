"""Recurrent layers as the ops that they are made of: what ``nn.RNN``, ``nn.LSTM`` and ``nn.GRU`` call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradviz.engine.nn.functional.dropout import dropout
from gradviz.engine.nn.functional.linear import linear
from gradviz.engine.ops.recurrent import unsafe_chunk
from gradviz.engine.ops.table import FUNCTIONS

Cell = Callable[..., Any]
Weights = dict[str, Any]
"""Of one layer in one direction: weight_ih, weight_hh, and perhaps bias_ih, bias_hh, weight_hr."""


# --- one step --------------------------------------------------------------------------------------------------------
def _hidden(h: Any, w: Weights) -> Any:
    return linear(h, w["weight_hh"], w.get("bias_hh"))


def tanh_cell(gates: Any, h: Any, w: Weights) -> Any:
    """``gates`` are the input's share, ``h`` the hidden state before."""
    return (_hidden(h, w) + gates).tanh()


def relu_cell(gates: Any, h: Any, w: Weights) -> Any:
    return (_hidden(h, w) + gates).relu()


def gru_cell(gates: Any, h: Any, w: Weights) -> Any:
    of_input = unsafe_chunk(gates, 3, 1)
    of_hidden = unsafe_chunk(_hidden(h, w), 3, 1)
    reset = (of_hidden[0] + of_input[0]).sigmoid()
    update = (of_hidden[1] + of_input[1]).sigmoid()
    new = (of_input[2] + of_hidden[2] * reset).tanh()
    return (h - new) * update + new


def lstm_cell(gates: Any, state: Any, w: Weights) -> Any:
    h, c = state
    i, f, g, o = unsafe_chunk(_hidden(h, w) + gates, 4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    h = o * c.tanh()
    return (linear(h, w["weight_hr"]) if "weight_hr" in w else h), c


CELLS: dict[str, Cell] = {"RNN_TANH": tanh_cell, "RNN_RELU": relu_cell, "GRU": gru_cell, "LSTM": lstm_cell}


def _rows(state: Any, first: int, end: int) -> Any:
    """The hidden state, which for an LSTM is a pair, of some sequences."""
    if isinstance(state, tuple):
        return tuple(_rows(part, first, end) for part in state)
    return state.narrow(0, first, end - first)


def _output(state: Any) -> Any:
    return state[0] if isinstance(state, tuple) else state


# --- one layer in one direction --------------------------------------------------------------------------------------
def _run(cell: Cell, input: Any, state: Any, w: Weights, backwards: bool) -> tuple[Any, Any]:
    """Outputs (steps, batch, features) and the last state."""
    steps = list(linear(input, w["weight_ih"], w.get("bias_ih")).unbind(0))
    outputs = []
    for gates in reversed(steps) if backwards else steps:
        state = cell(gates, state, w)
        outputs.append(_output(state))
    return FUNCTIONS["stack"](outputs[::-1] if backwards else outputs, 0), state


def _run_packed(cell: Cell, data: Any, sizes: list[int], state: Any, w: Weights) -> tuple[Any, Any]:
    """The same of packed sequences, which end one after another, the longest last."""
    gates = linear(data, w["weight_ih"], w.get("bias_ih"))
    outputs, ended = [], []
    at, running = 0, sizes[0]
    for size in sizes:
        if size < running:
            ended.append(_rows(state, size, running))
            state = _rows(state, 0, size)
        running = size
        state = cell(gates.narrow(0, at, size), state, w)
        at += size
        outputs.append(_output(state))
    ended.append(state)
    return _joined(outputs), _together(ended[::-1])


def _run_packed_backwards(cell: Cell, data: Any, sizes: list[int], first: Any, w: Weights) -> tuple[Any, Any]:
    """From the last step of the longest sequence on, others begin on the way."""
    gates = linear(data, w["weight_ih"], w.get("bias_ih"))
    outputs = []
    at, running = sum(sizes), sizes[-1]
    state = _rows(first, 0, running)
    for size in reversed(sizes):
        if size > running:
            state = _together([state, _rows(first, running, size)])
        running = size
        at -= size
        state = cell(gates.narrow(0, at, size), state, w)
        outputs.append(_output(state))
    return _joined(outputs[::-1]), state


def _joined(parts: list[Any], dim: int = 0) -> Any:
    return FUNCTIONS["cat"](parts, dim)


def _together(states: list[Any]) -> Any:
    """States of several sequences as one."""
    if isinstance(states[0], tuple):
        return tuple(_joined(list(parts)) for parts in zip(*states, strict=True))
    return _joined(states)


# --- all layers ------------------------------------------------------------------------------------------------------
def recurrent(mode: str, input: Any, states: Any, layers: list[list[Weights]], p: float,
              sizes: list[int] | None = None) -> tuple[Any, Any]:
    """``layers``: the weights of each layer, for one direction or two; ``sizes``: batch sizes of packed sequences."""
    cell = CELLS[mode]
    initial = list(zip(*(s.unbind(0) for s in states), strict=True)) if isinstance(states, tuple) else list(
        states.unbind(0))
    last: list[Any] = []
    for number, directions in enumerate(layers):
        outputs = []
        for backwards, w in enumerate(directions):
            state = initial[len(last)]
            if sizes is None:
                output, state = _run(cell, input, state, w, bool(backwards))
            else:
                output, state = (_run_packed_backwards if backwards else _run_packed)(cell, input, sizes, state, w)
            outputs.append(output)
            last.append(state)
        input = outputs[0] if len(outputs) == 1 else _joined(outputs, input.ndim - 1)
        if p and number < len(layers) - 1:
            input = dropout(input, p)
    stack = FUNCTIONS["stack"]
    if isinstance(states, tuple):
        return input, tuple(stack(list(parts), 0) for parts in zip(*last, strict=True))
    return input, stack(last, 0)
