"""``autograd.Function``: ops that a user writes, with a forward and a backward of their own."""

from __future__ import annotations

import weakref
from typing import Any

from gradviz import probe
from gradviz.engine import observe
from gradviz.engine.autograd import modes
from gradviz.engine.autograd.hooks import return_site
from gradviz.engine.autograd.namespaces import expandable
from gradviz.engine.autograd.node import FREED, NO_EDGE, Node, sequence
from gradviz.engine.autograd.saved import Output, check, tensor_of
from gradviz.engine.autograd.views import check_inplace, rebase
from gradviz.engine.dtypes import INEXACT
from gradviz.engine.errors import FREED as FREED_TEXT
from gradviz.engine.errors import size_text
from gradviz.engine.storage import Cell
from gradviz.engine.tensor import Tensor, fresh, gradient_edge, make, refresh
from gradviz.engine.xp import asarray, beside, is_array, xp


class FunctionCtx:
    """What a forward hands to its backward: the node itself, once there is one."""

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors for backward, which are checked there for in-place writes."""
        self.to_save = tensors

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which inputs the forward has written in place."""
        self.dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which outputs have no gradient."""
        self.non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether gradients that nobody sent arrive as zeros (the default) or as None."""
        self.materialize = value

    def save_for_forward(self, *tensors: Any) -> None:
        pass


class BackwardCFunction(FunctionCtx):
    """The node of a user's op; ``ctx`` in its forward and backward."""

    rule = None
    plain = False
    hooks: Any = None
    nid = 0
    order = 1
    width = 1
    saved: Any = None
    args: Any = None
    dirty: tuple[Any, ...] = ()
    non_differentiable: tuple[Any, ...] = ()
    to_save: tuple[Any, ...] = ()
    materialize = True
    saves = ()
    shape: Any = ()
    dtype: Any = None
    seq = 0
    next: tuple[Any, ...] = ()
    needs_input_grad: tuple[bool, ...] = ()
    owner: Any = None
    site: Any = None

    def name(self) -> str:
        return type(self).__name__

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What ``save_for_backward`` kept."""
        if self.saved is FREED:
            raise RuntimeError(FREED_TEXT)
        if self.saved is None:
            return tuple(self.to_save)
        check(self)
        return tuple(tensor_of(self, holder) for holder in self.saved[::2])

    saved_variables = _saved_tensors = saved_tensors

    @property
    def _raw_saved_tensors(self) -> tuple[Any, ...]:
        from gradviz.engine.autograd.packing import SavedTensor

        if self.saved is FREED:
            raise RuntimeError(FREED_TEXT)
        return tuple(SavedTensor(self, place) for place in range(len(self.saves)))

    @property
    def next_functions(self) -> Any:
        return self.next

    register_hook = Node.register_hook
    register_prehook = Node.register_prehook
    metadata = Node.metadata
    needs = Node.needs
    input_shape = Node.input_shape
    __repr__ = Node.__repr__

    def __call__(self, *grads: Any) -> Any:
        return Node.__call__(self, *grads)  # type: ignore[arg-type]


class _FunctionType(type):
    """Gives every Function its class of nodes, ``ExpBackward`` for ``Exp``."""

    def __init__(cls, name: str, bases: Any, body: Any) -> None:
        super().__init__(name, bases, body)
        cls._backward_cls = type(name + "Backward", (BackwardCFunction,), {"owner": cls, "__module__": cls.__module__})


class Function(FunctionCtx, metaclass=_FunctionType):
    """Base of a user's ops: static ``forward(ctx, ...)`` and ``backward(ctx, *grads)``, called by ``apply``."""

    _backward_cls: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("Legacy autograd function with non-static forward method is deprecated. Please use "
                           "new-style "
                           "autograd function with static forward method. (Example: "
                           "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        raise NotImplementedError("You must implement either the backward or vjp method for your custom "
                                  "autograd.Function to use it with backward mode AD.")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run the forward as one op."""
        if probe.sink is None:
            return _apply(cls, args, kwargs)[0]
        return _observed(cls, args, kwargs)


def _observed(cls: Any, args: Any, kwargs: Any) -> Any:
    inputs = tuple(a for a in args if isinstance(a, Tensor))
    text = ", ".join(_short(a) for a in args if not isinstance(a, Tensor))
    number = probe.new_id()
    position = probe.position
    within, position.within = position.within, number
    versions = [(t, t._cell.version) for t in inputs]
    try:
        result, outputs, _ = _apply(cls, args, kwargs)
    except Exception as error:
        position.within = within
        if probe.sink is None:  # the forward has ended the recording
            raise
        observe.failed(cls.__name__, text, inputs, error, number)
        raise
    position.within = within
    if probe.sink is None:
        return result
    written, before = next(((t, v) for t, v in versions if t._cell.version != v), (None, 0))
    observe.op(cls.__name__, text, inputs, outputs, "op", written, before, number)
    return result


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def _apply(cls: Any, args: Any, kwargs: Any) -> Any:
    tensors = [a if isinstance(a, Tensor) else None for a in args]
    for t in tensors:
        if t is not None and t._view is not None:
            refresh(t)
    tracked = modes.enabled() and any(t is not None and t._requires for t in tensors)
    ctx = cls._backward_cls()
    ctx.needs_input_grad = tuple(t is not None and t._requires for t in tensors)
    edges = tuple(gradient_edge(t) if t is not None and t._requires else NO_EDGE for t in tensors)
    before = modes.switch("no_grad")
    try:
        if hasattr(cls, "setup_context") and cls.setup_context is not None:
            result = cls.forward(*args, **kwargs)
            cls.setup_context(ctx, args, result)
        else:
            result = cls.forward(ctx, *args, **kwargs)
    finally:
        modes.switch(before)
    several = isinstance(result, tuple)
    results = list(result) if several else [result]
    flat = {i for i, r in enumerate(results) if any(r is t for t in ctx.non_differentiable)}
    for i, r in enumerate(results):
        if isinstance(r, Tensor):
            results[i] = _output(ctx, r, tensors, tracked)
    outputs = [r for r in results if isinstance(r, Tensor)]
    if not outputs and not several:
        raise TypeError(f"expected Variable or None (got {type(result).__name__})")
    if tracked:
        _attach(ctx, cls, results, tensors, edges, flat)
    return (tuple(results) if several else results[0]), tuple(outputs), ctx


def _output(ctx: Any, result: Any, inputs: list[Any], tracked: bool) -> Any:
    """An output as a tensor of its own: an input handed back becomes a view of it, unless it was written."""
    if any(result is t for t in ctx.dirty):
        if tracked and result._requires and result._edge is None and result._view is None:
            raise RuntimeError("a leaf Variable that requires grad has been used in an in-place operation.")
        check_inplace(result, tracked)
        if not any(result is t for t in inputs):
            raise RuntimeError("mark_dirty: only inputs can be marked dirty")
        result._cell.version += 1
        return result
    if any(result is t for t in inputs):
        from gradviz.engine.autograd.views import view_of

        return make(result._array.view(), result._cell, False, None,
                    view_of(result, "custom" if tracked else "default"))
    if result._edge is not None and tracked:
        return make(result._array, result._cell)
    return result


def _attach(ctx: Any, cls: Any, results: list[Any], inputs: list[Any], edges: Any, plain: set[int]) -> None:
    """Make ``ctx`` the node of the outputs, except of those at the places in ``plain``."""
    ctx.next, ctx.seq, ctx.width = edges, sequence(), len(results)
    ctx.site = return_site(cls.backward)
    shapes = [r._array.shape if isinstance(r, Tensor) else () for r in results]
    types = [r._array.dtype if isinstance(r, Tensor) else None for r in results]
    ctx.shape, ctx.dtype = (shapes[0], types[0]) if len(results) == 1 else (shapes, types)
    flat: list[Any] = []
    for t in ctx.to_save:
        if t is None:
            flat += (None, 0)
            continue
        if not isinstance(t, Tensor):
            raise TypeError(f"save_for_backward can only save variables, but argument {len(flat) // 2} is of type "
                            f"{type(t).__name__}")
        slot = next((i for i, r in enumerate(results) if r is t or (isinstance(r, Tensor) and r._array is t._array
                     and not any(t is x for x in inputs))), None)
        flat += (t if slot is None else Output(t._array, t._cell, slot), t._cell.version)
    ctx.saved = tuple(flat) if flat else None
    ctx.to_save = ()
    ctx.saves = ("saved_tensors",) * (len(flat) // 2)
    for slot, r in enumerate(results):
        if not isinstance(r, Tensor) or slot in plain or r._array.dtype.char not in INEXACT:
            continue
        if any(r is t for t in ctx.dirty):
            rebase(r, ctx)
        else:
            r._edge, r._requires = (ctx, slot), True
            if r._view is not None:
                r._view.version = r._cell.version
    ctx.dirty = ctx.non_differentiable = ()
    if modes.regions.packs:
        from gradviz.engine.autograd.packing import pack

        pack(ctx, tuple(results))


def _rule(ns: Any, ctx: Any, g: Any, *saved: Any) -> Any:
    """Call the user's backward on tensors and check what it gives back."""
    grads = g if ctx.width != 1 else [g]
    materialised = []
    for i, part in enumerate(grads):
        if part is None:
            if ctx.materialize:
                shape = ctx.shape if ctx.width == 1 else ctx.shape[i]
                dtype = ctx.dtype if ctx.width == 1 else ctx.dtype[i]
                like = next((x for x in grads if x is not None), None)
                part = fresh(xp.zeros(shape, dtype or xp.float32, like=beside(getattr(like, "_array", like))))
        elif is_array(part):
            part = fresh(part)
        materialised.append(part)
    result = ctx.owner.backward(ctx, *materialised)
    shares = result if isinstance(result, tuple) else (result,)
    name = type(ctx).__name__
    count = len(ctx.next)
    if len(shares) > count and all(s is None for s in shares[count:]):
        shares = shares[:count]
    if len(shares) != count:
        raise RuntimeError(f"function {name} returned an incorrect number of gradients (expected {count}, got "
                           f"{len(shares)})")
    raw = ns.solid is asarray
    out: list[Any] = []
    for i, share in enumerate(shares):
        node, slot = ctx.next[i]
        if share is None or node is None:
            if share is not None and not isinstance(share, Tensor):
                raise RuntimeError(f"function {name} returned a gradient different from None at position {i + 1}, but "
                                   "the corresponding forward input was not a Variable")
            out.append(None)
            continue
        if not isinstance(share, Tensor):
            raise TypeError(f"expected Variable or None (got {type(share).__name__})")
        expected = node.shape if node.width == 1 else node.shape[slot]
        if not expandable(expected, share._array.shape):
            raise RuntimeError(f"Function {name} returned an invalid gradient at index {i} - got "
                               f"{size_text(share._array.shape)} but expected shape compatible with "
                               f"{size_text(expected)}")
        out.append(share._array if raw else share)
    return tuple(out)


BackwardCFunction.rule = staticmethod(_rule)  # type: ignore[assignment]


def once_differentiable(function: Any) -> Any:
    """Mark a backward that cannot itself be differentiated."""
    import functools

    @functools.wraps(function)
    def wrapped(ctx: Any, *args: Any) -> Any:
        before = modes.switch("no_grad")
        try:
            return function(ctx, *args)
        finally:
            modes.switch(before)

    return wrapped


__all__ = ["BackwardCFunction", "Cell", "Function", "FunctionCtx", "once_differentiable", "weakref"]
