// The page of a replay that is one file: the answers of the server are in it.

import { byId, el } from "./dom.mjs";
import { markAll } from "./marks.mjs";
import { Page } from "./page.mjs";
import { applyTheme, storedTheme } from "./theme.mjs";

const answers = window.gradvizAnswers;
answers["/api/events"].forEach((row, seq) => { row.seq = seq; });

/** What the server would say. Of the groups, all are open or those that are seen first: other pictures are not here. */
async function getJson(path) {
  if (path.startsWith("/api/search?")) return found(new URLSearchParams(path.split("?")[1]).get("q") || "");
  if (path.startsWith("/api/things?")) return [];  // the events that speak of it are all that is known here
  if (path.startsWith("/api/stops?")) return { stops: [], fault: "Conditions are worked out by gradviz view, not in this file." };
  const url = new URL(path, "file:"), asked = url.searchParams;
  if (url.pathname === "/api/events") return answers["/api/events"].slice(Number(asked.get("from")), Number(asked.get("to")));
  const known = (asked.get("open") ? answers[`${url.pathname}?open`] : null) ?? answers[url.pathname];
  if (known === undefined) throw new Error(`This part of the run is not in the file: ${path}`);
  return known;
}

/** Events whose sentence, label or place holds every word. */
function found(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = row => { const text = [...row.parts.map(part => part[0]), row.label, row.kind, row.text].join(" ").toLowerCase(); return wanted.every(word => text.includes(word)); };
  return answers["/api/events"].flatMap((row, seq) => wanted.length && holds(row) ? [seq] : []);
}

/** The inspector's answer was made when the file was written, of every event where they were few. */
function settle({ seq }) {
  const words = answers[`inspector ${seq}`];
  if (words !== undefined) byId("inspector").replaceChildren(...new DOMParser().parseFromString(words, "text/html").body.childNodes);
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
