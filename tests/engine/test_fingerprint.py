"""Writes through NumPy, which no op tells of, are found at the next op or step that looks."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch
from gradviz import probe
from gradviz.engine import fingerprint, retelling
from gradviz.events import Write
from tests.engine.test_events import Ear


@pytest.fixture
def ear(monkeypatch: pytest.MonkeyPatch) -> Ear:
    ear = Ear()
    monkeypatch.setattr(probe, "sink", ear)
    return ear


def through_a_buffer(x: Any) -> Any:
    return np.frombuffer(memoryview(x.numpy()), x.numpy().dtype)


EXPORTS: dict[str, Callable[[Any], Any]] = {
    "numpy": lambda x: x.numpy(),
    "numpy of detach": lambda x: x.detach().numpy(),
    "numpy of data": lambda x: x.data.numpy(),
    "numpy of a view": lambda x: x[0:2].numpy(),
    "forced": lambda x: x.numpy(force=True),
    "asarray": np.asarray,
    "__array__": lambda x: x.__array__(),
    "buffer": through_a_buffer,
    "dlpack": np.from_dlpack,
}
IMPORTS: dict[str, Callable[[Any], Any]] = {
    "from_numpy": lambda a: torch.from_numpy(a),
    "as_tensor": lambda a: torch.as_tensor(a),
    "asarray": lambda a: torch.asarray(a),
    "from_dlpack": lambda a: torch.from_dlpack(a),
    "frombuffer": lambda a: torch.frombuffer(a, dtype=torch.float32),
}


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_every_way_out_is_watched(ear: Ear, export: Callable[[Any], Any]) -> None:
    x = torch.arange(4.0)
    array = export(x)
    last = ear.of("op")[-1].id
    array[0] = 9
    _ = x * 2
    (told,) = ear.of("write")
    write = Write(*told.write)
    assert told.reason == "numpy"
    assert told.seen == last
    assert (write.tid, write.before, write.after) == (x._tid, 0, 0)
    assert np.frombuffer(write.value, np.float32).tolist() == [9, 1, 2, 3]
    assert ear.kinds()[-2:] == ["write", "op"]


@pytest.mark.parametrize("bring", IMPORTS.values(), ids=IMPORTS)
def test_every_way_in_is_watched(ear: Ear, bring: Callable[[Any], Any]) -> None:
    array = np.arange(4, dtype=np.float32)
    x = bring(array)
    array[1] = np.nan
    _ = x.sum()
    _ = x.sum()
    assert [told.seen for told in ear.of("write")] == [ear.of("op")[0].id]


@pytest.mark.parametrize("copy", [lambda x: np.array(x), lambda x: np.asarray(x, dtype=np.float64),
                                  lambda x: np.array(x.tolist())])
def test_a_copy_is_not_shared(ear: Ear, copy: Callable[[Any], Any]) -> None:
    x = torch.arange(4.0)
    array = copy(x)
    array[0] = 9
    _ = x + 1
    assert not ear.of("write")
    assert x[0] == 0


def test_what_a_node_saved_is_looked_at_when_it_is_unpacked(ear: Ear) -> None:
    x = torch.ones(3, requires_grad=True)
    y = x * 2
    array = y.detach().numpy()
    z = (y * y).sum()
    product = next(op.id for op in ear.of("op") if op.inputs and len(op.inputs) == 2)
    array[0] = 5
    z.backward()
    (told,) = ear.of("write")
    assert told.seen == product
    assert told.write[2] == y._tid
    kinds = ear.kinds()
    assert kinds[kinds.index("backward"):][:4] == ["backward", "step", "write", "step"]
    assert x.grad.tolist() == [20, 8, 8]


def test_a_saved_result_is_looked_at_too(ear: Ear) -> None:
    x = torch.zeros(3, requires_grad=True)
    y = x.exp()
    array = y.detach().numpy()
    array[:] = 7
    y.sum().backward(retain_graph=True)
    (told,) = ear.of("write")
    assert told.write[2] == y._tid
    assert x.grad.tolist() == [7, 7, 7]


def test_a_result_whose_tensor_is_gone(ear: Ear) -> None:
    x = torch.zeros(3, requires_grad=True)
    y = x.exp()
    z = y.sum()
    array = y.detach().numpy()
    del y
    gc.collect()
    array[:] = 7
    z.backward()
    (told,) = ear.of("write")
    assert told.write[2] == 0


@pytest.mark.parametrize("text", [
    "x.add_(1)", "x.data.add_(1)", "x[0] = 3", "x[0:2].mul_(2)", "x.zero_()", "x.copy_(torch.ones(4))", "x.exp_()",
    "torch.add(x, x, out=x)", "x.detach().fill_(2)", "x.normal_()", "x.index_fill_(0, torch.tensor([0]), 4.0)",
    "x.clamp_(1, 2)", "x.unsqueeze_(0)", "x.data = torch.ones(4)", "x.sort()", "x.numpy()",
])
@pytest.mark.parametrize("export", [lambda x: x.numpy(), lambda x: x.data.numpy(), lambda x: x[1:].numpy()],
                         ids=["tensor", "data", "view"])
def test_what_ops_write_is_no_news(ear: Ear, text: str, export: Callable[[Any], Any]) -> None:
    x = torch.arange(4.0)
    _ = export(x)
    _ = x * 1
    _ = x.data * 1
    exec(text, {"x": x, "torch": torch})
    _ = x * 2
    _ = x.data * 2
    assert not ear.of("write")


def test_a_write_before_an_in_place_op_is_found(ear: Ear) -> None:
    x = torch.arange(4.0)
    array = x.numpy()
    array[0] = 9
    x.add_(1)
    assert [event.kind for event in ear.of("op", "write")] == ["op", "op", "write", "op"]


def test_gradients_are_added_to_without_alarm(ear: Ear) -> None:
    x = torch.ones(3, requires_grad=True)
    (x * 2).sum().backward()
    seen = x.grad.data.numpy()
    _ = x.grad * 1
    (x * 3).sum().backward()
    _ = x.grad * 1
    assert seen.tolist() == [5, 5, 5]
    assert not ear.of("write")


@pytest.mark.parametrize("layer", ["BatchNorm1d(3)", "InstanceNorm1d(3, track_running_stats=True)"])
def test_running_statistics_are_written_by_their_layer(ear: Ear, layer: str) -> None:
    norm = eval(f"torch.nn.{layer}", {"torch": torch})
    seen = norm.running_mean.data.numpy(), norm.running_var.numpy()
    for _ in range(2):
        norm(torch.randn(4, 3, 5) if layer.startswith("I") else torch.randn(4, 3))
    _ = norm.running_mean * 1, norm.running_var.data * 1
    assert seen[0].any()
    assert not ear.of("write")


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Adagrad"])
def test_parameters_are_written_by_their_optimizer(ear: Ear, name: str) -> None:
    w = torch.nn.Parameter(torch.ones(3))
    seen = w.data.numpy(), w.detach().numpy()
    optimizer = getattr(torch.optim, name)([w], lr=0.5)
    for _ in range(2):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
    torch.nn.init.uniform_(w)
    _ = w * 1, w.data * 1
    assert not (seen[0] == 1).any()
    assert not ear.of("write")


def test_nan_is_equal_to_itself(ear: Ear) -> None:
    x = torch.tensor([float("nan"), -0.0])
    array = x.numpy()
    _ = x * 2
    array[0] = np.nan
    _ = x * 2
    assert not ear.of("write")
    array[1] = 0.0  # another content, though an equal number
    _ = x * 2
    assert len(ear.of("write")) == 1


def test_arrays_that_do_not_lie_in_one_piece(ear: Ear) -> None:
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    x = torch.from_numpy(array[:, ::2])
    y = torch.from_numpy(array.T)
    _ = x * 1, y * 1
    array[2, 1] = 100  # of x it shows nothing
    _ = x * 1
    assert not ear.of("write")
    _ = y * 1
    assert len(ear.of("write")) == 1


def test_of_a_large_storage_only_what_is_shown_is_looked_at(ear: Ear) -> None:
    array = np.zeros((4, fingerprint.WHOLE // 4), np.float32)
    data = torch.from_numpy(array)
    rows = [data[i] for i in range(4)]
    for row in rows:
        _ = row.sum()
    array[2, 5] = 1
    _ = rows[0].sum()
    assert not ear.of("write")
    w = torch.ones(array.shape[1], requires_grad=True)
    loss = (rows[3] * w).sum()
    array[3, 5] = 1
    loss.backward()
    assert len(ear.of("write")) == 1
    assert w.grad[5] == 1


def test_nobody_listens_then_somebody_does(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "sink", None)
    array = np.zeros(3, np.float32)
    x = torch.from_numpy(array)
    array[0] = 1
    monkeypatch.setattr(probe, "sink", ear)
    _ = x * 2
    assert not ear.of("write")
    array[0] = 2
    _ = x * 2
    assert len(ear.of("write")) == 1


def test_what_was_written_in_a_pause_is_not_told(ear: Ear, monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.zeros(3)
    array = x.numpy()
    _ = x * 2
    monkeypatch.setattr(probe, "sink", None)
    array[0] = 1
    monkeypatch.setattr(probe, "sink", ear)
    retelling.tell()
    _ = x * 2
    assert not ear.of("write")
    array[0] = 2
    _ = x * 2
    assert len(ear.of("write")) == 1


def test_what_is_not_shared_is_not_looked_at(ear: Ear) -> None:
    x = torch.ones(3)
    before = len(fingerprint.shared)
    _ = x * 2, x.tolist(), x.sum().item()
    assert x._cell.storage is None
    assert len(fingerprint.shared) == before


def test_a_mark_goes_with_its_storage() -> None:
    before = len(fingerprint.shared)
    x = torch.ones(3)
    array = x.numpy()
    assert len(fingerprint.shared) == before + 1
    del x
    gc.collect()
    assert len(fingerprint.shared) == before
    assert array.tolist() == [1, 1, 1]
