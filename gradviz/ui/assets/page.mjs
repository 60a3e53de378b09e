// The page: owns the cursor, draws a step at once, and lets the rest follow when the key rests.

import { Breaks } from "./breaks.mjs";
import { decodeOverview, listed, Rows, WINDOW } from "./data.mjs";
import { byId, say } from "./dom.mjs";
import { ElementList } from "./elements.mjs";
import { hiding, held, innermost, standing, stepOf, toggled } from "./groups.mjs";
import { bindKeys, bindLanes, bindRail, bindPointer, bindWindow } from "./input.mjs";
import { COMMANDS } from "./keys.mjs";
import { fillMarks, showLegend } from "./legend.mjs";
import { formatLink, parseLink } from "./link.mjs";
import { iterationsOf, paintBudget } from "./heads.mjs";
import { RAIL } from "./minimap.mjs";
import { emptiness, Panes } from "./panes.mjs";
import { fillPalette } from "./palette.mjs";
import { bindSearch } from "./search.mjs";
import { fillHelp } from "./sheets.mjs";
import { makeStyle } from "./style.mjs";
import { told } from "./strip.mjs";
import { applyTheme, rememberTheme, storedTheme, systemTheme } from "./theme.mjs";
import { floorIndex, move, seek, touching } from "./time.mjs";
import { prepareLanes, Timeline } from "./timeline.mjs";
import { Views } from "./views.mjs";
import { Pictures } from "./pictures.mjs";
import { Stage } from "./stage.mjs";
import { within } from "./view.mjs";

const ERRORS = 5, REST = 120, BEAT = 620, SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];
const PHASES = new Set(["op", "step", "write", "backward", "error", "mark"]);

export class Page extends Stage {
  constructor(trace, styleTable, getJson, settle) {
    super();
    Object.assign(this, { trace, styleTable, getJson, settle });
    this.columns = decodeOverview(trace.overview);
    Object.assign(this, listed(this.columns));
    if (!this.steps.length) this.steps = [0];
    this.stopsOfFindings = trace.findings.flatMap(finding => finding.stops).filter(seq => seq >= 0);
    const left = this.shown.filter(seq => this.columns.lane[seq] === ERRORS);
    this.iterations = iterationsOf(trace.graphs, left.length ? left[left.length - 1] : -1);
    this.rows = new Rows(trace.n, getJson, () => this.invalidate());
    this.pictures = new Pictures(getJson, this.steps);
    this.hidden = new Set();
    this.dress(applyTheme(storedTheme()));
    Object.assign(this, { seq: -1, element: "", pinned: false, open: null, turning: null, speed: 2, picture: null, graph: -1, frame: 0, flowing: 0, playing: 0, drawnStates: -2 });
    this.timings = { step: 0, base: 0, overlay: 0 };
  }

  /** Asks for what the first picture needs, while the panes are still being made. */
  prefetch() {
    const link = parseLink(location.hash), seq = Math.max(0, Math.min(this.trace.n - 1, link.seq ?? this.trace.opening));
    this.opened = link.open;
    Promise.all([this.rows.load(Math.floor(seq / WINDOW)), this.pictures.get(this.columns.graph[seq] || 0, this.opened)]).catch(() => {});  // start() asks again and tells
  }

  async start() {
    this.panes = new Panes(this);
    this.list = new ElementList(byId("elements"), id => this.pin(id));
    this.timeline = new Timeline(byId("timeline"), prepareLanes(this.columns, this.shown));
    const graphs = this.iterations.map(number => this.trace.graphs[number]);
    this.timeline.setIterations(graphs.map(graph => graph.begin < 0 ? graph.first : graph.begin), graphs.map(graph => graph.first));
    if (this.timeline.calls.length > 1) this.getJson("/api/iterations").then(found => {
      this.timeline.iterations = found;
      byId("timeline").setAttribute("aria-description", told(found));
      this.paint();
    });
    fillHelp(byId("help-sheet"));
    this.breaks = new Breaks(this.trace, this.getJson, () => this.invalidate());
    this.resize(false);
    const link = parseLink(location.hash);
    this.timeline.narrow(floorIndex(this.shown, link.seq ?? this.trace.opening));
    const seq = link.seq ?? this.trace.opening;
    this.element = link.element;
    this.opened = link.open;
    this.pinned = Boolean(link.element);
    this.views = new Views(this, link.view);
    const there = Math.max(0, Math.min(this.trace.n - 1, seq));
    await Promise.all([this.rows.load(Math.floor(there / WINDOW)), this.loadPicture(this.columns.graph[there] || 0)]);
    this.go(seq, { history: "replace", exact: true });
    this.paint();
    bindKeys(this); bindPointer(this, byId("over")); bindLanes(this, byId("lanes")); bindRail(this, byId("rail")); bindSearch(this); bindWindow(this);
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
    this.settle({ seq: this.seq, element: this.pinned ? this.element : "", open: this.opened ? this.opened.join(",") : null });
    this.list.show(this.seq, this.lit);
  }

  remember(how, seq) {
    const link = formatLink({ seq, element: this.pinned ? this.element : "", open: this.opened, view: this.views?.name, find: this.panes.drawer.tab === "findings" });
    if (how === "pushState" ? true : location.hash !== link) history[how](null, "", link);
  }

  kindOf(seq) { return this.trace.kinds[this.columns.kind[seq]]; }
  phase(direction) { this.jumpTo(seek(this.steps, this.seq, direction, seq => PHASES.has(this.kindOf(seq)))); }
  jumpTo(seq) { if (seq !== null) this.go(seq, { exact: true }); }

  /** To where the next or previous backward call begins. */
  call(direction) { this.jump(seek(this.trace.graphs.map(graph => graph.begin).filter(seq => seq >= 0), this.seq, direction)); }

  /** To the same place in another iteration: as many steps from where its backward begins, as far as it goes. */
  iteration(direction) {
    const { graphs } = this.trace, place = this.iterations.indexOf(this.columns.graph[this.seq]), target = graphs[this.iterations[place + direction]];
    if (place < 0) { this.call(direction); return; }
    if (!target) return;
    const here = graphs[this.iterations[place]], both = here.begin >= 0 && target.begin >= 0, index = seq => floorIndex(this.steps, seq);
    const from = graph => both ? index(graph.begin) : index(graph.first - 1) + 1, wanted = from(target) + index(this.seq) - from(here);
    this.jump(this.steps[Math.max(index(target.first - 1) + 1, Math.min(index(target.last), wanted))]);
  }

  /** What the inspector shows: what was clicked, else what the event is about. */
  selected() {
    if (this.pinned) return this.element;
    return this.picture && stepOf(this.picture, this.seq)?.focus[0] || "";
  }

  touch(direction) {
    if (this.picture) this.jump(seek(touching(this.picture.scene, this.selected(), this.picture.inside), this.seq, direction));
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
    this.panes.drawer.show("findings");
    const errors = this.shown.filter(seq => this.columns.lane[seq] === 5);
    const places = [...new Set([...this.stopsOfFindings, ...errors])].sort((a, b) => a - b);
    if (!places.length) return;
    this.pinned = false;
    this.jump(seek(places, this.seq, direction) ?? (direction > 0 ? places[0] : places[places.length - 1]));
  }

  pin(id) {
    this.element = id;
    this.pinned = true;
    this.panes.drawer.show("inspector");
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

  /** Plays slower or faster; shows how fast for a while. */
  pace(by) {
    this.speed = Math.max(0, Math.min(SPEEDS.length - 1, this.speed + by));
    byId("do-play").title = `Play or pause (Space), ${SPEEDS[this.speed]}×: < slower, > faster`;
    say(byId("pace"), SPEEDS[this.speed] === 1 ? "" : `${SPEEDS[this.speed]}×`);
    if (this.playing) { this.play(); this.play(); }
  }

  /** To the next breakpoint, or the one before. */
  goOn(direction) {
    if (!this.breaks.list.length) { this.breakpoints(); return; }
    this.jump(seek(this.breaks.hits, this.seq, direction));
  }

  breakpoints() {
    const span = this.panes.spans[this.columns.span[this.seq]], sheet = byId("break-sheet");
    this.breaks.fill(sheet, span && span.line ? `line ${span.line}` : "", stops => this.jump(stops.find(seq => seq > this.seq) ?? stops[0]));
    sheet.showModal();
  }

  nextBookmark() { this.jump(seek(this.breaks.bookmarks, this.seq, 1) ?? this.breaks.bookmarks[0]); }

  palette(run) { fillPalette(byId("palette"), run); byId("palette").showModal(); }

  zoomLanes(factor) {
    this.timeline.zoomAround(factor, floorIndex(this.shown, this.seq));
    this.invalidate();
  }

  play() {
    if (this.playing) { clearInterval(this.playing); this.playing = 0; }
    else {
      if (this.seq >= this.steps[this.steps.length - 1]) this.go(this.steps[0], { exact: true });
      this.playing = setInterval(() => {
        if (this.seq >= this.steps[this.steps.length - 1]) this.play(); else this.step(1);
      }, BEAT / SPEEDS[this.speed]);
    }
    byId("do-play").classList.toggle("playing", Boolean(this.playing));
  }

  // --- the picture --------------------------------------------------------------------------------------------------
  /** Asks for the picture that a click on a group would bring, while the pointer is on it. */
  foresee(id) {
    if (this.foreseen === id) return;
    this.foreseen = id;
    if (!id) return;
    const opened = toggled(this.picture.scene.regions, id);
    this.pictures.foresee(this.graph, opened);
  }

  /** Shows a graph. `held`: the group that was opened or closed: it stays where it is and the rest moves. */
  loadPicture(graph, group = "") {
    const { opened } = this;
    return this.pictures.get(graph, opened).then(picture => {
      if (String(opened) !== String(this.opened) || this.seq >= 0 && graph !== this.columns.graph[this.seq]) return;
      const before = this.picture, view = this.view, another = this.graph !== graph || !before;
      this.picture = picture;
      this.graph = graph;
      if (another) this.rail(picture);
      if (group && before) {
        this.view = within(held(view, before, picture, group), picture.extent, this.size.width, standing(picture, group)?.y ?? 0);
        this.seenSeq = this.seq; this.seenPicture = picture;
        if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.turning = { from: before, views: [view, this.view], since: performance.now() };
      } else if (!before || before.placed.width !== picture.placed.width || before.placed.height !== picture.placed.height) this.fitFirst();
      setTimeout(() => { for (const beside of [graph + 1, graph - 1]) if (this.trace.graphs[beside]) this.pictures.foresee(beside, this.opened); }, REST);  // a held key must not wait
      const begin = this.trace.graphs[graph]?.begin ?? -1;
      paintBudget(byId("backward-head"), picture, this.trace.graphs, graph, one => this.pickCall(one));
      byId("forward-head").said = "";
      ["forward", "backward"].forEach(side => {
        say(byId(`${side}-note`), emptiness(picture.scene, side, begin, this.trace.condition.empty));
      });
      this.legend();
      this.list.build(picture.scene);
      if (this.seq >= 0) this.list.show(this.seq, this.lit);
      this.redraw();
    });
  }

  /** To another backward call: to where it begins. */
  pickCall(graph) { this.jump(this.trace.graphs[graph].begin); }

  /** Opens a closed group or closes an open one, on both sides. */
  turn(id) {
    this.opened = toggled(this.picture.scene.regions, id);
    this.foreseen = "";
    if (this.pinned && /^[mk]/.test(this.element)) this.pinned = false;
    this.remember("pushState", this.seq);
    return this.loadPicture(this.graph, id);
  }

  /** Opens the closed group that the playhead is in, or the one nearest to it; the sides count as one. */
  expand() {
    const here = this.picture && hiding(this.picture.inside, this.seq);
    const near = here ? here.slice(1) : this.nearest();
    if (near) this.turn(near);
  }

  /** The closed group whose ops or nodes lie nearest to the playhead. */
  nearest() {
    let best = "", least = Infinity;
    for (const [id, events] of this.picture?.inside.events || []) {
      const place = floorIndex(events, this.seq);
      for (const seq of [events[Math.max(0, place)], events[place + 1]]) if (Math.abs(seq - this.seq) < least) { least = Math.abs(seq - this.seq); best = id.slice(1); }
    }
    return best;
  }

  /** Closes the innermost open group around the focus. */
  collapse() {
    const node = this.picture?.nodes.get(this.selected());
    const around = node?.home || innermost(this.picture?.scene.regions.map(region => region.id) || [])[0];
    if (around) this.turn(around);
  }

  legend() { if (this.picture) showLegend(byId("legend"), this.style, this.picture.scene, this.hidden, key => this.toggle(key)); }

  /** Asks for a new drawing of everything. */
  redraw() { this.drawnStates = -2; this.invalidate(); }

  invalidate() {
    if (!this.frame && this.seq >= 0) this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  paint() {
    const began = performance.now(), { seq } = this, graph = this.columns.graph[seq] || 0;
    if (graph !== this.graph) { this.graph = graph; this.turning = null; this.loadPicture(graph); }
    if (!this.rows.get(seq)) this.rows.want(seq);
    this.paintGraphs(began);
    const shown = [seq, this.rows.get(seq), this.pinned, this.picture];
    if (shown.some((one, i) => one !== this.painted?.[i])) { this.panes.paint(); this.painted = shown; }
    this.views.paint();
    this.paintTimeline();
    this.shownSeq = seq;
    this.timings.step = performance.now() - began;
    if (this.flowing || this.turning) this.invalidate();
  }

  resize(again = true) {
    const stage = byId("stage"), ratio = devicePixelRatio || 1, before = this.size;
    this.size = { width: stage.clientWidth, height: stage.clientHeight, ratio };
    if (before && before.ratio === ratio && before.width === this.size.width && before.height === this.size.height
      && this.timeline.width === byId("lanes").clientWidth && this.timeline.height === byId("lanes").clientHeight) return;
    for (const id of ["base", "over"]) {
      byId(id).width = Math.round(this.size.width * ratio); byId(id).height = Math.round(this.size.height * ratio);
    }
    byId("rail").width = Math.round(RAIL * ratio); byId("rail").height = Math.round(this.size.height * ratio);
    const lanes = byId("lanes");
    this.timeline.resize(lanes.clientWidth, lanes.clientHeight, ratio);
    if (!again) return;
    if (this.picture && before && (before.width !== this.size.width || before.height !== this.size.height)) {
      this.fitFirst();
      this.seenSeq = -1;
    }
    this.drawnStates = -2;
    if (this.seq >= 0) this.paint();
  }

  paintTimeline() {
    const range = this.timeline.labelled();
    if (range) for (const seq of range) if (seq !== undefined && !this.rows.get(seq)) this.rows.want(seq);
    this.timeline.draw(this.style, this.seq, this.rows, this.panes.stops(), this.breaks);
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
    return { state: () => ({ seq: this.seq, shown: this.shownSeq, step: floorIndex(this.steps, this.seq), steps: this.steps.length, graph: this.graph, element: this.selected(),
      pinned: this.pinned, lit: this.lit, view: this.view, size: this.size, theme: this.style.theme, hidden: [...this.hidden], drawn: this.drawn, moving: Boolean(this.flowing || this.turning), brush: this.timeline.brush, timings: { ...this.timings } }),
    breaks: () => ({ list: this.breaks.list, hits: this.breaks.hits, bookmarks: this.breaks.bookmarks }), turn: id => this.turn(id), foresee: id => this.foresee(id), reveal: id => this.focus(id), frame: (id, side) => this.frameRect(id, side), regions: () => this.picture.scene.regions, opened: () => this.opened,
    rect: id => { const node = this.picture.nodes.get(id); return node && this.picture.placed.nodes[id] ? this.rectOf(node) : null; },
    ids: () => [...this.picture.nodes.keys()], steps: () => this.steps, stops: () => this.picture.scene.stops,
    go: seq => this.go(seq, { exact: true }), commands: () => COMMANDS };
  }
}
