// The search box: what the words may stand for in a list, a choice shows it; else the events that speak of it, one by one.

import { byId, el } from "./dom.mjs";
import { grouped } from "./data.mjs";

const PAUSE = 30;

/** The hit after an event, or before it; around the ends. */
export function nextHit(hits, seq, back) {
  if (!hits.length) return null;
  return back ? [...hits].reverse().find(one => one < seq) ?? hits[hits.length - 1] : hits.find(one => one > seq) ?? hits[0];
}

export function bindSearch(page) {
  const box = byId("search"), note = byId("hits"), list = byId("found");
  for (const [name, value] of [["role", "combobox"], ["aria-controls", "found"], ["aria-autocomplete", "list"], ["aria-expanded", "false"]]) box.setAttribute(name, value);
  let asked = "", hits = [], things = [], chosen = 0, timer = 0;
  const open = () => !list.hidden;
  const tell = () => { note.textContent = !asked ? "" : hits.length ? `${hits.indexOf(page.seq) + 1 || "–"}/${hits.length}` : things.length ? "" : "none"; };
  const shut = () => { list.hidden = true; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };
  const choices = () => [...things.map(thing => () => show(thing)), ...(hits.length ? [() => go(false)] : [])];

  const paint = () => {
    list.replaceChildren(...things.map((thing, i) => row(i, thing.kind, thing.name, [thing.about, thing.many > 1 ? `${grouped(thing.many)} of that name` : ""].filter(Boolean).join(" · "))),
      ...(hits.length ? [row(things.length, "events", hits.length === 1 ? "1 event speaks of it" : `${grouped(hits.length)} events speak of it`, "Enter again for the next")] : []));
    list.hidden = !things.length;
    box.setAttribute("aria-expanded", String(open()));
    if (open()) box.setAttribute("aria-activedescendant", `found-${chosen}`);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const row = (i, kind, name, about) => el("button", { type: "button", role: "option", id: `found-${i}`, tabindex: -1, "aria-selected": String(i === chosen), on: { mousedown: event => event.preventDefault(), click: () => choose(i) } },
    el("span", { class: "kind" }, kind), el("b", { class: kind === "events" ? "" : "mono" }, name), el("small", {}, about));
  const choose = i => { const act = choices()[i]; shut(); act?.(); };
  const show = ({ element, seq }) => {
    if (element) page.pin(element); else page.pinned = false;
    if (seq >= 0) page.jump(seq);
    page.bring(element);
    byId("inspector")?.focus({ preventScroll: true });
  };
  const go = back => { page.pinned = false; page.jump(nextHit(hits, page.seq, back)); tell(); };

  let finding = Promise.resolve();
  const find = words => {
    if (words !== asked) { asked = words; finding = ask(words); }
    return finding;
  };
  const ask = async words => {
    const query = `q=${encodeURIComponent(words)}`, asking = words.trim() ? [page.getJson(`/api/things?${query}&at=${page.seq}`), page.getJson(`/api/search?${query}`)] : [[], []];
    const [some, events] = await Promise.all(asking);
    if (asked !== words) return;
    things = some; hits = events; chosen = 0;
    paint(); tell();
  };
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => find(box.value), PAUSE); });
  box.addEventListener("blur", shut);
  box.addEventListener("focus", () => { asked = ""; if (box.value) find(box.value); });  // seen from where one is now
  box.addEventListener("keydown", async event => {
    if (event.key === "Escape") { box.value = ""; asked = ""; hits = []; things = []; shut(); tell(); box.blur(); event.stopPropagation(); return; }
    const way = { ArrowDown: 1, ArrowUp: -1 }[event.key], many = choices().length;
    if (way && many) { event.preventDefault(); if (open()) chosen = (chosen + way + many) % many; paint(); return; }
    if (event.key !== "Enter") return;
    event.preventDefault();
    clearTimeout(timer);
    await find(box.value);
    if (event.shiftKey) { shut(); go(true); } else if (open()) choose(chosen); else if (hits.length) go(false);
  });
}
