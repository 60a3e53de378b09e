// The page: owns the cursor, draws a step at once, and lets the rest follow when the key rests.

import { ConsoleView } from "./console.mjs";
import { decodeOverview, grouped, listed, Rows, spanUse, WINDOW } from "./data.mjs";
import { byId, el, say } from "./dom.mjs";
import { ElementList } from "./elements.mjs";
import { bindKeys, bindLanes, bindPointer, bindSearch, bindWindow } from "./input.mjs";
import { fillMarks, showLegend } from "./legend.mjs";
import { formatLink, parseLink } from "./link.mjs";
import { drawBase, drawOverlay, prepare, toneOf } from "./picture.mjs";
import { fillHelp } from "./sheets.mjs";
import { readSpan, SourceView } from "./source.mjs";
import { makeStyle } from "./style.mjs";
import { applyTheme, rememberTheme, storedTheme, systemTheme } from "./theme.mjs";
import { changes, floorIndex, move, seek, touching } from "./time.mjs";
import { prepareLanes, Timeline } from "./timeline.mjs";
import { centre, extent, fitAll, hit, opening, screenRect, visible } from "./view.mjs";

const REST = 120, FLOW = 260, BEAT = 620;
const PHASES = new Set(["op", "step", "write", "backward", "error", "mark"]);

export class Page {
  constructor(trace, styleTable, getJson, settle) {
    Object.assign(this, { trace, styleTable, getJson, settle });
    this.columns = decodeOverview(trace.overview);
    Object.assign(this, listed(this.columns));
    if (!this.steps.length) this.steps = [0];
    this.spans = trace.spans.map(readSpan);
    this.stopsOfFindings = trace.findings.flatMap(finding => finding.stops).filter(seq => seq >= 0);
    this.rows = new Rows(trace.n, getJson, () => this.invalidate());
    this.pictures = new Map();
    this.hidden = new Set();
    this.dress(applyTheme(storedTheme()));
    Object.assign(this, { seq: -1, element: "", pinned: false, picture: null, graph: -1, frame: 0, flowing: 0, playing: 0, drawnStates: -2 });
    this.timings = { step: 0, base: 0, overlay: 0 };
  }

  /** Asks for what the first picture needs, while the panes are still being made. */
  prefetch() {
    const seq = Math.max(0, Math.min(this.trace.n - 1, parseLink(location.hash).seq ?? this.trace.opening));
    Promise.all([this.rows.load(Math.floor(seq / WINDOW)), this.fetchPicture(this.columns.graph[seq] || 0)]).catch(() => {});  // start() asks again and tells
  }

  async start() {
    const op = Object.entries(this.trace.kinds).find(([, name]) => name === "op");
    this.use = spanUse(this.columns, op ? Number(op[0]) : -1);
    this.source = new SourceView(byId("source"));
    this.list = new ElementList(byId("elements"));
    this.console = new ConsoleView(byId("console"), byId("outputs"), this.trace.prints, span => this.spans[span]?.line || 0);
    this.timeline = new Timeline(byId("timeline"), prepareLanes(this.columns, this.shown));
    this.buildFiles();
    fillHelp(byId("help-sheet"));
    this.resize(false);
    const link = parseLink(location.hash);
    const seq = link.seq ?? this.trace.opening;
    this.element = link.element;
    this.pinned = Boolean(link.element);
    const there = Math.max(0, Math.min(this.trace.n - 1, seq));
    await Promise.all([this.rows.load(Math.floor(there / WINDOW)), this.loadPicture(this.columns.graph[there] || 0)]);
    this.go(seq, { history: "replace", exact: true });
    this.paint();
    bindKeys(this); bindPointer(this, byId("over")); bindLanes(this, byId("lanes")); bindSearch(this); bindWindow(this);
  }

  // --- where we are -------------------------------------------------------------------------------------------------
  /** Goes to an event. `history`: push for jumps, replace otherwise; `flow`: a dot may run along the edges. */
  go(seq, { history = "replace", flow = false, exact = false } = {}) {
    const last = Math.max(0, this.trace.n - 1);
    const target = Math.max(0, Math.min(last, exact && this.columns.steppable[seq] !== undefined ? seq : move(this.steps, seq, 0)));
    const changed = target !== this.seq;
    if (history === "push" && changed) { this.remember("replaceState", this.seq); this.remember("pushState", target); }
    this.seq = target;
    this.flowing = flow && changed && !matchMedia("(prefers-reduced-motion: reduce)").matches ? performance.now() : 0;
    this.invalidate();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rested(), REST);
  }

  step(delta, { repeat = false } = {}) {
    this.go(move(this.steps, this.seq, delta), { flow: delta === 1 && !repeat, exact: true });
  }

  jump(seq) { if (seq !== null && seq !== undefined) this.go(seq, { history: "push", exact: true }); }

  rested() {
    this.remember("replaceState", this.seq);
    this.settle({ seq: this.seq, element: this.pinned ? this.element : "", theme: this.style.theme });
    this.list.show(this.seq, this.lit);
  }

  remember(how, seq) {
    const link = formatLink({ seq, element: this.pinned ? this.element : "" });
    if (how === "pushState" ? true : location.hash !== link) history[how](null, "", link);
  }

  kindOf(seq) { return this.trace.kinds[this.columns.kind[seq]]; }
  phase(direction) { this.jumpTo(seek(this.steps, this.seq, direction, seq => PHASES.has(this.kindOf(seq)))); }
  jumpTo(seq) { if (seq !== null) this.go(seq, { exact: true }); }

  /** To where the next or previous backward call begins. */
  call(direction) { this.jump(seek(this.trace.graphs.map(graph => graph.begin).filter(seq => seq >= 0), this.seq, direction)); }

  /** What the inspector shows: what was clicked, else what the event is about. */
  selected() {
    if (this.pinned) return this.element;
    return this.picture?.steps.get(this.seq)?.focus[0] || "";
  }

  touch(direction) {
    if (this.picture) this.jump(seek(touching(this.picture.scene, this.selected()), this.seq, direction));
  }

  twin(side) {
    const node = this.picture?.nodes.get(this.selected());
    const id = !node ? "" : node.side === side ? node.id : node.twin;
    const target = this.picture?.nodes.get(id);
    if (!target) return;
    this.pin(id);
    const step = this.picture.scene.steps.find(one => one.focus.includes(id));
    this.jump(step ? step.seq : Math.max(this.picture.scene.first, target.event));
  }

  finding(direction) {
    const errors = this.shown.filter(seq => this.columns.lane[seq] === 5);
    const places = [...new Set([...this.stopsOfFindings, ...errors])].sort((a, b) => a - b);
    if (!places.length) return;
    this.pinned = false;
    this.jump(seek(places, this.seq, direction) ?? (direction > 0 ? places[0] : places[places.length - 1]));
  }

  pin(id) {
    this.element = id;
    this.pinned = true;
    this.invalidate();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rested(), 0);
  }

  follow() {
    if (!this.pinned) return;
    this.pinned = false;
    this.element = "";
    this.go(this.seq, { exact: true });
  }

  toggle(key) {
    if (!this.hidden.delete(key)) this.hidden.add(key);
    this.legend();
    this.redraw();
  }

  play() {
    if (this.playing) { clearInterval(this.playing); this.playing = 0; }
    else {
      if (this.seq >= this.steps[this.steps.length - 1]) this.go(this.steps[0], { exact: true });
      this.playing = setInterval(() => {
        if (this.seq >= this.steps[this.steps.length - 1]) this.play(); else this.step(1);
      }, BEAT);
    }
    byId("do-play").classList.toggle("playing", Boolean(this.playing));
  }

  // --- the picture --------------------------------------------------------------------------------------------------
  fetchPicture(graph) {
    if (!this.pictures.has(graph)) {
      this.pictures.set(graph, this.getJson(`/api/scene/${graph}`).then(({ scene, placed, across }) => ({ ...prepare(scene, placed, across), changes: changes(scene), extent: extent(scene, placed) })));
    }
    return this.pictures.get(graph);
  }

  loadPicture(graph) {
    return this.fetchPicture(graph).then(picture => {
      if (graph !== (this.seq < 0 ? graph : this.columns.graph[this.seq])) return;
      this.picture = picture;
      this.graph = graph;
      this.view = opening(picture.extent, this.size.width, this.size.height);
      byId("forward-head").textContent = picture.scene.heads[0];
      byId("backward-head").textContent = picture.scene.heads[1];
      this.legend();
      this.list.build(picture.scene);
      if (this.seq >= 0) this.list.show(this.seq, this.lit);
      this.redraw();
    });
  }

  legend() { if (this.picture) showLegend(byId("legend"), this.style, this.picture.scene, this.hidden, key => this.toggle(key)); }

  /** Asks for a new drawing of everything. */
  redraw() { this.drawnStates = -2; this.invalidate(); }

  invalidate() {
    if (!this.frame && this.seq >= 0) this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  paint() {
    const began = performance.now(), { seq } = this, graph = this.columns.graph[seq] || 0;
    if (graph !== this.graph) { this.graph = graph; this.loadPicture(graph); }
    if (!this.rows.get(seq)) this.rows.want(seq);
    this.paintGraphs(began);
    if (seq !== this.paintedSeq || this.rows.get(seq) !== this.paintedRow || this.pinned !== this.paintedPin || this.picture !== this.paintedPicture) this.paintPanes();
    this.paintTimeline();
    this.timings.step = performance.now() - began;
    if (this.flowing) this.invalidate();
  }

  paintGraphs(now) {
    const { picture, seq } = this;
    if (!picture) return;
    this.keepInView();
    const states = floorIndex(picture.changes, seq), t0 = performance.now();
    if (states !== this.drawnStates) {
      this.drawn = drawBase(byId("base"), this.style, picture, this.view, this.size, seq, this.hidden);
      this.drawnStates = states;
    }
    const t1 = performance.now(), progress = this.flowing ? Math.min(1, (now - this.flowing) / FLOW) : 1;
    if (progress >= 1) this.flowing = 0;
    const chosen = this.selected();
    this.lit = drawOverlay(byId("over"), this.style, picture, this.view, this.size, seq, {
      selected: this.pinned ? chosen : "", progress, hidden: this.hidden, path: this.path });
    Object.assign(this.timings, { base: t1 - t0, overlay: performance.now() - t1 });
  }

  /** Where the picture is larger than the stage, it moves only when the focus would be out of sight. */
  keepInView() {
    const { picture, size } = this;
    if (this.seenSeq === this.seq && this.seenPicture === picture) return;
    this.seenSeq = this.seq; this.seenPicture = picture;
    const id = picture.steps.get(this.seq)?.focus.find(one => picture.placed.nodes[one]);
    if (!id) return;
    const node = picture.nodes.get(id), rect = screenRect(this.view, node.side, picture.placed.nodes[id], picture.placed, size.width);
    if (visible(rect, node.side, size.width, size.height)) return;
    this.view = centre(this.view, node, picture.placed.nodes[id], picture.placed, picture.extent, size.width, size.height);
    this.drawnStates = -2;
  }

  fit() {
    if (!this.picture) return;
    this.view = fitAll(this.picture.extent, this.size.width, this.size.height);
    this.redraw();
  }

  focus() {
    const node = this.picture?.nodes.get(this.selected()), p = node && this.picture.placed.nodes[node.id];
    if (!p) return;
    this.view = centre(this.view, node, p, this.picture.placed, this.picture.extent, this.size.width, this.size.height, Math.max(1, this.view.k));
    this.redraw();
  }

  nodeAt(x, y) {
    return this.picture ? hit(this.picture.scene.nodes, this.view, this.picture.placed, this.size.width, x, y) : null;
  }

  rectOf(node) { return screenRect(this.view, node.side, this.picture.placed.nodes[node.id], this.picture.placed, this.size.width); }

  resize(again = true) {
    const stage = byId("stage"), ratio = devicePixelRatio || 1, before = this.size;
    this.size = { width: stage.clientWidth, height: stage.clientHeight, ratio };
    if (before && before.ratio === ratio && before.width === this.size.width && before.height === this.size.height
      && this.timeline.width === byId("lanes").clientWidth && this.timeline.height === byId("lanes").clientHeight) return;
    for (const id of ["base", "over"]) {
      byId(id).width = Math.round(this.size.width * ratio); byId(id).height = Math.round(this.size.height * ratio);
    }
    const lanes = byId("lanes");
    this.timeline.resize(lanes.clientWidth, lanes.clientHeight, ratio);
    if (!again) return;
    if (this.picture && before && (before.width !== this.size.width || before.height !== this.size.height)) {
      this.view = opening(this.picture.extent, this.size.width, this.size.height);
      this.seenSeq = -1;
    }
    this.drawnStates = -2;
    if (this.seq >= 0) this.paint();
  }

  // --- panes --------------------------------------------------------------------------------------------------------
  paintPanes() {
    const { seq } = this, row = this.rows.get(seq);
    this.paintedSeq = seq; this.paintedRow = row; this.paintedPin = this.pinned; this.paintedPicture = this.picture;
    this.paintSource(row);
    this.console.show(seq);
    this.paintCaption(row);
    const pin = byId("pin");
    pin.textContent = this.pinned ? "pinned, Esc to follow" : "follows the playhead";
    pin.classList.toggle("pinned", this.pinned);
  }

  tone(row) {
    const step = this.picture?.steps.get(this.seq);
    if (row && (row.phase === "error" || step && toneOf(this.style, this.picture, step) === "err")) return "bad";
    return row && (row.phase === "backward" || row.phase === "hook") ? "bwd" : "fwd";
  }

  /** The places of an event: what is lit, and the statement that runs meanwhile. */
  places(row) {
    const own = this.spans[this.columns.span[this.seq]] || null, here = own && own.line ? own : null;
    const focus = this.picture?.steps.get(this.seq)?.focus[0];
    const of = row && ["step", "accumulate", "hook_call"].includes(row.kind) ? this.spans[this.picture?.nodes.get(focus)?.span] : null;
    return of && of.line && of !== here ? { lit: of, running: here } : { lit: here, running: null };
  }

  paintSource(row) {
    const { lit, running } = this.places(row), target = lit || running;
    this.lit_ = target;
    const file = target && this.trace.sources[target.file] !== undefined ? target.file : this.source.file || Object.keys(this.trace.sources)[0];
    if (file !== undefined) this.openFile(file);
    const stops = this.currentStops().map(stop => ({ ...stop, span: this.spans[stop.span] })).filter(stop => stop.span && stop.span.file === this.source.file);
    const inFile = span => span && span.file === this.source.file ? span : null;
    this.source.mark({ lit: inFile(lit), running: inFile(running), tone: this.tone(row), stops, cold: this.coldLines() });
    say(byId("running"), running ? `running line ${running.line}` : this.alike ? "each line ran once" : "");
  }

  currentStops() {
    if (!this.picture) return [];
    const { stops } = this.picture.scene, last = stops[stops.length - 1];
    const here = stops.find(stop => stop.seq === this.seq) || (last && this.seq > last.seq && this.kindOf(this.seq) === "error" ? last : null);
    return stops.map(stop => ({ number: stop.number, seq: stop.seq, span: stop.span, now: stop === here }));
  }

  openFile(file) {
    if (this.source.file === file) return;
    const counts = new Map(), firsts = new Map();
    for (const [id, seq] of this.use.first) {
      const span = this.spans[id];
      if (!span || span.file !== file) continue;
      // the least: an expression that takes several ops has several events a run
      const runs = this.use.runs.get(id);
      if (runs) counts.set(span.line, Math.min(counts.get(span.line) ?? Infinity, runs));
      firsts.set(span.line, Math.min(firsts.get(span.line) ?? Infinity, seq));
    }
    this.firsts = firsts;
    this.alike = counts.size > 0 && [...counts.values()].every(count => count <= 1);
    this.source.open(file, this.trace.sources[file], counts);
    for (const tab of byId("files").children) tab.setAttribute("aria-selected", String(tab.dataset.file === file));
  }

  coldLines() {
    const cold = new Set();
    for (const [line, seq] of this.firsts || []) if (seq > this.seq) cold.add(line);
    return cold;
  }

  buildFiles() {
    const files = Object.keys(this.trace.sources), short = file => file.split(/[\\/]/).pop();
    byId("files").replaceChildren(...files.map(file => el("button", { type: "button", role: "tab", title: file, "data-file": file, "aria-selected": "false", on: { click: () => this.openFile(file) } }, short(file))));
  }

  paintCaption(row) {
    const ordinal = Math.max(0, floorIndex(this.steps, this.seq));
    const { n } = this.trace;
    byId("counter").replaceChildren(el("b", {}, grouped(n ? ordinal + 1 : 0)), ` / ${grouped(n ? this.steps.length : 0)}`);
    if (!n) say(byId("sentence"), "Nothing was recorded.");
    byId("counter").title = `event ${this.seq} of ${this.trace.n} in the trace`;
    const sentence = byId("sentence");
    if (row) {
      sentence.replaceChildren(el("span", { class: `chip ${this.tone(row)}` }, row.phase), ...row.parts.map(([words, role]) => role ? el("span", { class: `r-${role}` }, words) : words));
      sentence.title = row.parts.map(part => part[0]).join("");
    }
    const place = this.lit_, button = byId("location");
    button.hidden = !place;
    if (place) button.textContent = `${place.file.split(/[\\/]/).pop()}:${place.line}:${place.column + 1}`;
    const canvas = byId("timeline");
    canvas.setAttribute("aria-valuenow", ordinal); canvas.setAttribute("aria-valuemax", this.steps.length - 1);
    if (row) canvas.setAttribute("aria-valuetext", sentence.title);
  }

  paintTimeline() {
    const range = this.timeline.labelled();
    if (range) for (const seq of range) if (seq !== undefined && !this.rows.get(seq)) this.rows.want(seq);
    this.timeline.draw(this.style, this.seq, this.rows, this.currentStops());
  }

  // --- rest ---------------------------------------------------------------------------------------------------------
  setTheme(theme) {
    document.documentElement.dataset.theme = theme;
    this.dress(theme);
    this.legend();
    this.redraw();
    this.rested();
  }

  /** Reads the fonts of the page; canvases cannot. */
  dress(theme) {
    const css = getComputedStyle(document.documentElement), family = name => css.getPropertyValue(`--${name}`).trim() || this.styleTable.families[name];
    this.style = makeStyle(this.styleTable, theme, { ui: family("ui"), mono: family("mono") });
  }

  theme() {
    const next = this.style.theme === "dark" ? "light" : "dark";
    rememberTheme(next);
    this.setTheme(next);
  }

  systemTheme() { if (!storedTheme()) { this.dress(systemTheme()); this.legend(); this.redraw(); } }

  sheet(id) {
    const sheet = byId(id);
    if (sheet.open) { sheet.close(); return; }
    if (id === "marks-sheet") fillMarks(sheet, this.style);
    sheet.showModal();
  }

  /** What tests may look at. */
  probe() {
    return { state: () => ({ seq: this.seq, step: floorIndex(this.steps, this.seq), steps: this.steps.length, graph: this.graph, element: this.selected(),
      pinned: this.pinned, lit: this.lit, view: this.view, size: this.size, theme: this.style.theme, hidden: [...this.hidden], drawn: this.drawn, timings: { ...this.timings } }),
    rect: id => { const node = this.picture.nodes.get(id); return node && this.picture.placed.nodes[id] ? this.rectOf(node) : null; },
    ids: () => [...this.picture.nodes.keys()], steps: () => this.steps, stops: () => this.picture.scene.stops,
    go: seq => this.go(seq, { exact: true }) };
  }
}
