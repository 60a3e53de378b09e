// The panes that say in words what the picture shows: source, console, caption. Each follows the cursor.

import { ConsoleView } from "./console.mjs";
import { firstAt, grouped } from "./data.mjs";
import { byId, el, say } from "./dom.mjs";
import { Drawer } from "./drawer.mjs";
import { fading } from "./fade.mjs";
import { stepOf } from "./groups.mjs";
import { parseLink } from "./link.mjs";
import { toneOf } from "./picture.mjs";
import { readSpan, SourceView } from "./source.mjs";
import { floorIndex } from "./time.mjs";

const NODES = new Set(["step", "accumulate", "hook_call"]);
const short = file => file.split(/[\\/]/).pop();

export class Panes {
  /** `page`: the owner of the cursor; only read. */
  constructor(page) {
    const { trace, columns } = page;
    this.page = page;
    this.spans = trace.spans.map(readSpan);
    this.firstAt = firstAt(columns.span);
    this.source = new SourceView(byId("source"));
    this.console = new ConsoleView(byId("console"), byId("outputs"), trace.prints, span => this.spans[span]?.line ? this.placed(this.spans[span]) : "", trace.condition.empty);
    const files = Object.keys(trace.sources);
    byId("files").replaceChildren(...files.map(file => el("button", { type: "button", role: "tab", title: file, "data-file": file, "aria-selected": "false", on: { click: () => this.openFile(file) } }, short(file), el("span", { class: "nums" }))));
    fading(byId("files"));
    this.paintFindings();
    const link = parseLink(location.hash);
    this.drawer = new Drawer(page, link.find || link.seq === null && trace.findings.length ? "findings" : "inspector");
    byId("source").addEventListener("click", event => {
      const line = event.target instanceof Element && event.target.closest(".ct,.no.ran")?.closest("[data-line]");
      if (line) this.page.pin(`L${files.indexOf(this.source.file)}.${line.dataset.line}`);
    });
    if (!files.length) byId("source").replaceChildren(el("p", { class: "empty" }, trace.condition.empty || "The source was not recorded (--no-source)."));
  }

  /** The pill of the top bar: what was found, or that there was nothing to look at. */
  paintFindings() {
    const { columns, shown, trace: { findings, n, condition } } = this.page, ERRORS = 5;
    const errors = findings.length ? 0 : shown.filter(seq => columns.lane[seq] === ERRORS).length, many = findings.length || errors;
    const [name, says] = many ? ["finding", `${many} ${errors ? "error" : "finding"}${many > 1 ? "s" : ""}`] : !n ? ["", "nothing to check"]
      : ["ok", condition.about ? "no findings so far" : "no findings"];
    byId("findings").className = many ? "pill bad" : "pill";
    byId("findings").replaceChildren(...(name ? [el("i", { class: `i i-${name}`, "aria-hidden": "true" })] : []), says);
  }

  paint() {
    const { page } = this, row = page.rows.get(page.seq), last = page.steps[page.steps.length - 1];
    this.paintSource(row);
    // what is printed after the last stop could be reached by no step: it belongs to that stop
    this.console.show(page.seq, page.seq >= last ? page.trace.n - 1 : page.seq);
    this.paintCaption(row);
    this.drawer.mark();
    const pin = byId("pin");
    pin.textContent = page.pinned ? "pinned, Esc to follow" : "follows the playhead";
    pin.classList.toggle("pinned", page.pinned);
  }

  tone(row) {
    const { picture, seq, style } = this.page, step = picture && stepOf(picture, seq);
    if (row && (row.phase === "error" || step && toneOf(style, picture, step) === "err")) return "bad";
    return row && (row.phase === "backward" || row.phase === "hook") ? "bwd" : "fwd";
  }

  /** The places of an event: what is lit, and the statement that runs meanwhile. */
  places(row) {
    const { picture, columns, seq } = this.page, own = this.spans[columns.span[seq]] || null, here = own && own.line ? own : null;
    const focus = picture && stepOf(picture, seq)?.focus[0];
    const node = picture?.nodes.get(focus), closed = node && (node.kind === "mirror" || node.kind === "group");
    const of = row && NODES.has(row.kind) ? this.spans[closed ? row.origin : node?.span] : null;
    return of && of.line && of !== here ? { lit: of, running: here } : { lit: here, running: null };
  }

  paintSource(row) {
    const { trace, seq } = this.page, { lit, running } = this.places(row), target = lit || running;
    this.place = target;
    const file = target && trace.sources[target.file] !== undefined ? target.file : this.source.file || Object.keys(trace.sources)[0];
    if (file === undefined) return;
    this.openFile(file);
    const all = this.stops().map(stop => ({ ...stop, span: this.spans[stop.span] })).filter(stop => stop.span);
    const stops = all.filter(stop => stop.span.file === this.source.file);
    this.paintTabs(all);
    const inFile = span => span && span.file === this.source.file ? span : null;
    const cold = new Set([...this.firsts].filter(([, first]) => first > seq).map(([line]) => line));
    this.source.mark({ lit: inFile(lit), running: inFile(running), tone: this.tone(row), stops, cold });
    say(byId("running"), running ? `running ${this.placed(running)}` : this.alike && byId("files").childElementCount < 2 ? "each line ran once" : "");
  }

  /** Says in the tabs, where there are several, which stops lie in which file. */
  paintTabs(stops) {
    const tabs = [...byId("files").children], key = JSON.stringify(stops.map(stop => [stop.number, stop.span.file, stop.now]));
    if (tabs.length < 2 || key === this.tabs) return;
    this.tabs = key;
    for (const tab of tabs) {
      const here = stops.filter(stop => stop.span.file === tab.dataset.file);
      tab.lastElementChild.replaceChildren(...here.map(stop => el("i", { class: `num${stop.now ? " on" : ""}` }, String(stop.number))));
    }
  }

  /** "line 3", or "layers.py:3" in a file that is not the script itself. */
  placed({ file, line }) { return short(file) === this.page.trace.name ? `line ${line}` : `${short(file)}:${line}`; }

  /** The numbered stops of the story on the picture, and which of them is here. */
  stops() {
    const { picture, seq } = this.page;
    if (!picture) return [];
    const { stops } = picture.scene, last = stops[stops.length - 1];
    const here = stops.find(stop => stop.seq === seq) || (last && seq > last.seq && this.page.kindOf(seq) === "error" ? last : null);
    return stops.map(stop => ({ number: stop.number, seq: stop.seq, span: stop.span, now: stop === here }));
  }

  openFile(file) {
    if (this.source.file === file) return;
    const firsts = new Map(), counts = new Map(this.page.trace.runs.filter(([name]) => name === file).map(([, line, times]) => [line, times]));
    for (const [id, seq] of this.firstAt) {
      const span = this.spans[id];
      if (span && span.file === file) firsts.set(span.line, Math.min(firsts.get(span.line) ?? Infinity, seq));
    }
    this.firsts = firsts;
    this.alike = counts.size > 0 && [...counts.values()].every(count => count <= 1);
    this.source.open(file, this.page.trace.sources[file], counts);
    for (const tab of byId("files").children) tab.setAttribute("aria-selected", String(tab.dataset.file === file));
  }

  /** Opens the file where the event happened. */
  reveal() {
    if (!this.place) return;
    this.openFile(this.place.file);
    this.paint();
  }

  paintCaption(row) {
    const { steps, seq, trace } = this.page, { n } = trace, ordinal = Math.max(0, floorIndex(steps, seq)), stops = n ? steps.length : 0;
    byId("counter").replaceChildren(el("b", {}, grouped(n ? ordinal + 1 : 0)), ` / ${grouped(stops)}`);
    byId("counter").title = n ? `event ${grouped(seq)} of 0 to ${grouped(n - 1)} in the trace` : "";
    const sentence = byId("sentence"), button = byId("location"), place = this.place;
    if (!n) say(sentence, trace.condition.empty);
    if (row) {
      sentence.replaceChildren(el("span", { class: `chip ${this.tone(row)}` }, row.phase), ...row.parts.map(([words, role]) => role ? el("span", { class: `r-${role}` }, words) : words));
      sentence.title = row.parts.map(part => part[0]).join("");
    }
    button.hidden = !place;
    if (place) button.textContent = `${short(place.file)}:${place.line}:${place.column + 1}`;
    const canvas = byId("timeline");
    canvas.setAttribute("aria-valuenow", ordinal); canvas.setAttribute("aria-valuemax", steps.length - 1);
    if (row) canvas.setAttribute("aria-valuetext", sentence.title);
  }
}

/** Says the head of a pane; where there is no room for all of it, what comes first gives way. */
export function sayHead(node, words) {
  node.title = words;
  const parts = words.split(" · ");
  do say(node, parts.join(" · ")); while (node.scrollWidth > node.clientWidth && parts.shift() && parts.length);
}

/** What an empty side of the stage says; "" where something is on it. */
export function emptiness(scene, side, begin, empty) {
  if (scene.nodes.some(node => node.side === side)) return "";
  if (empty) return empty;
  if (side === "forward") return begin >= 0 ? "The forward was not recorded." : "No op was recorded here.";
  return begin >= 0 ? "The forward was not recorded, so its backward graph is not known." : "No backward ran, and nothing here takes a gradient.";
}
