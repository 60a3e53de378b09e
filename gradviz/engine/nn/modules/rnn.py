"""Recurrent layers and their cells."""

from __future__ import annotations

import math
import warnings
from typing import Any

from gradviz.engine.nn import init
from gradviz.engine.nn.functional import recurrent
from gradviz.engine.nn.functional.linear import linear
from gradviz.engine.nn.modules.module import Module
from gradviz.engine.nn.parameter import Parameter
from gradviz.engine.nn.utils.rnn import PackedSequence
from gradviz.engine.ops.create import FUNCTIONS

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


def _fill(module: Any) -> None:
    bound = 1.0 / math.sqrt(module.hidden_size) if module.hidden_size > 0 else 0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


class RNNBase(Module):
    """What the recurrent layers have in common."""

    def __init__(self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
                 batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        _check(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights = []
        rows, out = GATES[mode] * hidden_size, proj_size or hidden_size
        for layer in range(num_layers):
            for suffix in ("", "_reverse")[:self._directions]:
                shapes: dict[str, tuple[int, ...]] = {
                    "weight_ih": (rows, out * self._directions if layer else input_size),
                    "weight_hh": (rows, out)}
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)} if bias else {}
                shapes |= {"weight_hr": (proj_size, hidden_size)} if proj_size else {}
                self._all_weights.append([f"{name}_l{layer}{suffix}" for name in shapes])
                for name, shape in shapes.items():
                    setattr(self, f"{name}_l{layer}{suffix}",
                            Parameter(FUNCTIONS["empty"](shape, device=device, dtype=dtype)))
        self.reset_parameters()

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _flat_weights(self) -> list[Any]:
        return [getattr(self, name) for names in self._all_weights for name in names]

    @property
    def all_weights(self) -> list[list[Any]]:
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """On a CPU the weights stay where they are."""

    def reset_parameters(self) -> None:
        _fill(self)

    # --- checks ------------------------------------------------------------------------------------------------------
    def check_input(self, input: Any, batch_sizes: Any) -> None:
        dtype = self._flat_weights[0].dtype
        if input.dtype != dtype:
            raise ValueError(f"RNN input dtype ({input.dtype}) does not match weight dtype ({dtype}). Convert input: "
                             f"input.to({dtype}), or convert model: model.to({input.dtype})")
        dims = 3 if batch_sizes is None else 2
        if input.dim() != dims:
            raise RuntimeError(f"input must have {dims} dimensions, got {input.dim()}")
        if input.size(-1) != self.input_size:
            raise RuntimeError(f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                               f"{input.size(-1)}")

    def get_expected_hidden_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        batch = int(batch_sizes[0]) if batch_sizes is not None else input.size(0 if self.batch_first else 1)
        return self.num_layers * self._directions, batch, self.proj_size or self.hidden_size

    def check_hidden_size(self, hx: Any, expected_hidden_size: Any,
                          msg: str = "Expected hidden size {}, got {}") -> None:
        if tuple(hx.shape) != tuple(expected_hidden_size):
            raise RuntimeError(msg.format(expected_hidden_size, list(hx.shape)))

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden, self.get_expected_hidden_size(input, batch_sizes))

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        """The states in the order of the sequences."""
        return hx if permutation is None else hx.index_select(1, permutation)

    # --- forward -----------------------------------------------------------------------------------------------------
    def _unbatched(self, hx: Any) -> Any:
        """The states of one sequence as those of a batch of one."""
        if hx.dim() != 2:
            raise RuntimeError(f"For unbatched 2-D input, hx should also be 2-D but got {hx.dim()}-D tensor")
        return hx.unsqueeze(1)

    def _batched(self, hx: Any) -> None:
        if hx.dim() != 3:
            raise RuntimeError(f"For batched 3-D input, hx should also be 3-D but got {hx.dim()}-D tensor")

    def _zeros(self, size: tuple[int, int, int], input: Any) -> Any:
        return FUNCTIONS["zeros"](size, dtype=input.dtype)

    def _squeezed(self, hidden: Any) -> Any:
        return hidden.squeeze(1)

    def forward(self, input: Any, hx: Any = None) -> Any:
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        word = "D tensor instead" if self.mode.startswith("RNN") else "D instead"
        if input.dim() not in (2, 3):
            raise ValueError(f"{self.mode.partition('_')[0]}: Expected input to be 2D or 3D, got {input.dim()}{word}")
        alone = input.dim() == 2
        batch_dim = 0 if self.batch_first else 1
        if alone:
            input = input.unsqueeze(batch_dim)
        if hx is None:
            hx = self._zeros(self.get_expected_hidden_size(input, None), input)
        elif alone:
            hx = self._unbatched(hx)
        else:
            self._batched(hx)
        self.check_forward_args(input, hx, None)
        steps = input.transpose(0, 1) if self.batch_first else input
        output, hidden = recurrent.recurrent(self.mode, steps, hx, self._layers(), self.dropout * self.training)
        if self.batch_first:  # PyTorch does it in place but for an LSTM, which its nodes' names show
            output = output.transpose(0, 1) if self.mode == "LSTM" else output.transpose_(0, 1)
        return (output.squeeze(batch_dim), self._squeezed(hidden)) if alone else (output, hidden)

    def _forward_packed(self, packed: Any, hx: Any) -> Any:
        input, batch_sizes, order, back = packed
        if hx is None:
            hx = self._zeros(self.get_expected_hidden_size(input, batch_sizes), input)
        else:
            hx = self.permute_hidden(hx, order)
        self.check_forward_args(input, hx, batch_sizes)
        output, hidden = recurrent.recurrent(self.mode, input, hx, self._layers(), self.dropout * self.training,
                                             batch_sizes._array.tolist())
        return PackedSequence(output, batch_sizes, order, back), self.permute_hidden(hidden, back)

    def _layers(self) -> list[list[recurrent.Weights]]:
        weights = [{name.rpartition("_l")[0]: getattr(self, name) for name in names} for names in self._all_weights]
        n = self._directions
        return [weights[i:i + n] for i in range(0, len(weights), n)]

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (("proj_size", 0), ("num_layers", 1), ("bias", True), ("batch_first", False),
                            ("dropout", 0), ("bidirectional", False)):
            value = getattr(self, name)
            if value != usual:
                text += f", {name}={value}"
        return text


def _check(mode: str, input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any, dropout: Any,
           proj_size: int) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, int | float) or not 0 <= dropout <= 1:
        raise ValueError("dropout should be a number in range [0, 1] representing the probability of an element being "
                         "zeroed")
    if dropout > 0 and num_layers == 1:
        warnings.warn("dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
                      f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}", stacklevel=5)
    for name, value, kind in (("bias", bias, bool), ("batch_first", batch_first, bool), ("input_size", input_size, int),
                              ("hidden_size", hidden_size, int)):
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if value <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in GATES:
        raise ValueError("Unrecognized RNN mode: " + mode)


class RNN(RNNBase):
    """Layers whose state is a tanh or relu of the input and the state before."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        nonlinearity = args[3] if len(args) > 3 else kwargs.pop("nonlinearity", "tanh")
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(f"RNN_{nonlinearity.upper()}", *args[:3], *args[4:], **kwargs)
        self.nonlinearity = nonlinearity


class GRU(RNNBase):
    """Gated recurrent units."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        super().__init__("GRU", *args, **kwargs)


class LSTM(RNNBase):
    """Long short-term memory; its state is a pair of the hidden and the cell state."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)

    def get_expected_cell_size(self, input: Any, batch_sizes: Any) -> tuple[int, int, int]:
        return *self.get_expected_hidden_size(input, batch_sizes)[:2], self.hidden_size

    def check_forward_args(self, input: Any, hidden: Any, batch_sizes: Any) -> None:
        self.check_input(input, batch_sizes)
        self.check_hidden_size(hidden[0], self.get_expected_hidden_size(input, batch_sizes),
                               "Expected hidden[0] size {}, got {}")
        self.check_hidden_size(hidden[1], self.get_expected_cell_size(input, batch_sizes),
                               "Expected hidden[1] size {}, got {}")

    def permute_hidden(self, hx: Any, permutation: Any) -> Any:
        return hx if permutation is None else tuple(state.index_select(1, permutation) for state in hx)

    def _zeros(self, size: tuple[int, int, int], input: Any) -> Any:
        return super()._zeros(size, input), super()._zeros((*size[:2], self.hidden_size), input)

    def _unbatched(self, hx: Any) -> Any:
        if hx[0].dim() != 2 or hx[1].dim() != 2:
            raise RuntimeError("For unbatched 2-D input, hx and cx should also be 2-D but got "
                               f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors")
        return hx[0].unsqueeze(1), hx[1].unsqueeze(1)

    def _batched(self, hx: Any) -> None:
        if hx[0].dim() != 3 or hx[1].dim() != 3:
            raise RuntimeError("For batched 3-D input, hx and cx should also be 3-D but got "
                               f"({hx[0].dim()}-D, {hx[1].dim()}-D) tensors")

    def _squeezed(self, hidden: Any) -> Any:
        return tuple(state.squeeze(1) for state in hidden)


# --- cells -----------------------------------------------------------------------------------------------------------
class RNNCellBase(Module):
    """One step of a recurrent layer."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        for name, shape in (("weight_ih", (rows, input_size)), ("weight_hh", (rows, hidden_size)),
                            ("bias_ih", (rows,)), ("bias_hh", (rows,))):
            kept = bias or name.startswith("weight")
            self.register_parameter(name, Parameter(FUNCTIONS["empty"](shape, device=device, dtype=dtype))
                                    if kept else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        _fill(self)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        text += "" if self.bias is True else f", bias={self.bias}"
        kind = self.__dict__.get("nonlinearity", "tanh")
        return text if kind == "tanh" else f"{text}, nonlinearity={kind}"

    def _step(self, cell: recurrent.Cell, input: Any, state: Any) -> Any:
        if input.size(1) != self.input_size:
            raise RuntimeError(f"input has inconsistent input_size: got {input.size(1)} expected {self.input_size}")
        for i, h in enumerate(state if isinstance(state, tuple | list) else (state,)):
            if h.size(0) != input.size(0):
                raise RuntimeError(f"Input batch size {input.size(0)} doesn't match hidden{i} batch size {h.size(0)}")
            if h.size(1) != self.hidden_size:
                raise RuntimeError(f"hidden{i} has inconsistent hidden_size: got {h.size(1)}, expected "
                                   f"{self.hidden_size}")
        return cell(linear(input, self.weight_ih, self.bias_ih), state,
                    {"weight_hh": self.weight_hh, "bias_hh": self.bias_hh})

    def _check(self, value: Any, what: str) -> None:
        if value.dim() not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected {what} to be 1D or 2D, got {value.dim()}D instead")

    def _zeros(self, input: Any) -> Any:
        return FUNCTIONS["zeros"]((input.size(0), self.hidden_size), dtype=input.dtype)

    def _one(self, cell: recurrent.Cell, input: Any, hx: Any) -> Any:
        """A step of a cell with one state."""
        self._check(input, "input")
        if hx is not None:
            self._check(hx, "hidden")
        alone = input.dim() == 1
        if alone:
            input, hx = input.unsqueeze(0), None if hx is None else hx.unsqueeze(0)
        out = self._step(cell, input, self._zeros(input) if hx is None else hx)
        return out.squeeze(0) if alone else out


class RNNCell(RNNCellBase):
    """One step of an :class:`RNN`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh",
                 device: Any = None, dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        return self._one(recurrent.CELLS[f"RNN_{self.nonlinearity.upper()}"], input, hx)


class GRUCell(RNNCellBase):
    """One step of a :class:`GRU`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._one(recurrent.gru_cell, input, hx)


class LSTMCell(RNNCellBase):
    """One step of an :class:`LSTM`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None,
                 dtype: Any = None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        self._check(input, "input")
        for i, state in enumerate(hx or ()):
            self._check(state, f"hx[{i}]")
        alone = input.dim() == 1
        if alone:
            input, hx = input.unsqueeze(0), None if hx is None else tuple(state.unsqueeze(0) for state in hx)
        if hx is None:
            zeros = self._zeros(input)
            hx = zeros, zeros
        out = self._step(recurrent.lstm_cell, input, hx)
        return tuple(state.squeeze(0) for state in out) if alone else out


__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]
