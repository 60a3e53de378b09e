// Gradient flow: a row for every leaf and parameter, a column for every backward call, the norm of .grad as a shade on a
// log scale; dashed and empty where there is none.

import { grouped } from "./data.mjs";
import { el } from "./dom.mjs";

const HEAD = 28, ROW = 22, GROUP = 26, NAME = 208, NUMBERS = 210, SHADES = 6;
const short = number => number === null || number === undefined ? "–" : number === 0 ? "0" : Math.abs(number) >= 1e-3 && Math.abs(number) < 1e5 ? String(Number(number.toPrecision(2))) : number.toExponential(1);

/** Leaves under the modules that hold them: "h.0" for "h.0.attn.weight"; modules with one leaf stay flat. */
export function grouping(rows) {
  const of = row => { const parts = row.module.split("."); return parts.length < 2 ? "" : /^\d+$/.test(parts[1]) && parts.length > 2 ? parts.slice(0, 2).join(".") : parts[0]; };
  const groups = new Map();
  rows.forEach((row, i) => { const name = of(row), key = name ? `m ${name}` : `leaf ${i}`; groups.set(key, { name, members: [...(groups.get(key)?.members || []), i] }); });
  return [...groups.values()].map(({ name, members }) => ({ name: members.length > 1 ? name : "", members }));
}

/** [low, high] of the norms that are finite and not zero, in powers of ten. */
export function scale(rows) {
  let low = Infinity, high = -Infinity;
  for (const row of rows) for (const norm of row.norm) if (norm > 0 && norm < Infinity) { low = Math.min(low, norm); high = Math.max(high, norm); }
  return low > high ? [1, 1] : [low, high];
}

/** The shade of a norm, 0 to 5. */
export function shade(norm, [low, high]) {
  if (high <= low) return SHADES - 2;
  return Math.max(0, Math.min(SHADES - 1, Math.floor((Math.log(norm) - Math.log(low)) / (Math.log(high) - Math.log(low)) * SHADES)));
}

/** The norm of several: of a module's leaves in one call; null where none is known. */
export function together(norms) {
  const known = norms.filter(norm => norm !== null && norm !== undefined);
  return known.length ? Math.hypot(...known) : null;
}

export class FlowView {
  constructor(page, node) {
    Object.assign(this, { page, node, closed: new Set(), data: null, chosen: null });
    this.canvas = node.querySelector("canvas");
    this.box = node.querySelector(".cells");
    this.table = node.querySelector("tbody");
    this.note = node.querySelector(".note");
    this.canvas.addEventListener("click", event => this.click(event));
    this.canvas.addEventListener("pointermove", event => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.tip = node.querySelector(".card");
    this.box.addEventListener("scroll", () => this.paint(), { passive: true });
  }

  open() {
    if (this.asked) return;
    this.asked = true;
    this.page.getJson("/api/flow").then(data => {
      this.data = data;
      this.range = scale(data.rows);
      this.groups = grouping(data.rows);
      const never = data.rows.filter(row => row.seq.every(seq => seq < 0)).map(row => row.name);
      if (never.length) this.node.querySelector(".ph span").textContent += ` · ${grouped(never.length)} never got one: ${never.slice(0, 4).join(", ")}${never.length > 4 ? " …" : ""}`;
      this.note.textContent = data.rows.length ? "" : "No leaf got a gradient in this run.";
      this.paint();
    }, error => { this.note.textContent = error.message; });
  }

  /** Lines from top to bottom: a group's head, or a leaf. */
  lines() {
    const lines = [];
    for (const { name, members } of this.groups) {
      if (name) lines.push({ group: name, members, height: GROUP });
      if (!name || !this.closed.has(name)) for (const i of members) lines.push({ row: i, inside: name, height: ROW });
    }
    return lines;
  }

  /** The column of the playhead: of the call that its graph shows. */
  column() { return Math.max(0, this.data.columns.indexOf(this.page.graph)); }

  resize() { this.paint(); }

  paint() {
    if (!this.data || this.node.hidden) return;
    const { style } = this.page, ratio = devicePixelRatio || 1, lines = this.lines();
    const width = this.box.clientWidth, total = HEAD + lines.reduce((sum, line) => sum + line.height, 0) + 8, height = Math.max(total, this.box.clientHeight - 2);
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio); this.canvas.height = Math.round(height * ratio);
      this.canvas.style.width = `${width}px`; this.canvas.style.height = `${height}px`;
    }
    const g = this.canvas.getContext("2d"), many = this.data.columns.length, now = this.column();
    Object.assign(this, { left: NAME, cell: Math.max(0.5, (width - NAME - NUMBERS) / Math.max(1, many)) });
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.fillStyle = style.colour("pane"); g.fillRect(0, 0, width, height);
    g.textBaseline = "middle";
    this.heads(g, style, width, now);
    let y = HEAD;
    this.placed = [];
    for (const line of lines) {
      this.placed.push({ ...line, y });
      if (y + line.height >= this.box.scrollTop && y <= this.box.scrollTop + this.box.clientHeight) this.line(g, style, line, y, width, now);
      y += line.height;
    }
    const x = this.left + (now + 0.5) * this.cell;
    g.strokeStyle = style.colour("ink"); g.lineWidth = this.cell > 6 ? 1.5 : 2;
    g.strokeRect(x - this.cell / 2 - 0.5, HEAD - 2, this.cell + 1, y - HEAD + 2);
    this.listed(now);
  }

  heads(g, style, width, now) {
    const many = this.data.columns.length, mono = { family: "mono", size: 11, weight: 400 };
    g.font = style.font(mono); g.fillStyle = style.colour("ink3"); g.textAlign = "center";
    const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500, 5000].find(one => one * this.cell > 44) || 10000;
    for (let i = 0; i < many; i += step) if (Math.abs(i - now) * this.cell > 54) g.fillText(String(i + 1), this.left + (i + 0.5) * this.cell, HEAD / 2);
    const words = `call ${now + 1}`, wide = g.measureText(words).width + 14, x = Math.max(this.left + wide / 2, Math.min(width - NUMBERS - wide / 2, this.left + (now + 0.5) * this.cell));
    g.fillStyle = style.colour("ink"); g.beginPath(); g.roundRect(x - wide / 2, 5, wide, 18, 9); g.fill();
    g.fillStyle = style.colour("pane"); g.fillText(words, x, HEAD / 2 + 0.5);
    g.textAlign = "right"; g.fillStyle = style.colour("ink2"); g.font = style.font({ ...mono, weight: 650 });
    ["norm", "max", "zeros"].forEach((one, i) => g.fillText(one, width - NUMBERS + 70 * (i + 1) - 12, HEAD / 2));
  }

  line(g, style, line, y, width, now) {
    const { rows } = this.data, row = line.group ? null : rows[line.row], middle = y + line.height / 2, chosen = row && this.chosen === row.tid;
    if (chosen) { g.fillStyle = style.colour("op-bg"); g.fillRect(0, y, this.left, line.height); g.fillRect(width - NUMBERS, y, NUMBERS, line.height); }
    g.textAlign = "left"; g.fillStyle = style.colour("ink");
    g.font = style.font({ family: "mono", size: 12, weight: line.group || chosen ? 650 : 400 });
    const name = line.group ? `${this.closed.has(line.group) ? "›" : "⌄"} ${line.group}` : line.inside && row.name.startsWith(`${line.inside}.`) ? row.name.slice(line.inside.length + 1) : row.name;
    g.save(); g.beginPath(); g.rect(0, y, this.left - 8, line.height); g.clip();
    g.fillText(this.clipped(g, name, this.left - (line.inside ? 40 : 24)), line.inside ? 30 : 16, middle + 0.5);
    g.restore();
    const norms = line.group ? this.data.columns.map((_, c) => together(line.members.map(i => rows[i].norm[c]))) : row.norm;
    const bad = line.group ? this.data.columns.map((_, c) => line.members.some(i => rows[i].bad[c])) : row.bad;
    const seqs = line.group ? this.data.columns.map((_, c) => line.members.some(i => rows[i].seq[c] >= 0) ? 0 : -1) : row.seq;
    this.cells(g, style, norms, bad, seqs, y + 1, line.height - 2);
    g.textAlign = "right"; g.font = style.font({ family: "mono", size: 12, weight: 650 });
    g.fillStyle = style.colour(bad[now] ? "nan-ink" : "flow-ink");
    g.fillText(bad[now] ? "NaN" : seqs[now] < 0 ? "none" : short(norms[now]), width - NUMBERS + 58, middle + 0.5);
    g.font = style.font({ family: "mono", size: 12, weight: 400 }); g.fillStyle = style.colour("ink2");
    const largest = line.group ? Math.max(...line.members.map(i => rows[i].largest[now] ?? -Infinity)) : row.largest[now];
    const zeros = line.group ? line.members.reduce((sum, i) => sum + (rows[i].zeros[now] ?? 0), 0) : row.zeros[now];
    if (Number.isFinite(largest)) g.fillText(short(largest), width - NUMBERS + 128, middle + 0.5);
    if (zeros !== null && seqs[now] >= 0) g.fillText(grouped(zeros), width - NUMBERS + 198, middle + 0.5);
  }

  clipped(g, words, room) {
    if (g.measureText(words).width <= room) return words;
    let cut = words;
    while (cut.length > 1 && g.measureText(`…${cut}`).width > room) cut = cut.slice(1);
    return `…${cut}`;
  }

  cells(g, style, norms, bad, seqs, y, h) {
    const gap = this.cell > 5 ? 1 : 0;
    norms.forEach((norm, c) => {
      const x = this.left + c * this.cell, w = Math.max(this.cell - gap, 0.75);
      if (seqs[c] < 0) { g.strokeStyle = style.colour("line2"); g.lineWidth = 1; g.setLineDash([2, 2]); if (this.cell > 5) g.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1); else if (seqs[c - 1] >= 0 || !c) { const end = seqs.findIndex((seq, i) => i > c && seq >= 0); g.strokeRect(x + 0.5, y + 0.5, ((end < 0 ? norms.length : end) - c) * this.cell - 1, h - 1); } g.setLineDash([]); return; }
      if (bad[c]) {
        g.fillStyle = style.colour("nan-bg"); g.fillRect(x, y, w + gap, h);
        g.strokeStyle = style.colour("nan"); g.lineWidth = 1; g.globalAlpha = 0.6;
        g.save(); g.beginPath(); g.rect(x, y, w + gap, h); g.clip();
        for (let at = Math.floor((x - h) / 7) * 7; at < x + w; at += 7) { g.beginPath(); g.moveTo(at, y + h); g.lineTo(at + h, y); g.stroke(); }
        g.restore(); g.globalAlpha = 1;
        if (!bad[c - 1]) { g.fillStyle = style.colour("nan"); g.fillRect(x, y, 2, h); }
        return;
      }
      if (norm === null) { g.fillStyle = style.colour("ng-bg"); g.fillRect(x, y, w, h); return; }
      if (norm === 0) {
        g.strokeStyle = style.colour("ng"); g.lineWidth = 1; g.strokeRect(x + 0.5, y + 0.5, Math.max(0.5, w - 1), h - 1);
        if (this.cell > 9) { g.fillStyle = style.colour("ink2"); g.textAlign = "center"; g.font = style.font({ family: "mono", size: 10, weight: 400 }); g.fillText("0", x + w / 2, y + h / 2 + 0.5); }
        return;
      }
      g.fillStyle = style.colour(`h${shade(norm, this.range)}`); g.fillRect(x, y, w, h);
    });
  }

  /** {line, column} under a point. */
  under(event) {
    const rect = this.canvas.getBoundingClientRect(), x = event.clientX - rect.left, y = event.clientY - rect.top;
    const line = this.placed?.find(one => y >= one.y && y < one.y + one.height), column = Math.floor((x - this.left) / this.cell);
    return { line, column: column >= 0 && column < this.data.columns.length ? column : -1, x, y };
  }

  click(event) {
    if (!this.data) return;
    const { line, column, x } = this.under(event);
    if (!line) return;
    if (line.group && (column < 0 || x < this.left)) { if (!this.closed.delete(line.group)) this.closed.add(line.group); this.paint(); return; }
    const row = this.data.rows[line.group ? line.members[0] : line.row], at = column < 0 ? this.column() : column;
    this.chosen = row.tid;
    if (row.seq[at] >= 0) { this.page.pinned = false; this.page.jump(row.seq[at]); } else this.page.pin(`t${row.tid}`);
    this.paint();
  }

  hover(event) {
    if (!this.data) return;
    const { line, column, x, y } = this.under(event);
    this.tip.hidden = !line || column < 0 || Boolean(line.group);
    if (this.tip.hidden) return;
    const row = this.data.rows[line.row], none = row.seq[column] < 0;
    this.tip.replaceChildren(el("b", { class: "mono" }, row.name), el("div", {}, `backward call ${column + 1}`), el("div", {}, none ? row.why || "this call gave it nothing: no gradient came its way"
      : row.bad[column] ? `${grouped(row.bad[column])} of ${grouped(row.size)} values are NaN or infinite` : row.norm[column] === null ? "values were not kept (--values none)"
      : `norm ${short(row.norm[column])}, largest ${short(row.largest[column])}, ${grouped(row.zeros[column] ?? 0)} of ${grouped(row.size)} exactly zero`));
    this.tip.style.left = `${Math.min(x + 14, this.canvas.clientWidth - 260)}px`; this.tip.style.top = `${y + 14}px`;
  }

  /** The same in words for whoever cannot see the shades: the column of the playhead. */
  listed(now) {
    if (this.told === now) return;
    this.told = now;
    this.table.replaceChildren(...this.data.rows.map(row => el("tr", {}, el("th", { scope: "row" }, row.name),
      el("td", {}, row.seq[now] < 0 ? "no gradient" : row.bad[now] ? "NaN or infinite" : short(row.norm[now])), el("td", {}, row.why), el("td", {}, row.seq[now] >= 0 ? el("button", { type: "button", "data-seq": row.seq[now] }, `event ${row.seq[now]}`) : el("button", { type: "button", "data-element": `t${row.tid}` }, "why")))));
  }
}
