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
_RESIZED = (*[f"{kind}{n}D" for kind in ("Nearest", "NearestExact") for n in (1, 2, 3)], "Linear1D", "Bilinear2D",
            "Trilinear3D", "Bicubic2D", "Bilinear2DAa", "Bicubic2DAa", "Lanczos2DAa")
_SCALED = "As it is for the scale 1."
_AVERAGED = "Of one element; a mean divides by their number."

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
    "ZeroBackward0": Formula(r"0", (r"0",)),
    "AccumulateGrad": Formula(r"\text{leaf}", (r"\mathrm{.grad} \mathrel{+}= g",)),
    # --- pointwise, the rest -----------------------------------------------------------------------------------------
    "RsubBackward0": Formula(r"b - \alpha a", (r"-\alpha\, g", r"g"), _UNBROADCAST),
    "PowBackward2": Formula(r"c^{a}", (rf"g \odot {_RESULT} \odot \ln c",)),
    "Exp2Backward0": Formula(r"2^{a}", (rf"g \odot {_RESULT} \ln 2",)),
    "Expm1Backward0": Formula(r"e^{a} - 1", (rf"g \odot ({_RESULT} + 1)",)),
    "Log2Backward0": Formula(r"\mathrm{log}_2\, a", (rf"\frac{{g}}{{{_SELF} \ln 2}}",)),
    "Log10Backward0": Formula(r"\mathrm{log}_{10}\, a", (rf"\frac{{g}}{{{_SELF} \ln 10}}",)),
    "Log1PBackward0": Formula(r"\ln (1 + a)", (rf"\frac{{g}}{{1 + {_SELF}}}",)),
    "LogitBackward0": Formula(r"\ln \frac{a}{1 - a}", (rf"\frac{{g}}{{{_SELF} (1 - {_SELF})}}",)),
    "TanBackward0": Formula(r"\mathrm{tan}\, a", (rf"g \odot (1 + {_RESULT}^2)",)),
    "AsinBackward0": Formula(r"\mathrm{asin}\, a", (rf"\frac{{g}}{{\sqrt{{1 - {_SELF}^2}}}}",)),
    "AcosBackward0": Formula(r"\mathrm{acos}\, a", (rf"-\frac{{g}}{{\sqrt{{1 - {_SELF}^2}}}}",)),
    "AtanBackward0": Formula(r"\mathrm{atan}\, a", (rf"\frac{{g}}{{1 + {_SELF}^2}}",)),
    "Atan2Backward0": Formula(r"\mathrm{atan2}(a, b)", (
        rf"g \odot \frac{{{_OTHER}}}{{{_SELF}^2 + {_OTHER}^2}}",
        rf"-g \odot \frac{{{_SELF}}}{{{_SELF}^2 + {_OTHER}^2}}")),
    "SinhBackward0": Formula(r"\mathrm{sinh}\, a", (rf"g \odot \mathrm{{cosh}}\, {_SELF}",)),
    "CoshBackward0": Formula(r"\mathrm{cosh}\, a", (rf"g \odot \mathrm{{sinh}}\, {_SELF}",)),
    "AsinhBackward0": Formula(r"\mathrm{asinh}\, a", (rf"\frac{{g}}{{\sqrt{{{_SELF}^2 + 1}}}}",)),
    "AcoshBackward0": Formula(r"\mathrm{acosh}\, a", (rf"\frac{{g}}{{\sqrt{{{_SELF}^2 - 1}}}}",)),
    "AtanhBackward0": Formula(r"\mathrm{atanh}\, a", (rf"\frac{{g}}{{1 - {_SELF}^2}}",)),
    "SincBackward0": Formula(r"\mathrm{sinc}\, a", (r"g \odot \mathrm{sinc}'\, \mathrm{self}",)),
    "ErfBackward0": Formula(r"\mathrm{erf}\, a", (rf"g \odot \frac{{2}}{{\sqrt{{\mathrm{{pi}}}}}} e^{{-{_SELF}^2}}",)),
    "ErfcBackward0": Formula(r"\mathrm{erfc}\, a", (
        rf"-g \odot \frac{{2}}{{\sqrt{{\mathrm{{pi}}}}}} e^{{-{_SELF}^2}}",)),
    "ErfinvBackward0": Formula(r"\mathrm{erfinv}\, a", (
        rf"g \odot \frac{{\sqrt{{\mathrm{{pi}}}}}}{{2}} e^{{{_RESULT}^2}}",)),
    "LgammaBackward0": Formula(r"\mathrm{lgamma}\, a", (rf"g \odot \mathrm{{digamma}}\, {_SELF}",)),
    "DigammaBackward0": Formula(r"\mathrm{digamma}\, a", (rf"g \odot \mathrm{{trigamma}}\, {_SELF}",)),
    "I0Backward0": Formula(r"\mathrm{i0}\, a", (rf"g \odot \mathrm{{i1}}\, {_SELF}",)),
    "Deg2RadBackward0": Formula(r"a \frac{\mathrm{pi}}{180}", (r"g \frac{\mathrm{pi}}{180}",)),
    "Rad2DegBackward0": Formula(r"a \frac{180}{\mathrm{pi}}", (r"g \frac{180}{\mathrm{pi}}",)),
    "HypotBackward0": Formula(r"\sqrt{a^2 + b^2}", (rf"g \odot \frac{{{_SELF}}}{{{_RESULT}}}",
                                                    rf"g \odot \frac{{{_OTHER}}}{{{_RESULT}}}")),
    "CopysignBackward0": Formula(r"\mathrm{copysign}(a, b)", (
        r"g \text{, its sign turned where that of } a \text{ was}", r"0")),
    "FmodBackward1": Formula(r"a - b\, \mathrm{trunc} \frac{a}{b}", (
        r"g", rf"-g \odot \mathrm{{trunc}} \frac{{{_SELF}}}{{{_OTHER}}}")),
    "FmodBackward0": Formula(r"a - b\, \mathrm{trunc} \frac{a}{b}", (r"g",)),
    "RemainderBackward0": Formula(r"a - b\, \mathrm{floor} \frac{a}{b}", (r"g",)),
    "RemainderBackward1": Formula(r"a - b\, \mathrm{floor} \frac{a}{b}", (
        r"g", rf"-g \odot \mathrm{{floor}} \frac{{{_SELF}}}{{{_OTHER}}}")),
    "XlogyBackward0": Formula(r"a \ln b", (rf"g \odot \ln {_OTHER}", rf"g \odot \frac{{{_SELF}}}{{{_OTHER}}}")),
    "LogaddexpBackward0": Formula(r"\ln (e^{a} + e^{b})", (rf"g \odot e^{{{_SELF} - {_RESULT}}}",
                                                           rf"g \odot e^{{{_OTHER} - {_RESULT}}}")),
    "LerpBackward0": Formula(r"a + w (b - a)", (r"(1 - w)\, g", r"w\, g")),
    "LerpBackward1": Formula(r"a + w (b - a)", (
        r"(1 - \mathrm{weight})\, g", r"\mathrm{weight}\, g", r"g \odot (\mathrm{end} - \mathrm{self})")),
    "AddcmulBackward0": Formula(r"a + c\, b_1 b_2", (r"g", r"c\, g \odot \mathrm{tensor2}",
                                                     r"c\, g \odot \mathrm{tensor1}"), _UNBROADCAST),
    "AddcdivBackward0": Formula(r"a + c \frac{b_1}{b_2}", (
        r"g", r"c \frac{g}{\mathrm{tensor2}}",
        r"-c\, g \odot \frac{\mathrm{tensor1}}{\mathrm{tensor2}^2}"), _UNBROADCAST),
    "ClampBackward0": Formula(r"\mathrm{clamp}(a)", (rf"g \odot [\,\min \le {_SELF} \le \max\,]",)),
    "ClampMinBackward0": Formula(r"\max(a, \mathrm{min})", (rf"g \odot [\,{_SELF} \ge \min\,]",)),
    "ClampMaxBackward0": Formula(r"\min(a, \mathrm{max})", (rf"g \odot [\,{_SELF} \le \max\,]",)),
    "NanToNumBackward0": Formula(r"\text{finite } a", (r"g \text{ where } a \text{ was finite, else } 0",)),
    # --- the larger or smaller of two --------------------------------------------------------------------------------
    **{name: Formula(rf"\{word}(a, b)", (rf"g \odot [\,{_SELF} {sign} {_OTHER}\,]",
                                         rf"g \odot [\,{_OTHER} {sign} {_SELF}\,]"),
                     "Where both are equal, each gets half.")
       for name, word, sign in (("MaximumBackward0", "max", ">"), ("FmaxBackward0", "max", ">"),
                                ("MinimumBackward0", "min", "<"), ("FminBackward0", "min", "<"))},
    # --- no gradient passes ------------------------------------------------------------------------------------------
    **{name: Formula(rf"\mathrm{{{word}}}(a)", (r"0",), "It is constant almost everywhere: no gradient passes.")
       for name, word in (("CeilBackward0", "ceil"), ("FloorBackward0", "floor"), ("RoundBackward0", "round"),
                          ("TruncBackward0", "trunc"), ("SignBackward0", "sign"), ("SgnBackward0", "sgn"))},
    "FracBackward0": Formula(r"a - \mathrm{trunc}\, a", (r"g",)),
    **{name: Formula(r"\text{random numbers}", (r"0",), "What was there is overwritten: no gradient passes.")
       for name in ("BernoulliBackward0", "BernoulliBackward1", "BernoulliBackward2", "CauchyBackward0",
                    "GeometricBackward0", "LogNormalBackward0", "NormalBackward1", "NormalBackward2",
                    "NormalBackward3", "PoissonBackward0", "RandomBackward1", "RandomBackward2",
                    "ExponentialBackward0", "NormalBackward0", "RandomBackward0",
                    "UniformBackward0")},
    "FillBackward2": Formula(r"c", (r"0",), "What was there is overwritten."),
    "FillBackward3": Formula(r"c", (r"0", r"\textstyle\sum g"), "What was there is overwritten."),
    # --- reductions and scans ----------------------------------------------------------------------------------------
    "NansumBackward0": Formula(r"\sum a \text{ without NaN}", (r"g \text{ where } a \text{ is a number, else } 0",)),
    "ProdBackward0": Formula(r"a_1 a_2 \dots", (rf"g \odot \frac{{{_RESULT}}}{{{_SELF}}}",),
                             "Where an element is zero: the product of the others."),
    "ProdBackward1": Formula(r"a_1 a_2 \dots \text{ along dim}", (rf"g \odot \frac{{{_RESULT}}}{{{_SELF}}}",)),
    "CumsumBackward0": Formula(r"\sum_{j \le i} a_j", (r"\sum_{j \ge i} g_j",)),
    "CumprodBackward0": Formula(r"a_1 \dots a_i", (rf"\sum_{{j \ge i}} g_j \frac{{{_RESULT}_j}}{{{_SELF}_i}}",)),
    "CummaxBackward0": Formula(r"\max_{j \le i} a_j", (r"g \ \text{added at } \mathrm{indices}",)),
    "CumminBackward0": Formula(r"\min_{j \le i} a_j", (r"g \ \text{added at } \mathrm{indices}",)),
    "LogsumexpBackward0": Formula(r"\ln \sum e^{a}", (rf"g \odot e^{{{_SELF} - {_RESULT}}}",)),
    "VarBackward0": Formula(r"\mathrm{var}(a)", (r"g \odot \frac{2\,(\mathrm{self} - \text{mean})}{n - 1}",)),
    "StdBackward0": Formula(r"\mathrm{std}(a)", (
        rf"g \odot \frac{{\mathrm{{self}} - \text{{mean}}}}{{(n - 1)\,{_RESULT}}}",)),
    "LinalgVectorNormBackward0": Formula(r"\mathrm{norm}(a)", (rf"g \odot \frac{{{_SELF}}}{{{_RESULT}}}",),
                                         "As it is for p = 2."),
    "AmaxBackward0": Formula(r"\max_{\mathrm{dim}} a", (rf"\frac{{g}}{{m}} \odot [\,{_SELF} = {_RESULT}\,]",),
                             "m elements that are equally large share the gradient."),
    "AminBackward0": Formula(r"\min_{\mathrm{dim}} a", (rf"\frac{{g}}{{m}} \odot [\,{_SELF} = {_RESULT}\,]",),
                             "m elements that are equally small share the gradient."),
    "MinBackward1": Formula(r"\min a", (rf"\frac{{g}}{{m}} \odot [\,{_SELF} = {_RESULT}\,]",),
                            "m elements that are equally small share the gradient."),
    "MedianBackward0": Formula(r"\mathrm{median}(a)", (
        rf"g \ \text{{where }} {_SELF} = {_RESULT}, \text{{ else }} 0",)),
    "TraceBackward0": Formula(r"\sum_i A_{ii}", (r"g \ \text{on the diagonal, else } 0",)),
    **{name: Formula(rf"\mathrm{{{word}}}(a)", (r"g \ \text{at } \mathrm{indices}, \text{ else } 0",))
       for name, word in (("MinBackward0", "min"), ("MedianBackward1", "median"), ("ModeBackward0", "mode"),
                          ("KthvalueBackward0", "kthvalue"), ("SortBackward0", "sort"), ("TopkBackward0", "topk"),
                          ("GatherBackward0", "gather"), ("IndexSelectBackward0", "index select"))},
    # --- indexing and masks ------------------------------------------------------------------------------------------
    "MaskedFillBackward0": Formula(r"c \text{ where masked, else } a", (r"0 \text{ where masked, else } g",)),
    "MaskedFillBackward1": Formula(r"c \text{ where masked, else } a", (
        r"0 \text{ where masked, else } g", r"\textstyle\sum g \text{ where masked}")),
    "MaskedSelectBackward0": Formula(r"a_{\mathrm{mask}}", (r"g \ \text{at the mask, else } 0",)),
    **{name: Formula(r"a \text{ with } b \text{ at } \mathrm{index}", (
        r"g, \text{ with } 0 \text{ where it was overwritten}", r"g_{\mathrm{index}}"))
       for name in ("IndexPutBackward0", "IndexCopyBackward0", "IndexFillBackward0", "IndexFillBackward1",
                    "ScatterBackward0", "ScatterBackward1", "PutBackward")},
    **{name: Formula(r"a \text{ plus } b \text{ at } \mathrm{index}", (r"g", r"g_{\mathrm{index}}"))
       for name in ("IndexAddBackward0", "ScatterAddBackward0")},
    "TrilBackward0": Formula(r"\mathrm{tril}(A)", (r"\mathrm{tril}(g)",)),
    "TriuBackward0": Formula(r"\mathrm{triu}(A)", (r"\mathrm{triu}(g)",)),
    "EmbeddingBackward0": Formula(r"W_{\mathrm{indices}}", (r"g \ \text{added at } \mathrm{indices}, \text{ else } 0",),
                                  "A row for padding takes nothing."),
    "EmbeddingBagBackward0": Formula(r"\textstyle\sum_{\mathrm{bag}} W_{\mathrm{indices}}", (
        r"g \text{ of the bag, added at } \mathrm{indices}", r"g \cdot W_{\mathrm{indices}}"),
        "For mode sum; a mean divides, a maximum goes to the row that held it."),
    "TrilinearBackward0": Formula(r"\textstyle\sum_{ij} a_i\, W_{kij}\, b_j", (
        r"\textstyle\sum_{kj} g_k W_{kij}\, \mathrm{i3}_j", r"g_k\, \mathrm{i1}_i\, \mathrm{i3}_j",
        r"\textstyle\sum_{ki} g_k W_{kij}\, \mathrm{i1}_i")),
    "LinalgCrossBackward0": Formula(r"a \times b", (r"\mathrm{other} \times g", r"g \times \mathrm{self}")),
    # --- shape -------------------------------------------------------------------------------------------------------
    "RepeatBackward0": Formula(r"\mathrm{repeat}(a)", (r"\textstyle\sum g \ \text{over the copies}",)),
    "AsStridedBackward0": Formula(r"\text{a view of } a", (r"g \ \text{at its places in the base, else } 0",),
                                  "The base was written in place, so the view was made anew from it."),
    "AsStridedScatterBackward0": Formula(r"a \text{ with a part written}", (
        r"g, \text{ with } 0 \text{ where it was overwritten}", r"g \text{ of the part}")),
    **{name: Formula(rf"\mathrm{{{word}}}(a)", (r"g \ \text{moved back}",), _MOVED)
       for name, word in (("FlipBackward0", "flip"), ("RollBackward0", "roll"), ("AliasBackward0", "alias"),
                          ("SqueezeBackward1", "squeeze"), ("SqueezeBackward2", "squeeze"),
                          ("SqueezeBackward3", "squeeze"), ("SqueezeBackward4", "squeeze"),
                          ("SqueezeBackward5", "squeeze"))},
    **{name: Formula(rf"\mathrm{{{word}}}(a)", (r"g \ \text{at the same places, else } 0",))
       for name, word in (("DiagonalBackward0", "diagonal"), ("DiagonalBackward0_copy", "diagonal"),
                          ("DiagEmbedBackward0", "diag"))},
    "UnfoldBackward0": Formula(r"\mathrm{unfold}(a)", (r"\textstyle\sum g \ \text{over the windows}",)),
    "SplitWithSizesBackward0": Formula(r"a_1, a_2, \dots", (r"[g_1, g_2, \dots]",)),
    "WeightNormInterfaceBackward0": Formula(r"g\, \frac{v}{|v|}", (
        r"\frac{\mathrm{g}}{|v|} \Big( g - v\, \frac{g \cdot v}{|v|^2} \Big)", r"\frac{g \cdot v}{|v|}")),
    "UnsafeSplitBackward0": Formula(r"a_1, a_2, \dots", (r"[g_1, g_2, \dots]",)),
    "PackPaddedSequenceBackward0": Formula(r"a \text{ without padding}", (r"g \ \text{at the same places, else } 0",)),
    "ToCopyBackward0": Formula(r"a \text{ in another dtype}", (r"g \ \text{in the dtype of } a",)),
    "ReshapeAliasBackward0": Formula(r"\mathrm{reshape}(a)", (r"g \ \text{in the shape of } a",), _MOVED),
    "NotImplemented": Formula(r"f(a)", (r"\text{PyTorch has no derivative}",)),
    "VdotBackward0": Formula(r"\bar a \cdot b", (rf"\bar g\,{_OTHER}", rf"g\,{_SELF}")),
    "AddmvBackward0": Formula(r"\beta c + \alpha A b", (r"\beta g", r"\alpha\, g\, \mathrm{vec}^\top",
                                                        r"\alpha\, \mathrm{mat}^\top g")),
    "AddrBackward0": Formula(r"\beta C + \alpha\, a b^\top", (r"\beta g", r"\alpha\, g\, \mathrm{vec2}",
                                                              r"\alpha\, g^\top \mathrm{vec1}")),
    **{name: Formula(forward, (r"\beta g", r"\alpha\, g\, \mathrm{batch2}^\top", r"\alpha\, \mathrm{batch1}^\top g"))
       for name, forward in (("AddbmmBackward0", r"\beta C + \alpha \textstyle\sum_b A_b B_b"),
                             ("BaddbmmBackward0", r"\beta C_b + \alpha A_b B_b"))},
    "DistBackward0": Formula(r"\lVert a - b \rVert_p", (r"g \ \nabla \lVert a - b \rVert_p",
                                                        r"-g \ \nabla \lVert a - b \rVert_p")),
    "DiagonalScatterBackward0": Formula(r"a \text{ with another diagonal}", (
        r"0 \ \text{on the diagonal, else } g", r"g \ \text{on the diagonal}")),
    "LinalgInvExBackward0": Formula(r"A^{-1}", (r"-\mathrm{inverse}^\top g\, \mathrm{inverse}^\top",)),
    "LinalgDetBackward0": Formula(r"\det A", (rf"g\,{_RESULT}\,A^{{-\top}}",)),
    "LinalgSlogdetBackward0": Formula(r"\ln \lvert \det A \rvert", (r"g\, A^{-\top}",)),
    **{name: Formula(r"A^{-1} B", (rf"-(A^{{-\top}} g)\,{_RESULT}^\top", r"A^{-\top} g"))
       for name in ("LinalgSolveExBackward0", "LinalgSolveTriangularBackward0")},
    "LinalgLuSolveBackward0": Formula(r"(P L U)^{-1} B", (
        rf"-(A^{{-\top}} g)\,{_RESULT}^\top \ \text{{by the factors}}", r"A^{-\top} g")),
    "LinalgLstsqBackward0": Formula(r"A^{+} B", (r"\text{as of } A^{+}, \text{ with } g B^\top", r"(A^{+})^\top g")),
    "LinalgPinvBackward0": Formula(r"A^{+}", (
        rf"-{_RESULT}^\top g\,{_RESULT}^\top + \text{{parts outside the rows and columns of }} A",)),
    "LinalgSvdBackward0": Formula(r"A = U\, \mathrm{diag}(S)\, V^\top", (
        r"U \big( \tfrac{\mathrm{skew}(U^\top g_U)}{E} S + S \tfrac{\mathrm{skew}(V^\top g_V)}{E} + g_S \big) V^\top",),
        r"E holds the differences of the squared singular values: two that are equal have no gradient."),
    "LinalgQrBackward0": Formula(r"A = Q R", (
        r"\big( Q\, \mathrm{sym}(g_R R^\top - Q^\top g_Q) + g_Q \big) R^{-\top}",)),
    "LinalgEighBackward0": Formula(r"A = V\, \mathrm{diag}(\lambda)\, V^\top", (
        r"V \big( \mathrm{diag}(g_\lambda) + \tfrac{V^\top g_V}{\lambda_j - \lambda_i} \big) V^\top",)),
    "LinalgEigBackward0": Formula(r"A = V\, \mathrm{diag}(\lambda)\, V^{-1}", (
        r"V^{-*} \big( \mathrm{diag}(g_\lambda) + \tfrac{V^* g_V}{\bar\lambda_j - \bar\lambda_i} \big) V^*",)),
    **{name: Formula(r"A = L L^\top", (r"\tfrac12 L^{-\top} \mathrm{sym}(\mathrm{tril}(L^\top g))\, L^{-1}",))
       for name in ("LinalgCholeskyExBackward0", "CholeskyBackward0")},
    "CholeskySolveBackward0": Formula(r"(L L^\top)^{-1} B", (
        r"(L L^\top)^{-1} g", rf"-\big( g_B {_RESULT}^\top + {_RESULT}\, g_B^\top \big) L")),
    "CholeskyInverseBackward0": Formula(r"(L L^\top)^{-1}", (rf"-{_RESULT}\,(g + g^\top)\,{_RESULT}\, L",)),
    **{name: Formula(r"A = P L U", (
        r"P L^{-\top} \big( \mathrm{tril}(L^\top g_L) + \mathrm{triu}(g_U U^\top) \big) U^{-\top}",))
       for name in ("LinalgLuBackward0", "LinalgLuFactorExBackward0")},
    "LinalgMatrixExpBackward0": Formula(r"e^{A}", (
        r"\text{upper right block of } \exp [\, A^{\top},\, g;\; 0,\, A^{\top} \,]",)),
    "NextafterBackward0": Formula(r"\text{the number next to } a", (r"g", r"0")),
    "DivBackward2": Formula(r"\lfloor \tfrac{a}{b} \rfloor", (r"0", r"0"), "Steps: flat wherever there is a slope."),
    "XlogyBackward1": Formula(r"n \ln b", (rf"g \odot \frac{{n}}{{{_OTHER}}}",)),
    "PolygammaBackward0": Formula(r"\psi^{(n)}(a)", (rf"g \odot \psi^{{(n+1)}}({_SELF})",)),
    "MvlgammaBackward0": Formula(r"\ln \Gamma_p(a)", (
        rf"g \odot \textstyle\sum_{{i<p}} \psi({_SELF} - \tfrac{{i}}{{2}})",)),
    **{name: Formula(forward, (r"\text{PyTorch has no derivative}",
                               rf"{sign}g \odot \frac{{{_OTHER}^{{{_SELF}-1}} e^{{-{_OTHER}}}}}{{\Gamma({_SELF})}}"))
       for name, forward, sign in (("IgammaBackward0", r"P(a, x)", ""), ("IgammacBackward0", r"Q(a, x)", "-"))},
    "SpecialI1Backward0": Formula(r"I_1(a)", (rf"g \odot \big( I_0({_SELF}) - \tfrac{{{_RESULT}}}{{{_SELF}}} \big)",)),
    "SpecialI0EBackward0": Formula(r"e^{-|a|} I_0(a)", (
        rf"g \odot \big( e^{{-|{_SELF}|}} I_1({_SELF}) - \mathrm{{sgn}}({_SELF})\,{_RESULT} \big)",)),
    "SpecialI1EBackward0": Formula(r"e^{-|a|} I_1(a)", (
        rf"g \odot e^{{-|{_SELF}|}} I_0({_SELF}) - g\,{_RESULT}\,(\mathrm{{sgn}}\,{_SELF} + \tfrac{{1}}{{{_SELF}}})",)),
    "SpecialErfcxBackward0": Formula(r"e^{a^2} \mathrm{erfc}(a)", (
        rf"g \odot \big( 2\,{_SELF}\,{_RESULT} - \tfrac{{2}}{{\sqrt\pi}} \big)",)),
    "SpecialEntrBackward0": Formula(r"-a \ln a", (rf"-g \odot (1 + \ln {_SELF})",)),
    "SpecialLogNdtrBackward0": Formula(r"\ln \Phi(a)", (rf"g \odot \frac{{\varphi({_SELF})}}{{\Phi({_SELF})}}",)),
    "SpecialNdtriBackward0": Formula(r"\Phi^{-1}(a)", (rf"\frac{{g}}{{\varphi({_RESULT})}}",)),
    "SpecialXlog1PyBackward0": Formula(r"a \ln(1 + b)", (rf"g \odot \ln(1 + {_OTHER})",
                                                         rf"g \odot \frac{{{_SELF}}}{{1 + {_OTHER}}}")),
    # --- activations -------------------------------------------------------------------------------------------------
    "HardtanhBackward0": Formula(r"\min(\max(a, l), h)", (rf"g \odot [\,l < {_SELF} < h\,]",)),
    "LeakyReluBackward0": Formula(r"\max(a, 0) + c \min(a, 0)", (
        rf"g \text{{ where }} {_SELF} > 0, \text{{ else }} c\, g",)),
    "LeakyReluBackward1": Formula(r"\max(a, 0) + c \min(a, 0)", (
        rf"g \text{{ where }} {_RESULT} > 0, \text{{ else }} c\, g",)),
    **{name: Formula(r"a \text{ where } a > 0, \text{ else } \alpha (e^{a} - 1)", (
        rf"g \text{{ where }} {_SELF} > 0, \text{{ else }} g \odot \alpha e^{{{_SELF}}}",), _SCALED)
       for name in ("EluBackward0", "CeluBackward0")},
    **{name: Formula(r"a \text{ where } a > 0, \text{ else } \alpha (e^{a} - 1)", (
        rf"g \text{{ where }} {_RESULT} > 0, \text{{ else }} g \odot ({_RESULT} + \alpha)",), _SCALED)
       for name in ("EluBackward1", "CeluBackward1")},
    "PreluKernelBackward0": Formula(r"\max(a, 0) + w \min(a, 0)", (
        rf"g \text{{ where }} {_SELF} > 0, \text{{ else }} \mathrm{{weight}} \odot g",
        rf"g \odot \min({_SELF}, 0)"), _UNBROADCAST),
    **{name: Formula(r"\max(a, 0) + r \min(a, 0)", (r"g \odot \mathrm{noise}",), "r is drawn for every element.")
       for name in ("RreluWithNoiseBackward0", "RreluWithNoiseBackward1")},
    "GeluBackward0": Formula(r"a\, \Phi(a)", (rf"g \odot \big(\Phi({_SELF}) + {_SELF} \odot \varphi({_SELF})\big)",)),
    "SiluBackward0": Formula(r"a\, \sigma(a)", (
        rf"g \odot \sigma({_SELF}) \odot \big(1 + {_SELF} \odot (1 - \sigma({_SELF}))\big)",)),
    "MishBackward0": Formula(r"a \tanh s, \; s = \ln(1 + e^{a})", (
        rf"g \odot \big(\tanh s + {_SELF} \odot \sigma({_SELF}) \odot (1 - \tanh^2 s)\big)",)),
    "SoftplusBackward0": Formula(r"\tfrac{1}{\beta} \ln(1 + e^{\beta a})", (rf"g \odot \sigma(\beta\, {_SELF})",)),
    **{name: Formula(rf"\mathrm{{{word}}}(a)", (rf"g \text{{ where }} |{_SELF}| > \lambda, \text{{ else }} 0",))
       for name, word in (("HardshrinkBackward0", "hardshrink"), ("SoftshrinkBackward0", "softshrink"))},
    "HardsigmoidBackward0": Formula(r"\tfrac{1}{6} \min(\max(a + 3, 0), 6)", (
        rf"\tfrac{{g}}{{6}} \odot [\,|{_SELF}| < 3\,]",)),
    "HardswishBackward0": Formula(r"\tfrac{a}{6} \min(\max(a + 3, 0), 6)", (
        rf"g \odot \big(\tfrac{{{_SELF}}}{{3}} + \tfrac12\big) \text{{ where }} |{_SELF}| < 3",),
        "Below -3 nothing passes, above 3 all of g."),
    **{name: Formula(r"a \text{ where } a > t, \text{ else } c", (rf"g \odot [\,{_SELF} > t\,]",))
       for name in ("ThresholdBackward0", "ThresholdBackward1")},
    "LogSigmoidBackward0": Formula(r"\ln \sigma(a)", (rf"g \odot \sigma(-{_SELF})",)),
    "GluBackward0": Formula(r"a_1 \odot \sigma(a_2)", (
        r"[\,g \odot \sigma(a_2), \; g \odot a_1 \odot \sigma(a_2) \odot (1 - \sigma(a_2))\,]",),
        "a1 and a2 are the halves of self."),
    # --- losses and distances ----------------------------------------------------------------------------------------
    "MseLossBackward0": Formula(r"(a - b)^2", (
        r"2 g \odot (\mathrm{self} - \mathrm{target})", r"-2 g \odot (\mathrm{self} - \mathrm{target})"), _AVERAGED),
    "SmoothL1LossBackward0": Formula(r"|a - b| \text{, squared below } \beta", (
        r"g \odot \mathrm{clip}\big(\tfrac{\mathrm{self} - \mathrm{target}}{\beta}, -1, 1\big)",
        r"-g \odot \mathrm{clip}\big(\tfrac{\mathrm{self} - \mathrm{target}}{\beta}, -1, 1\big)"), _AVERAGED),
    "HuberLossBackward0": Formula(r"\tfrac12 (a - b)^2 \text{, straight above } \delta", (
        r"g \odot \mathrm{clip}(\mathrm{self} - \mathrm{target}, -\delta, \delta)",
        r"-g \odot \mathrm{clip}(\mathrm{self} - \mathrm{target}, -\delta, \delta)"), _AVERAGED),
    "SoftMarginLossBackward0": Formula(r"\ln(1 + e^{-t a})", (
        r"-g \odot \mathrm{target} \odot \sigma(-\mathrm{target} \odot \mathrm{self})",), _AVERAGED),
    "BinaryCrossEntropyBackward0": Formula(r"-t \ln a - (1 - t) \ln(1 - a)", (
        r"g \odot \frac{\mathrm{self} - \mathrm{target}}{\mathrm{self} \odot (1 - \mathrm{self})}",
        r"g \odot \ln \frac{1 - \mathrm{self}}{\mathrm{self}}"), _AVERAGED),
    "BinaryCrossEntropyWithLogitsBackward0": Formula(r"-t \ln \sigma(a) - (1 - t) \ln \sigma(-a)", (
        r"g \odot \big(\sigma(\mathrm{self}) - \mathrm{target}\big)", r"-g \odot \mathrm{self}"), _AVERAGED),
    **{name: Formula(r"-w_t\, a_t", (r"-\mathrm{weight}_t\, g \ \text{at the class } t, \text{ else } 0",),
                     "A mean divides by the weights of all targets.")
       for name in ("NllLossBackward0", "NllLoss2DBackward0")},
    "MultiMarginLossBackward0": Formula(r"\tfrac{1}{C} \sum_{j \ne t} \max(0, m - a_t + a_j)^p", (
        r"\tfrac{g}{C} \ \text{at each class above the margin, minus their sum at } t",), "As it is for p = 1."),
    "MultilabelMarginLossBackward0": Formula(r"\tfrac{1}{C} \sum_{t, j} \max(0, 1 - a_t + a_j)", (
        r"\tfrac{g}{C} \ \text{for each pair above the margin: minus at } t, \text{ plus at } j",)),
    "CtcLossBackward0": Formula(r"-\ln \sum_{\text{alignments}} p", (
        r"g \odot \big(e^{a} - P(\text{class at this step} \mid \text{targets})\big)",),
        "As for logarithms of a softmax."),
    "NormBackward1": Formula(r"\mathrm{norm}(a)", (rf"g \odot \frac{{{_SELF}}}{{{_RESULT}}}",), "As it is for p = 2."),
    "PdistBackward0": Formula(r"\mathrm{norm}(a_i - a_j)", (
        rf"\textstyle\sum_j g_{{ij}} \frac{{{_SELF}_i - {_SELF}_j}}{{{_RESULT}_{{ij}}}}",), "As it is for p = 2."),
    "AddBackward1": Formula(r"a + c", (r"g",)),
    "SubBackward1": Formula(r"a - c", (r"g",)),
    "MulBackward1": Formula(r"c\, a", (r"c\, g",)),
    "DivBackward1": Formula(r"\frac{a}{c}", (r"\frac{g}{c}",)),
    # --- rules that are ops of their own under create_graph ----------------------------------------------------------
    **{name: Formula(r"\text{a rule, applied to } g", (r"\text{the same rule, applied to } g", r"0"),
                     "Between its kinks the rule is constant in what was saved.")
       for name in ("HardtanhBackwardBackward0", "LeakyReluBackwardBackward0", "HardshrinkBackwardBackward0",
                    "SoftshrinkBackwardBackward0", "ThresholdBackwardBackward0",
                    "RreluWithNoiseBackwardBackward0")},
    **{name: Formula(r"-\mathrm{weight}_t\, g \ \text{at the class } t", (r"-\mathrm{weight}_t\, g_t", r"0"))
       for name in ("NllLossBackwardBackward0", "NllLoss2DBackwardBackward0")},
    "AminmaxBackward0": Formula(r"\min a,\ \max a", (
        r"g \ \text{shared by the elements that equal the extreme, else } 0",)),
    **{name: Formula(forward, (
        rf"\frac{{2\, g_{{{spread}}}}}{{n-1}} ({_SELF} - \bar a) + \frac{{g_\mathrm{{mean}}}}{{n}}",))
       for name, forward, spread in (("VarMeanBackward0", r"\mathrm{var}(a),\ \bar a", r"\mathrm{var}"),
                                     ("StdMeanBackward0", r"\sigma_a,\ \bar a", r"\mathrm{std}"))},
    "LogcumsumexpBackward0": Formula(r"\ln \textstyle\sum_{j \le i} e^{a_j}", (
        rf"e^{{{_SELF}_j}} \textstyle\sum_{{i \ge j}} g_i\, e^{{-{_RESULT}_i}}",)),
    **{name: Formula(r"\mathrm{nanmedian}(a)", (r"g \ \text{at the median, else } 0",))
       for name in ("NanmedianBackward0", "NanmedianBackward1")},
    "BlockDiagBackward0": Formula(r"\mathrm{diag}(A_1, A_2, \dots)", (r"\text{its block of } g",)),
    "Rot90Backward0": Formula(r"a \text{ turned}", (r"g \ \text{turned back}",), _MOVED),
    **{name: Formula(r"a^\top", (r"g^\top",), _MOVED) for name in ("TransposeBackward1", "TBackward1")},
    "UnsqueezeBackward1": Formula(r"a \text{ in another shape}", (r"g \ \text{in the shape of } a",), _MOVED),
    **{name: Formula(r"a \text{ with elements replaced by } b", (r"0 \ \text{where replaced, else } g",
                                                                 r"g \ \text{where replaced}"))
       for name in ("PutBackward0", "MaskedScatterBackward0", "SelectScatterBackward0", "SliceScatterBackward0")},
    "ScatterReduceBackward0": Formula(r"\mathrm{reduce}(a, b \text{ at } \mathrm{index})", (
        r"g \ \text{by the share of } a \text{ in the result}", r"g_{\mathrm{index}} \ \text{by the share of } b")),
    "LdexpBackward0": Formula(r"a\, 2^{b}", (rf"g\, 2^{{{_OTHER}}}", rf"g \odot {_RESULT} \ln 2")),
    "FrexpBackward0": Formula(r"a\, 2^{-\mathrm{exponent}}", (r"g\, 2^{-\mathrm{exponent}}",)),
    "Logaddexp2Backward0": Formula(r"\log_2(2^a + 2^b)", (rf"\frac{{g}}{{1 + 2^{{{_OTHER} - {_SELF}}}}}",
                                                          rf"\frac{{g}}{{1 + 2^{{{_SELF} - {_OTHER}}}}}")),
    "RenormBackward0": Formula(r"a \cdot \min(1, \tfrac{m}{\lVert a \rVert_p})", (
        r"\tfrac{m}{\lVert a \rVert_p} \big( g - \tfrac{g \cdot a}{\lVert a \rVert_p} \nabla \lVert a \rVert_p \big)",),
        r"What is not shortened hands on its gradient."),
    "CdistBackward0": Formula(r"\lVert a_i - b_j \rVert_p", (
        r"\textstyle\sum_j g_{ij} \nabla \lVert a_i - b_j \rVert_p",
        r"-\textstyle\sum_i g_{ij} \nabla \lVert a_i - b_j \rVert_p")),
    "ComplexBackward0": Formula(r"a + i b", (r"\mathrm{Re}\, g", r"\mathrm{Im}\, g")),
    "PolarBackward0": Formula(r"r e^{i \varphi}", (
        r"\mathrm{Re}(\bar g\, e^{i \varphi})", r"r\, \mathrm{Re}(\bar g\, i e^{i \varphi})")),
    **{name: Formula(forward, (back,)) for name, forward, back in (
        ("RealBackward", r"\mathrm{Re}\, a", r"g"), ("ImagBackward", r"\mathrm{Im}\, a", r"i g"),
        ("ConjBackward0", r"\bar a", r"\bar g"), ("ConjPhysicalBackward0", r"\bar a", r"\bar g"),
        ("ViewAsRealBackward0", r"(\mathrm{Re}\, a, \mathrm{Im}\, a)", r"g_0 + i g_1"),
        ("ViewAsComplexBackward0", r"a_0 + i a_1", r"(\mathrm{Re}\, g, \mathrm{Im}\, g)"),
        ("AngleBackward0", r"\arg a", r"\frac{i\, g\, a}{|a|^2}"))},
    **{name: Formula(forward, (r"\text{PyTorch has no derivative}",)) for name, forward in (
        ("Unique2Backward0", r"\text{distinct elements of } a"),
        ("UniqueDimBackward0", r"\text{distinct slices of } a"),
        ("UniqueConsecutiveBackward0", r"a \text{ without repetitions}"))},
    # --- layers ------------------------------------------------------------------------------------------------------
    "ConvolutionBackward0": Formula(r"x * w + b", (
        r"g \ \text{scattered by } \mathrm{weight}", r"\textstyle\sum \text{ patches of } \mathrm{input} \odot g",
        r"\textstyle\sum g \ \text{per filter}"),
        "Every input gets from each output that it reached the gradient times the weight between them."),
    "ConvolutionBackwardBackward0": Formula(r"\text{derivative of } x * w", (
        r"\text{a convolution of } g", r"\text{a convolution of } g")),
    "Im2ColBackward0": Formula(r"\text{patches of } a", (r"g \ \text{summed where patches overlap}",)),
    "Col2ImBackward0": Formula(r"\text{sum of patches}", (r"\text{patches of } g",)),
    **{f"{name}{n}{more}Backward0": Formula(r"\max \text{ of each window}", (
        r"g \ \text{at } \mathrm{result1}, \text{ else } 0",), "The first of equal ones gets all.")
       for n in (2, 3) for name, more in (("MaxPool", "DWithIndices"), ("AdaptiveMaxPool", "D"),
                                          ("FractionalMaxPool", "D"))},
    **{f"{name}{n}{more}BackwardBackward0": Formula(r"g \ \text{at the maxima}", (r"g \ \text{where the maxima were}",))
       for n in (2, 3) for name, more in (("MaxPool", "DWithIndices"), ("AdaptiveMaxPool", "D"),
                                          ("FractionalMaxPool", "D"))},
    **{f"MaxUnpool{n}DBackward0": Formula(r"a \ \text{at } \mathrm{indices}, \text{ else } 0", (
        r"g \ \text{at } \mathrm{indices}",)) for n in (2, 3)},
    **{f"{name}{n}DBackward0": Formula(r"\text{mean of each window}", (
        r"\textstyle\sum \frac{g}{n} \ \text{of the windows that it is in}",))
       for n in (2, 3) for name in ("AvgPool", "AdaptiveAvgPool")},
    **{f"{name}{n}DBackwardBackward0": Formula(r"\textstyle\sum \frac{g}{n}", (
        r"\text{mean of } g \ \text{in each window}",))
       for n in (2, 3) for name in ("AvgPool", "AdaptiveAvgPool")},
    **{name: Formula(r"\hat x = \frac{x - \mu}{\sigma},\ \ w \hat x + b", (
        r"\frac{1}{\sigma} \big( w g - \overline{w g} - \hat x\, \overline{w g\, \hat x} \big)",
        r"\textstyle\sum g\, \hat x", r"\textstyle\sum g"), note)
       for name, note in (
           ("NativeBatchNormBackward0", "Means over the batch, per channel; from running statistics w g / sigma."),
           ("NativeLayerNormBackward0", "Means over the last dimensions."),
           ("NativeGroupNormBackward0", "Means over each group of channels."))},
    "ConstantPadNdBackward0": Formula(r"a \text{ and a number around}", (r"g \ \text{without the margin}",), _MOVED),
    **{f"{name}Pad{n}DBackward0": Formula(text, (r"g, \text{ that of the margin added to what it repeats}",))
       for n in (1, 2, 3) for name, text in (("Reflection", r"a \text{ mirrored around}"),
                                             ("Replication", r"a \text{ with its edge repeated}"))},
    **{f"{name}Pad{n}DBackwardBackward0": Formula(r"g \text{ folded back}", (r"g \ \text{padded}",))
       for n in (1, 2, 3) for name in ("Reflection", "Replication")},
    **{f"Upsample{kind}Backward0": Formula(r"\textstyle\sum_i w_{oi}\, a_i", (r"\textstyle\sum_o w_{oi}\, g_o",),
                                           "Every output is a weighted sum of the inputs around it.")
       for kind in _RESIZED},
    **{f"Upsample{kind}BackwardBackward0": Formula(r"\textstyle\sum_o w_{oi}\, g_o", (
        r"\textstyle\sum_i w_{oi}\, g_i",))
       for kind in _RESIZED},
    **{f"GridSampler{n}DBackward0": Formula(r"\textstyle\sum_i w_i(\mathrm{grid})\, a_i", (
        r"w_i\, g \ \text{added at the neighbours } i",
        r"\textstyle\sum_i g\, \mathrm{input}_i \nabla w_i")) for n in (2, 3)},
    "AffineGridGeneratorBackward0": Formula(r"P\, \theta^{\top}", (r"g^{\top} P",), "P are the places of the output."),
    **{name: Formula(r"a \text{ reordered}", (r"g \ \text{in the old order}",), _MOVED)
       for name in ("PixelShuffleBackward0", "PixelUnshuffleBackward0", "ChannelShuffleBackward0")},
    "SafeSoftmaxBackward0": Formula(r"\mathrm{softmax}(a)", (
        rf"{_RESULT} \odot \big(g - \textstyle\sum g \odot {_RESULT}\big)",), "All of a row masked: zeros."),
    "ScaledDotProductFlashAttentionForCpuBackward0": Formula(
        r"P = \mathrm{softmax}(s\, Q K^{\top} + M),\ \ P V", (
            r"s\, D K", r"s\, D^{\top} Q", r"P^{\top} g"),
        r"D is P times what g V^T is above its mean weighted by P."),
}
_AGAIN = {"ClampMinBackward1": "ClampMinBackward0", "ClampMaxBackward1": "ClampMaxBackward0",
          "RoundBackward1": "RoundBackward0", "CopysignBackward1": "CopysignBackward0",
          "XlogyBackward2": "XlogyBackward0", "AsinhBackward1": "AsinhBackward0", "AcoshBackward1": "AcoshBackward0",
          "AtanhBackward1": "AtanhBackward0", "PolygammaBackward1": "PolygammaBackward0",
          "ConjPhysicalBackward1": "ConjPhysicalBackward0", "NarrowCopyBackward0": "SliceBackward0",
          "SpecialXlog1PyBackward1": "SpecialXlog1PyBackward0", "SpecialXlog1PyBackward2": "SpecialXlog1PyBackward0",
          "TakeBackward0": "IndexBackward0", "SortBackward1": "SortBackward0"}
"""Nodes that have another name in place, with a number or with a tensor."""
FORMULAS.update({name: FORMULAS[known] for name, known in _AGAIN.items()})
