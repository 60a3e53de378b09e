// The two graphs: a base with everything in its state, and an overlay with what is happening now.

import { along, drawCrossing, drawEdge, variantOf } from "./edges.mjs";
import { chevron, decodeInside, drawRegions, drawTitles, regionEvents, rollOutlines, stepOf } from "./groups.mjs";
import { drawNode, kindOf, makePen, outline, pill, stopMark, text } from "./glyphs.mjs";
import { categoryOf } from "./style.mjs";
import { at, floorIndex } from "./time.mjs";
import { beyond, footprint, origin, screenRect, window_ } from "./view.mjs";

const STORY = new Set(["needs", "finds"]);
const AXIS = 32;  // layout/across.py puts the sides this far apart

/** What drawing looks up again and again, once per scene. */
export function prepare(scene, placed, across = {}, rooms = {}, stops = []) {
  for (const node of scene.nodes) node.room = rooms[node.id] || 0;
  const nodes = new Map(scene.nodes.map(node => [node.id, node]));
  const edges = new Map(scene.edges.map(edge => [edge.id, edge]));
  const steps = new Map(scene.steps.map(step => [step.seq, step]));
  const viewed = new Set(scene.edges.filter(edge => edge.kind === "view").map(edge => edge.source));
  const boxes = new Map(Object.entries(placed.routes).map(([id, route]) => [id, bounds(route)]));
  const inside = decodeInside(scene.inside, scene.last, stops);
  return { scene, placed, across, nodes, edges, steps, viewed, boxes, inside, regionEvents: regionEvents(scene, inside), sides: footprint(scene, placed) };
}

function bounds(route) {
  const xs = route.map(point => point[0]), ys = route.map(point => point[1]);
  return { x0: Math.min(...xs), x1: Math.max(...xs), y0: Math.min(...ys), y1: Math.max(...ys) };
}

const apart = (a, b) => a.x1 < b.x0 || a.x0 > b.x1 || a.y1 < b.y0 || a.y0 > b.y1;
const boxOf = p => ({ x0: p.x - p.w / 2 - 12, x1: p.x + p.w / 2 + 12, y0: p.y - p.h / 2 - 12, y1: p.y + p.h / 2 + 12 });

function begin(canvas, size) {
  const g = canvas.getContext("2d"), q = size.ratio;
  g.setTransform(q, 0, 0, q, 0, 0);
  g.clearRect(0, 0, size.width, size.height);
  return g;
}

/** Runs `draw(pen, visible, side)` for both sides in the world of each, clipped to it. */
function bothSides(g, style, picture, view, size, draw) {
  for (const side of ["forward", "backward"]) {
    const left = side === "backward" ? size.width / 2 : 0;
    g.save();
    g.beginPath(); g.rect(left, 0, size.width / 2, size.height); g.clip();
    g.translate(origin(view, side, picture.placed, size.width), view.y);
    g.scale(view.k, view.k);
    draw(makePen(g, style, view.k), window_(view, side, picture.placed, size.width, size.height), side);
    g.restore();
  }
}

/** The base: grounds, axis, frames, edges, nodes, the pills of what has flowed. Returns how many nodes were drawn. */
export function drawBase(canvas, style, picture, view, size, seq, hidden) {
  const g = begin(canvas, size), { scene, placed, nodes } = picture;
  g.fillStyle = style.colour("pane"); g.fillRect(0, 0, size.width, size.height);
  g.fillStyle = style.colour("line"); g.fillRect(Math.round(size.width / 2), 0, 1, size.height);
  let drawn = 0;
  bothSides(g, style, picture, view, size, (pen, seen, side) => {
    drawRegions(pen, picture, side);
    for (const group of scene.groups) drawFrame(pen, picture, group, side, seq);
    const pills = [], flowed = [];
    for (const edge of scene.edges) {
      const box = picture.boxes.get(edge.id);
      if (!box || nodes.get(edge.source)?.side !== side || apart(box, seen)) continue;
      const state = at(edge.states, seq, "future");
      (state === "flowed" ? flowed : pills).push([edge, state]);
    }
    const labelled = [...pills, ...flowed];
    for (const [edge, state] of labelled) drawEdge(pen, placed.routes[edge.id], lineOf(style, picture, edge, state, seq));
    for (const node of scene.nodes) {
      const p = placed.nodes[node.id];
      if (node.side !== side || !p || apart(boxOf(p), seen)) continue;
      drawn += 1;
      drawGlyph(pen, picture, node, p, seq, { hidden: isHidden(style, node, hidden), viewed: picture.viewed.has(node.id) });
    }
    if (side === "backward") drawJoins(pen, picture, seen, seq);
    drawTitles(pen, picture, side, seq);
    if (pen.readable) for (const [edge] of labelled) label(pen, picture, edge, seq, false);
  });
  for (const side of ["forward", "backward"]) more(g, style, side, beyond(view, side, picture.sides[side].box, size.width, size.height), size);
  return drawn;
}

/** At the edges of a side beyond which it goes on: the picture fades, and a chevron points there. */
function more(g, style, side, [left, right, top, bottom], { width, height }) {
  const FADE = 12, w = width / 2, x0 = side === "backward" ? w + 1 : 0, x1 = x0 + w - (side === "backward" ? 1 : 0);
  const at = [[left, x0, height / 2, 1, 0], [right, x1, height / 2, -1, 0], [top, (x0 + x1) / 2, 0, 0, 1], [bottom, (x0 + x1) / 2, height, 0, -1]];
  for (const [goesOn, x, y, dx, dy] of at) {
    if (!goesOn) continue;
    const fade = g.createLinearGradient(x, y, x + dx * FADE, y + dy * FADE), pane = style.colour("pane");
    fade.addColorStop(0, pane); fade.addColorStop(1, `${pane}00`);
    g.fillStyle = fade;
    if (dx) g.fillRect(Math.min(x, x + dx * FADE), 0, FADE, height); else g.fillRect(x0, Math.min(y, y + dy * FADE), x1 - x0, FADE);
    g.beginPath();
    g.moveTo(x + dx * 9 - dy * 5, y + dy * 9 - dx * 5); g.lineTo(x + dx * 4, y + dy * 4); g.lineTo(x + dx * 9 + dy * 5, y + dy * 9 + dx * 5);
    g.strokeStyle = style.colour("ink3"); g.lineWidth = 1.5; g.setLineDash([]); g.lineCap = "round"; g.lineJoin = "round"; g.stroke();
  }
}

/** Hollow dots where the edges meet whose gradients add up. */
function drawJoins(pen, { placed, nodes }, seen, seq) {
  const { g, style } = pen;
  for (const [id, [x, y]] of Object.entries(placed.joins)) {
    const state = y < seen.y0 || y > seen.y1 ? "future" : at(nodes.get(id).states, seq, "future");
    if (state === "future") continue;
    g.beginPath(); g.arc(x, y, 3, 0, 2 * Math.PI);
    g.fillStyle = style.colour("pane"); g.fill();
    g.strokeStyle = style.colour(state === "waiting" ? "line2" : "flow"); g.lineWidth = pen.line(1.5); g.stroke();
  }
}

/** A node; of a closed group also what says that it can be opened, and how far it has come. */
function drawGlyph(pen, picture, node, p, seq, mark) {
  const closed = node.kind === "group" || node.kind === "mirror", look = closed && pen.style.look(node.kind, at(node.states, seq, "future"));
  if (closed && node.glyph === "roll") rollOutlines(pen, p, look);
  const { g, style } = pen, events = closed && picture.inside.events.get(node.id), ran = events ? floorIndex(events, seq) + 1 : 0;
  const going = ran > 0 && ran < events.length, back = node.kind === "mirror";
  drawNode(pen, node, p, seq, going && back ? { ...mark, ran: `${ran}/${events.length}` } : mark);
  if (!closed) return;
  if (pen.readable && kindOf(style.table, node).gap) chevron(pen, back ? p.x + p.w / 2 - 15 : p.x - p.w / 2 + 12, p.y - (p.h > 30 ? 6.5 : 0), false, look.ink === "ng" ? "ng" : look.stroke);
  if (!going || back && node.room) return;
  g.fillStyle = style.colour(look.stroke); g.globalAlpha *= 0.35;
  g.fillRect(p.x - p.w / 2 + 10, p.y + p.h / 2 - 4, (p.w - 20) * ran / events.length, 2.5);
  g.globalAlpha /= 0.35;
}

const isHidden = (style, node, hidden) => hidden.size > 0 && hidden.has(categoryOf(style.table, node.kind));

function lineOf(style, picture, edge, state, seq) {
  const source = picture.nodes.get(edge.source), target = picture.nodes.get(edge.target);
  return style.line(edge.kind, state, variantOf(edge, source, target, node => at(node.states, seq)));
}

function label(pen, picture, edge, seq, now) {
  const words = at(edge.label, seq), place = picture.placed.labels[edge.id];
  if (!words || !place) return;
  const table = pen.style.table.pills;
  pill(pen, words, place[0], place[1], edge.kind === "gradient" ? (now ? table.gradient_now : table.gradient) : table.data);
}

function drawFrame(pen, picture, group, side, seq) {
  const frame = picture.placed.frames[group.id], look = pen.style.table.frames[group.kind];
  const member = group.members.map(id => picture.nodes.get(id)).find(Boolean);
  if (!frame || !look || !member || member.side !== side) return;
  const { g, style } = pen, [x, y, w, h] = frame;
  g.save();
  g.globalAlpha *= seq >= group.since ? 1 : look.before;
  g.beginPath(); g.roundRect(x, y, w, h, look.radius);
  if (look.fill) { g.fillStyle = style.colour(look.fill); g.fill(); }
  g.setLineDash(look.dash.map(pen.line)); g.strokeStyle = style.colour(look.stroke); g.lineWidth = pen.line(look.width); g.stroke();
  g.setLineDash([]);
  if (pen.readable) text(pen, group.label, x + w - 10, y + 12, look, look.ink, { align: "right", room: w - 20 });
  g.restore();
}

/**
 * The overlay: tie, halo, what flows, what is selected, the story. `progress` 0..1 of the dot, 1 when it has arrived.
 * Returns the ids that are lit.
 */
export function drawOverlay(canvas, style, picture, view, size, seq, { selected = "", progress = 1, hidden = new Set(), path = null, kin = "" }) {
  const g = begin(canvas, size), { scene, placed, nodes } = picture;
  const step = stepOf(picture, seq) || stepAt(picture, seq), tone = step ? toneOf(style, picture, step) : "op";
  const focus = step ? step.focus.filter(id => nodes.has(id)) : [], twins = step ? step.twins.filter(id => nodes.has(id)) : [];
  const live = id => at(nodes.get(id).states, seq, "future") !== "future";
  if (focus.length && twins.length) tie(g, style, picture, view, size, focus[0], twins[0], tone, live);
  bothSides(g, style, picture, view, size, (pen, seen, side) => {
    const { edge: widths, head_size: head } = style.table.now;
    const hot = (step && step.phase !== "error" ? step.edges : []).map(id => picture.edges.get(id)).filter(edge => edge && nodes.get(edge.source)?.side === side);
    for (const edge of hot) {
      const line = { ...lineOf(style, picture, edge, at(edge.states, seq, "future"), seq), dash: [] };
      const broken = line.stroke === "err" && edge.kind === "data";
      drawEdge(pen, placed.routes[edge.id], line, { width: edge.kind === "gradient" ? widths.backward : widths.forward, head, stroke: broken ? "err" : tone });
    }
    if (path) for (const id of path) {
      const edge = picture.edges.get(id);
      if (edge && nodes.get(edge.source)?.side === side) drawEdge(pen, placed.routes[id], style.line("gradient", "flowed"), { width: style.table.path.width, head, stroke: style.table.path.stroke });
    }
    for (const [ids, mark] of [[twins, { twin: tone }], [focus, { now: tone }]]) for (const id of ids) {
      const node = nodes.get(id);
      if (node.side === side && placed.nodes[id]) drawGlyph(pen, picture, node, placed.nodes[id], seq, { ...mark, hidden: isHidden(style, node, hidden), viewed: picture.viewed.has(id) });
    }
    const chosen = nodes.get(selected);
    if (chosen && chosen.side === side && placed.nodes[selected]) ring(pen, chosen, placed.nodes[selected], seq);
    if (kin) for (const node of scene.nodes) if (node.side === side && (node.id === kin || node.alias_of === kin) && placed.nodes[node.id]) ring(pen, node, placed.nodes[node.id], seq);
    if (pen.readable) for (const edge of hot) label(pen, picture, edge, seq, true);
    if (progress < 1) for (const edge of hot) dot(pen, placed.routes[edge.id], progress, tone);
    stops(pen, picture, side, seq);
  });
  story(g, style, picture, view, size, seq);
  if (nodes.get(selected)?.saved?.length) saved(g, style, picture, view, size, seq, nodes.get(selected));
  return { focus, twins };
}

/** The last step that was taken: between two stops the picture still shows what the first of them did. */
function stepAt(picture, seq) {
  const { steps } = picture.scene, place = floorIndex(steps, seq, step => step.seq);
  return place < 0 ? null : steps[place];
}

/** The tone of a step. A write is red only where it broke something. */
export function toneOf(style, picture, step) {
  if (step.phase !== "write") return style.table.tones[step.phase] || "op";
  const broken = step.focus.some(id => ["broken", "overwritten"].includes(at(picture.nodes.get(id)?.states || [], step.seq)));
  return broken ? style.table.tones.write : style.table.tones.forward;
}

function ring(pen, node, p, seq) {
  const look = pen.style.table.selected, shape = pen.style.look(node.kind, at(node.states, seq, "future")).shape;
  const off = look.offset / Math.max(pen.k, 0.3);
  outline(pen, shape === "hexagon" || shape === "octagon" ? "rounded" : shape, p.x, p.y, p.w, p.h, off);
  pen.g.strokeStyle = pen.style.colour(look.stroke); pen.g.lineWidth = pen.line(look.width); pen.g.stroke();
}

function dot(pen, route, progress, tone) {
  if (!route || route.length < 4) return;
  const { g, style } = pen, [x, y] = along(route, progress);
  g.beginPath(); g.arc(x, y, 4.5, 0, 2 * Math.PI);
  g.fillStyle = style.colour(tone); g.fill(); g.lineWidth = 2; g.strokeStyle = style.colour("pane"); g.stroke();
}

function stops(pen, picture, side, seq) {
  const marked = new Map();
  for (const stop of picture.scene.stops) {
    if (stop.seq > seq) continue;
    for (const id of stop.nodes.slice(0, 1)) {  // the first is what the stop is about; the others are named in its words
      const node = picture.nodes.get(id), p = picture.placed.nodes[id];
      if (!node || !p || node.side !== side) continue;
      const place = marked.get(id) || 0, right = side === "backward";
      marked.set(id, place + 1);
      const x = right ? p.x + p.w / 2 + 2 - place * 20 : p.x - p.w / 2 - 2 + place * 20;
      stopMark(pen, stop.number, x, p.y - p.h / 2 + 1, stop.seq === seq);
    }
  }
}

/** The dotted tie from the focus to its twin. Straight, or bent around what stands between them. */
function tie(g, style, picture, view, size, first, second, tone, live) {
  if (!live(first) || !live(second)) return;
  const sideOf = id => picture.nodes.get(id).side;
  if (sideOf(first) === sideOf(second)) return;
  const [left, right] = sideOf(first) === "forward" ? [first, second] : [second, first];
  const rect = id => screenRect(view, sideOf(id), picture.placed.nodes[id], picture.placed, size.width);
  if (!picture.placed.nodes[left] || !picture.placed.nodes[right]) return;
  const a = rect(left), b = rect(right), look = style.table.tie, axis = size.width / 2;
  const between = (dy, height) => picture.scene.nodes.some(node => {
    if (node.id === left || node.id === right || node.kind === "none" || !picture.placed.nodes[node.id]) return false;
    const r = rect(node.id);
    return r.l < b.l && r.r > a.r && Math.abs(r.y - a.y - dy) < r.h / 2 + height;
  });
  const bent = between(0, 2), way = a.h / 2 + look.bend * view.k;
  const y = bent ? a.y + (between(way, 4) ? -way : way) : a.y;
  g.save();
  g.strokeStyle = style.colour(tone); g.lineWidth = look.width; g.globalAlpha = look.opacity; g.setLineDash(look.dash); g.lineCap = "round";
  g.beginPath();
  if (bent) {
    const edge = r => y < a.y ? r.t - 1 : r.b + 1;
    g.moveTo(a.r - 8, edge(a)); g.bezierCurveTo(a.r + 2, y, a.r + 12, y, a.r + 32, y);
    g.lineTo(b.l - 32, y); g.bezierCurveTo(b.l - 12, y, b.l - 2, y, b.l + 8, edge(b));
  } else { g.moveTo(a.r + look.end, a.y); g.lineTo(b.l - look.end, b.y); }
  g.stroke();
  g.restore();
  g.beginPath(); g.arc(axis + 0.5, bent ? y : (a.y + b.y) / 2, look.knot, 0, 2 * Math.PI);
  g.fillStyle = style.colour("pane"); g.fill(); g.strokeStyle = style.colour(tone); g.lineWidth = look.knot_width; g.stroke();
}

/** What the selected node holds: from the air above it, along the axis, into each tensor from below. */
function saved(g, style, picture, view, size, seq, node) {
  const state = at(node.states, seq, "future"), kept = !node.states.some(([, one]) => one === "released");
  if (state !== "waiting" && state !== "failed" && !(kept && state !== "future")) return;
  const pen = makePen(g, style, 1), place = one => screenRect(view, one.side, picture.placed.nodes[one.id], picture.placed, size.width), line = style.line("needs", "rest");
  const from = place(node), pills = [];
  node.saved.forEach(([id, words], i) => {
    const target = picture.nodes.get(id);
    if (!target || !picture.placed.nodes[id]) return;
    const to = place(target), axis = size.width / 2 + 5 * i, high = from.t - 16 * view.k - 4 * i, low = to.b + 14 * view.k + 4 * i, start = from.l + 14 + 10 * i, end = to.r - 12 - 8 * i;
    drawCrossing(pen, [[start, from.t - 2], [start, high], [axis, high], [axis, low], [end, low], [end, to.b + 2]], line);
    const above = pills.filter(one => Math.abs(one[2] - low) < 22 * pills.length).length;
    pills.push([words, size.width / 2, low + 22 * above]);
  });
  for (const [words, x, y] of pills) pill(pen, words, x, y, style.table.pills.saved);
}

/** The links of a story run across the axis: in px of the stage, the stretch on each side moved as that side is. */
function story(g, style, picture, view, size, seq) {
  const { placed } = picture, pen = makePen(g, style, 1), k = view.k, axis = size.width / 2;
  const place = ([x, y]) => {
    const sx = x <= placed.width ? view.x + k * x : x >= placed.width + AXIS ? origin(view, "backward", placed, size.width) + k * (x - placed.width - AXIS) : axis + (x - placed.width - AXIS / 2) * k;
    return [sx, view.y + k * y];
  };
  const pills = [];
  for (const edge of picture.scene.edges) {
    const crossing = picture.across[edge.id], state = at(edge.states, seq, "future"), line = STORY.has(edge.kind) ? style.line(edge.kind, state) : null;
    if (!crossing || !line || state === "future" || !line.opacity) continue;
    drawCrossing(pen, crossing.points.map(place), line);
    const calm = state === "rest" || state === "flowed", words = at(edge.label, seq);
    if (words) pills.push([words, place(crossing.label), style.table.pills[calm && edge.kind === "needs" ? "saved" : "story"]]);
  }
  for (const [words, [x, y], look] of pills) pill(pen, words, x, y, look);
}
