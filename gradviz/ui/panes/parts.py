"""Small pieces that several panes share."""

from __future__ import annotations

from typing import Any

from dash import html


def icon(name: str) -> html.I:
    """An icon in the colour of the text around it; its shape is in icons.css."""
    return html.I(className=f"i i-{name}", **{"aria-hidden": "true"})


def command(name: str, label: str, children: Any, className: str = "", **more: Any) -> html.Button:
    """A button that runs a command of the registry in keys.mjs."""
    return html.Button(children, type="button", className=className, title=label,
                       **{"data-command": name, "aria-label": label, **more})


def head(title: str, *rest: Any, right: Any = None, className: str = "") -> html.Div:
    """The head of a pane: its name in capitals, what it is about, and at the right what holds now."""
    return html.Div([html.H2(title), *rest, html.Span(right, className="r")], className=f"ph {className}".strip())
