// Groups of ops: closed ones are a glyph each, open ones a titled region on both sides. Which of them hides an event,
// how far it has come, and how one picture turns into the next when a group is opened or closed.

import { outline, text } from "./glyphs.mjs";
import { floorIndex } from "./time.mjs";

/** Which events each closed group hides, of those that one stops at. `steps`: all of these, sorted. */
export function decodeInside({ glyphs, runs }, last, steps) {
  const events = new Map(glyphs.map(id => [id, []]));
  runs.forEach(([from, code], i) => {
    if (!code) return;
    const to = i + 1 < runs.length ? runs[i + 1][0] - 1 : last, mine = events.get(glyphs[code - 1]);
    for (let place = floorIndex(steps, from - 1) + 1; place < steps.length && steps[place] <= to; place++) mine.push(steps[place]);
  });
  return { glyphs, runs, events };
}

const start = run => run[0];

/** The closed group that hides an event; "" if none does. */
export function hiding(inside, seq) {
  const place = floorIndex(inside.runs, seq, start), code = place < 0 ? 0 : inside.runs[place][1];
  return code ? inside.glyphs[code - 1] : "";
}

/** The step of an event: one of the scene's own, or for a hidden event a light on its group. */
export function stepOf(picture, seq) {
  const own = picture.steps.get(seq);
  if (own && own.focus.length) return own;
  const id = hiding(picture.inside, seq), node = id && picture.nodes.get(id);
  if (!node) return own || null;
  return { seq, phase: node.side === "backward" ? "backward" : "forward", focus: [id], twins: node.twin ? [node.twin] : [], edges: [] };
}

/** [how many of a closed group's events have happened, how many there are]; null outside of it. */
export function progressOf(picture, id, seq) {
  const events = picture.inside.events.get(id);
  return events && events.length ? [floorIndex(events, seq) + 1, events.length] : null;
}

/** Events of each region's backward side, sorted: its own nodes and the closed groups in it. */
export function regionEvents(scene, inside) {
  const found = new Map(scene.regions.map(region => [region.id, []]));
  const add = (home, seqs) => { for (let id = home; found.has(id); id = id.slice(0, Math.max(0, id.lastIndexOf(".")))) { const to = found.get(id); for (const seq of seqs) to.push(seq); if (!id.includes(".")) break; } };
  for (const node of scene.nodes) {
    if (node.kind === "node") add(node.home, node.states.filter(([, state]) => state === "ran").map(([seq]) => seq));
    else if (node.kind === "mirror") add(node.home, inside.events.get(node.id) || []);
  }
  for (const seqs of found.values()) seqs.sort((a, b) => a - b);
  return found;
}

/** A region's frame on a side: {x, y, w, h}. */
export function frameOf(placed, id, side) {
  const frame = placed.regions[id];
  if (!frame) return null;
  const [x, y, w, h] = frame;
  return { x: side === "backward" ? placed.width - x - w : x, y, w, h };
}

export function drawRegions(pen, picture, side, seq) {
  const { g, style } = pen, look = style.table.region;
  for (const region of picture.scene.regions) {
    const frame = frameOf(picture.placed, region.id, side);
    if (!frame) continue;
    const depth = region.id.split(".").length - 1, { x, y, w, h } = frame;
    g.beginPath(); g.roundRect(x, y, w, h, look.radius);
    g.fillStyle = style.colour(look.fills[depth % look.fills.length]); g.fill();
    g.strokeStyle = style.colour(look.stroke); g.lineWidth = pen.line(look.width); g.setLineDash([]); g.stroke();
  }
}

/** Titles stand over the edges that run through them. */
export function drawTitles(pen, picture, side, seq) {
  if (!pen.readable) return;
  const { g, style } = pen, look = style.table.region;
  for (const region of picture.scene.regions) {
    const frame = frameOf(picture.placed, region.id, side);
    if (!frame) continue;
    const depth = region.id.split(".").length - 1, fill = style.colour(look.fills[depth % look.fills.length]);
    const { x, y, w } = frame, middle = y + look.head / 2, back = side === "backward";
    const said = words(pen, region, look), counts = countsOf(picture, region, seq, back);
    const put = (from, wide) => { g.fillStyle = fill; g.fillRect(from, y + 4, wide, look.head - 7); };
    put(x + 6, 14 + said.wide + 8);
    chevron(pen, x + 14, middle, true, look.quiet);
    text(pen, said.name, x + 24, middle, look.name, look.ink, { align: "left" });
    if (said.about) text(pen, said.about, x + 24 + said.first + 6, middle, look.about, look.quiet, { align: "left" });
    const wide = pen.style.width(g, counts, look.about) * pen.size(look.about), room = w - 44 - said.wide;
    if (wide < room) {
      put(x + w - wide - 14, wide + 8);
      text(pen, counts, x + w - 10, middle, look.about, look.quiet, { align: "right" });
    }
  }
}

function words(pen, region, look) {
  const name = region.kind === "roll" && !region.label.includes("–") ? `${region.label} ×${region.times}` : region.label;
  const first = pen.style.width(pen.g, name, look.name) * pen.size(look.name);
  const rest = region.about ? pen.style.width(pen.g, region.about, look.about) * pen.size(look.about) + 6 : 0;
  return { name, about: region.about, first, wide: first + rest };
}

function countsOf(picture, region, seq, back) {
  const events = picture.regionEvents.get(region.id) || [], ran = floorIndex(events, seq) + 1;
  if (!back) return region.ops === 1 ? "1 op" : `${region.ops.toLocaleString("en")} ops`;
  const all = region.nodes.toLocaleString("en");
  return ran && ran < events.length ? `${ran.toLocaleString("en")} of ${events.length.toLocaleString("en")} ran` : region.nodes === 1 ? "1 node" : `${all} nodes`;
}

export function chevron(pen, x, y, down, token) {
  const { g, style } = pen;
  g.beginPath();
  if (down) { g.moveTo(x - 4, y - 2); g.lineTo(x, y + 2.5); g.lineTo(x + 4, y - 2); } else { g.moveTo(x - 2, y - 4); g.lineTo(x + 2.5, y); g.lineTo(x - 2, y + 4); }
  g.strokeStyle = style.colour(token); g.lineWidth = 1.6; g.setLineDash([]); g.lineCap = g.lineJoin = "round"; g.stroke();
}

/** Two more outlines behind a roll. */
export function rollOutlines(pen, p, look) {
  const { g, style } = pen;
  for (const off of [6, 3]) {
    outline(pen, look.shape, p.x, p.y + off, p.w - 2 * off, p.h);
    g.fillStyle = style.colour("pane"); g.fill();
    g.strokeStyle = style.colour(look.stroke); g.lineWidth = pen.line(1); g.setLineDash([]); g.stroke();
  }
}

/** The region whose title is under a point of a side's world, the innermost; null if none. */
export function titleAt(picture, side, x, y, head) {
  const { regions } = picture.scene;
  for (let i = regions.length - 1; i >= 0; i--) {
    const frame = frameOf(picture.placed, regions[i].id, side);
    if (frame && x >= frame.x && x <= frame.x + frame.w && y >= frame.y && y <= frame.y + head) return regions[i];
  }
  return null;
}

/** The groups that are open after one was opened or closed: the innermost of each line, as the address names them. */
export function toggled(regions, id) {
  const open = new Set(regions.map(region => region.id));
  if (open.has(id)) { for (const one of [...open]) if (one === id || one.startsWith(`${id}.`)) open.delete(one); } else open.add(id);
  return innermost(open);
}

export function innermost(open) {
  const all = [...open];
  return all.filter(id => !all.some(other => other.startsWith(`${id}.`))).sort();
}

/** Where a group stands on the forward side, open or closed: {x: its middle, y: its top}. */
export function standing(picture, id) {
  const frame = picture.placed.regions[id];
  if (frame) return { x: frame[0] + frame[2] / 2, y: frame[1] };
  const p = picture.placed.nodes[`m${id}`];
  return p ? { x: p.x, y: p.y - p.h / 2 } : null;
}

/** The view in which a group stands where it stood: its top and its middle do not move. */
export function held(view, before, after, id) {
  const a = standing(before, id), b = standing(after, id);
  return a && b ? { k: view.k, x: view.x + view.k * (a.x - b.x), y: view.y + view.k * (a.y - b.y) } : view;
}

/**
 * The picture half way from one to another, 0..1: what is on both moves, what is new grows out of the group that it was
 * in. `shift`: how far the view's origin moved meanwhile, in the world of `to`.
 */
export function between(from, to, views, share) {
  const ease = share * share * (3 - 2 * share), nodes = {}, regions = {};
  const mix = (a, b) => a + (b - a) * ease;
  const dx = side => side === "forward" ? (views[0].x - views[1].x) / views[1].k : (views[1].x + views[1].k * to.placed.width - views[0].x - views[0].k * from.placed.width) / views[1].k;
  const dy = (views[0].y - views[1].y) / views[1].k, forward = dx("forward"), backward = dx("backward");
  for (const node of to.scene.nodes) {
    const b = to.placed.nodes[node.id];
    if (!b) continue;
    const a = from.placed.nodes[node.id] || origin(from, node), off = node.side === "backward" ? backward : forward;
    nodes[node.id] = a ? { x: mix(a.x + off, b.x), y: mix(a.y + dy, b.y), w: mix(a.w, b.w), h: mix(a.h, b.h) } : b;
  }
  for (const [id, b] of Object.entries(to.placed.regions)) {
    const p = from.placed.nodes[`m${id}`], a = from.placed.regions[id] || (p && [p.x - p.w / 2, p.y - p.h / 2, p.w, p.h]);
    regions[id] = a ? [mix(a[0] + forward, b[0]), mix(a[1] + dy, b[1]), mix(a[2], b[2]), mix(a[3], b[3])] : b;
  }
  return { ...to, placed: { ...to.placed, nodes, regions, frames: {}, labels: {}, routes: {} } };
}

/** Where a new glyph comes from: the closed group that it was in, or the open one that it stands for. */
function origin(from, node) {
  const side = node.side === "backward" ? "k" : "m";
  for (let id = node.home; id; id = id.slice(0, Math.max(0, id.lastIndexOf(".")))) {
    if (from.placed.nodes[side + id]) return from.placed.nodes[side + id];
    if (!id.includes(".")) break;
  }
  const frame = (node.kind === "group" || node.kind === "mirror") && frameOf(from.placed, node.id.slice(1), node.side);
  return frame ? { x: frame.x + frame.w / 2, y: frame.y + frame.h / 2, w: frame.w, h: frame.h } : null;
}

/** Names of the groups around an element, outermost first, and of the closed group that it is. */
export function crumbs(picture, id) {
  const node = picture.nodes.get(id);
  if (!node) return [];
  const names = picture.scene.regions.filter(region => node.home === region.id || node.home.startsWith(`${region.id}.`)).map(region => ({ id: region.id, label: region.label }));
  if (node.kind === "group" || node.kind === "mirror") names.push({ id: node.id.slice(1), label: node.label[0][1] });
  return names;
}
