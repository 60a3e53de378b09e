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
            sum += columns[from + ((kd * KH + kh) * KW + kw) * places + (od * OH + oh) * OW + ow];
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
