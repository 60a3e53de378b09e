"""The formula of a node's share in plain text, with what was recorded put in for its symbols."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from gradviz.events import Node
from gradviz.formulas import FORMULAS
from gradviz.replay import inspect, values
from gradviz.replay.inspect import Content
from gradviz.replay.replay import Replay

_TOKEN = re.compile(r"\\(?:mathrm|text)\{([^{}]*)\}|\\([a-zA-Z]+)|\\(.)|([A-Za-z])|(\s+)|(.)")
_SIGNS = {"odot": " ⊙ ", "cdot": " · ", "sum": "∑ ", "top": "ᵀ", "alpha": "α", "beta": "β", "delta": "δ", "lambda": "λ",
          "pi": "π", "sigma": "σ", "psi": "ψ", "varphi": "φ", "Gamma": "Γ", "Phi": "Φ", "nabla": "∇", "lVert": "‖",
          "rVert": "‖", "mid": " | ", "bar": "conj ", "overline": "\x03", "hat": "normalised ", "exp": "exp ",
          "dots": "…", "le": " ≤ ", "ge": " ≥ ", "lnot": "not ", "ln": "ln ", "sin": "sin ", "cos": "cos ",
          "tanh": "tanh ", "sgn": "sgn ",
          "max": "max", "min": "min", "times": " × ", "frac": "\x01", "tfrac": "\x01", "sqrt": "\x02"}
_HALF = r"\tfrac12"
_NUMBERS = ((re.compile(r"(?<=[-^])(-[\d.]+)"), r"(\1)"), (re.compile(r"(-[\d.]+)(?=\^)"), r"(\1)"),
            (re.compile(r"(?<=[\d½]) (-[\d.]+)"), r" · (\1)"), (re.compile(r"(?<=[\d½]) (?=[\d(])"), " · "))
"""Numbers side by side: --2 is -(-2), -2^3 is (-2)^3 where -2 was put in, 2 3 is 2 · 3."""
_BRACES = r"\{([^{}]*)\}"
_REDUCTIONS = ((re.compile("\x01" + _BRACES + _BRACES), lambda m: f"{_whole(m[1])} / {_whole(m[2])}"),
               (re.compile("\x02" + _BRACES), lambda m: f"√{_whole(m[1])}"),
               (re.compile("\x03" + _BRACES), lambda m: f"mean {_whole(m[1])}"),
               (re.compile(r"\^" + _BRACES), lambda m: m[1] if m[1].strip() == "ᵀ" else f"^{_whole(m[1])}"),
               (re.compile("_" + _BRACES), lambda m: f"_{m[1].strip()}"),
               (re.compile(r"(?<![\x01-\x03}])" + _BRACES), lambda m: m[1]))


def in_words(latex: str, symbols: Mapping[str, str]) -> str:
    """A formula on one line: ``\\frac{g}{\\mathrm{other}}`` is "1.25 / 4" where those were recorded."""
    kept: list[str] = []

    def token(match: re.Match[str]) -> str:
        words, command, escaped, letter, space, other = match.groups()
        if words is not None:
            kept.append(symbols.get(words, words.replace("\\", "")))
            return f"\x00{len(kept) - 1}\x00"
        if command is not None:
            return symbols.get(command, _SIGNS.get(command, ""))
        if escaped is not None:
            return " " if escaped in ", ;" else ""
        if letter is not None:
            kept.append(symbols.get(letter, letter))
            return f"\x00{len(kept) - 1}\x00"
        if space is not None:
            return " "
        return {"<": " < ", ">": " > ", "=": " = ", "+": " + "}.get(other, other)

    text = _TOKEN.sub(token, latex.replace(_HALF, r"\text{½}"))
    before = ""
    while before != text:
        before = text
        for pattern, reduced in _REDUCTIONS:
            text = pattern.sub(reduced, text)
    text = re.sub("\x00(\\d+)\x00", lambda match: kept[int(match[1])], text)
    text = " ".join(text.replace("\x02", "√").replace("^ᵀ", "ᵀ").replace("{", "").replace("}", "").split())
    for pattern, better in _NUMBERS:
        text = pattern.sub(better, text)
    return text


def _whole(part: str) -> str:
    part = part.strip()
    return part if re.fullmatch("\x00\\d+\x00|[\\w.]+", part) else f"({part})"


def formula_of(node: Node, edge: int) -> str:
    """The LaTeX of what goes out along an edge; empty where no formula is known."""
    formula = FORMULAS.get(node.name)
    return formula.edges[min(edge, len(formula.edges) - 1)] if formula is not None else ""


def folds(node: Node, edge: int) -> bool:
    """Whether a node's op broadcasts what the edge is for, so that its gradient is a sum over the copies. The factors
    of a matrix product beside it (addmm) are not broadcast."""
    formula = FORMULAS.get(node.name)
    return formula is not None and "broadcast" in formula.note and r"\top" not in formula_of(node, edge)


def symbols_of(replay: Replay, node: Node, upstream: Content, share: Content, seq: int) -> dict[str, str]:
    """What stands for the symbols of a node's formula: gradients and saved tensors in figures, the op's own numbers."""
    found = {"g": figure(upstream)}
    for saved in inspect.node(replay, node.nid, seq).saved if node.saved else ():
        shown = figure(saved.content) if saved.content.array is not None else ""
        label = saved.label if re.fullmatch(r"[\w.\[\]]+", saved.label) else f"({saved.label})"
        found[saved.field] = shown if shown and not shown.startswith("‖") else label
    born = replay.node_born(node.nid)
    event = replay.event(born) if born >= 0 and replay.kind(born) == "op" else None
    words = [word.strip() for word in event.args.split(",") if word.strip()] if event is not None else []
    named = dict(word.split("=", 1) for word in words if "=" in word)
    found["alpha"] = _number(named.get("alpha", "1"))
    if event is not None and words and "=" not in words[0] and len(event.inputs) == 1:
        number = _number(words[0])
        found.setdefault("other", number)
        found["n"] = number
    if event is not None and event.name == "square":
        found["n"] = "2"
    if node.name.startswith("Mean"):
        found["n"] = str(math.prod(share.shape) // max(1, math.prod(upstream.shape)))
    return found


def _number(text: str) -> str:
    try:
        return values.short(float(text))
    except ValueError:
        return text


def figure(content: Content) -> str:
    """A gradient or a value in a few characters: its number where all elements are that, a short row, else its norm."""
    if content.array is not None and content.array.size:
        raw, dtype = content.array.tobytes(), str(content.array.dtype)
        uniform = values.everywhere(raw, content.shape, dtype)
        if uniform is not None:
            return values.short(uniform)
        if few := values.few(raw, content.shape, dtype):
            return few
    length = content.norm
    if length is not None:
        return f"‖{values.short(length)}‖"
    return "nothing" if content.array is not None else "?"
