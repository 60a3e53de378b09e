// Drawing of single things on a 2D context: glyphs of nodes, badges, marks, numbered stops. World units; `pen` carries
// the style and the scale, so that strokes keep their width and words their least size on the screen.

import { shortened } from "./style.mjs";
import { at, gradAt } from "./time.mjs";

/** What drawing needs to know besides the thing: context, style, scale. */
export function makePen(g, style, k) {
  const least = style.table.least;
  return {
    g, style, k,
    /** Strokes are in screen px; far out they thin with the picture. */
    line: width => width / Math.max(k, 0.5),
    size: font => k >= 0.6 ? Math.max(font.size, least / k) : font.size,
    readable: k > 0.38,
  };
}

/** One line of words with its middle at `y`. `room`: what would be wider is set smaller; `scale`: of the font. */
export function text(pen, words, x, y, font, token, { align = "center", weight = font.weight, room = Infinity, scale = 1 } = {}) {
  const { g, style } = pen, size = pen.size(font) * scale, wide = room === Infinity ? 0 : style.width(g, words, font, weight) * size;
  g.font = style.font(font, wide > room ? size * Math.max(room, 1) / wide : size, weight);
  g.fillStyle = style.colour(token);
  g.textAlign = align;
  g.textBaseline = "middle";
  g.fillText(words, x, y + 0.5);
}

const SMALL = new Set(["module", "one"]);  // a closed module of a few ops, and one op of many nodes
export const LOW = 30;  // below it a glyph has no small line

/** Measures and fonts of a node: a closed module of a few ops is lower than other groups. */
export const kindOf = (table, node) => table.kinds[SMALL.has(node.glyph) ? "module" : node.kind];

/** Words that have `room` at scale 1, farther out they are set smaller: of longer ones the middle gives way. */
export function fitted(pen, words, font, room) {
  let said = words;
  for (let most = words.length - 1; most > 3 && pen.style.width(pen.g, said, font) * font.size > room; most -= 1) said = shortened(words, most);
  return said;
}

export const widthOf = (pen, words, font) => pen.style.width(pen.g, words, font) * pen.size(font);

/** Words that stand side by side: how wide each is, and the scale at which all fit. */
function sideBySide(pen, room, gaps, ...pairs) {
  const wide = pairs.map(([words, font]) => widthOf(pen, words, font)), all = wide.reduce((sum, one) => sum + one, 0);
  const scale = Math.min(1, Math.max(1, room - gaps) / Math.max(all, 1));
  return { scale, wide: wide.map(one => one * scale) };
}

/** Traces the outline of a shape around (x, y). */
export function outline(pen, shape, x, y, w, h, grow = 0) {
  const { g } = pen, data = pen.style.table.shapes[shape] || {}, more = grow + (data.grow || 0);
  const l = x - w / 2 - more, t = y - h / 2 - more, W = w + 2 * more, H = h + 2 * more, cut = data.cut || 0;
  g.beginPath();
  if (shape === "hexagon") polygon(g, [[l + cut, t], [l + W - cut, t], [l + W, t + H / 2], [l + W - cut, t + H], [l + cut, t + H], [l, t + H / 2]]);
  else if (shape === "octagon") polygon(g, [[l + cut, t], [l + W - cut, t], [l + W, t + cut], [l + W, t + H - cut], [l + W - cut, t + H], [l + cut, t + H], [l, t + H - cut], [l, t + cut]]);
  else if (shape === "diamond") polygon(g, [[x, t], [l + W, y], [x, t + H], [l, y]]);
  else if (shape === "disc") g.arc(x, y, W / 2, 0, 2 * Math.PI);
  else g.roundRect(l, t, W, H, data.radius ? data.radius + grow : H / 2);
}

function polygon(g, points) {
  points.forEach(([x, y], i) => i ? g.lineTo(x, y) : g.moveTo(x, y));
  g.closePath();
}

export function sign(pen, name, x, y, token, paint, scale = 1) {
  const { g, style } = pen, data = style.table.signs[name];
  if (!data) return;
  g.save();
  g.translate(x, y);
  g.scale(scale, scale);
  const path = new Path2D(data.d);
  g.lineCap = g.lineJoin = "round";
  if ((paint || data.paint) === "fill") { g.fillStyle = style.colour(token); g.fill(path); }
  else { g.strokeStyle = style.colour(token); g.lineWidth = data.width; g.stroke(path); }
  g.restore();
}

function paintShape(pen, look, trace) {
  const { g, style } = pen;
  trace();
  if (look.fill) { g.fillStyle = style.colour(look.fill); g.fill(); }
  if (look.hatch) {
    const { gap, width, opacity } = style.table.hatch, b = look.box;
    g.save();
    g.clip();
    g.globalAlpha *= opacity; g.strokeStyle = style.colour(look.hatch); g.lineWidth = width;
    g.beginPath();
    for (let i = -b.h; i < b.w + b.h; i += gap) { g.moveTo(b.l + i, b.t + b.h); g.lineTo(b.l + i + b.h, b.t); }
    g.stroke();
    g.restore();
  }
}

/**
 * Draws a node at an event. `mark`: {now: tone} for what is happening, {twin: tone} for what it faces, {hidden: true}
 * for what the legend hides. A backward node that runs is filled.
 */
export function drawNode(pen, node, p, seq, mark = {}) {
  const { g, style } = pen, state = mark.hidden ? "future" : at(node.states, seq, "future");
  let look = style.look(node.kind, state);
  if (node.glyph === "one" && node.kind === "group" && state === "done") look = { ...look, ...style.table.one };
  const box = { l: p.x - p.w / 2, t: p.y - p.h / 2, w: p.w, h: p.h };
  const trace = () => outline(pen, look.shape, p.x, p.y, p.w, p.h);
  g.save();
  g.globalAlpha *= mark.hidden ? 0.3 : look.opacity;
  const tone = mark.now || mark.twin;
  if (tone) {
    const how = style.table[mark.now ? "now" : "twin"];
    halo(pen, trace, tone, how);
    look = { ...look, width: Math.max(look.width, how.width), ...(mark.now ? { stroke: tone, dash: [] } : {}) };
    if (mark.now && node.kind === "node" && tone === "flow" && state !== "failed") {
      look = { ...look, fill: style.table.now.node_fill, ink: style.table.now.node_ink };
    }
  }
  if (mark.viewed && state !== "future") {
    const v = style.table.view;
    outline(pen, look.shape, p.x + v.dx, p.y + v.dy, p.w, p.h);
    g.fillStyle = style.colour("pane"); g.fill();
    stroke(pen, v.stroke, v.width, v.dash);
  }
  paintShape(pen, { ...look, box }, trace);
  const grad = mark.ran && node.room ? ["passed", mark.ran] : node.grad.length ? gradAt(node, seq) : null;
  const gw = node.room || 0, told = gw && grad && state !== "future";  // the room is there before there is a gradient
  const back = node.kind === "mirror";  // its compartment is at the left
  if (told) gradFill(pen, grad[0], box, gw, trace, back);
  trace();
  stroke(pen, look.stroke, look.width, look.dash);
  if (pen.readable) {
    g.globalAlpha *= look.text_opacity;
    words(pen, node, p, seq, look, grad, gw, state);
    if (told) gradWords(pen, node, grad, box, gw, back);
  }
  g.restore();
  if (pen.readable && state !== "future" && look.mark) drawMark(pen, look.mark, box.l + 2, box.t + 2);
  if (pen.readable && !mark.hidden) badges(pen, node, box, seq);
  if (pen.readable && node.letter && state !== "future") letter(pen, node, look, box);
}

/** The letter that an alias and what it stands for have in common, in a disc at the top left corner. */
function letter(pen, node, look, box) {
  const { g, style } = pen, table = style.table.badges, x = node.side === "backward" ? box.l + box.w - 4 : box.l + 4;
  g.beginPath(); g.arc(x, box.t + 2, table.letter, 0, 2 * Math.PI);
  g.fillStyle = style.colour("pane"); g.fill();
  g.lineWidth = pen.line(1); g.strokeStyle = style.colour(look.stroke); g.stroke();
  text(pen, node.letter, x, box.t + 1.5, table.count, look.ink);
}

function stroke(pen, token, width, dash) {
  const { g, style } = pen;
  g.strokeStyle = style.colour(token);
  g.lineWidth = pen.line(width);
  g.setLineDash(dash.length ? dash.map(pen.line) : dash);
  g.stroke();
  g.setLineDash([]);
}

export function halo(pen, trace, tone, how) {
  const { g, style } = pen;
  g.save();
  g.globalAlpha *= how.halo_opacity; g.lineJoin = "round"; g.strokeStyle = style.colour(tone); g.lineWidth = pen.line(how.halo);
  trace();
  g.stroke();
  g.restore();
}

function words(pen, node, p, seq, look, grad, gw, state) {
  const { table } = pen.style, kind = kindOf(table, node), ahead = state === "future";
  const label = shortened(at(node.label, seq, node.label.length ? node.label[0][1] : ""), table.most);
  const flat = p.h < LOW && kind.height >= LOW;
  const said = flat ? "" : at(node.sub, seq, node.kind !== "gradient" && node.sub.length ? node.sub[0][1] : "");
  const sub = kind.arrange === "bar" ? said : shortened(said, table.most);
  ARRANGED[kind.arrange](pen, { kind: flat ? { ...kind, label: { ...kind.label, size: Math.min(11.5, kind.label.size) } } : kind, look, node, gw, label, sub, value: grad && !ahead ? grad[1] : "" }, p);
}

/** How the words of each kind stand; see scene/style.py. */
const ARRANGED = {
  stack(pen, { kind, look, gw, label, sub }, { x, y, w }) {
    const round = look.shape === "stadium", room = w - gw - 2 * kind.pad + 8, cx = gw ? x - gw / 2 + (round ? 2 : 0) : x;
    text(pen, fitted(pen, label, kind.label, room), cx, sub ? y - 6.5 : y, kind.label, look.ink, { room });
    if (sub) text(pen, sub, cx, y + 8.5, kind.sub, look.sub, { room });
  },

  value(pen, { kind, look, label, sub, value }, { x, y, w }) {
    const high = sub ? y - 6.5 : y, half = w / 2 - kind.pad;
    if (value) {
      const first = fitted(pen, label, kind.label, 2 * half - 6 - pen.style.width(pen.g, value, kind.value) * kind.value.size);
      const { scale } = sideBySide(pen, 2 * half + 4, 10, [first, kind.label], [value, kind.value]);
      text(pen, first, x - half - 2, high, kind.label, look.ink, { align: "left", scale });
      text(pen, value, x + half + 2, high, kind.value, look.value, { align: "right", scale });
    } else text(pen, fitted(pen, label, kind.label, 2 * half + 4), x, high, kind.label, look.ink, { room: 2 * half + 4 });
    if (sub) text(pen, sub, x, y + 8.5, kind.sub, look.sub, { room: 2 * half });
  },

  sign(pen, { kind, look, node, label, sub }, { x, y, w }) {
    const own = kind.sign, lead = look.sign || node.glyph ? own.width + own.gap : 0, tail = sub ? 6 : 0;
    const { scale, wide: [first, second] } = sideBySide(pen, w - 10, lead + tail, [label, kind.label], [sub, kind.sub]);
    const left = x - (lead + first + tail + second) / 2;
    if (look.sign) sign(pen, look.sign, left + own.width / 2, y, look.ink);
    else if (node.glyph) text(pen, node.glyph, left + own.width / 2, y, own, look.ink, { room: own.width + own.gap });
    text(pen, label, left + lead, y, kind.label, look.ink, { align: "left", scale });
    if (sub) text(pen, sub, left + lead + first + tail, y, kind.sub, look.sub, { align: "left", scale });
  },

  chip(pen, { kind, look, label: whole, sub }, { x, y, w }) {
    const label = fitted(pen, whole, kind.label, w - 18 - (sub ? kind.gap + widthOf(pen, sub, kind.sub) : 0)), { scale, wide: [first, second] } = sideBySide(pen, w - 18, sub ? kind.gap : 0, [label, kind.label], [sub, kind.sub]);
    const left = x - (first + (sub ? kind.gap + second : 0)) / 2;
    text(pen, label, left, y, kind.label, look.ink, { align: "left", scale });
    if (sub) text(pen, sub, left + first + kind.gap, y, kind.sub, look.sub, { align: "left", scale });
  },

  /** Name and class, and under it or after it how much is within; on the backward side all of it mirrored. */
  bar(pen, { kind, look, node, gw, label, sub }, { x, y, w, h }) {
    const back = node.side === "backward", left = x - w / 2 + kind.pad + (back ? gw : kind.gap), room = w - gw - kind.gap - 2 * kind.pad;
    const [about, rest] = barWords(node, sub), low = h < LOW, first = fitted(pen, label, kind.label, room), wide = widthOf(pen, first, kind.label);
    const after = text_ => text_ && wide + 6 + widthOf(pen, text_, kind.sub) <= room ? text_ : "";
    const tail = low ? after([about, rest].filter(Boolean).join("  ")) || after(rest) : after(about);
    const whole = wide + (tail ? 6 + widthOf(pen, tail, kind.sub) : 0), from = low ? left + Math.max(0, room - whole) / 2 : left, high = !low && rest ? y - 6.5 : y;
    text(pen, first, from, high, kind.label, look.ink, { align: "left", room });
    if (tail) text(pen, tail, from + wide + 6, high, kind.sub, look.sub, { align: "left" });
    if (!low && rest) text(pen, [rest, rest.replace(" params", "")].find(one => widthOf(pen, one, kind.sub) <= room) || rest, left, y + 7.5, kind.sub, look.sub, { align: "left", room });
  },

  line(pen, { kind, look, node, label }, { x, y, w }) {
    if (look.sign) sign(pen, look.sign, x - w / 2 + 13, y, look.stroke);
    text(pen, node.kind === "none" ? label : fitted(pen, label, kind.label, look.sign ? w - 38 : w - 14), x + (look.sign ? 7 : 0), y, kind.label, look.ink, { room: look.sign ? w - 38 : w - 14 });
  },
};

/** Of a closed group its class, and how much is within. */
function barWords(node, sub) {
  const [first, ...rest] = sub.split(" · ");
  if (/^\d/.test(first)) return ["", sub];
  return node.glyph === "module" ? [first, rest.filter(one => one.endsWith(" params")).join("").replace(" params", "")] : [first, rest.join(" · ")];
}

function gradLook(pen, node, state) {
  const table = pen.style.table.grad;
  return state === "awaited" && node.kind === "leaf" ? table.awaited_on_leaf : table.states[state] || table.states.awaited;
}

function gradFill(pen, state, box, gw, trace, back) {
  const { g, style } = pen, look = style.table.grad.states[state];
  if (!look || !look.fill) return;
  g.save();
  trace();
  g.clip();
  g.fillStyle = style.colour(look.fill);
  g.fillRect(back ? box.l : box.l + box.w - gw, box.t, gw, box.h);
  g.restore();
}

function gradWords(pen, node, [state, value], box, gw, back) {
  const { g, style } = pen, table = style.table.grad, look = gradLook(pen, node, state), edge = back ? box.l + gw : box.l + box.w - gw;
  g.save();
  g.globalAlpha *= look.rule_opacity; g.strokeStyle = style.colour(look.rule); g.lineWidth = pen.line(1);
  g.beginPath(); g.moveTo(edge, box.t + 1); g.lineTo(edge, box.t + box.h - 1); g.stroke();
  g.restore();
  const round = node.kind === "leaf" || node.kind === "input", middle = edge + (back ? 3 - gw : gw) / 2 - (round ? 2 : 0), y = box.t + box.h / 2;
  if (!value) text(pen, "∇", middle, y, { ...table.sign, size: table.sign.alone }, look.ink);
  else if (box.h < LOW || value.includes("/")) text(pen, value, middle, y, table.text, look.ink, { room: gw - (round ? 14 : 8) });
  else {
    text(pen, "∇", middle, y - 7, table.sign, look.ink, { room: gw - 12 });
    text(pen, value, middle, y + 6.5, table.text, look.ink, { room: gw - (round ? 14 : 10) });
  }
}

/** Discs from the top right corner to the left; several stand higher, so that they cover no words. */
function badges(pen, node, box, seq) {
  const { table } = pen.style, { badges: look } = table, small = box.h < LOW ? look.on_chip : 1;
  const shown = node.badges.map(badge => [badge, at(badge.states, seq)]).filter(([, state]) => state && state !== "future");
  let x = box.l + box.w - look.inset;
  const y = box.t + 0.5 - (shown.length > 1 ? look.lift : 0);
  for (const [badge, state] of shown) x -= 2 * look.radius * small + look.gap + drawBadge(pen, badge, state, x, y, small);
}

/** A disc, or with a count a capsule; (x, y) is the middle of its right end. Returns how far it reaches beyond a disc. */
function drawBadge(pen, badge, state, x, y, scale) {
  const { g, style } = pen, table = style.table.badges, look = table[badge.kind][state] || table[badge.kind].idle, r = table.radius * scale;
  const count = badge.count > 1 ? String(badge.count) : "", extra = count ? style.width(g, count, table.count) * table.count.size + 1 : 0;
  g.beginPath(); g.roundRect(x - r - extra, y - r, 2 * r + extra, 2 * r, r);
  g.fillStyle = style.colour(look.fill); g.fill();
  g.lineWidth = pen.line(table.width); g.strokeStyle = style.colour(look.stroke); g.stroke();
  if (count) {
    g.font = style.font(table.count); g.fillStyle = style.colour(look.ink); g.textAlign = "right"; g.textBaseline = "middle";
    g.fillText(count, x + r - 4, y + 0.5);
  }
  sign(pen, look.sign, x - extra, y, look.ink, look.paint, scale);
  return extra;
}

function drawMark(pen, name, x, y) {
  const { g, style } = pen, mark = style.table.marks[name];
  outline(pen, mark.shape, x, y, mark.size, mark.size);
  g.fillStyle = style.colour(mark.fill); g.fill();
  stroke(pen, mark.stroke, mark.width, []);
  sign(pen, mark.sign, x, y, mark.ink);
}

/** A numbered stop of a story; filled where the playhead is. Screen px whatever the scale. */
export function stopMark(pen, number, x, y, now) {
  const { g, style } = pen, table = style.table.stop, look = now ? table.now : table.rest, u = 1 / pen.k;
  g.beginPath(); g.arc(x, y, (table.radius + table.ring) * u, 0, 2 * Math.PI); g.fillStyle = style.colour("pane"); g.fill();
  g.beginPath(); g.arc(x, y, table.radius * u, 0, 2 * Math.PI); g.fillStyle = style.colour(look.fill); g.fill();
  g.lineWidth = table.width * u; g.strokeStyle = style.colour(look.stroke); g.stroke();
  g.font = style.font(table, table.size * u);
  g.fillStyle = style.colour(look.ink); g.textAlign = "center"; g.textBaseline = "middle";
  g.fillText(String(number), x, y + 0.5 * u);
}

/** A pill with words, as on edges. Far out its words grow, but not so much that pills side by side would meet. */
export function pill(pen, words_, x, y, look) {
  const { g, style } = pen, said = shortened(words_, style.table.most), scale = Math.min(1, 1.2 * look.size / pen.size(look));
  const wide = widthOf(pen, said, look) * scale + 2 * look.pad, h = Math.max(look.height, pen.size(look) * scale + 5);
  if (look.fill) {
    g.beginPath(); g.roundRect(x - wide / 2, y - h / 2, wide, h, h / 2);
    g.fillStyle = style.colour(look.fill); g.fill();
    g.lineWidth = pen.line(1); g.strokeStyle = style.colour(look.stroke); g.stroke();
  }
  text(pen, said, x, y, look, look.ink, { scale });
}
