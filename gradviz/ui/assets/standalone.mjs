// The page of a replay that is one file: the answers of the server are in it.

import { byId, el } from "./dom.mjs";
import { markAll } from "./marks.mjs";
import { Page } from "./page.mjs";
import { applyTheme, storedTheme } from "./theme.mjs";

const answers = window.gradvizAnswers;

/** What the server would say. Of the groups, all are open or those that are seen first: other pictures are not here. */
async function getJson(path) {
  if (path.startsWith("/api/search?")) return found(new URLSearchParams(path.split("?")[1]).get("q") || "");
  if (path.startsWith("/api/stops?")) return { stops: [], fault: "Conditions are worked out by gradviz view, not in this file." };
  const first = path.replace(/\?open=.*/, "");
  const known = answers[path] ?? (path.length > `${first}?open=`.length ? answers[`${first}?open`] : null) ?? answers[first];
  if (known === undefined) throw new Error("This part of the run is not in the file.");
  if (path.startsWith("/api/events?")) known.forEach((row, i) => { row.seq = Number(/from=(\d+)/.exec(path)[1]) + i; });
  return known;
}

/** Events whose sentence, label or place holds every word. */
function found(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean), hits = [];
  for (let from = 0; wanted.length && answers[`/api/events?from=${from}&to=${from + 2000}`]; from += 2000) {
    answers[`/api/events?from=${from}&to=${from + 2000}`].forEach((row, i) => {
      const text = [...row.parts.map(part => part[0]), row.label, row.kind, row.text].join(" ").toLowerCase();
      if (wanted.every(word => text.includes(word))) hits.push(from + i);
    });
  }
  return hits;
}

/** The inspector's answer was made when the file was written, of every event where they were few. */
function settle({ seq }) {
  const words = answers[`inspector ${seq}`];
  if (words !== undefined) byId("inspector").innerHTML = words;
  else if (!byId("inspector").childElementCount) byId("inspector").append(el("p", { class: "empty" }, "The answers of a run as long as this are not in the file: gradviz view shows them."));
}

async function boot() {
  applyTheme(storedTheme());
  const page = new Page(answers["/api/trace"], answers["/api/style"], getJson, settle);
  await page.start();
  markAll(document.querySelector(".right"), page);
  window.__gradviz = page.probe();
  document.documentElement.dataset.ready = "yes";
}

boot();
