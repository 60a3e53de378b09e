// The heads over the graphs: where the playhead is, which backward call this is, and how much of it is shown.

import { grouped } from "./data.mjs";
import { el } from "./dom.mjs";
import { crumbs } from "./groups.mjs";
import { sayHead } from "./panes.mjs";

/** The calls of a run: [graph number, ...] in order, and the place of a graph among them; -1 for none. */
export function callsOf(graphs, graph) {
  const calls = graphs.flatMap((one, number) => one.begin >= 0 ? [number] : []);
  return { calls, place: calls.indexOf(graph) };
}

/** The graphs that are iterations: those with a backward call, and a last one in which the script failed before its own. */
export function iterationsOf(graphs, failed = -1) {
  const { calls } = callsOf(graphs, -1), last = graphs.length - 1;
  return calls.length && graphs[last].begin < 0 && failed >= graphs[last].first ? [...calls, last] : calls;
}

/** Forward: iteration and the groups around the playhead; what has no room gives way from the left. */
export function paintTrail(node, picture, id, iterations, graph, turn) {
  const trail = crumbs(picture, id), place = iterations.indexOf(graph);
  const first = iterations.length > 1 && place >= 0 ? `iteration ${grouped(place + 1)}` : "";
  if (!trail.length) { sayHead(node, first || picture.scene.heads[0]); return; }
  const words = [first, ...trail.map(one => one.label)].filter(Boolean);
  if (node.said === words.join(" › ")) return;
  node.said = node.title = words.join(" › ");
  const button = one => el("button", { type: "button", class: "crumb", title: `Close ${one.label}`, on: { click: () => turn(one.id) } }, one.label);
  const parts = [...(first ? [el("span", {}, first)] : []), ...trail.map(one => picture.placed.regions[one.id] ? button(one) : el("b", {}, one.label))];
  const put = () => node.replaceChildren(...parts.flatMap((part, i) => i ? [" › ", part] : [part]));
  do put(); while (node.scrollWidth > node.clientWidth + 1 && parts.shift() && parts.length > 1);
}

/** Backward: a picker among the calls, and the budget. */
export function paintBudget(node, picture, graphs, graph, pick) {
  const { calls, place } = callsOf(graphs, graph), { shown, total, heads } = picture.scene;
  const parts = [], showing = el("span", {}, "showing ");
  if (calls.length > 1 && place >= 0) parts.push(picker(place, calls.length, k => pick(calls[k])), heads[1].includes("failed") ? el("span", {}, "failed") : null);
  if (shown < total) parts.push(el("span", { class: "budget" }, showing, el("b", {}, grouped(shown)), ` of ${grouped(total)} · `, el("button", { type: "button", class: "more", "data-command": "expand", title: "Open the group nearest to the playhead (O)" }, "expand")));
  if (!parts.length) { sayHead(node, heads[1]); return; }
  node.title = heads[1];
  node.replaceChildren(...parts.filter(Boolean));
  for (const word of [showing, node.querySelector(".of")]) if (word && node.scrollWidth > node.clientWidth + 1) word.remove();
}

function picker(place, many, pick) {
  const box = el("input", { class: "pick", inputmode: "numeric", value: place + 1, "aria-label": `Backward call, 1 to ${many}`, size: String(many).length,
    on: { change: event => { const wanted = Math.round(Number(event.target.value)) - 1; if (wanted >= 0 && wanted < many) pick(wanted); else event.target.value = place + 1; event.target.blur(); } } });
  const arrow = (to, words, sign) => el("button", { type: "button", class: "turn", disabled: to < 0 || to >= many, title: words, "aria-label": words, on: { click: () => pick(to) } }, sign);
  return el("span", { class: "calls" }, "call ", arrow(place - 1, "Previous backward call (PgUp)", "‹"), box, arrow(place + 1, "Next backward call (PgDn)", "›"), el("span", { class: "of" }, ` of ${grouped(many)}`));
}
