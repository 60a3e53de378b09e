// Breakpoints: conditions over the whole run. The server says where they hold; here they are listed and stopped at.

import { grouped } from "./data.mjs";
import { byId, el } from "./dom.mjs";
import { flipped, loadMarks, merged, saveMarks } from "./store.mjs";

const SAMPLES = ["line 31", "MulBackward0", "norm(grad(w1)) > 100", "isnan(out)", "kind == \"op\" and \"softmax\" in name"];

export class Breaks {
  /** `changed`: called when ticks or bookmarks are other ones than before. */
  constructor(trace, getJson, changed) {
    Object.assign(this, { trace, getJson, changed, found: new Map() });
    const { breaks, bookmarks } = loadMarks(trace);
    this.list = breaks;
    this.bookmarks = bookmarks;
    this.hits = [];
    if (breaks.length) this.ask();
  }

  /** Where one stops, sorted. */
  async ask() {
    await Promise.all(this.list.filter(one => !this.found.has(one)).map(async one => this.found.set(one, await this.getJson(`/api/stops?when=${encodeURIComponent(one)}`))));
    this.hits = merged(this.list.map(one => this.found.get(one).stops));
    this.changed();
  }

  save() { saveMarks(this.trace, { breaks: this.list, bookmarks: this.bookmarks }); }

  bookmark(seq) { this.bookmarks = flipped(this.bookmarks, seq); this.save(); this.changed(); }

  async add(condition) {
    const words = condition.trim();
    if (!words) return "";
    if (!this.list.includes(words)) this.list = [...this.list, words];
    await this.ask();
    const { fault } = this.found.get(words);
    if (fault) { this.list = this.list.filter(one => one !== words); this.found.delete(words); await this.ask(); return fault; }
    this.save();
    return "";
  }

  remove(condition) { this.list = this.list.filter(one => one !== condition); this.save(); return this.ask(); }

  /** Fills the sheet; `here`: a condition to begin with. */
  fill(sheet, here, go) {
    const note = el("p", { class: "note", role: "status" }, "Stops at every event where the condition holds. C goes on to the next one, Shift+C to the one before.");
    const box = el("input", { type: "text", class: "ask mono", value: here, spellcheck: "false", autocomplete: "off", placeholder: "norm(grad(w1)) > 100", "aria-label": "Condition" });
    const rows = el("div", { class: "breaks" });
    const show = () => rows.replaceChildren(...this.list.map(one => {
      const stops = this.found.get(one)?.stops || [];
      return el("div", { class: "row" }, el("code", {}, one), el("span", { class: "dim" }, stops.length === 1 ? "1 stop" : `${grouped(stops.length)} stops`),
        el("button", { type: "button", class: "btn", disabled: !stops.length, on: { click: () => { sheet.close(); go(stops); } } }, "go"),
        el("button", { type: "button", class: "btn", "aria-label": `Remove ${one}`, on: { click: async () => { await this.remove(one); show(); } } }, "remove"));
    }));
    const form = el("form", { class: "line", on: { submit: async event => {
      event.preventDefault();
      const fault = await this.add(box.value);
      note.textContent = fault || "Added.";
      note.classList.toggle("bad", Boolean(fault));
      if (!fault) { box.value = ""; show(); }
    } } }, box, el("button", { type: "submit", class: "btn" }, "Add"));
    const samples = el("p", { class: "samples" }, ...SAMPLES.map(one => el("button", { type: "button", class: "tag mono", on: { click: () => { box.value = one; box.focus(); } } }, one)));
    sheet.replaceChildren(el("h2", {}, "Breakpoints", el("kbd", {}, "Esc")), form, samples, rows, note);
    show();
    setTimeout(() => { byId("break-sheet").contains(box) && box.select(); });
  }
}
