// Drawing of links: routes of cubic curves, heads, and the story's lines across the axis.

import { sign } from "./glyphs.mjs";

/** Traces a route: start, then (control, control, end) as often as needed. */
export function trace(g, route) {
  g.beginPath();
  g.moveTo(route[0][0], route[0][1]);
  for (let i = 1; i + 2 < route.length; i += 3) {
    g.bezierCurveTo(route[i][0], route[i][1], route[i + 1][0], route[i + 1][1], route[i + 2][0], route[i + 2][1]);
  }
}

const cubic = (p, t) => {
  const u = 1 - t, of = i => u * u * u * p[0][i] + 3 * u * u * t * p[1][i] + 3 * u * t * t * p[2][i] + t * t * t * p[3][i];
  return [of(0), of(1)];
};

/** The point of a route at 0..1, its pieces taken as equally long. */
export function along(route, t) {
  const pieces = (route.length - 1) / 3;
  if (pieces < 1) return route[0];
  const piece = Math.min(pieces - 1, Math.floor(t * pieces));
  return cubic(route.slice(3 * piece, 3 * piece + 4), t * pieces - piece);
}

export function drawEdge(pen, route, line, { width = line.width, head = line.head_size, stroke = line.stroke } = {}) {
  if (!route || route.length < 4) return;
  const { g, style } = pen;
  g.save();
  g.globalAlpha *= line.opacity;
  g.strokeStyle = style.colour(stroke);
  g.lineWidth = pen.line(width);
  g.setLineDash(line.dash.map(pen.line));
  trace(g, route);
  g.stroke();
  g.setLineDash([]);
  if (pen.k > 0.2) {
    const end = route[route.length - 1], before = route[route.length - 2];
    if (line.head === "cross") sign(pen, "cross", end[0], end[1], stroke);
    else if (line.head !== "none") arrow(pen, end, before, stroke, head);
    if (line.head === "cut") cut(pen, route, stroke);
  }
  g.restore();
}

/** Two strokes across the middle of a broken line, and air between its halves. */
function cut(pen, route, token) {
  const { g, style } = pen, [x, y] = along(route, 0.5);
  g.strokeStyle = style.colour("pane"); g.lineWidth = 7;
  g.beginPath(); g.moveTo(x - 4, y); g.lineTo(x + 3, y); g.stroke();
  sign(pen, "cut", x, y, token);
}

export function arrow(pen, end, before, token, size) {
  const { g, style } = pen, angle = Math.atan2(end[1] - before[1], end[0] - before[0]);
  g.save();
  g.translate(end[0], end[1]);
  g.rotate(angle);
  g.fillStyle = style.colour(token);
  g.beginPath(); g.moveTo(0, 0); g.lineTo(-size * 1.5, -size * 0.8); g.lineTo(-size * 1.5, size * 0.8); g.fill();
  g.restore();
}

/** Whether an edge changes its look for what it joins: see edge_variants of the style table. */
export function variantOf(edge, source, target, state) {
  if (edge.kind === "gradient" && target.kind === "none") return "to_none";
  if (edge.kind !== "data") return "";
  if (state(source) === "broken" || state(target) === "broken") return "broken_write";
  return source.kind === "input" ? "from_input" : "";
}

/** A line of corners with round bends, in px of the stage, and its head. */
export function drawCrossing(pen, points, line) {
  const { g, style } = pen, end = points[points.length - 1], before = points[points.length - 2];
  g.save();
  g.globalAlpha *= line.opacity;
  g.strokeStyle = style.colour(line.stroke); g.lineWidth = line.width; g.setLineDash(line.dash);
  g.beginPath();
  g.moveTo(...points[0]);
  for (let i = 1; i < points.length - 1; i++) g.arcTo(...points[i], ...points[i + 1], 10);
  g.lineTo(...end);
  g.stroke();
  g.setLineDash([]);
  if (line.head === "cross") sign(pen, "cross", end[0], end[1] + 3, line.stroke);
  else arrow(pen, end, before, line.stroke, line.head_size);
  g.restore();
}
