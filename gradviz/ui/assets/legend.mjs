// The legend below the graphs: the marks that are present; a press hides or shows a kind. And the sheet of all marks.

import { el } from "./dom.mjs";
import { fading } from "./fade.mjs";
import { markOf } from "./marks.mjs";
import { presentMarks } from "./style.mjs";

const FILTERS = new Set(["leaf", "input", "tensor", "op", "write", "node", "gradient", "alias", "group"]);

export function showLegend(root, style, scene, hidden, toggle) {
  if (!root.dataset.fading) { root.dataset.fading = "yes"; fading(root); }
  root.replaceChildren(...presentMarks(style.table, scene).filter(entry => entry.key !== "ran").map(entry => {
    const mark = markOf(style, entry.kind, entry.state);
    if (!FILTERS.has(entry.key)) return el("span", { class: "entry", title: entry.text }, mark, entry.label);
    return el("button", { type: "button", title: `${entry.text}; press to hide or show`, "aria-pressed": String(!hidden.has(entry.key)), on: { click: () => toggle(entry.key) } }, mark, entry.label);
  }));
}

export function fillMarks(sheet, style) {
  sheet.replaceChildren(el("h2", {}, "Marks", el("kbd", {}, "Esc")), el("div", { class: "all-marks" },
    ...style.table.legend.map(entry => el("div", {}, markOf(style, entry.kind, entry.state), el("b", {}, entry.label), el("span", {}, entry.text)))));
}
