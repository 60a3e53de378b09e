// The palette: every command of the registry by its words.

import { el } from "./dom.mjs";
import { COMMANDS } from "./keys.mjs";

/** Commands whose words hold the letters of a query in this order; those that begin with it, or hold it whole, first. */
export function matching(query, commands = COMMANDS) {
  const wanted = query.trim().toLowerCase();
  const rank = one => {
    const words = `${one.label} ${one.group}`.toLowerCase(), at = words.indexOf(wanted);
    if (at >= 0) return at === 0 ? 0 : words[at - 1] === " " ? 1 : 2;
    let place = -1;
    for (const letter of wanted) { place = words.indexOf(letter, place + 1); if (place < 0) return -1; }
    return 3;
  };
  return commands.map(one => [rank(one), one]).filter(([order]) => order >= 0).sort((a, b) => a[0] - b[0]).map(([, one]) => one);
}

export function fillPalette(sheet, run) {
  const list = el("div", { class: "found", role: "listbox", id: "palette-list" });
  let shown = [], chosen = 0;
  const show = () => {
    list.replaceChildren(...shown.map((one, i) => el("button", { type: "button", role: "option", "aria-selected": String(i === chosen), on: { click: () => done(one) } },
      el("span", {}, one.label), el("span", { class: "keys" }, ...one.keys.map(key => el("kbd", {}, key))))));
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const done = one => { sheet.close(); run(one.id); };
  const find = words => { shown = matching(words); chosen = 0; show(); };
  const box = el("input", { type: "text", class: "ask", placeholder: "What do you want to do?", spellcheck: "false", autocomplete: "off", "aria-controls": "palette-list", "aria-label": "Command", on: {
    input: event => find(event.target.value),
    keydown: event => {
      if (event.key === "Enter" && shown[chosen]) { event.preventDefault(); done(shown[chosen]); }
      const way = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (way && shown.length) { event.preventDefault(); chosen = (chosen + way + shown.length) % shown.length; show(); }
    } } });
  sheet.replaceChildren(box, list);
  find("");
  setTimeout(() => box.focus());
}
