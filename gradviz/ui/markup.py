"""Panes as HTML text: they are on the page before the scripts of Dash have been read.

Dash then only fills the inspector. Only what the panes use is known here: elements, text, and an input.
"""

from __future__ import annotations

import html as escaping
import re
from typing import Any

from dash.development.base_component import Component

_NAMES = {"className": "class", "tabIndex": "tabindex", "autoComplete": "autocomplete"}
_VOID = frozenset({"input"})
_OWN = frozenset({"children"})


def markup(piece: Any) -> str:
    """A component, or a list of them, as HTML. Everything that is not a component is text. Raises TypeError."""
    if piece is None:
        return ""
    if isinstance(piece, (list, tuple)):
        return "".join(map(markup, piece))
    if isinstance(piece, (str, int, float)):
        return _text(str(piece))
    if not isinstance(piece, Component):
        raise TypeError(f"{type(piece).__name__} cannot be written as HTML")
    props = piece.to_plotly_json()["props"]
    name = piece.to_plotly_json()["type"].lower()
    attributes = "".join(_attribute(key, value) for key, value in props.items() if key not in _OWN)
    return f"<{name}{attributes}>" + ("" if name in _VOID else f"{markup(props.get('children'))}</{name}>")


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    key = _NAMES.get(key, key)
    if isinstance(value, dict):  # a style
        value = ";".join(f"{re.sub('[A-Z]', lambda upper: '-' + upper[0].lower(), name)}:{one}"
                         for name, one in value.items())
    return f" {key}" if value is True else f' {key}="{_text(str(value))}"'


def _text(words: str) -> str:
    """Escaped, also for Dash, which replaces {%...%} in its page."""
    return escaping.escape(words).replace("{%", "&#123;%")
