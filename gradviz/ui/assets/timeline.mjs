// The timeline: wall time as a strip of density, and lanes in the order of events: blocks while they fit, then density.

import { drawHeads, drawIterations, holdsOf, indexOf, placeOf } from "./strip.mjs";
import { floorIndex } from "./time.mjs";

export const LANES = ["Forward", "Backward", "Hooks", "Writes", "Errors", "Marks"];
const LEFT = 116, RIGHT = 16, BLOCK = 9, STOP = 15, ROW = 46, HEADS = 14, AROUND = 8;
const LEAST = 9.5, ENOUGH = 5;  // px of letters; letters that are left of a word that is cut
const TONE = ["op", "flow", "flow", "op", "err", "ink2"], WRITES = 3;

/** What does not change with the cursor: counts a lane, running counts for density, the span of wall time. */
export function prepareLanes(columns, shown) {
  const running = LANES.map(() => new Uint32Array(shown.length + 1)), counts = new Array(LANES.length).fill(0);
  shown.forEach((seq, i) => {
    const lane = columns.lane[seq] - 1;
    const also = columns.writes[seq] ? WRITES : lane;
    counts[lane] += 1;
    if (also !== lane) counts[also] += 1;
    for (let l = 0; l < LANES.length; l++) running[l][i + 1] = running[l][i] + (l === lane || l === also ? 1 : 0);
  });
  const t = columns.t, begin = t.length ? t[0] : 0, end = t.length ? Math.max(t[t.length - 1], begin + 1e-6) : 1;
  const air = (end - begin) * 0.02;
  return { columns, shown, running, counts, begin: begin - air, end: end + air };
}

/** Ticks of the time strip: a round step such that they stand at least 90 px apart, and its unit. */
export function ticks(begin, end, width) {
  const span = end - begin, least = span / Math.max(1, width / 90);
  const power = 10 ** Math.floor(Math.log10(least)), step = [1, 2, 5, 10].map(n => n * power).find(n => n >= least * 0.999);
  const [scale, unit] = end < 1 ? [1000, "µs"] : end < 2000 ? [1, "ms"] : [0.001, "s"];
  const found = [];
  for (let i = Math.max(0, Math.ceil(begin / step)); i * step < end; i++) {
    found.push([i * step, `${Number((i * step * scale).toPrecision(6))} ${unit}`]);
  }
  return found;
}

export class Timeline {
  constructor(canvas, lanes) { this.canvas = canvas; this.lanes = lanes; this.from = 0; this.to = Math.max(1, lanes.shown.length); this.calls = []; this.starts = []; this.iterations = null; this.hovered = -1; this.followed = -1; }

  /** The iterations: `calls` the event that a click goes to, `starts` the first event of each. */
  setIterations(calls, starts) {
    this.calls = calls;
    this.starts = starts.map(seq => floorIndex(this.lanes.shown, seq - 1) + 1);
  }

  /** Where the lanes begin and end, in iterations. */
  get brush() { return [this.from, this.to].map(index => placeOf(this.starts, this.lanes.shown.length, index)); }

  /** Shows some iterations around the playhead: of a long run, lanes that hold all say nothing. */
  narrow(index) {
    const many = this.starts.length, now = Math.floor(placeOf(this.starts, this.lanes.shown.length, index));
    if (many > 3 * AROUND) this.span(now - AROUND, now + AROUND);
  }

  /** Shows the lanes from one place among the iterations to another. */
  span(a, b) {
    const { length } = this.lanes.shown, many = this.starts.length, ends = [Math.min(a, b), Math.max(a, b)].map(place => indexOf(this.starts, length, Math.max(0, Math.min(many, place))));
    const least = Math.min(8, length);
    this.from = Math.max(0, Math.min(length - least, ends[0]));
    this.to = Math.max(this.from + least, ends[1]);
  }

  /** The place among the iterations under a point. */
  placeAt(px) { return Math.max(0, Math.min(1, (px - LEFT) / (this.width - LEFT - RIGHT))) * this.starts.length; }
  onIterations(py) { return Boolean(this.row) && py < this.row; }

  /** What a press in the row of iterations takes hold of. */
  grab(px) { return { px, what: holdsOf(this.brush, this.starts.length, px, LEFT, this.width - LEFT - RIGHT), brush: this.brush, at: this.placeAt(px) }; }

  /** Moves what was taken hold of to a point. */
  drag({ what, brush: [a, b], at }, px) {
    const to = this.placeAt(px), by = Math.max(-a, Math.min(this.starts.length - b, to - at));
    if (what === "all") this.span(a + by, b + by); else if (what === "from") this.span(to, b); else if (what === "to") this.span(a, to); else this.span(at, to);
  }

  resize(width, height, ratio) {
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
    this.row = this.starts.length < 2 ? 0 : height > 135 ? ROW : ROW - 7;
    this.top = this.row || 6; this.strip = this.row ? HEADS : height > 135 ? 26 : 18;
    this.first = this.top + this.strip + (this.row ? 1 : 6);
    this.lane = Math.floor(Math.min(20, (height - this.first - (this.row ? 3 : 6)) / LANES.length));
    this.density = null;
  }

  get cell() { return (this.width - LEFT - RIGHT) / (this.to - this.from); }
  x(index) { return LEFT + (index - this.from + 0.5) * this.cell; }
  xTime(t) { return LEFT + (t - this.lanes.begin) / (this.lanes.end - this.lanes.begin) * (this.width - LEFT - RIGHT); }

  /** The event under a point: by time on the strip, by order on the lanes. */
  seqAt(px, py) {
    const { shown, columns } = this.lanes;
    if (!shown.length) return 0;
    if (this.onIterations(py)) return this.calls[Math.min(this.calls.length - 1, Math.floor(this.placeAt(px)))];
    if (!this.row && py < this.first - 4) {
      const t = this.lanes.begin + (px - LEFT) / (this.width - LEFT - RIGHT) * (this.lanes.end - this.lanes.begin);
      return shown[Math.max(0, floorIndex(shown, t, seq => columns.t[seq]))];
    }
    const index = Math.floor((px - LEFT) / this.cell + this.from);
    return shown[Math.max(0, Math.min(shown.length - 1, index))];
  }

  /** Zooms the lanes around a point. */
  zoom(factor, px) {
    const n = Math.max(1, this.lanes.shown.length), share = Math.min(1, Math.max(0, (px - LEFT) / (this.width - LEFT - RIGHT)));
    const middle = this.from + share * (this.to - this.from), wide = Math.max(Math.min(8, n), Math.min(n, (this.to - this.from) * factor));
    this.from = Math.max(0, Math.min(n - wide, middle - share * wide));
    this.to = this.from + wide;
  }

  /** Zooms the lanes around the playhead. */
  zoomAround(factor, index) { this.zoom(factor, Math.max(LEFT, Math.min(this.width - RIGHT, this.x(Math.max(0, index))))); }

  /** Moves the lanes so that the playhead is among them, when it has moved. */
  follow(index) {
    if (index === this.followed) return;
    this.followed = index;
    const wide = this.to - this.from, n = this.lanes.shown.length;
    if (index < this.from || index > this.to - 1) {
      this.from = Math.max(0, Math.min(n - wide, index - wide / 2));
      this.to = this.from + wide;
    }
  }

  /** The events whose blocks are on the lanes: [first, last]; null where they are too many to have words. */
  labelled() {
    if (this.cell < BLOCK) return null;
    const { shown } = this.lanes;
    return [shown[Math.floor(this.from)], shown[Math.min(shown.length, Math.ceil(this.to)) - 1]];
  }

  draw(style, seq, rows, stops, marks = { hits: [], bookmarks: [] }) {
    const g = this.canvas.getContext("2d"), { shown } = this.lanes, index = floorIndex(shown, seq);
    this.follow(index);
    g.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    if (this.row) this.drawRow(g, style, seq); else this.drawStrip(g, style, seq);
    LANES.forEach((name, lane) => {
      const y = this.first + lane * this.lane, many = this.lanes.counts[lane];
      if (lane % 2 === 0) { g.fillStyle = style.colour("sunken"); g.fillRect(0, Math.round(y), this.width, Math.round(this.lane)); }
      words(g, style, name, 16, y + this.lane / 2, 11.5, 400, many ? "ink2" : "ink3", "left");
      words(g, style, String(many), LEFT - 10, y + this.lane / 2, 11, 400, "ink3", "right", "mono");
    });
    if (!shown.length) return;
    const px = Math.round(this.x(Math.max(0, index)));
    if (px >= LEFT - 1 && px <= this.width - RIGHT + 1) {  // a brush may lie elsewhere
      g.fillStyle = style.colour("ink");
      g.fillRect(px - 1, this.first - 3, 2, this.lane * LANES.length + 3);
      g.beginPath(); g.moveTo(px - 5, this.first - 8); g.lineTo(px + 5, this.first - 8); g.lineTo(px, this.first - 1); g.fill();
    }
    if (this.cell >= BLOCK) this.drawBlocks(g, style, seq, rows, new Set(stops.map(stop => stop.seq))); else this.drawDensity(g, style, seq);
    this.drawMarks(g, style, marks);
    this.drawStops(g, style, seq, stops);
  }

  /** Breakpoints as ticks and bookmarks as flags, in the air above the lanes. */
  drawMarks(g, style, { hits, bookmarks }) {
    const { shown } = this.lanes, drawn = new Set();
    for (const seq of hits) {
      const index = floorIndex(shown, seq), x = Math.round(this.x(index));
      if (index < this.from - 1 || index > this.to || drawn.has(x)) continue;
      drawn.add(x);
      g.fillStyle = style.colour("ink2"); g.fillRect(x, this.first - 5, 1, 5);
      g.globalAlpha = 0.16; g.fillRect(x, this.first, 1, this.lane * LANES.length); g.globalAlpha = 1;
    }
    for (const seq of bookmarks) {
      const index = floorIndex(shown, seq), x = Math.round(this.x(index));
      if (index < this.from - 1 || index > this.to) continue;
      g.fillStyle = style.colour("op");
      g.beginPath(); g.moveTo(x - 3.5, this.first - 9); g.lineTo(x + 3.5, this.first - 9); g.lineTo(x + 3.5, this.first - 1); g.lineTo(x, this.first - 4); g.lineTo(x - 3.5, this.first - 1); g.fill();
    }
  }

  drawRow(g, style, seq) {
    const say = (text, x, y, { token = "ink3", align = "left", size = 11.5, weight = 400 } = {}) => words(g, style, text, x, y, size, weight, token, align);
    const right = this.width - RIGHT, now = floorIndex(this.starts, floorIndex(this.lanes.shown, seq));
    const known = this.iterations || { norms: [], finite: [] }, all = this.starts.map((_, i) => known.norms[i] ?? null), finite = this.starts.map((_, i) => known.finite[i] ?? true);
    drawIterations(g, style, { norms: all, finite }, { left: LEFT, top: 3, width: right - LEFT, height: this.row - 3 }, now, this.brush, this.hovered, { left: LEFT, right, y: this.row }, say);
    const edge = index => LEFT + (index - this.from) * this.cell;
    drawHeads(g, style, this.starts, edge, [this.from, this.to], this.top, HEADS - 2, now, say);
  }

  drawStrip(g, style, seq) {
    const right = this.width - RIGHT, base = this.top + this.strip, { begin, end } = this.lanes;
    words(g, style, "Time", 16, this.top + this.strip / 2 + 2, 11.5, 400, "ink3", "left");
    g.fillStyle = style.colour("line"); g.fillRect(LEFT, base - 0.5, right - LEFT, 1);
    if (!this.lanes.shown.length) return;
    this.density ||= wallDensity(this.lanes, Math.max(1, Math.floor((right - LEFT) / 2)));
    const { height, kind } = this.density;
    for (let i = 0; i < height.length; i++) {
      const h = height[i] * (this.strip - 12);
      if (h < 0.4) continue;
      g.fillStyle = style.colour(["op", "flow", "err"][kind[i]]);
      g.globalAlpha = 0.42; g.fillRect(LEFT + i * 2, base - h, 2, h);
      g.globalAlpha = 0.9; g.fillRect(LEFT + i * 2, base - h, 2, 1);
    }
    g.globalAlpha = 1;
    const now = this.xTime(this.lanes.columns.t[seq] || 0);
    g.fillStyle = style.colour("ink"); g.fillRect(Math.round(now), this.top + 9, 1, this.strip - 9);
    g.beginPath(); g.arc(Math.round(now) + 0.5, base, 3, 0, 2 * Math.PI); g.fill();
    for (const [value, label] of ticks(begin, end, right - LEFT)) {
      const x = this.xTime(value);
      g.fillStyle = style.colour("line2"); g.fillRect(Math.round(x), base - 3, 1, 3);
      if (x > LEFT + 12 && x < right - 16) words(g, style, label, x, this.top + 4, 10.5, 400, "ink3");
    }
  }

  drawBlocks(g, style, seq, rows, told) {
    const { shown, columns } = this.lanes, roomy = this.lane > 15;
    for (let i = Math.floor(this.from); i < Math.min(shown.length, Math.ceil(this.to)); i++) {
      const event = shown[i], lane = columns.lane[event] - 1, row = rows.get(event), now = event === seq;
      const y = this.first + lane * this.lane + (roomy ? 2 : 1.5), h = this.lane - (roomy ? 4 : 3), w = Math.min(this.cell - 4, 72), x = this.x(i);
      g.save();
      if (event > seq) g.globalAlpha = 0.42;
      if (row && row.kind === "print") {
        words(g, style, "❯", x - 3, y + h / 2, 10, 700, "ink2");
        g.fillStyle = style.colour("ink2"); g.fillRect(x + 2, y + h / 2 + 3, 5, 1.25);
      } else {
        const look = columns.leaf[event] ? hue("leaf") : columns.quiet[event] ? hue("ng") : blockLook(lane, columns.steppable[event]);
        block(g, style, look, now, x, y, w, h, row ? row.label : "", told.has(event) && !columns.writes[event] ? STOP : 0);
        if (columns.writes[event] && lane !== WRITES) {
          block(g, style, told.has(event) ? hue("err") : blockLook(WRITES, true), now, x, y + (WRITES - lane) * this.lane, w, h, "write", told.has(event) ? STOP : 0);
        }
      }
      g.restore();
    }
  }

  drawDensity(g, style, seq) {
    const { running, shown } = this.lanes, until = floorIndex(shown, seq) + 1, n = shown.length;
    const columns = Math.floor((this.width - LEFT - RIGHT) / 2);
    const of = i => Math.max(0, Math.min(n, Math.floor(this.from + i / columns * (this.to - this.from))));
    for (let lane = 0; lane < LANES.length; lane++) {
      const rare = this.lanes.counts[lane] < columns / 8, y = this.first + lane * this.lane + 2, h = this.lane - 4;
      const most = rare ? 1 : Math.max(1, (this.to - this.from) / columns);
      g.fillStyle = style.colour(TONE[lane]);
      for (let i = 0; i < columns; i++) {
        const a = of(i), b = Math.max(a + 1, of(i + 1)), many = b <= n ? running[lane][b] - running[lane][a] : 0;
        if (!many) continue;
        const tall = Math.max(2, Math.min(1, many / most) * h), faint = a >= until ? 0.42 : 1;
        g.globalAlpha = 0.5 * faint; g.fillRect(LEFT + i * 2, y + h - tall, 2, tall);
        g.globalAlpha = faint; g.fillRect(LEFT + i * 2, y + h - tall, 2, rare ? tall : 1);
      }
    }
    g.globalAlpha = 1;
  }

  drawStops(g, style, seq, stops) {
    const { shown, columns } = this.lanes, look = style.table.stop;
    let last = -99;
    for (const stop of [...stops].sort((a, b) => a.seq - b.seq)) {
      const index = floorIndex(shown, stop.seq), lane = columns.writes[stop.seq] ? WRITES : columns.lane[stop.seq] ? columns.lane[stop.seq] - 1 : 4;
      if (index < this.from - 1 || index > this.to) continue;
      const off = this.cell >= 40 ? Math.min(this.cell - 4, 72) / 2 - 5 : 0, y = this.first + lane * this.lane + this.lane / 2;
      const x = Math.max(last + 19, this.x(index) - off), now = stop.seq === seq, how = now ? look.now : look.rest;
      last = x;
      g.beginPath(); g.arc(x, y, 9, 0, 2 * Math.PI); g.fillStyle = style.colour("pane"); g.fill();
      g.beginPath(); g.arc(x, y, 8, 0, 2 * Math.PI); g.fillStyle = style.colour(how.fill); g.fill();
      g.lineWidth = look.width; g.strokeStyle = style.colour(how.stroke); g.stroke();
      words(g, style, String(stop.number), x, y, 10.5, 700, how.ink);
    }
  }
}

function words(g, style, text, x, y, size, weight, token, align = "center", family = "ui") {
  g.font = `${weight} ${size}px ${style.families[family]}`;
  g.fillStyle = style.colour(token); g.textAlign = align; g.textBaseline = "middle";
  g.fillText(text, x, y + 0.5);
}

/** What a block says: all of it, a little smaller if need be; else enough letters to know it by; else nothing. */
export function fitted(label, width, size, letter) {
  const all = Array.from(label), most = at => Math.floor(width / (letter * at) + 0.01);
  for (const at of [size, Math.max(LEAST, size - 1)]) if (all.length <= most(at)) return [label, at];
  const room = most(LEAST) - 1;
  return room >= ENOUGH ? [`${all.slice(0, room).join("").trimEnd()}…`, LEAST] : ["", size];
}

const CALM = ["line2", "pane", "ink2"];
const hue = name => [name, `${name}-bg`, `${name}-ink`];
const blockLook = (lane, steppable) => !steppable || lane === 5 ? CALM : hue(TONE[lane]);

/** `left`: what is kept free at the left of the words, for the number of a stop. */
function block(g, style, [stroke, fill, ink], now, x, y, w, h, label, left = 0) {
  g.beginPath(); g.roundRect(Math.round(x - w / 2) + 0.5, Math.round(y) + 0.5, Math.max(2, Math.round(w) - 1), Math.round(h) - 1, Math.min(3, w / 2));
  g.fillStyle = style.colour(now ? stroke : fill); g.fill();
  g.lineWidth = 1; g.strokeStyle = style.colour(stroke); g.stroke();
  if (!label || w <= 12) return;
  g.font = `600 100px ${style.families.mono}`;
  const [shown, size] = fitted(label, w - 3 - left, Math.min(10.5, h - 2), g.measureText("m").width / 100);
  if (shown) words(g, style, shown, x + left / 2, y + h / 2, size, 600, now ? "pane" : ink, "center", "mono");
}

function wallDensity(lanes, columns) {
  const height = new Float32Array(columns), near = new Float32Array(columns).fill(Infinity), kind = new Uint8Array(columns);
  const { t, lane } = lanes.columns, reach = 26;
  const bins = new Map();
  for (const seq of lanes.shown) {
    const at = (t[seq] - lanes.begin) / (lanes.end - lanes.begin) * columns, bin = Math.round(at), one = lane[seq] - 1;
    const key = bin * 3 + (one === 4 ? 2 : one === 1 || one === 2 ? 1 : 0);
    bins.set(key, (bins.get(key) || 0) + 1);
  }
  for (const [key, many] of bins) {
    const centre = Math.floor(key / 3);
    for (let i = Math.max(0, centre - reach); i < Math.min(columns, centre + reach); i++) {
      const d = Math.abs(i - centre);
      height[i] += many * Math.exp(-d * d / 98);
      if (d < near[i]) { near[i] = d; kind[i] = key % 3; }
    }
  }
  const most = Math.max(...height, 1e-9);
  return { height: height.map(value => value / most), kind };
}
