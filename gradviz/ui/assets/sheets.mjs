// The help sheet, made of the registry.

import { el } from "./dom.mjs";
import { grouped } from "./keys.mjs";

export function fillHelp(sheet) {
  const column = groups => el("div", {}, ...groups.flatMap(([name, commands]) => [el("h3", {}, name), ...commands.map(one =>
    el("div", { class: "row" }, el("span", {}, one.label), el("span", { class: "keys" }, ...one.keys.map(key => el("kbd", {}, key)))))]));
  const [time, jump, view] = [...grouped()];
  sheet.replaceChildren(el("h2", {}, "Keys", el("kbd", {}, "Esc")), el("div", { class: "cols" }, column([time, view]), column([jump])),
    el("p", { class: "note" }, "Wheel zooms at the pointer, a drag moves both graphs, a double click fits them. A click on a mark shows it in the inspector."));
}
