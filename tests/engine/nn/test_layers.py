"""Convolutions, pooling, norms, padding, resizing, attention: values, graphs, gradients of both orders, errors,
warnings and repr are PyTorch's.

The expectations are captured by ``outcomes.py``; ``test_layers_random.py`` compares configurations drawn at random.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest

import gradviz.engine as engine
from gradviz import probe
from gradviz.engine.ops import columns
from tests.engine.nn.outcomes import FOLDER, agree, cases, outcome
from tests.engine.test_events import Ear, facts, nodes

F, nn = engine.nn.functional, engine.nn
EXPECTED = json.loads((FOLDER / "layers.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("source", cases("layers.txt"))
def test_as_in_pytorch(source: str) -> None:
    found = json.loads(json.dumps(outcome(source, engine)))
    assert agree(found, EXPECTED[source]), f"{found}\n{EXPECTED[source]}"


@pytest.mark.slow
def test_expectations_are_torchs() -> None:
    torch = pytest.importorskip("torch")
    for source in cases("layers.txt"):
        assert agree(json.loads(json.dumps(outcome(source, torch))), EXPECTED[source]), source


# --- convolutions ----------------------------------------------------------------------------------------------------
def naive(x: Any, w: Any, stride: int, padding: int) -> Any:
    """A convolution as its definition says."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    high, wide = ((size - k) // stride + 1 for size, k in zip(x.shape[2:], w.shape[2:], strict=True))
    out = np.zeros((len(x), len(w), high, wide))
    for n, f, i, j in itertools.product(*map(range, out.shape)):
        patch = x[n, :, i * stride:i * stride + w.shape[2], j * stride:j * stride + w.shape[3]]
        out[n, f, i, j] = (patch * w[f]).sum()
    return out


@pytest.mark.parametrize("block", [1, 300, 1000, 1 << 18])
def test_blocks_of_any_size_give_the_same(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five samples in blocks of one, two, several and all; the gradients from perturbing single elements."""
    monkeypatch.setattr(columns, "BLOCK", block)
    rng = np.random.RandomState(0)
    x, w = rng.randn(5, 2, 5, 4), rng.randn(3, 2, 3, 2)
    inputs = [engine.tensor(a, requires_grad=True) for a in (x, w)]
    out = F.conv2d(*inputs, stride=2, padding=1)
    np.testing.assert_allclose(out.detach().numpy(), naive(x, w, 2, 1), atol=1e-12)
    out.sum().backward()
    for array, leaf in zip((x, w), inputs, strict=True):
        for at in itertools.islice(np.ndindex(array.shape), 0, None, 7):
            unit = np.zeros_like(array)
            unit[at] = 1
            change = naive(unit, w, 2, 1) if array is x else naive(x, unit, 2, 1)  # it is linear in both
            assert leaf.grad[at].item() == pytest.approx(change.sum())


def test_an_input_of_no_samples() -> None:
    x, w = engine.zeros(0, 2, 5, 5, requires_grad=True), engine.ones(3, 2, 3, 3, requires_grad=True)
    F.conv2d(x, w).sum().backward()
    assert x.grad.shape == (0, 2, 5, 5)
    assert (w.grad == 0).all()


def test_weights_begin_as_those_of_torch() -> None:
    """Uniform between the bounds of ``kaiming_uniform_`` with a = sqrt(5): 1 / sqrt(fan in)."""
    engine.manual_seed(0)
    for layer, fan in ((nn.Conv2d(8, 16, 3, groups=2), 36), (nn.ConvTranspose2d(8, 16, 3), 144)):
        bound = fan ** -0.5
        for t in (layer.weight, layer.bias):
            array = t.detach().numpy()
            assert 0.8 * bound < abs(array).max() <= bound
        assert layer.weight.detach().numpy().std() == pytest.approx(bound / 3 ** 0.5, rel=0.1)


@pytest.mark.parametrize(("lazy", "shape", "becomes"), [
    (lambda: nn.LazyConv2d(4, 3, 2), (1, 3, 8, 8), "Conv2d(3, 4, kernel_size=(3, 3), stride=(2, 2))"),
    (lambda: nn.LazyConv1d(4, 3, bias=False), (3, 8), "Conv1d(3, 4, kernel_size=(3,), stride=(1,), bias=False)"),
    (lambda: nn.LazyConvTranspose2d(4, 3, 2, 1, 1, 1, False), (1, 3, 8, 8),
     "ConvTranspose2d(3, 4, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1), bias=False)"),
    (nn.LazyBatchNorm1d, (4, 3),
     "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)"),
    (lambda: nn.LazyInstanceNorm1d(affine=False), (2, 3, 4),
     "InstanceNorm1d(3, eps=1e-05, momentum=0.1, affine=False, bias=False, track_running_stats=True)")])
def test_lazy_layers_learn_channels_from_the_first_input(lazy: Any, shape: Any, becomes: str) -> None:
    layer = lazy()
    layer(engine.ones(shape))
    assert repr(layer) == becomes


# --- what nobody else must notice ------------------------------------------------------------------------------------
@pytest.mark.parametrize("f", [lambda x: F.interpolate(x, scale_factor=2.0), lambda x: F.avg_pool1d(x, 2, 1),
                               lambda x: F.pad(x, (1, 1), "replicate"), lambda x: F.adaptive_avg_pool1d(x, 3)])
def test_an_infinity_stays_where_it_is(f: Any) -> None:
    """Nothing meets it with a weight of zero, forward or backward."""
    x = engine.tensor([[[1.0, float("inf"), 2.0, 3.0, 4.0]]], requires_grad=True)
    out = f(x)
    assert not out.isnan().any()
    assert out.isfinite().any()
    out.backward(engine.where(out.isinf(), float("inf"), 1.0))
    assert not x.grad.isnan().any()
    assert x.grad[0, 0, -1].isfinite()


def test_running_statistics_are_written_unseen_by_versions() -> None:
    """As in PyTorch: a backward in evaluation mode then uses what a training step has changed, and nothing is said."""
    layer = nn.BatchNorm1d(2)
    x = engine.tensor([[1.0, 2.0], [3.0, 5.0]], requires_grad=True)
    out = layer.eval()(x)
    layer.train()(x)
    out.sum().backward()
    assert x.grad.numpy() == pytest.approx(1 / np.sqrt(layer.running_var.numpy() + 1e-5) * np.ones((2, 2)))


# --- what a recorder is told -----------------------------------------------------------------------------------------
@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    ear = Ear()
    monkeypatch.setattr(probe, "sink", ear)
    return ear


def test_a_batch_norm_is_one_op_that_writes_three_buffers(ear: Ear) -> None:
    layer = nn.BatchNorm2d(2)
    layer(engine.ones(2, 2, 3, 3))
    op = ear.of("op")[-1]
    assert [event.name for event in ear.of("op")] == ["ones", "batch_norm"]
    buffers = [layer.num_batches_tracked, layer.running_mean, layer.running_var]
    assert [write[2] for write in op.writes] == [abs(t._tid) for t in buffers]
    assert [(write[3], write[4]) for write in op.writes] == [(1, 2), (1, 1), (1, 1)]
    assert dict(op.inputs)[abs(layer.running_mean._tid)] == 1
    norm = nodes(op)[0]
    assert norm.name == "NativeBatchNormBackward0"
    assert [saved[0] for saved in norm.saved] == ["input", "weight", "running_mean", "running_var", "result1",
                                                  "result2"]


@pytest.mark.parametrize(("f", "name", "made"), [
    (lambda x: F.conv2d(x[0], engine.ones(1, 2, 2, 2)), "conv2d",
     ["SqueezeBackward1", "ConvolutionBackward0", "UnsqueezeBackward0"]),
    (lambda x: F.max_pool2d(x, 2), "max_pool2d", ["MaxPool2DWithIndicesBackward0"]),
    (lambda x: F.max_pool1d(x[0], 2), "max_pool1d",
     ["SqueezeBackward1", "MaxPool2DWithIndicesBackward0", "UnsqueezeBackward0"]),
    (lambda x: F.layer_norm(x, (4,)), "layer_norm", ["NativeLayerNormBackward0"]),
    (lambda x: F.interpolate(x, scale_factor=2.0), "interpolate", ["UpsampleNearest2DBackward0"]),
    (lambda x: F.pad(x, (1, 0, 0, 0), "circular"), "pad", ["CopySlices", "CopySlices"]),
    (lambda x: F.scaled_dot_product_attention(x, x, x), "scaled_dot_product_attention",
     ["ScaledDotProductFlashAttentionForCpuBackward0"])])
def test_a_layer_is_one_op(f: Any, name: str, made: list[str], ear: Ear) -> None:
    x = engine.ones(2, 2, 4, 4, requires_grad=True) * 1
    f(x)
    op = ear.of("op")[-1]
    assert op.name == name
    found = [node.name for node in nodes(op)]
    assert [node for node in found if node in made] == made
    assert len(op.outputs) == 1


def test_indices_are_told_where_they_are_handed_out(ear: Ear) -> None:
    F.max_pool2d(engine.ones(1, 1, 2, 2), 2, return_indices=True)
    assert [facts(row).dtype for row in ear.of("op")[-1].outputs] == ["float32", "int64"]


@pytest.mark.parametrize(("name", "f"), [
    ("conv2d", lambda x: F.conv2d(x, engine.ones(1, 3, 2, 2))), ("conv2d", lambda x: F.conv2d(x[0, 0], x)),
    ("max_pool2d", lambda x: F.max_pool2d(x, 5)), ("batch_norm", lambda x: F.batch_norm(x[:1, :, :1, :1], None, None,
                                                                                        training=True)),
    ("layer_norm", lambda x: F.layer_norm(x, (3,))), ("pad", lambda x: F.pad(x, (1,))),
    ("interpolate", lambda x: F.interpolate(x)), ("scaled_dot_product_attention",
                                                  lambda x: F.scaled_dot_product_attention(x, x, x.double()))])
def test_what_is_refused_is_told_once(name: str, f: Any, ear: Ear) -> None:
    x = engine.ones(2, 2, 4, 4)
    with pytest.raises((RuntimeError, ValueError)):
        f(x)
    assert [event.name for event in ear.of("op") if not event.ok] == [name]
    assert len(ear.of("error")) == 1
    engine.ones(1)
    assert ear.of("op")[-1].name == "ones"


@pytest.mark.parametrize("f", [lambda x: F.upsample(x, scale_factor=2), lambda x: F.upsample_nearest(x, scale_factor=2),
                               lambda x: F.grid_sample(x, engine.zeros(1, 1, 1, 2)),
                               lambda x: F.affine_grid(engine.zeros(1, 2, 3), (1, 1, 2, 2))])
def test_warnings_name_the_script(f: Any) -> None:
    with pytest.warns(UserWarning, match="deprecated|align_corners") as caught:
        f(engine.ones(1, 1, 2, 2))
    assert [warning.filename for warning in caught] == [__file__]
