// Small pictures of marks as SVG, drawn from the style table: for the legend, the sheet of all marks, the inspector.

import { svg } from "./dom.mjs";

const W = 20, H = 14;
const points = list => list.map(point => point.join(",")).join(" ");

function shape(name, attributes, w = W, h = H) {
  const l = (22 - w) / 2, t = (18 - h) / 2;
  if (name === "hexagon") return svg("polygon", { ...attributes, "stroke-linejoin": "round", points: points([[l + 4.5, t], [l + w - 4.5, t], [l + w, 9], [l + w - 4.5, t + h], [l + 4.5, t + h], [l, 9]]) });
  if (name === "octagon") return svg("polygon", { ...attributes, points: points([[l + 4, t], [l + w - 4, t], [l + w, t + 4], [l + w, t + h - 4], [l + w - 4, t + h], [l + 4, t + h], [l, t + h - 4], [l, t + 4]]) });
  if (name === "diamond") return svg("polygon", { ...attributes, "stroke-linejoin": "round", points: points([[11, t], [l + w, 9], [11, t + h], [l, 9]]) });
  if (name === "disc") return svg("circle", { ...attributes, cx: 11, cy: 9, r: h / 2 });
  const radius = { rect: 3, rounded: 5 }[name] ?? h / 2;
  return svg("rect", { ...attributes, x: l, y: t, width: w, height: h, rx: radius });
}

const paint = (fill, stroke, dash, width = 1.5) => ({
  fill: fill ? `var(--${fill})` : "none", stroke: `var(--${stroke})`, "stroke-width": width, "stroke-dasharray": dash && dash.length ? dash.map(x => x * 0.75).join(" ") : null });

function signIn(table, name, ink, how, scale = 1) {
  const data = table.signs[name];
  if (!data) return null;
  const colour = `var(--${ink})`, filled = (how || data.paint) === "fill";
  return svg("path", { d: data.d, transform: `translate(11 9) scale(${scale})`, fill: filled ? colour : "none", stroke: filled ? "none" : colour,
    "stroke-width": data.width, "stroke-linecap": "round", "stroke-linejoin": "round" });
}

/** The picture of a (kind, state) of the style table, 22 x 18. */
export function markOf(style, kind, state) {
  const { table } = style, parts = [];
  if (kind === "badge") {
    const look = Object.values(table.badges[state])[state === "retain" ? 1 : 0];
    parts.push(shape("disc", paint(look.fill, look.stroke, [], 1.4), 15, 15), signIn(table, look.sign, look.ink, look.paint, 0.85));
  } else if (kind === "edge") {
    const line = style.line(state, "rest"), colour = `var(--${line.stroke})`;
    parts.push(svg("path", { d: "M1 9H15", stroke: colour, "stroke-width": 1.5, "stroke-dasharray": line.dash.join(" ") || null, fill: "none" }),
      svg("path", { d: "M21 9l-6-3.4v6.8z", fill: colour }));
    if (line.head === "cut") parts.push(signIn(table, "cut", line.stroke, "stroke", 0.8));
  } else if (kind === "mark") {
    const mark = table.marks[state];
    parts.push(shape(mark.shape, paint(mark.fill, mark.stroke, []), 18, 15.5), signIn(table, mark.sign, mark.ink));
  } else if (kind === "now") {
    parts.push(svg("rect", { x: 1.5, y: 1.5, width: 19, height: 15, rx: 6, fill: "var(--flow)", opacity: 0.25 }),
      svg("rect", { x: 4, y: 4, width: 14, height: 10, rx: 4, fill: "var(--flow-bg)", stroke: "var(--flow)", "stroke-width": 2 }));
  } else {
    const look = style.look(kind, state), height = kind === "gradient" || kind === "none" ? 11 : H;
    parts.push(shape(look.shape, paint(look.fill, look.stroke, look.dash), W, height));
    if (look.hatch) parts.push(svg("path", { d: "m4 14 8-11M9 15l8-11M14.5 15.5 19 9", stroke: `var(--${look.hatch})`, "stroke-width": 1.5, opacity: 0.55 }));
    if (look.sign) parts.push(signIn(table, look.sign, look.sign === "pencil" ? look.ink : look.stroke, null, 0.8));
    if (look.mark) parts.push(signIn(table, look.mark, look.ink));
  }
  return svg("svg", { viewBox: "0 0 22 18", "aria-hidden": "true", class: "mark" }, ...parts.filter(Boolean));
}

/** Fills `<span data-kind data-state>` under `root` with the mark of the style table, now and whenever one appears. */
export function markAll(root, page) {
  const fill = () => {
    for (const place of root.querySelectorAll("[data-kind][data-state]")) {
      const key = `${place.dataset.kind} ${place.dataset.state}`;
      if (place.filled === key && place.childElementCount) continue;
      place.filled = key;
      place.replaceChildren(markOf(page.style, place.dataset.kind, place.dataset.state));
    }
  };
  new MutationObserver(fill).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-kind", "data-state"] });
  fill();
}
