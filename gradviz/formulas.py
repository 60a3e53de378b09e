r"""Backward node name -> what a person reads about its derivative. Pure data.

``g`` is the gradient that comes in. Every formula is LaTeX and gives what goes out along one edge, in the order of the
node's edges; names in ``\mathrm{}`` are the fields that the node saved (``self``, ``other``, ``result``, ...).
Source: https://github.com/pytorch/pytorch/blob/main/tools/autograd/derivatives.yaml
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Formula(NamedTuple):
    """``forward``: what the op computed; ``edges``: what goes out, one LaTeX text an edge (the last repeats)."""

    forward: str
    edges: tuple[str, ...]
    note: str = ""


_SELF, _OTHER, _RESULT = r"\mathrm{self}", r"\mathrm{other}", r"\mathrm{result}"
_UNBROADCAST = "Where an operand was broadcast, its gradient is the sum over the copies."
_MOVED = "Elements are only moved; so are their gradients."

FORMULAS: Final[dict[str, Formula]] = {
    "AddBackward0": Formula(r"a + \alpha b", (r"g", r"\alpha\, g"), _UNBROADCAST),
    "SubBackward0": Formula(r"a - \alpha b", (r"g", r"-\alpha\, g"), _UNBROADCAST),
    "RsubBackward1": Formula(r"b - a", (r"-g",)),
    "MulBackward0": Formula(r"a \odot b", (rf"g \odot {_OTHER}", rf"g \odot {_SELF}"), _UNBROADCAST),
    "DivBackward0": Formula(r"\frac{a}{b}", (rf"\frac{{g}}{{{_OTHER}}}", rf"-g \odot \frac{{{_SELF}}}{{{_OTHER}^2}}"),
                            _UNBROADCAST),
    "NegBackward0": Formula(r"-a", (r"-g",)),
    "ReciprocalBackward0": Formula(r"\frac{1}{a}", (rf"-g \odot {_RESULT}^2",)),
    "PowBackward0": Formula(r"a^{n}", (rf"g \odot n\,{_SELF}^{{\,n-1}}",)),
    "PowBackward1": Formula(r"a^{b}", (r"g \odot \mathrm{exponent}\,\mathrm{self}^{\,\mathrm{exponent}-1}",
                                       r"g \odot \mathrm{result} \odot \ln \mathrm{self}")),
    "ExpBackward0": Formula(r"e^{a}", (rf"g \odot {_RESULT}",)),
    "LogBackward0": Formula(r"\ln a", (rf"\frac{{g}}{{{_SELF}}}",)),
    "SqrtBackward0": Formula(r"\sqrt{a}", (rf"\frac{{g}}{{2\,{_RESULT}}}",)),
    "RsqrtBackward0": Formula(r"\frac{1}{\sqrt{a}}", (rf"-\tfrac12\, g \odot {_RESULT}^3",)),
    "AbsBackward0": Formula(r"|a|", (rf"g \odot \mathrm{{sgn}}\,{_SELF}",)),
    "SinBackward0": Formula(r"\sin a", (rf"g \odot \cos {_SELF}",)),
    "CosBackward0": Formula(r"\cos a", (rf"-g \odot \sin {_SELF}",)),
    "TanhBackward0": Formula(r"\tanh a", (rf"g \odot (1 - {_RESULT}^2)",)),
    "SigmoidBackward0": Formula(r"\sigma(a)", (rf"g \odot {_RESULT} \odot (1 - {_RESULT})",)),
    "ReluBackward0": Formula(r"\max(a, 0)", (rf"g \odot [\,{_RESULT} > 0\,]",)),
    "ClampBackward1": Formula(r"\mathrm{clamp}(a)", (rf"g \odot [\,\min \le {_SELF} \le \max\,]",)),
    "WhereBackward0": Formula(r"\mathrm{where}(c, a, b)", (r"g \odot [c]", r"g \odot [\lnot c]")),
    "SumBackward0": Formula(r"\sum a", (r"g \ \text{for every element}",)),
    "SumBackward1": Formula(r"\sum_{\mathrm{dim}} a", (r"g \ \text{along } \mathrm{dim}",)),
    "MeanBackward0": Formula(r"\frac{1}{n}\sum a", (r"\frac{g}{n} \ \text{for every element}",)),
    "MeanBackward1": Formula(r"\frac{1}{n}\sum_{\mathrm{dim}} a", (r"\frac{g}{n} \ \text{along } \mathrm{dim}",)),
    "MaxBackward0": Formula(r"\max_{\mathrm{dim}} a", (r"g \ \text{at } \mathrm{indices}, \text{ else } 0",)),
    "MaxBackward1": Formula(r"\max a", (rf"\frac{{g}}{{m}} \odot [\,{_SELF} = {_RESULT}\,]",),
                            "m elements that are equally large share the gradient."),
    "MmBackward0": Formula(r"A B", (r"g\, \mathrm{mat2}^{\top}", r"\mathrm{self}^{\top} g")),
    "BmmBackward0": Formula(r"A_i B_i", (r"g_i\, \mathrm{mat2}_i^{\top}", r"\mathrm{self}_i^{\top} g_i")),
    "MvBackward0": Formula(r"A v", (r"g\, \mathrm{vec}^{\top}", r"\mathrm{self}^{\top} g")),
    "DotBackward0": Formula(r"a \cdot b", (r"g\, \mathrm{tensor}", r"g\, \mathrm{self}")),
    "AddmmBackward0": Formula(r"c + A B", (r"g", r"g\, \mathrm{mat2}^{\top}", r"\mathrm{mat1}^{\top} g"), _UNBROADCAST),
    "SoftmaxBackward0": Formula(r"\mathrm{softmax}(a)",
                                (rf"{_RESULT} \odot \big(g - \textstyle\sum g \odot {_RESULT}\big)",)),
    "LogSoftmaxBackward0": Formula(r"\ln \mathrm{softmax}(a)",
                                   (rf"g - e^{{{_RESULT}}} \odot \textstyle\sum g",)),
    "ViewBackward0": Formula(r"\mathrm{view}(a)", (r"g \ \text{in the shape of } \mathrm{self}",), _MOVED),
    "ReshapeAliasBackward0": Formula(r"\mathrm{reshape}(a)", (r"g \ \text{in the shape of } \mathrm{self}",), _MOVED),
    "UnsafeViewBackward0": Formula(r"\mathrm{view}(a)", (r"g \ \text{in the shape of } \mathrm{self}",), _MOVED),
    "TBackward0": Formula(r"A^{\top}", (r"g^{\top}",), _MOVED),
    "TransposeBackward0": Formula(r"A^{\top}", (r"g^{\top}",), _MOVED),
    "PermuteBackward0": Formula(r"\mathrm{permute}(a)", (r"g \ \text{permuted back}",), _MOVED),
    "SqueezeBackward0": Formula(r"\mathrm{squeeze}(a)", (r"g \ \text{in the shape of } \mathrm{self}",), _MOVED),
    "UnsqueezeBackward0": Formula(r"\mathrm{unsqueeze}(a)", (r"g \ \text{in the shape of } \mathrm{self}",), _MOVED),
    "ExpandBackward0": Formula(r"\mathrm{expand}(a)", (r"\textstyle\sum g \ \text{over the copies}",)),
    "SelectBackward0": Formula(r"a_{i}", (r"g \ \text{at } i, \text{ else } 0",)),
    "SliceBackward0": Formula(r"a_{i:j}", (r"g \ \text{at } i{:}j, \text{ else } 0",)),
    "IndexBackward0": Formula(r"a_{\mathrm{indices}}", (r"g \ \text{added at } \mathrm{indices}, \text{ else } 0",)),
    "CatBackward0": Formula(r"[a_1, a_2, \dots]", (r"\text{the part of } g \text{ that belongs to it}",)),
    "StackBackward0": Formula(r"[a_1, a_2, \dots]", (r"\text{the part of } g \text{ that belongs to it}",)),
    "UnbindBackward0": Formula(r"a_1, a_2, \dots", (r"[g_1, g_2, \dots]",)),
    "SplitBackward0": Formula(r"a_1, a_2, \dots", (r"[g_1, g_2, \dots]",)),
    "CloneBackward0": Formula(r"a", (r"g",)),
    "CopyBackwards": Formula(r"b", (r"0", r"g")),
    "CopySlices": Formula(r"a \text{ with a part written}",
                          (r"g, \text{ with } 0 \text{ where it was overwritten}", r"g \text{ of the part}")),
    "FillBackward0": Formula(r"c", (r"0",)),
    "ZeroBackward0": Formula(r"0", (r"0",)),
    "AccumulateGrad": Formula(r"\text{leaf}", (r"\mathrm{.grad} \mathrel{+}= g",)),
}
