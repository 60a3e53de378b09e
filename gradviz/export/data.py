"""A moment as data: what is on the picture, in which state, and where it stands."""

from __future__ import annotations

from typing import Any

import msgspec

from gradviz.export.moment import Moment
from gradviz.layout import GAP, across
from gradviz.scene.model import Edge, Node, Placed, Scene, at, grad_at


def json(scene: Scene, placed: Placed, seq: int, graph: str = "both", about: dict[str, str] | None = None) -> str:
    """The scene at event ``seq`` as JSON. ``x`` and ``y`` are those of each side; ``gap`` is what lies between."""
    moment = Moment(scene, seq)
    sides = ("forward", "backward") if graph == "both" else (graph,)
    ways = across(scene, placed)
    nodes = [node for node in scene.nodes if node.side in sides]
    shown = {node.id for node in nodes}
    told = {
        **(about or {}), "event": seq, "graph": scene.graph, "call": scene.call, "heads": scene.heads,
        "width": placed.width, "height": placed.height, "gap": GAP,
        "nodes": [_node(moment, node, placed) for node in nodes],
        "edges": [_edge(moment, edge, placed, ways) for edge in scene.edges
                  if edge.source in shown and edge.target in shown],
        "groups": [{"id": group.id, "kind": group.kind, "label": group.label, "members": group.members,
                    "visible": seq >= group.since, "frame": placed.frames.get(group.id)} for group in scene.groups],
        "stops": moment.stops, "step": moment.step}
    return msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"


def _node(moment: Moment, node: Node, placed: Placed) -> dict[str, Any]:
    position, found = placed.nodes[node.id], grad_at(node, moment.seq)
    told: dict[str, Any] = {
        "id": node.id, "side": node.side, "kind": node.kind, "state": moment.state[node.id],
        "label": moment.label(node), "sub": moment.sub(node), "event": node.event, "ref": node.ref,
        "x": position.x, "y": position.y, "w": position.w, "h": position.h}
    if found is not None:
        told["grad"] = {"state": found[0], "text": found[1]}
    badges = [{"kind": badge.kind, "state": at(badge.states, moment.seq), "count": badge.count}
              for badge in node.badges if at(badge.states, moment.seq) not in ("", "future")]
    optional = {"twin": node.twin, "alias_of": node.alias_of, "home": node.home, "badges": badges}
    return told | {key: value for key, value in optional.items() if value}


def _edge(moment: Moment, edge: Edge, placed: Placed, ways: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": edge.id, "source": edge.source, "target": edge.target, "kind": edge.kind,
                            "state": moment.edge_state(edge), "label": at(edge.label, moment.seq)}
    if edge.id in placed.routes:
        told["route"] = placed.routes[edge.id]
    elif edge.id in ways:
        told["across"] = ways[edge.id].points
    if edge.id in placed.labels:
        told["label_at"] = placed.labels[edge.id]
    return told
