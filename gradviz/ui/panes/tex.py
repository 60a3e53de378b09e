"""The LaTeX of formulas.py as elements of the page: the small part that formulas use, set in HTML.

No MathJax: it is two megabytes and a moment late; and here a symbol can be replaced by what was recorded for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from dash import html

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|[{}^_]|\s+|[A-Za-z]|[^\sA-Za-z\\{}^_]")
_SIGNS = {
    "odot": " ⊙ ",
    "cdot": " · ",
    "sum": "∑",
    "top": "⊤",
    "alpha": "α",
    "sigma": "σ",
    "dots": "…",
    "le": " ≤ ",
    "ge": " ≥ ",
    "lnot": "¬",
    "ln": "ln ",
    "sin": "sin ",
    "cos": "cos ",
    "tanh": "tanh ",
    "max": "max",
    "min": "min",
    "sqrt": "√",
    "times": "×",
    "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "varepsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ",
    "nu": "ν", "pi": "π", "rho": "ρ", "tau": "τ", "phi": "φ", "varphi": "φ", "psi": "ψ", "omega": "ω", "Gamma": "Γ",
    "Delta": "Δ", "Phi": "Φ", "Sigma": "Σ", "nabla": "∇", "partial": "∂", "infty": "∞", "prod": "∏", "int": "∫",
    "lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|", "mid": " | ", "ne": " ≠ ", "in": " ∈ ", "to": " → ",
    "pm": " ± ", "circ": "∘", "ast": "∗", "star": "⋆", "exp": "exp ", "log": "log ", "det": "det ", "arg": "arg ",
    "tan": "tan ", "sinh": "sinh ", "cosh": "cosh ", "arctan": "arctan ", "dagger": "†", "ell": "ℓ",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "langle": "⟨", "rangle": "⟩", "cdots": "⋯", "ldots": "…",
}
_ACCENTS = {"bar": "\u0304", "overline": "\u0304", "hat": "\u0302", "tilde": "\u0303", "dot": "\u0307"}
"""Combining signs, for one letter; over more than that a line is drawn."""
_IGNORED = {"big", "Big", "bigl", "bigr", "Bigl", "Bigr", "textstyle", "displaystyle", "left", "right", "mathrel"}
_SPACES = {"\\,": " ", "\\ ": " ", "\\;": " ", "\\!": ""}
Piece = Any


def render(source: str, atoms: Mapping[str, Piece] | None = None) -> list[Piece]:
    """A formula as Dash children. ``atoms``: what stands for a letter, a command or a ``\\mathrm`` name.

    Raises ValueError for a command that is not known.
    """
    tokens = _TOKEN.findall(source)
    pieces, rest = _sequence(tokens, 0, atoms or {}, closed=False)
    if rest != len(tokens):
        raise ValueError(f"a brace too many in {source!r}")
    return pieces


def _sequence(tokens: list[str], at: int, atoms: Mapping[str, Piece], *, closed: bool) -> tuple[list[Piece], int]:
    pieces: list[Piece] = []
    while at < len(tokens):
        token = tokens[at]
        if token == "}":
            if closed:
                return pieces, at + 1
            break
        if token in "^_" and pieces:
            inner, at = _argument(tokens, at + 1, atoms)
            raised = html.Sup(inner) if token == "^" else html.Sub(inner)
            pieces.append(html.Span([pieces.pop(), raised], className="pow"))
            continue
        found, at = _one(tokens, at, atoms)
        pieces += found
    if closed:
        raise ValueError("a brace is missing")
    return pieces, at


def _argument(tokens: list[str], at: int, atoms: Mapping[str, Piece]) -> tuple[list[Piece], int]:
    if at < len(tokens) and tokens[at] == "{":
        return _sequence(tokens, at + 1, atoms, closed=True)
    return _one(tokens, at, atoms)


def _one(tokens: list[str], at: int, atoms: Mapping[str, Piece]) -> tuple[list[Piece], int]:
    token = tokens[at]
    if token == "{":
        return _sequence(tokens, at + 1, atoms, closed=True)
    if token in _SPACES:
        return ([_SPACES[token]] if _SPACES[token] else []), at + 1
    if token.startswith("\\"):
        return _command(token[1:], tokens, at + 1, atoms)
    if token.isspace():
        return [], at + 1
    if token.isalpha():
        return [atoms[token] if token in atoms else html.Em(token)], at + 1
    return [f" {token} " if token in "+=<>" else "−" if token == "-" else token], at + 1


def _command(name: str, tokens: list[str], at: int, atoms: Mapping[str, Piece]) -> tuple[list[Piece], int]:
    if name in ("frac", "tfrac"):
        above, at = _argument(tokens, at, atoms)
        below, at = _argument(tokens, at, atoms)
        return [html.Span([html.Span(above), html.Span(below)], className="fr")], at
    if name in ("mathrm", "text"):
        words, at = _verbatim(tokens, at)
        if name == "mathrm" and words in atoms:
            return [atoms[words]], at
        return [html.Span(words, className="rm" if name == "mathrm" else "to")], at
    if name == "sqrt":
        inner, at = _argument(tokens, at, atoms)
        return ["√", html.Span(inner, className="root")], at
    if name in _ACCENTS:
        inner, at = _argument(tokens, at, atoms)
        one = inner[0] if len(inner) == 1 else None
        if isinstance(one, html.Em) and len(str(one.children)) == 1:
            return [html.Em(f"{one.children}{_ACCENTS[name]}")], at
        return [html.Span(inner, className="over")], at
    if name in atoms:
        return [atoms[name]], at
    if name in _SIGNS:
        return [_SIGNS[name]], at
    if name in _IGNORED:
        return [], at
    raise ValueError(f"\\{name} is not known")


def _verbatim(tokens: list[str], at: int) -> tuple[str, int]:
    if at >= len(tokens) or tokens[at] != "{":
        raise ValueError("a brace is missing")
    end = tokens.index("}", at)
    return "".join(tokens[at + 1 : end]), end + 1
