"""``torch.distributions``: those that policies and latent variables are made of. Scores are composed of ops as in
PyTorch, so that gradients flow through the same nodes."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

from gradviz.engine import dtypes
from gradviz.engine.autograd.modes import no_grad
from gradviz.engine.nn import functional as F
from gradviz.engine.ops.table import FUNCTIONS as OPS
from gradviz.engine.tensor import Size, Tensor

Number = (int, float)


class Constraint(NamedTuple):
    """What a parameter or a value has to fulfil; asked of the bare array, since it is no part of the calculation."""

    text: str
    holds: Callable[[Any], Any]

    def __repr__(self) -> str:
        return self.text


REAL = Constraint("Real()", lambda x: x == x)
REAL_VECTOR = Constraint("IndependentConstraint(Real(), 1)", lambda x: x == x)
POSITIVE = Constraint("GreaterThan(lower_bound=0.0)", lambda x: x > 0)
UNIT = Constraint("Interval(lower_bound=0.0, upper_bound=1.0)", lambda x: (x >= 0) & (x <= 1))
BOOLEAN = Constraint("Boolean()", lambda x: (x == 0) | (x == 1))
SIMPLEX = Constraint("Simplex()", lambda x: (x >= 0).all(-1) & (abs(x.sum(-1) - 1) < 1e-6))


def _broadcast(*values: Any) -> Any:
    """Numbers become tensors like the first tensor."""
    if not all(isinstance(v, (Tensor, *Number)) for v in values):
        raise ValueError("Input arguments must all be instances of Number, torch.Tensor or objects implementing "
                         "__torch_function__.")
    like = next((v.dtype for v in values if isinstance(v, Tensor)), dtypes.get_default_dtype())
    return OPS["broadcast_tensors"](*[v if isinstance(v, Tensor) else OPS["tensor"](v, dtype=like) for v in values])


def _clamped(probs: Any) -> Any:
    """Inside (0, 1), where logits are finite."""
    eps = dtypes.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


class Distribution:
    """A batch of distributions of one kind."""

    arg_constraints: ClassVar[dict[str, Constraint]] = {}
    has_rsample = False
    support: Constraint
    _validate_args = __debug__

    def __init__(self, batch_shape: Any = (), event_shape: Any = (), validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = Size(batch_shape), Size(event_shape)
        if validate_args is not None:
            self._validate_args = validate_args
        if not self._validate_args:
            return
        for name, constraint in self.arg_constraints.items():
            value = self.__dict__.get(name)
            if value is not None and not constraint.holds(value._array).all():
                raise ValueError(f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of "
                                 f"distribution {self!r} to satisfy the constraint {constraint!r}, but found invalid "
                                 f"values:\n{value}")

    @property
    def batch_shape(self) -> Any:
        return self._batch_shape

    @property
    def event_shape(self) -> Any:
        return self._event_shape

    @property
    def stddev(self) -> Any:
        return self.variance.sqrt()

    @property
    def variance(self) -> Any:
        raise NotImplementedError

    def rsample(self, sample_shape: Any = ()) -> Any:
        raise NotImplementedError

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return self.rsample(sample_shape)

    def entropy(self) -> Any:
        raise NotImplementedError

    def perplexity(self) -> Any:
        return OPS["exp"](self.entropy())

    def _extended(self, sample_shape: Any) -> Any:
        return Size((*sample_shape, *self._batch_shape, *self._event_shape))

    def _check(self, value: Any) -> None:
        if not self._validate_args:
            return
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        expected = self._batch_shape + self._event_shape
        if any(i != j and 1 not in (i, j) for i, j in zip(reversed(value.shape), reversed(expected), strict=False)):
            raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {value.shape} vs {expected}.")
        if not self.support.holds(value._array).all():
            raise ValueError(f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be "
                             f"within the support ({self.support!r}) of the distribution {self!r}, but found invalid "
                             f"values:\n{value}")

    def __repr__(self) -> str:
        given = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        told = ", ".join(f"{name}: {p if p.numel() == 1 else p.size()}" for name, p in given.items())
        return f"{type(self).__name__}({told})"


class Normal(Distribution):
    arg_constraints: ClassVar = {"loc": REAL, "scale": POSITIVE}
    support = REAL
    has_rsample = True

    def __init__(self, loc: Any, scale: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale = _broadcast(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Any:
        return self.scale

    @property
    def variance(self) -> Any:
        return self.scale.pow(2)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = self._extended(sample_shape)
        with no_grad():
            return OPS["normal"](self.loc.expand(shape), self.scale.expand(shape))

    def rsample(self, sample_shape: Any = ()) -> Any:
        eps = OPS["empty"](self._extended(sample_shape), dtype=self.loc.dtype).normal_()
        return self.loc + eps * self.scale

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        var = self.scale ** 2
        log_scale = self.scale.log()
        return -((value - self.loc) ** 2) / (2 * var) - log_scale - math.log(math.sqrt(2 * math.pi))

    def cdf(self, value: Any) -> Any:
        self._check(value)
        return 0.5 * (1 + OPS["erf"]((value - self.loc) * self.scale.reciprocal() / math.sqrt(2)))

    def icdf(self, value: Any) -> Any:
        return self.loc + self.scale * OPS["erfinv"](2 * value - 1) * math.sqrt(2)

    def entropy(self) -> Any:
        return 0.5 + 0.5 * math.log(2 * math.pi) + OPS["log"](self.scale)


class Uniform(Distribution):
    has_rsample = True

    def __init__(self, low: Any, high: Any, validate_args: bool | None = None) -> None:
        self.low, self.high = _broadcast(low, high)
        super().__init__(self.low.size(), validate_args=validate_args)

    @property
    def arg_constraints(self) -> dict[str, Constraint]:  # type: ignore[override]
        low, high = self.low._array, self.high._array
        return {"low": Constraint(f"LessThan(upper_bound={self.high})", lambda x: x < high),
                "high": Constraint(f"GreaterThan(lower_bound={self.low})", lambda x: x > low)}

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        low, high = self.low._array, self.high._array
        return Constraint(f"Interval(lower_bound={self.low}, upper_bound={self.high})",
                          lambda x: (low <= x) & (x <= high))

    @property
    def mean(self) -> Any:
        return (self.high + self.low) / 2

    @property
    def variance(self) -> Any:
        return (self.high - self.low).pow(2) / 12

    def rsample(self, sample_shape: Any = ()) -> Any:
        drawn = OPS["rand"](self._extended(sample_shape), dtype=self.low.dtype)
        return self.low + drawn * (self.high - self.low)

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        inside = self.low.le(value).type_as(self.low) * self.high.gt(value).type_as(self.low)
        return OPS["log"](inside) - OPS["log"](self.high - self.low)

    def entropy(self) -> Any:
        return OPS["log"](self.high - self.low)


class _ByChance(Distribution):
    """Given by probabilities or by logits; the other is computed when it is asked for."""

    def _given(self, probs: Any, logits: Any) -> bool:
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        return probs is not None


class Bernoulli(_ByChance):
    arg_constraints: ClassVar = {"probs": UNIT, "logits": REAL}
    support = BOOLEAN

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if self._given(probs, logits):
            self.probs, = _broadcast(probs)
        else:
            self.logits, = _broadcast(logits)
        super().__init__((self.probs if probs is not None else self.logits).size(), validate_args=validate_args)

    @cached_property
    def logits(self) -> Any:
        inside = _clamped(self.probs)
        return OPS["log"](inside) - OPS["log1p"](-inside)

    @cached_property
    def probs(self) -> Any:
        return OPS["sigmoid"](self.logits)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return OPS["bernoulli"](self.probs.expand(self._extended(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        logits, value = _broadcast(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")


class Categorical(_ByChance):
    arg_constraints: ClassVar = {"probs": SIMPLEX, "logits": REAL_VECTOR}

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        name, given = ("probs", probs) if self._given(probs, logits) else ("logits", logits)
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._events = given.size()[-1]
        super().__init__(given.size()[:-1], validate_args=validate_args)

    @property
    def support(self) -> Constraint:  # type: ignore[override]
        last = self._events - 1
        return Constraint(f"IntegerInterval(lower_bound=0, upper_bound={last})",
                          lambda x: (x % 1 == 0) & (x >= 0) & (x <= last))

    @cached_property
    def logits(self) -> Any:
        return OPS["log"](_clamped(self.probs))

    @cached_property
    def probs(self) -> Any:
        return F.softmax(self.logits, dim=-1)

    @property
    def mode(self) -> Any:
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        sample_shape = Size(sample_shape)
        flat = self.probs.reshape(-1, self._events)
        drawn = OPS["multinomial"](flat, math.prod(sample_shape), True).T
        return drawn.reshape(self._extended(sample_shape))

    def log_prob(self, value: Any) -> Any:
        self._check(value)
        value, log_pmf = OPS["broadcast_tensors"](value.long().unsqueeze(-1), self.logits)
        return log_pmf.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        logits = OPS["clamp"](self.logits, min=dtypes.finfo(self.logits.dtype).min)
        p_log_p = logits * self.probs
        return -p_log_p.sum(-1)


def _kl_normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    t1 = ((p.loc - q.loc) / q.scale).pow(2)
    return 0.5 * (ratio + t1 - 1 - ratio.log())


def _kl_categorical(p: Any, q: Any) -> Any:
    t = p.probs * (p.logits - q.logits)
    t[(q.probs == 0).expand_as(t)] = math.inf
    t[(p.probs == 0).expand_as(t)] = 0
    return t.sum(-1)


def _kl_bernoulli(p: Any, q: Any) -> Any:
    t1 = p.probs * (F.softplus(-q.logits) - F.softplus(-p.logits))
    t1[q.probs == 0] = math.inf
    t1[p.probs == 0] = 0
    t2 = (1 - p.probs) * (F.softplus(q.logits) - F.softplus(p.logits))
    t2[q.probs == 1] = math.inf
    t2[p.probs == 1] = 0
    return t1 + t2


_KL = {Normal: _kl_normal, Categorical: _kl_categorical, Bernoulli: _kl_bernoulli}


def kl_divergence(p: Any, q: Any) -> Any:
    """How far one distribution is from another of its kind."""
    kind = next((kind for kind in _KL if isinstance(p, kind) and isinstance(q, kind)), None)
    if kind is None:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type "
                                  f"{type(q).__name__}")
    return _KL[kind](p, q)


def __getattr__(name: str) -> Any:
    from gradviz.engine.missing import error

    raise error("torch.distributions", name)


for _class, _file in ((Distribution, "distribution"), (Normal, "normal"), (Uniform, "uniform"),
                      (Bernoulli, "bernoulli"), (Categorical, "categorical")):
    _class.__module__ = f"torch.distributions.{_file}"

__all__ = ["Bernoulli", "Categorical", "Distribution", "Normal", "Uniform", "kl_divergence"]
