// Drawing of single things on a 2D context: glyphs of nodes, badges, marks, numbered stops. World units; `pen` carries
// the style and the scale, so that strokes keep their width and words their least size on the screen.

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

/** `room`: words that are wider are set narrower. */
export function text(pen, words, x, y, font, token, align = "center", weight = font.weight, room = undefined) {
  const { g, style } = pen;
  g.font = style.font(font, pen.size(font), weight);
  g.fillStyle = style.colour(token);
  g.textAlign = align;
  g.textBaseline = "middle";
  if (room === undefined) g.fillText(words, x, y + 0.5); else g.fillText(words, x, y + 0.5, Math.max(8, room));
}

export function widthOf(pen, words, font) {
  pen.g.font = pen.style.font(font, pen.size(font));
  return pen.g.measureText(words).width;
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

/** Width of the gradient compartment of a node: wide enough for all it will ever say, so that nothing moves. */
export function gradWidth(pen, node) {
  if (!node.grad.length) return 0;
  if (node.gradWidth === undefined) {
    const { width, pad, text: font } = pen.style.table.grad;
    pen.g.font = pen.style.font(font);
    node.gradWidth = Math.max(width, ...node.grad.map(entry => pen.g.measureText(entry[2]).width + pad));
  }
  return node.gradWidth;
}

/**
 * Draws a node at an event. `mark`: {now: tone} for what is happening, {twin: tone} for what it faces, {hidden: true}
 * for what the legend hides. A backward node that runs is filled.
 */
export function drawNode(pen, node, p, seq, mark = {}) {
  const { g, style } = pen, state = mark.hidden ? "future" : at(node.states, seq, "future");
  let look = style.look(node.kind, state);
  const box = { l: p.x - p.w / 2, t: p.y - p.h / 2, w: p.w, h: p.h };
  const trace = () => outline(pen, look.shape, p.x, p.y, p.w, p.h);
  g.save();
  g.globalAlpha *= mark.hidden ? 0.3 : look.opacity;
  const tone = mark.now || mark.twin;
  if (tone) {
    const how = style.table[mark.now ? "now" : "twin"];
    halo(pen, trace, tone, how);
    look = { ...look, width: how.width, ...(mark.now ? { stroke: tone, dash: [] } : {}) };
    if (mark.now && node.kind === "node" && tone === "flow" && state !== "failed") {
      look = { ...look, fill: style.table.now.node_fill, ink: style.table.now.node_ink };
    }
  }
  if (mark.viewed) {
    const v = style.table.view;
    outline(pen, look.shape, p.x + v.dx, p.y + v.dy, p.w, p.h);
    stroke(pen, v.stroke, v.width, v.dash);
  }
  paintShape(pen, { ...look, box }, trace);
  const grad = node.grad.length ? gradAt(node, seq) : null;
  const gw = state !== "future" && grad && node.kind !== "accumulate" ? gradWidth(pen, node) : 0;
  if (gw) gradFill(pen, grad[0], box, gw, trace);
  trace();
  stroke(pen, look.stroke, look.width, look.dash);
  if (pen.readable) {
    g.globalAlpha *= look.text_opacity;
    words(pen, node, p, seq, look, grad, gw, state);
    if (gw) gradWords(pen, node, grad, box, gw);
  }
  g.restore();
  if (pen.readable && state !== "future") {
    if (look.mark) drawMark(pen, look.mark, box.l + 3, box.t + 2);
    badges(pen, node, box, seq);
  }
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
  const kind = pen.style.table.kinds[node.kind], label = at(node.label, seq, node.label.length ? node.label[0][1] : "");
  const ahead = state === "future", soon = ahead && kind.arrange === "stack" && node.sub.length ? node.sub[0][1] : "";
  const sub = at(node.sub, seq, soon), { x, y } = p;
  if (kind.arrange === "stack" || kind.arrange === "value") {
    const round = look.shape === "stadium" ? 2 : 0;
    const room = p.w - gw - (look.shape === "stadium" ? 18 : 8);
    const cx = gw ? x - gw / 2 + round : x, value = kind.arrange === "value" && grad && !ahead ? grad[1] : "";
    if (ahead && !sub) text(pen, label, x, y, kind.label, look.ink, "center", 500, room);
    else {
      const left = x - p.w / 2 + kind.pad;
      if (value) {
        text(pen, label, left, y - 6.5, kind.label, look.ink, "left");
        text(pen, value, x + p.w / 2 - kind.pad, y - 6.5, kind.value, look.value, "right");
      } else text(pen, label, cx, y - 6.5, kind.label, look.ink, "center", ahead ? 500 : kind.label.weight, room);
      text(pen, sub, cx, y + 8.5, kind.sub, look.sub, "center", kind.sub.weight, room);
    }
  } else if (kind.arrange === "sign") {
    const { sign: own } = kind, shown = look.sign ? "" : node.glyph, has = look.sign || shown;
    const lead = has ? own.width + own.gap : 0, wide = Math.min(widthOf(pen, label, kind.label), p.w - lead - 10), all = wide + lead;
    if (look.sign) sign(pen, look.sign, x - all / 2 + own.width / 2, y, look.ink);
    else if (shown) text(pen, shown, x - all / 2 + own.width / 2, y, own, look.ink);
    text(pen, label, x + all / 2 - wide / 2, y, kind.label, look.ink, "center", ahead ? 500 : kind.label.weight, wide);
  } else if (kind.arrange === "chip") {
    if (!sub) text(pen, label, x, y, kind.label, look.ink, "center", kind.label.weight, p.w - 18);
    else {
      const own = widthOf(pen, label, kind.label), other = widthOf(pen, sub, kind.sub);
      const fit = Math.min(1, (p.w - 18 - kind.gap) / (own + other)), wide = own * fit, all = wide + kind.gap + other * fit;
      text(pen, label, x - all / 2 + wide / 2, y, kind.label, look.ink, "center", kind.label.weight, wide);
      text(pen, sub, x + all / 2 - other * fit / 2, y, kind.sub, look.sub, "center", kind.sub.weight, other * fit);
    }
  } else if (look.sign) {
    text(pen, label, x + 7, y, kind.label, look.ink, "center", 700);
    sign(pen, look.sign, p.x - p.w / 2 + 13, y, look.stroke);
  } else text(pen, label, x, y, kind.label, look.ink, "center", ahead ? 500 : kind.label.weight, p.w - 14);
}

function gradLook(pen, node, state) {
  const table = pen.style.table.grad;
  return state === "awaited" && node.kind === "leaf" ? table.awaited_on_leaf : table.states[state] || table.states.awaited;
}

function gradFill(pen, state, box, gw, trace) {
  const { g, style } = pen, look = style.table.grad.states[state];
  if (!look || !look.fill) return;
  g.save();
  trace();
  g.clip();
  g.fillStyle = style.colour(look.fill);
  g.fillRect(box.l + box.w - gw, box.t, gw, box.h);
  g.restore();
}

function gradWords(pen, node, [state, value], box, gw) {
  const { g, style } = pen, table = style.table.grad, look = gradLook(pen, node, state), edge = box.l + box.w - gw;
  g.save();
  g.globalAlpha *= look.rule_opacity; g.strokeStyle = style.colour(look.rule); g.lineWidth = pen.line(1);
  g.beginPath(); g.moveTo(edge, box.t + 1); g.lineTo(edge, box.t + box.h - 1); g.stroke();
  g.restore();
  const middle = edge + gw / 2 - (node.kind === "leaf" ? 2 : 0), y = box.t + box.h / 2;
  if (!value) text(pen, "∇", middle, y, { ...table.sign, size: table.sign.alone }, look.ink);
  else { text(pen, "∇", middle, y - 7, table.sign, look.ink); text(pen, value, middle, y + 6.5, table.text, look.ink, "center", table.text.weight, gw - 6); }
}

function badges(pen, node, box, seq) {
  const { g, style } = pen, table = style.table.badges;
  let x = box.l + box.w - table.inset;
  const r = table.radius * (node.kind === "gradient" ? table.on_chip : 1);
  for (const badge of node.badges) {
    const state = at(badge.states, seq), look = (table[badge.kind] || {})[state];
    if (!look) continue;
    g.beginPath(); g.arc(x, box.t + 0.5, r, 0, 2 * Math.PI);
    g.fillStyle = style.colour(look.fill); g.fill();
    g.lineWidth = pen.line(table.width); g.strokeStyle = style.colour(look.stroke); g.stroke();
    sign(pen, look.sign, x, box.t + 0.5, look.ink, look.paint, r / table.radius);
    if (badge.count > 1) text(pen, `×${badge.count}`, x + r + 3, box.t - 3, table.count, "ink2", "left");
    x -= 2 * r + 2;
  }
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

/** A pill with words, as on edges. */
export function pill(pen, words_, x, y, look) {
  const { g, style } = pen, wide = widthOf(pen, words_, look) + 2 * look.pad, h = Math.max(look.height, pen.size(look) + 5);
  g.beginPath(); g.roundRect(x - wide / 2, y - h / 2, wide, h, h / 2);
  g.fillStyle = style.colour(look.fill); g.fill();
  g.lineWidth = pen.line(1); g.strokeStyle = style.colour(look.stroke); g.stroke();
  text(pen, words_, x, y, look, look.ink);
}
