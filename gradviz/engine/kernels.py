"""Kernels of our own for a CUDA device, each in the place of many launches: the columns of a convolution summed back to
where they came from, and the statistics that a recorder takes of a tensor.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from gradviz.engine.xp import ndarray

SCATTER = r"""
// One thread an element of `into`: it adds up the columns that were taken from it. Dimensions that a convolution lacks
// have size 1.
const int at = i % ((ptrdiff_t)D * H * W), w = at % W, h = at / W % H, d = at / W / H;
const ptrdiff_t places = (ptrdiff_t)OD * OH * OW, from = i / ((ptrdiff_t)D * H * W) * KD * KH * KW * places;
T sum = into;
for (int kd = 0; kd < KD; kd++) {
    const int pd = d - kd * GD, od = pd / SD;
    if (pd < 0 || pd % SD || od >= OD) continue;
    for (int kh = 0; kh < KH; kh++) {
        const int ph = h - kh * GH, oh = ph / SH;
        if (ph < 0 || ph % SH || oh >= OH) continue;
        for (int kw = 0; kw < KW; kw++) {
            const int pw = w - kw * GW, ow = pw / SW;
            if (pw < 0 || pw % SW || ow >= OW) continue;
            sum = sum + columns[from + ((kd * KH + kh) * KW + kw) * places + (od * OH + oh) * OW + ow];
        }
    }
}
into = sum;
"""
SIZES = [n + d for n in ("", "K", "O", "S", "G") for d in "DHW"]
SIZES[:3] = ["D", "H", "W"]


@cache
def _scatter() -> Any:
    from gradviz.engine.devices import cuda

    sizes = ", ".join(f"int32 {name}" for name in SIZES)
    return cuda().ElementwiseKernel(f"raw T columns, {sizes}", "T into", SCATTER, "gradviz_scatter")


def scatter(columns: ndarray, into: ndarray, kernel: tuple[int, ...], geometry: Any) -> None:
    """Add columns (samples, channels, *kernel, *out) to ``into`` (samples, channels, *size), which is padded."""
    n = len(kernel)
    sizes = into.shape[2:], kernel, columns.shape[2 + n:], geometry.stride, geometry.dilation
    wide = [part for given in sizes for part in ((1,) * (3 - n) + tuple(given))]
    _scatter()(columns, *wide, into)


STATISTICS = r"""
// Figures of n numbers: squares summed, NaNs, infinities, the first of either (n: none); of the others sum, least,
// most; zeros. Each block reduces its part; the one that is done last reduces what they found. `row` ends in a
// counter, 0 between two launches.
struct Found {
    double square, nans, infs, first, sum, low, high, zeros;
};
__device__ void join(Found& a, const Found& b) {
    a.square += b.square; a.nans += b.nans; a.infs += b.infs; a.sum += b.sum; a.zeros += b.zeros;
    if (b.first < a.first) a.first = b.first;
    if (b.low < a.low) a.low = b.low;
    if (b.high > a.high) a.high = b.high;
}
__device__ void reduce(Found* all) {
    for (int half = THREADS / 2; half; half /= 2) {
        __syncthreads();
        if (threadIdx.x < half) join(all[threadIdx.x], all[threadIdx.x + half]);
    }
    __syncthreads();
}
extern "C" __global__ void gradviz_statistics(const T* x, const long long n, Found* parts, double* row) {
    __shared__ Found all[THREADS];
    __shared__ bool last;
    const double most = 1.7976931348623157e308 * 10;
    const Found none = {0, 0, 0, (double)n, 0, most, -most, 0};
    Found mine = none;
    for (long long i = blockIdx.x * (long long)THREADS + threadIdx.x; i < n; i += (long long)gridDim.x * THREADS) {
        const double v = (double)x[i];
        mine.square += v * v;
        mine.zeros += v == 0;
        if (v - v == 0) {
            mine.sum += v;
            if (v < mine.low) mine.low = v;
            if (v > mine.high) mine.high = v;
        } else {
            if (v == v) mine.infs += 1; else mine.nans += 1;
            if (i < mine.first) mine.first = i;
        }
    }
    all[threadIdx.x] = mine;
    reduce(all);
    if (threadIdx.x == 0) {
        parts[blockIdx.x] = all[0];
        __threadfence();
        last = atomicAdd((unsigned int*)(row + 31), 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    all[threadIdx.x] = threadIdx.x < gridDim.x ? parts[threadIdx.x] : none;
    reduce(all);
    if (threadIdx.x == 0) {
        *(Found*)row = all[0];
        row[31] = 0;
    }
}
"""
THREADS = 256
_EACH = 8
"""Numbers that a thread looks at, at least, before there is another block."""
CTYPES = {"?": "bool", "b": "signed char", "B": "unsigned char", "h": "short", "H": "unsigned short", "i": "int",
          "I": "unsigned int", "l": "long long", "L": "unsigned long long", "q": "long long",
          "Q": "unsigned long long", "f": "float", "d": "double"}


@cache
def _statistics(char: str) -> Any:
    from gradviz.engine.devices import cuda

    source = f"#define THREADS {THREADS}\ntypedef {CTYPES[char]} T;\n{STATISTICS}"
    return cuda().RawKernel(source, "gradviz_statistics")


def statistics(flat: ndarray, row: ndarray) -> None:
    """Write the figures of a flat array into a row of 32 float64, of which the last is 0: the struct ``Found``."""
    from gradviz.engine.devices import cuda

    if flat.dtype.char not in CTYPES:  # halves
        flat = flat.astype("float32")
    blocks = max(1, min(THREADS, flat.size // (THREADS * _EACH)))
    parts = cuda().empty((blocks, 8), "float64")
    _statistics(flat.dtype.char)((blocks,), (THREADS,), (flat, flat.size, parts, row))
