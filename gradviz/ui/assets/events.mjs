// The table of events: filtered by words or a condition, sorted, with only the rows in sight in the document.

import { grouped } from "./data.mjs";
import { el } from "./dom.mjs";
import { floorIndex } from "./time.mjs";

const ROW = 24, LANES = [["all", "All"], [1, "Forward"], [2, "Backward"], [3, "Hooks"], [4, "Writes"], [5, "Errors"], [6, "Marks"]];
const short = number => number === 0 ? "0" : Math.abs(number) >= 1e-3 && Math.abs(number) < 1e5 ? String(Number(number.toPrecision(3))) : number.toExponential(1);

/** Which of some events a lane shows, "all": those that any shows. */
export const inLane = (seqs, columns, lane) => seqs.filter(seq => lane === "all" ? columns.lane[seq] : columns.lane[seq] === lane || lane === 4 && columns.writes[seq]);

/** Events in the order of a column: "event", "norm" or "time"; what has no number comes last. */
export function sorted(seqs, by, down, norms, took) {
  const of = { event: seq => seq, norm: seq => norms?.[seq] ?? NaN, time: seq => took[seq] }[by], sign = down ? -1 : 1;
  return [...seqs].sort((a, b) => {
    const x = of(a), y = of(b);
    return Number.isNaN(x) - Number.isNaN(y) || sign * (x - y) || a - b;
  });
}

export class EventsView {
  constructor(page, node) {
    Object.assign(this, { page, node, lane: "all", by: "event", down: false, hits: null, seqs: [], norms: null, shownSeq: -2 });
    this.body = node.querySelector(".rows");
    this.inner = this.body.firstElementChild;
    this.count = node.querySelector(".count");
    this.filter = node.querySelector("input");
    this.fault = node.querySelector(".unread");
    this.took = page.columns.t.map((t, seq) => (page.columns.t[seq + 1] ?? t) - t);
    node.querySelector(".kinds").replaceChildren(...LANES.map(([lane, words]) => el("button", { type: "button", class: "pill kind", "aria-pressed": String(lane === "all"), on: { click: event => this.pick(lane, event.currentTarget) } }, words)));
    for (const head of node.querySelectorAll("[data-sort]")) head.addEventListener("click", () => this.sort(head.dataset.sort));
    this.filter.addEventListener("input", () => { clearTimeout(this.waiting); this.waiting = setTimeout(() => this.ask(), 160); });
    this.filter.addEventListener("keydown", event => { if (event.key === "Escape") { event.stopPropagation(); this.filter.blur(); } });
    this.body.addEventListener("scroll", () => this.draw(), { passive: true });
  }

  open() {
    if (!this.norms && !this.asked) {
      this.asked = true;
      this.page.getJson("/api/norms").then(({ norms }) => {
        this.norms = new Float32Array(Uint8Array.from(atob(norms), letter => letter.charCodeAt(0)).buffer);
        this.order();
      }, () => { this.norms = null; });
    }
    this.order();
    this.shownSeq = -2;
  }

  pick(lane, button) {
    this.lane = lane;
    for (const one of button.parentElement.children) one.setAttribute("aria-pressed", String(one === button));
    this.order();
  }

  sort(by) {
    this.down = this.by === by ? !this.down : by !== "event";
    this.by = by;
    for (const head of this.node.querySelectorAll("[data-sort]")) head.parentElement.setAttribute("aria-sort", head.dataset.sort !== by ? "none" : this.down ? "descending" : "ascending");
    this.order();
    this.body.scrollTop = 0;
  }

  /** The filter: a condition where it compares something, otherwise words that an event holds. */
  ask() {
    const words = this.filter.value.trim(), round = this.round = (this.round || 0) + 1;
    const answer = !words ? Promise.resolve(null) : /[<>=()]/.test(words)
      ? this.page.getJson(`/api/stops?when=${encodeURIComponent(words)}`) : this.page.getJson(`/api/search?q=${encodeURIComponent(words)}&all=1`);
    answer.then(found => {
      if (round !== this.round) return;
      this.fault.textContent = found?.fault || "";
      if (found?.fault) return;
      this.hits = found && (found.stops || found);
      this.order();
      this.body.scrollTop = 0;
    }, error => { this.fault.textContent = error.message; });
  }

  order() {
    const all = this.page.shown.length ? this.page.shown : [];
    const some = inLane(this.hits || all, this.page.columns, this.lane);
    this.seqs = this.by === "event" && !this.down ? some : sorted(some, this.by, this.down, this.norms, this.took);
    this.inner.style.height = `${this.seqs.length * ROW}px`;
    const n = grouped(this.seqs.length), total = grouped(all.length);
    this.count.replaceChildren(el("b", {}, n), n === total ? " events" : ` of ${total} events`);
    this.shownSeq = -2;
    this.paint();
  }

  /** Where an event stands; the last before it while the table is in the order of events. */
  placeOf(seq) {
    if (this.by === "event" && !this.down) return floorIndex(this.seqs, seq);
    return this.seqs.indexOf(seq);
  }

  paint() {
    const { seq } = this.page;
    if (seq !== this.shownSeq) {
      this.shownSeq = seq;
      const place = this.placeOf(seq), top = place * ROW, { scrollTop, clientHeight } = this.body;
      if (place >= 0 && (top < scrollTop || top > scrollTop + clientHeight - 2 * ROW)) this.body.scrollTop = Math.max(0, top - clientHeight / 3);
    }
    this.draw();
  }

  draw() {
    const first = Math.max(0, Math.floor(this.body.scrollTop / ROW) - 4), last = Math.min(this.seqs.length, first + Math.ceil(this.body.clientHeight / ROW) + 8);
    const made = [];
    for (let i = first; i < last; i++) made.push(this.row(this.seqs[i], i));
    this.inner.replaceChildren(...made);
  }

  row(seq, i) {
    const { page } = this, row = page.rows.get(seq), span = page.panes.spans[page.columns.span[seq]], norm = this.norms?.[seq];
    if (!row) page.rows.want(seq);
    const bad = norm !== undefined && !Number.isFinite(norm) && !Number.isNaN(norm);
    return el("div", { class: `row${seq === page.seq ? ` now ${page.panes.tone(row)}` : ""}`, role: "row", "data-seq": seq, "aria-rowindex": i + 2, "aria-current": seq === page.seq ? "true" : false, style: `top:${i * ROW}px` },
      el("span", { role: "cell", class: "n" }, grouped(seq)),
      el("span", { role: "cell" }, el("span", { class: `chip ${page.panes.tone(row)}` }, row ? row.phase || row.kind : "")),
      el("span", { role: "cell", class: "what" }, ...(row ? row.parts.map(([words, role]) => role ? el("span", { class: `r-${role}` }, words) : words) : ["…"])),
      el("span", { role: "cell", class: `n${bad ? " bad" : ""}` }, norm === undefined || Number.isNaN(norm) ? "" : bad ? "not finite" : short(norm)),
      el("span", { role: "cell", class: "n dim" }, this.took[seq] >= 0.001 ? `${short(this.took[seq])} ms` : ""),
      el("span", { role: "cell", class: "where" }, span?.line ? page.panes.placed(span) : ""));
  }

  resize() { this.draw(); }
}
