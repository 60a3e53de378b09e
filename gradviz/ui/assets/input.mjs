// Keys, pointer, buttons, address: everything that moves the page.

import { grouped } from "./data.mjs";
import { byId, el } from "./dom.mjs";
import { crumbs, progressOf } from "./groups.mjs";
import { commandFor } from "./keys.mjs";
import { parseLink } from "./link.mjs";
import { at } from "./time.mjs";
import { bindLines } from "./split.mjs";
import { viewAt } from "./minimap.mjs";
import { VIEWS } from "./views.mjs";
import { pan, zoomAt } from "./view.mjs";

/** What each command of the registry does. */
function actions(page) {
  const all = {
    forward: repeat => page.step(1, { repeat }), back: repeat => page.step(-1, { repeat }),
    "phase-forward": () => page.phase(1), "phase-back": () => page.phase(-1),
    "call-forward": () => page.call(1), "call-back": () => page.call(-1), "iteration-forward": () => page.iteration(1), "iteration-back": () => page.iteration(-1),
    first: () => page.jump(page.steps[0]), last: () => page.jump(page.steps[page.steps.length - 1]),
    play: () => page.play(), "touch-forward": () => page.touch(1), "touch-back": () => page.touch(-1),
    op: () => page.twin("forward"), node: () => page.twin("backward"),
    finding: () => page.finding(1), "finding-back": () => page.finding(-1),
    slower: () => page.pace(-1), faster: () => page.pace(1), break: () => page.breakpoints(), continue: () => page.goOn(1), "continue-back": () => page.goOn(-1),
    bookmark: () => page.breaks.bookmark(page.seq), "bookmark-next": () => page.nextBookmark(), palette: () => page.palette(id => all[id](false)),
    "lanes-in": () => page.zoomLanes(0.5), "lanes-out": () => page.zoomLanes(2),
    search: () => { byId("search").focus(); byId("search").select(); },
    "view-graphs": () => page.views.show("graphs"), "view-flow": () => page.views.show("flow"), "view-events": () => page.views.show("events"),
    expand: () => page.expand(), collapse: () => page.collapse(), focus: () => page.focus(), fit: () => page.fit(), theme: () => page.theme(), help: () => page.sheet("help-sheet"), marks: () => page.sheet("marks-sheet"),
    follow: () => { closeMenu(); page.follow(); },
  };
  return all;
}

function closeMenu() {
  byId("export-menu").hidden = true;
  byId("export").setAttribute("aria-expanded", "false");
}

export function bindKeys(page) {
  const act = actions(page);
  document.addEventListener("keydown", event => {
    const command = commandFor(event), sheet = document.querySelector("dialog[open]");
    if (!command || sheet && !(command.id === "help" && sheet.id === "help-sheet")) return;
    event.preventDefault();
    act[command.id](event.repeat);
  });
  document.addEventListener("click", event => {
    const target = event.target instanceof Element ? event.target.closest("[data-command],[data-seq],[data-element],[data-export]") : null;
    if (!event.target.closest(".picker")) closeMenu();
    if (event.target.tagName === "DIALOG") event.target.close();
    if (!target) return;
    const { command, seq, element, export: format } = target.dataset;
    if (command) act[command](false);
    else if (format) download(page, format);
    else {
      if (element) page.pin(element);
      else if (seq !== undefined) page.pinned = false;
      if (seq !== undefined) page.jump(Number(seq));
    }
  });
  byId("export").addEventListener("click", () => {
    const menu = byId("export-menu");
    menu.hidden = !menu.hidden;
    byId("export").setAttribute("aria-expanded", String(!menu.hidden));
    if (!menu.hidden) menu.querySelector("button").focus();
  });
  byId("pin").addEventListener("click", () => page.pinned ? page.follow() : page.selected() && page.pin(page.selected()));
  byId("location").addEventListener("click", () => page.panes.reveal());
}

function download(page, format) {
  closeMenu();
  const query = new URLSearchParams({ format, event: page.seq, theme: page.style.theme });
  const link = el("a", { href: `/api/export?${query}`, download: "" });
  document.body.append(link);
  link.click();
  link.remove();
}

export function bindPointer(page, canvas) {
  let drag = null;
  const onBackward = x => x > page.size.width / 2;
  canvas.addEventListener("wheel", event => {
    event.preventDefault();
    if (!page.picture) return;
    page.view = zoomAt(page.view, Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), event.offsetX, event.offsetY, page.size.width);
    page.redraw();
  }, { passive: false });
  canvas.addEventListener("pointerdown", event => { drag = { x: event.clientX, y: event.clientY, moved: false, backward: onBackward(event.offsetX) }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", event => {
    if (drag && page.picture && (drag.moved || Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > 4)) {
      page.view = pan(page.view, event.clientX - drag.x, event.clientY - drag.y, drag.backward);
      drag = { ...drag, x: event.clientX, y: event.clientY, moved: true };
      page.redraw();
      byId("tip").style.display = "none";
    } else if (!drag) hover(page, canvas, event);
  });
  canvas.addEventListener("pointerup", event => {
    if (drag && !drag.moved) {
      const node = page.nodeAt(event.offsetX, event.offsetY), title = node ? null : page.titleAt(event.offsetX, event.offsetY);
      if (node && (node.kind === "group" || node.kind === "mirror")) page.turn(node.id.slice(1));
      else if (title) page.turn(title.id);
      else if (node) page.pin(node.alias_of || node.id); else page.follow();
    }
    drag = null;
  });
  canvas.addEventListener("pointercancel", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => { byId("tip").style.display = "none"; if (page.kin) { page.kin = ""; page.invalidate(); } });
  canvas.addEventListener("dblclick", event => { if (!page.nodeAt(event.offsetX, event.offsetY)) page.fit(); });
}

const WHAT = { leaf: "leaf, takes a gradient", input: "takes no gradient", group: "ops, a click opens it", mirror: "their backward, a click opens it", tensor: "made by an op", op: "ran in the forward", write: "writes in place",
  node: "runs in the backward", accumulate: "adds the gradient into .grad", gradient: "a gradient on its way", none: "no gradient goes there", alias: "the same tensor, elsewhere" };

const STATES = { future: "not yet", nan: "made NaN or Inf", nan_on: "NaN or Inf passes here" };

/** The same tensor at other places: its aliases and itself; "" where it has none. */
function kinOf(page, node) {
  if (!node || !page.picture) return "";
  const id = node.alias_of || node.id;
  return page.picture.scene.nodes.some(one => one.alias_of === id) ? id : "";
}

/** What a closed group is, how far it has come, and what a click does. */
function card(page, node, label, sub, place) {
  const { picture, seq } = page, progress = progressOf(picture, node.id, seq), path = crumbs(picture, node.id).map(one => one.label).join(" › ");
  const grad = node.grad.length ? at(node.grad.map(([when, , text]) => [when, text]), seq) : "";
  const inside = node.kind === "group" ? `${grouped(node.ref.ops)} ops` : `${grouped(node.ref.nodes)} backward nodes`;
  const rows = [["inside", inside], progress && ["so far", `${grouped(progress[0])} of ${grouped(progress[1])} events`], grad && ["norm over its parameters", `‖${grad}‖`]].filter(Boolean);
  return [el("b", {}, label), el("div", { class: "dim" }, path === label ? `${sub}${place}` : path), ...rows.map(([name, value]) => el("div", { class: "fact" }, el("span", {}, name), el("span", {}, value))), el("div", { class: "dim" }, "A click opens it.")];
}

function hover(page, canvas, event) {
  const tip = byId("tip"), node = page.nodeAt(event.offsetX, event.offsetY), kin = kinOf(page, node);
  if (kin !== page.kin) { page.kin = kin; page.invalidate(); }
  const title = node ? null : page.titleAt(event.offsetX, event.offsetY), closed = node && (node.kind === "group" || node.kind === "mirror");
  page.foresee(closed ? node.id.slice(1) : title ? title.id : "");
  canvas.style.cursor = node || title ? "pointer" : "default";
  if (!node) { tip.style.display = "none"; return; }
  const state = at(node.states, page.seq, "future"), span = page.panes.spans[node.span];
  const label = at(node.label, page.seq, node.label[0]?.[1] || ""), sub = at(node.sub, page.seq);
  const place = span && span.line ? ` · line ${span.line}` : "";
  if (node.kind === "group" || node.kind === "mirror") tip.replaceChildren(...card(page, node, label, sub, place));
  else tip.replaceChildren(el("b", {}, label), sub ? ` ${sub}` : "", ` · ${WHAT[node.kind] || node.kind}${place} · ${STATES[state] || state}`);
  tip.style.display = "block";
  const rect = page.rectOf(node), { width, height } = page.size;
  tip.style.left = `${Math.max(4, Math.min(width - tip.offsetWidth - 4, rect.x - tip.offsetWidth / 2))}px`;
  tip.style.top = `${rect.b + 8 + tip.offsetHeight > height ? rect.t - tip.offsetHeight - 8 : rect.b + 8}px`;
}

export function bindRail(page, rail) {
  let held = false;
  const go = event => {
    page.view = viewAt(page.view, page.picture.placed, page.size, page.size.height, event.offsetY);
    page.redraw();
  };
  rail.addEventListener("pointerdown", event => { held = Boolean(page.picture); rail.setPointerCapture(event.pointerId); if (held) go(event); });
  rail.addEventListener("pointermove", event => { if (held) go(event); });
  for (const name of ["pointerup", "pointercancel"]) rail.addEventListener(name, () => { held = false; });
}

export function bindLanes(page, lanes) {
  let drag = null;
  const { timeline } = page;
  const at = event => { const box = lanes.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const seek = (event, history) => page.go(timeline.seqAt(...at(event)), { history, exact: true });
  const hover = place => { if (timeline.hovered !== place) { timeline.hovered = place; page.invalidate(); } };
  lanes.addEventListener("pointerdown", event => {
    const [px, py] = at(event);
    lanes.setPointerCapture(event.pointerId);
    drag = timeline.onIterations(py) ? { grab: timeline.grab(px), moved: false } : {};
    if (!drag.grab) seek(event, "push");
  });
  lanes.addEventListener("pointermove", event => {
    const [px, py] = at(event), over = timeline.onIterations(py);
    if (!drag) { hover(over ? Math.min(timeline.starts.length - 1, Math.floor(timeline.placeAt(px))) : -1); return; }
    if (!drag.grab) { seek(event, "replace"); return; }
    if (!drag.moved && Math.abs(px - drag.grab.px) < 4) return;
    drag.moved = true;
    timeline.drag(drag.grab, px);
    page.invalidate();
  });
  lanes.addEventListener("pointerup", event => { if (drag?.grab && !drag.moved) seek(event, "push"); drag = null; });
  lanes.addEventListener("pointercancel", () => { drag = null; });
  lanes.addEventListener("pointerleave", () => hover(-1));
  lanes.addEventListener("dblclick", event => { if (timeline.onIterations(at(event)[1])) { timeline.span(0, timeline.starts.length); page.invalidate(); } });
  lanes.addEventListener("wheel", event => {
    event.preventDefault();
    timeline.zoom(Math.exp(event.deltaY * 0.002), at(event)[0]);
    page.invalidate();
  }, { passive: false });
}

export function bindWindow(page) {
  const arrive = () => {
    const link = parseLink(location.hash);
    if (link.seq === null) return;
    const turned = String(link.open) !== String(page.opened);
    page.opened = link.open;
    page.pinned = Boolean(link.element);
    page.element = link.element;
    page.views.put(VIEWS.includes(link.view) ? link.view : "graphs");
    page.panes.drawer.put(link.find ? "findings" : "inspector");
    page.go(link.seq, { exact: true });
    if (turned) page.loadPicture(page.columns.graph[page.seq] || 0);
  };
  addEventListener("popstate", arrive);
  addEventListener("hashchange", arrive);
  bindLines();
  const sizes = new ResizeObserver(() => { page.resize(); page.views.resize(); });
  for (const id of ["stage", "lanes"]) sizes.observe(byId(id));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => page.systemTheme());
}

