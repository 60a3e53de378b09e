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


def mark(kind: str, state: str) -> html.Span:
    """The picture of a mark; boot.mjs draws it from the style table."""
    return html.Span(className="at", **{"data-kind": kind, "data-state": state})


def tag(words: str, tone: str = "") -> html.Span:
    return html.Span(words, className=f"tag {tone}".strip())


def section(title: str, aside: Any, *children: Any) -> html.Div:
    """A part of the inspector: its name, at the right what can be said in a few words, then the rest."""
    return html.Div([html.H3([title, html.Span(aside)]), *children], className="sec")


def title(sign: Any, name: str, below: Any, tags: list[Any], *, words: bool = False) -> html.Header:
    return html.Header([html.Div([sign, html.Span(name)], className="ttl words" if words else "ttl"),
                        html.Div(below, className="sub"), html.Div(tags, className="tags")])


def to_event(seq: int, words: Any, className: str = "link") -> html.Button:
    """Words that lead to an event."""
    return html.Button(words, type="button", className=className, **{"data-seq": seq})


def to_element(element: str, words: Any, className: str = "link mono") -> Any:
    """Words that select an element of the picture; plain where it is not on it."""
    if not element:
        return html.Span(words, className="mono")
    return html.Button(words, type="button", className=className, **{"data-element": element})


def brief(words: str, most: int = 22) -> str:
    """Words with their middle left out where they are too long for a line that holds more than them."""
    if len(words) <= most:
        return words
    head = most // 2
    return f"{words[:head]}…{words[head + 1 - most:]}"


def mono(words: str) -> html.Span:
    return html.Span(words, className="mono")
