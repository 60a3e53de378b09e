// The lines between panes: drag to resize, double click to close or open, arrows when focused. Sizes are remembered.

import { byId, el } from "./dom.mjs";

const KEY = "gradviz-sizes";
const LINES = {
  left: { label: "Width of the source", least: 200, most: 0.5, size: event => event.clientX, keys: ["ArrowLeft", "ArrowRight"] },
  right: { label: "Width of the inspector", least: 220, most: 0.5, size: event => innerWidth - event.clientX, keys: ["ArrowRight", "ArrowLeft"] },
  foot: { label: "Height of the timeline", least: 45, most: 0.6, size: event => innerHeight - event.clientY, keys: ["ArrowDown", "ArrowUp"] },
};

/** A wished size within bounds; less than half the least closes the pane. */
export function clampSize(wished, least, room) {
  return wished < least / 2 ? 0 : Math.round(Math.max(least, Math.min(room, wished)));
}

function stored() {
  try { return JSON.parse(localStorage.getItem(KEY)) || {}; } catch { return {}; }
}

export function bindLines() {
  const root = document.documentElement, sizes = stored();
  const room = (name, line) => line.most * (name === "foot" ? innerHeight : innerWidth);
  const set = (name, size) => {
    if (size === null) { delete sizes[name]; root.style.removeProperty(`--${name}`); }
    else { sizes[name] = size; root.style.setProperty(`--${name}`, `${size}px`); }
    try { localStorage.setItem(KEY, JSON.stringify(sizes)); } catch { /* a browser without storage forgets */ }
  };
  for (const [name, line] of Object.entries(LINES)) {
    const bar = el("div", { class: `line line-${name}`, role: "separator", tabindex: 0, "aria-label": line.label, "aria-orientation": name === "foot" ? "horizontal" : "vertical", title: "Drag to resize, double click to close or open" });
    const current = () => parseFloat(getComputedStyle(root).getPropertyValue(`--${name}`));
    if (typeof sizes[name] === "number") set(name, clampSize(sizes[name], line.least, room(name, line)));
    let held = false;
    bar.addEventListener("pointerdown", event => { held = true; bar.setPointerCapture(event.pointerId); event.preventDefault(); });
    bar.addEventListener("pointermove", event => { if (held) set(name, clampSize(line.size(event), line.least, room(name, line))); });
    for (const end of ["pointerup", "pointercancel"]) bar.addEventListener(end, () => { held = false; });
    bar.addEventListener("dblclick", () => set(name, current() ? 0 : null));
    bar.addEventListener("keydown", event => {
      const way = line.keys.indexOf(event.key);
      if (way < 0) return;
      event.preventDefault();
      event.stopPropagation();
      set(name, clampSize(current() + (way ? 24 : -24), line.least, room(name, line)));
    });
    byId("app").append(bar);
  }
}
