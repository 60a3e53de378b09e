"""CUDA devices: training on one, what is refused and in which words, and a recording that never makes an op wait.

Most of it runs on a stand-in for CuPy (``device_double``); the tests marked ``gpu`` run where there is a device.
"""

from __future__ import annotations

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradviz.engine as torch
from gradviz.engine import devices, kernels, xp
from gradviz.engine.tensor import fresh
from gradviz.recorder import Recorder
from gradviz.replay import Replay
from tests.engine import device_double, programs
from tests.engine.device_double import count

nn, F = torch.nn, torch.nn.functional


@pytest.fixture
def device() -> Iterator[None]:
    with device_double.device():
        yield


# --- without a device -------------------------------------------------------------------------------------------------
NOT_COMPILED = "Torch not compiled with CUDA enabled"
NO_ACCELERATOR = "Cannot access accelerator device when none is available."


@pytest.mark.skipif(torch.cuda.is_available(), reason="a device is there")
@pytest.mark.parametrize(("call", "error", "text"), [
    (lambda: torch.zeros(2, device="cuda"), AssertionError, NOT_COMPILED),
    (lambda: torch.tensor([1.0], device="cuda:0"), AssertionError, NOT_COMPILED),
    (lambda: torch.randn(2, device="cuda"), AssertionError, NOT_COMPILED),
    (lambda: torch.zeros_like(torch.ones(2), device="cuda"), AssertionError, NOT_COMPILED),
    (lambda: torch.as_tensor([1], device="cuda"), AssertionError, NOT_COMPILED),
    (lambda: torch.ones(2).to("cuda"), AssertionError, NOT_COMPILED),
    (lambda: torch.ones(2).cuda(), AssertionError, NOT_COMPILED),
    (lambda: torch.ones(2).cuda(0), RuntimeError, NO_ACCELERATOR),
    (lambda: torch.ones(2).to(0), RuntimeError, NO_ACCELERATOR),
    (lambda: torch.device(0), RuntimeError, NO_ACCELERATOR),
    (lambda: torch.ones(2).pin_memory(), RuntimeError, NO_ACCELERATOR),
    (lambda: nn.Linear(2, 2, device="cuda"), AssertionError, NOT_COMPILED),
    (lambda: nn.Linear(2, 2).cuda(), AssertionError, NOT_COMPILED),
    (lambda: torch.cuda.current_device(), AssertionError, NOT_COMPILED),
    (lambda: torch.cuda.synchronize(), AssertionError, NOT_COMPILED),
    (lambda: torch.cuda.get_device_name(0), AssertionError, NOT_COMPILED),
    (lambda: torch.cuda.Stream(), RuntimeError, "torch.cuda.Stream requires CUDA support"),
    (lambda: torch.cuda.Event(), RuntimeError, "Tried to instantiate dummy base class Event"),
    (lambda: torch.cuda.FloatTensor(2), TypeError,
     "type torch.cuda.FloatTensor not available. Torch not compiled with CUDA enabled."),
    (lambda: torch.device("cuda:x"), RuntimeError, "Invalid device string: 'cuda:x'"),
    (lambda: torch.device("cuda:-1"), RuntimeError, "Invalid device string: 'cuda:-1'"),
    (lambda: torch.device("cuda", -2), RuntimeError, "Device index must not be negative"),
    (lambda: torch.device("cuda:0", 0), RuntimeError,
     "type (string) must not include an index because index was passed explicitly: cuda:0"),
    (lambda: torch.Generator(device="cuda"), RuntimeError, "Cannot get CUDA generator without ATen_cuda library."),
    (lambda: torch.cuda.CUDAGraph, torch.UnsupportedError, "gradviz.engine has no torch.cuda.CUDAGraph"),
])
def test_what_needs_a_device_says_so(call: Callable[[], Any], error: type, text: str) -> None:
    """In the words of PyTorch 2.13 built without CUDA."""
    if devices._cupy() is not None:
        pytest.skip("CuPy is installed")
    with pytest.raises(error) as raised:
        call()
    assert str(raised.value).startswith(text)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a device is there")
def test_what_asks_for_a_device_is_answered() -> None:
    assert (torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.memory_allocated()) == (False, 0, 0)
    torch.cuda.manual_seed(1)
    torch.cuda.empty_cache()
    assert torch.accelerator.current_accelerator() is None
    assert not isinstance(torch.ones(2), torch.cuda.FloatTensor)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        list(torch.utils.data.DataLoader([1, 2], pin_memory=True))
    assert "'pin_memory' argument is set as true but no accelerator is found" in str(told[0].message)


def test_the_default_device_is_asked_when_something_is_made() -> None:
    torch.set_default_device("cuda")
    try:
        if not torch.cuda.is_available():
            with pytest.raises((AssertionError, RuntimeError)):
                torch.zeros(2)
        assert torch.zeros(2, device="cpu").device.type == "cpu"
    finally:
        torch.set_default_device(None)
    assert torch.zeros(2).device == torch.device("cpu")


# --- tensors on a device ----------------------------------------------------------------------------------------------
@pytest.mark.usefixtures("device")
def test_a_tensor_says_where_it_is() -> None:
    x = torch.tensor([[1.0, 2.5]], device="cuda", requires_grad=True)
    assert (x.device, x.is_cuda, x.is_cpu, x.get_device()) == (torch.device("cuda:0"), True, False, 0)
    assert repr(x) == "tensor([[1.0000, 2.5000]], device='cuda:0', requires_grad=True)"
    assert x.type() == "torch.cuda.FloatTensor"
    assert isinstance(x, torch.cuda.FloatTensor)
    assert not isinstance(x, torch.FloatTensor)
    assert x.to("cuda") is x
    assert x.cuda() is x
    back = x.cpu()
    assert (back.device.type, back.grad_fn.name()) == ("cpu", "ToCopyBackward0")
    back.sum().backward()
    assert x.grad.device == x.device
    assert x.grad.tolist() == [[1, 1]]
    assert copy.deepcopy(x).device == x.device


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("make", [
    lambda **o: torch.zeros(2, 3, **o), lambda **o: torch.ones(3, **o), lambda **o: torch.full((2,), 7, **o),
    lambda **o: torch.arange(5, **o), lambda **o: torch.linspace(0, 1, 3, **o), lambda **o: torch.eye(3, **o),
    lambda **o: torch.tensor([1, 2], **o), lambda **o: torch.as_tensor(np.ones(2), **o),
    lambda **o: torch.randn(4, **o), lambda **o: torch.rand(2, **o), lambda **o: torch.randint(0, 3, (4,), **o),
    lambda **o: torch.randperm(5, **o), lambda **o: torch.empty(2, **o), lambda **o: torch.normal(0.0, 1.0, (3,), **o),
    lambda **o: torch.tril_indices(3, 3, **o), lambda **o: torch.empty_strided((2, 2), (1, 2), **o)])
def test_factories_take_a_device(make: Callable[..., Any]) -> None:
    assert make().device.type == "cpu"
    assert make(device="cuda").is_cuda
    with torch.device("cuda"):
        made = make()
        assert made.is_cuda
        assert make(device="cpu").is_cpu
    assert make().is_cpu
    for like in (torch.zeros_like, torch.ones_like, torch.rand_like, torch.empty_like):
        if made.dtype.is_floating_point:
            assert like(made).is_cuda
            assert like(made, device="cpu").is_cpu
    assert made.new_zeros(2).is_cuda
    assert made.new_tensor([1.0]).is_cuda
    assert made.new_full((2,), 3).is_cuda


@pytest.mark.usefixtures("device")
def test_devices_do_not_mix() -> None:
    """In PyTorch's words; a number may lie anywhere."""
    x, y = torch.ones(2, 2, device="cuda"), torch.ones(2, 2)
    with pytest.raises(RuntimeError, match=r"at least two devices, cuda:0 and cpu!$"):
        x + y
    with pytest.raises(RuntimeError, match=r"at least two devices, cuda:0 and cpu!$"):
        y.mul_(x)
    with pytest.raises(RuntimeError, match=r"got mat2 is on cpu, different from other tensors on cuda:0 \(when "
                                           r"checking argument in method wrapper_CUDA_mm\)$"):
        x @ y
    with pytest.raises(RuntimeError, match=r"got mat1 is on cuda:0, different from other tensors on cpu \(when "
                                           r"checking argument in method wrapper_CUDA_addmm\)$"):
        F.linear(x, y, torch.ones(2))
    assert (x * torch.tensor(3.0)).tolist() == [[3, 3], [3, 3]]
    scale = torch.tensor(2.0, requires_grad=True)
    (x * scale).sum().backward()
    assert (scale.grad.device.type, scale.grad.item()) == ("cpu", 4)
    with pytest.raises(TypeError, match=r"can't convert cuda:0 device type tensor to numpy\. Use Tensor\.cpu\(\)"):
        x.numpy()
    with pytest.raises(TypeError, match="can't convert cuda:0"):
        np.asarray(x)
    generator = torch.Generator()
    with pytest.raises(RuntimeError, match="Expected a 'cuda' device type for generator but found 'cpu'"):
        torch.rand(2, device="cuda", generator=generator)


@pytest.mark.usefixtures("device")
def test_errors_of_ops_are_those_of_the_cpu() -> None:
    x = torch.ones(2, 3, device="cuda")
    with pytest.raises(RuntimeError, match=r"The size of tensor a \(3\) must match the size of tensor b \(2\)"):
        x + torch.ones(2, 2, device="cuda")
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)"):
        x @ x
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        x.t().view(6)
    leaf = torch.ones(2, device="cuda", requires_grad=True)
    y = leaf.exp()
    y += 1
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: \[torch\.cuda\.FloatTensor \[2\]\]"):
        y.sum().backward()


@pytest.mark.usefixtures("device")
def test_views_hooks_and_writes() -> None:
    x = torch.arange(6.0, device="cuda").reshape(2, 3).requires_grad_()
    seen = []
    y = x * 2
    y.register_hook(lambda g: seen.append(g.device))
    y[0, 1:] = 7
    z = y.t()
    z[0].add_(1)
    z.retain_grad()
    (z * z).sum().backward()
    assert seen == [x.device]
    assert z.grad.is_cuda
    assert x.grad.tolist() == [[4.0, 0.0, 0.0], [28.0, 32.0, 40.0]]
    part = torch.arange(4.0, device="cuda")
    part[1:3].zero_()
    assert part.tolist() == [0, 0, 0, 3]
    assert x._version == 0


@pytest.mark.usefixtures("device")
def test_random_numbers_follow_the_seed() -> None:
    def drawn() -> list[Any]:
        torch.manual_seed(3)
        x = torch.randn(8, device="cuda")
        return [*x.tolist(), *F.dropout(torch.ones(8, device="cuda"), 0.5).tolist(),
                *torch.empty(3, device="cuda").uniform_(2, 3).tolist()]

    assert drawn() == drawn()
    assert all(2 <= v <= 3 for v in drawn()[-3:])
    generator = torch.Generator(device="cuda").manual_seed(5)
    first = torch.rand(3, device="cuda", generator=generator).tolist()
    assert torch.rand(3, device="cuda", generator=generator.manual_seed(5)).tolist() == first


@pytest.mark.usefixtures("device")
def test_torch_cuda_speaks_of_the_device() -> None:
    assert (torch.cuda.is_available(), torch.cuda.device_count(), torch.cuda.current_device()) == (True, 1, 0)
    assert torch.cuda.get_device_name() == "stand-in"
    assert torch.cuda.get_device_capability("cuda:0") == (8, 6)
    assert torch.accelerator.current_accelerator() == torch.device("cuda")
    torch.cuda.synchronize()
    torch.cuda.empty_cache()
    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.mem_get_info() == (1, 2)
    side, start, end = torch.cuda.Stream(), torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side), torch.cuda.device(0):
        x = torch.ones(2, device="cuda")
        end.record(side)
    torch.cuda.default_stream().wait_event(end)
    assert start.elapsed_time(end) == 0.0
    assert (x + x).tolist() == [2, 2]
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.ones(2, device="cuda:1")
    x = torch.cuda.FloatTensor([1, 2])
    assert (x.device, x.dtype) == (torch.device("cuda:0"), torch.float32)
    assert (x.type(torch.DoubleTensor).dtype, x.type(torch.DoubleTensor).is_cpu) == (torch.float64, True)
    assert x.type(torch.float64).is_cuda
    assert torch.ones(2).type("torch.cuda.HalfTensor").type() == "torch.cuda.HalfTensor"
    torch.set_default_device("cuda")
    assert torch.get_default_device() == torch.device("cuda:0")
    torch.set_default_device(None)


def test_parts_of_a_row_are_views() -> None:
    """A vector's parts have no dimensions, and show its memory still."""
    x = torch.zeros(3)
    first, *_ = x.unbind()
    first.add_(1)
    assert x.tolist() == [1, 0, 0]
    a, b, c = x
    assert a._is_view()
    assert (b.item(), c.item()) == (0, 0)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("seed", range(60))
def test_random_programs(seed: int) -> None:
    """Of ops, views and in-place writes: the result and both gradients are the CPU's, or the refusal is."""
    lines = programs.program(np.random.RandomState(seed).randint(0, 100, 40).tolist())

    def played(device: str) -> list[Any]:
        x, y = (torch.tensor(a, device=device, requires_grad=True) for a in programs.inputs())
        result = programs.run(lines, programs.functions(torch), x, y)["result"]
        assert str(result.device) == device
        try:
            result.backward()
        except RuntimeError as error:
            return [str(error).replace("torch.cuda.", "torch.")]
        return [result.tolist(), x.grad.tolist(), y.grad.tolist()]

    np.testing.assert_equal(played("cuda:0"), played("cpu"))


def test_views_of_cupys_own_arrays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where CuPy is installed: it makes views of any memory, without a device, and so do the ops that are views."""
    cupy = pytest.importorskip("cupy")
    memory = np.arange(24, dtype=np.float32)
    pointer = cupy.cuda.MemoryPointer(cupy.cuda.UnownedMemory(memory.ctypes.data, memory.nbytes, memory, 0), 0)
    monkeypatch.setattr(devices, "count", lambda: 1)
    devices.cuda()
    x, same = fresh(cupy.ndarray((4, 6), np.float32, pointer)), torch.tensor(memory).reshape(4, 6)
    for view in (lambda t: t.t(), lambda t: t[1], lambda t: t[:, 1:3], lambda t: t[0].expand(5, 6),
                 lambda t: t.unbind(1)[2], lambda t: t.split(2)[1], lambda t: t.view(2, 12), lambda t: t.diagonal(1),
                 lambda t: t.unfold(1, 2, 2), lambda t: t.as_strided((2, 2), (1, 7), 3), lambda t: t.unsqueeze(1),
                 lambda t: t[:1].squeeze(), lambda t: t.narrow(1, 1, 2), lambda t: t.detach().movedim(0, 1)):
        one, two = view(x), view(same)
        assert (one.shape, one.stride(), one.storage_offset()) == (two.shape, two.stride(), two.storage_offset())
        assert one.device.type == "cuda"
    xp.foreign.clear()


# --- modules ----------------------------------------------------------------------------------------------------------
class Block(nn.Module):
    """A block of a GPT: causal attention and an MLP, both added to what comes in."""

    def __init__(self, width: int = 16, heads: int = 2) -> None:
        super().__init__()
        self.heads = heads
        self.embedding = nn.Embedding(11, width)
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mix, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.head = nn.Linear(width, 11)

    def forward(self, tokens: Any) -> Any:
        x = self.embedding(tokens)
        b, n, width = x.shape
        q, k, v = (t.view(b, n, self.heads, -1).transpose(1, 2) for t in self.mix(self.one(x)).split(width, dim=2))
        a = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(a.transpose(1, 2).reshape(b, n, width))
        return self.head(x + self.mlp(self.two(x))).view(b * n, -1)


def mlp() -> tuple[Any, Any, Any]:
    model = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Linear(9, 7), nn.Tanh(), nn.Linear(7, 3))
    return model, torch.randn(5, 6), torch.tensor([0, 1, 2, 0, 1])


def cnn() -> tuple[Any, Any, Any]:
    model = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
                          nn.Conv2d(4, 3, 3, stride=2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return model, torch.randn(4, 2, 8, 8), torch.tensor([0, 1, 2, 0])


def gpt() -> tuple[Any, Any, Any]:
    return Block(), torch.randint(0, 11, (2, 5)), torch.randint(0, 11, (10,))


def train(make: Callable[[], tuple[Any, Any, Any]], optimizer: str, device: str, steps: int = 3) -> list[Any]:
    """Losses and parameters after some steps, all still on the device."""
    torch.manual_seed(0)
    model, x, y = make()
    model, x, y = model.to(device), x.to(device), y.to(device)
    opt = getattr(torch.optim, optimizer)(model.parameters(), lr=0.05)
    losses = []
    before = count.syncs
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.detach())
    assert count.syncs == before, "a step waited for the device"
    return [t.cpu().numpy() for t in (*losses, *[p.detach() for p in model.state_dict().values()])]


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("make", [mlp, cnn, gpt])
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_training_on_a_device_is_training_on_the_cpu(make: Any, optimizer: str) -> None:
    """The same numbers, and no step waits for the device."""
    for got, want in zip(train(make, optimizer, "cuda"), train(make, optimizer, "cpu"), strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=1e-5)


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("make", [mlp, cnn, gpt])
def test_gradients_are_handed_over_not_copied(make: Any) -> None:
    """As on the CPU: PyTorch counts the copying as a write."""
    model, x, y = make()
    F.cross_entropy(model.cuda()(x.cuda()), y.cuda()).backward()
    assert {p.grad._version for p in model.parameters()} == {0}


@pytest.mark.gpu
@pytest.mark.parametrize("make", [mlp, cnn, gpt])
@pytest.mark.parametrize("optimizer", ["SGD", "AdamW"])
def test_training_on_a_real_device(make: Any, optimizer: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for got, want in zip(train(make, optimizer, "cuda"), train(make, optimizer, "cpu"), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-3, atol=1e-4)


@pytest.mark.usefixtures("device")
def test_modules_move_as_a_whole() -> None:
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)).cuda()
    assert all(t.is_cuda for t in (*model.parameters(), *model.buffers()))
    assert all(p.is_leaf and p.requires_grad for p in model.parameters())
    state = model.state_dict()
    assert all(t.is_cuda for t in state.values())
    model.cpu()
    assert all(t.is_cpu for t in (*model.parameters(), *model.buffers()))
    model.load_state_dict(state)
    assert all(t.is_cpu for t in model.parameters())
    lazy = nn.LazyLinear(3).to("cuda")
    assert lazy(torch.ones(1, 2, device="cuda")).is_cuda
    made = nn.Linear(2, 2, device="cuda")
    assert made.weight.is_cuda
    nn.init.orthogonal_(made.weight)
    np.testing.assert_allclose((made.weight @ made.weight.t()).tolist(), np.eye(2), atol=1e-6)
    assert pickle.loads(pickle.dumps(torch.device("cuda:0"))) == torch.device("cuda:0")


def test_what_is_saved_on_a_device(tmp_path: Path) -> None:
    """It is loaded there again, or where ``map_location`` says; without a device it says so."""
    file = tmp_path / "state.pt"
    with device_double.device():
        torch.save({"x": torch.arange(3.0, device="cuda"), "y": torch.ones(2)}, file)
        state = torch.load(file)
        assert (state["x"].device.type, state["y"].device.type) == ("cuda", "cpu")
        assert torch.load(file, map_location="cpu")["x"].is_cpu
        assert torch.load(file, map_location="cuda")["y"].is_cuda
        assert state["x"].tolist() == [0, 1, 2]
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="Attempting to deserialize object on a CUDA device"):
            torch.load(file)
    assert torch.load(file, map_location={"cuda:0": "cpu"})["x"].tolist() == [0, 1, 2]


# --- recorded ---------------------------------------------------------------------------------------------------------
def work(device: str) -> None:
    torch.manual_seed(0)
    model, x, y = mlp()
    model, x, y = model.to(device), torch.randn(40, 6).to(device), (torch.arange(40) % 3).to(device)
    wide = (x.t() * 3).to(torch.float64) / (x.t() - x.t()[:, :1])  # transposed, and NaN in a column
    (wide[0, :5].isnan().sum() + wide.float().nansum()).backward() if wide.requires_grad else None
    before = count.syncs
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        loss = F.cross_entropy(model(x), y)
        opt.zero_grad()
        loss.backward()
        opt.step()
    assert count.syncs == before, "a recorded step waited for the device"


def told(path: Path, values: str, device: str) -> list[Any]:
    """The ops, steps and gradients that a program leaves in a trace, each with the values that it gives."""
    recorder = Recorder(path, values, quiet=True, sources=False)
    recorder.start()
    try:
        work(device)
    finally:
        recorder.stop()
    assert recorder.failure == ""
    replay = Replay.open(str(path))
    found = []
    for seq in range(replay.n):
        event = replay.event(seq)
        if event.kind == "op" and event.name not in ("to", "tensor", "ones", "empty", "uniform_", "set_data", "data"):
            given = [facts.value for facts in event.outputs]
        elif event.kind == "step":
            given = [g.value for g in (*event.grads_in, *event.grads_out)]
        elif event.kind == "accumulate":
            given = [event.added.value, event.grad.value]
        else:
            continue
        found.append((event.kind, [replay.reader.value(n) for n in given]))
    return found


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("values", ["auto", "stats", "full", "none"])
def test_a_recording_tells_the_same_and_no_step_waits(tmp_path: Path, values: str,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "THREADS", 8)
    kernels._statistics.cache_clear()
    there, here = told(tmp_path / "cuda.gvt", values, "cuda"), told(tmp_path / "cpu.gvt", values, "cpu")
    kernels._statistics.cache_clear()
    assert [kind for kind, _ in there] == [kind for kind, _ in here]
    for (kind, got), (_, want) in zip(there, here, strict=True):
        for a, b in zip(got, want, strict=True):
            if isinstance(b, tuple):
                assert isinstance(a, tuple), kind
                known = [i for i, figure in enumerate(b) if figure == figure]  # the CPU takes what is cheap there
                np.testing.assert_allclose([a[i] for i in known], [b[i] for i in known], rtol=2e-4, atol=1e-5)
            elif isinstance(b, bytes) and len(b) % 4 == 0:
                np.testing.assert_allclose(np.frombuffer(a, np.float32), np.frombuffer(b, np.float32), rtol=1e-4,
                                           atol=1e-5)
            else:
                assert a == b


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "bool"])
@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_the_statistics_kernel(dtype: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own source, on the threads of this machine: one block and several."""
    monkeypatch.setattr(kernels, "THREADS", 8)
    kernels._statistics.cache_clear()
    numbers = (np.random.RandomState(size).randint(-3, 4, size) * 1.5).astype(dtype)
    for bad in (False, True) if numbers.dtype.kind == "f" else (False,):
        if bad:
            numbers[size // 2], numbers[-1] = np.inf, np.nan
        row = device_double.wrap(np.zeros(32))
        for _ in range(2):  # the counter is as it was
            kernels.statistics(device_double.wrap(numbers), row)
        square, nans, infs, first, total, low, high, zeros = row._a[:8]
        wide = numbers.astype(np.float64)
        fine = wide[np.isfinite(wide)]
        assert (nans, infs, zeros) == (np.isnan(wide).sum(), np.isinf(wide).sum(), (wide == 0).sum())
        assert first == (int(np.argmin(np.isfinite(wide))) if bad else size)
        if bad:
            assert not np.isfinite(square)
        else:
            np.testing.assert_allclose(square, wide @ wide)
        if fine.size:
            np.testing.assert_allclose((total, low, high), (fine.sum(), fine.min(), fine.max()), atol=1e-9)
        assert row._a[31] == 0
    kernels._statistics.cache_clear()
