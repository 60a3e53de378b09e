// Starts the page. The one module that knows of Dash: it waits for the panes to be there, tells the server panes where
// the cursor came to rest, and puts pictures of marks where the inspector asks for them.

import { byId } from "./dom.mjs";
import { markOf } from "./marks.mjs";
import { Page } from "./page.mjs";
import { applyTheme, storedTheme } from "./theme.mjs";

applyTheme(storedTheme());

async function getJson(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

/** Resolves when Dash has put the panes on the page. */
function panes() {
  return new Promise(resolve => {
    const there = () => byId("stage") && byId("timeline") && byId("inspector");
    if (there()) return resolve();
    const watch = new MutationObserver(() => { if (there()) { watch.disconnect(); resolve(); } });
    watch.observe(document.body, { childList: true, subtree: true });
  });
}

/** Tells Dash where the cursor rests; Dash may still be starting. */
function settle(where) {
  const dash = window.dash_clientside;
  if (dash && dash.set_props) dash.set_props("settled", { data: where });
  else setTimeout(() => settle(where), 30);
}

/** Fills `<span data-kind data-state>` of the inspector with the mark of the style table. */
function fillMarks(root, page) {
  const fill = () => {
    for (const place of root.querySelectorAll("[data-kind][data-state]")) {
      const key = `${place.dataset.kind} ${place.dataset.state}`;
      if (place.filled === key && place.childElementCount) continue;
      place.filled = key;
      place.replaceChildren(markOf(page.style, place.dataset.kind, place.dataset.state));
    }
  };
  new MutationObserver(fill).observe(root, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-kind", "data-state"] });
  fill();
}

async function boot() {
  const ready = panes(), [trace, style] = await Promise.all([getJson("/api/trace"), getJson("/api/style")]);
  const page = new Page(trace, style, getJson, settle);
  page.prefetch();
  await ready;
  await page.start();
  fillMarks(byId("inspector"), page);
  window.__gradviz = page.probe();
  document.documentElement.dataset.ready = "yes";
}

boot().catch(error => {
  const stage = byId("stage") || document.body;
  const note = document.createElement("p");
  note.className = "fault";
  note.textContent = `The replay could not be shown. ${error.message}`;
  stage.append(note);
  console.error(error);
});
