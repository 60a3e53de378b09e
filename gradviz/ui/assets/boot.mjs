// Starts the page, then Dash, which fills the inspector. The one module that knows of Dash: it tells Dash where the
// cursor came to rest, and puts pictures of marks where the inspector asks for them.

import { byId } from "./dom.mjs";
import { markAll } from "./marks.mjs";
import { Page } from "./page.mjs";
import { applyTheme, storedTheme } from "./theme.mjs";

applyTheme(storedTheme());

async function getJson(path) {
  const answer = await fetch(path, { credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}

let resting = null;

/** Tells Dash where the cursor rests: the newest place, once the inspector is there to answer. */
function settle(where) {
  const waiting = resting !== null;
  resting = where;
  if (!waiting) tell();
}

function tell() {
  const dash = window.dash_clientside;
  if (!byId("inspector") || !dash || !dash.set_props) { setTimeout(tell, 30); return; }
  dash.set_props("settled", { "data-where": JSON.stringify(resting) });
  resting = null;
}

/** Runs the scripts of Dash, in order. They take longer than all the rest: so they come when one can step already. */
async function startDash() {
  const scripts = [...document.querySelectorAll("link[data-src]")].map(link => Object.assign(document.createElement("script"), { src: link.dataset.src, async: false }));
  await Promise.all(scripts.map(script => new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", () => reject(new Error(`${script.src} did not arrive.`)));
    document.body.append(script);
  })));
  new window.DashRenderer();
}

async function boot() {
  const [trace, style] = await Promise.all([getJson("/api/trace"), getJson("/api/style")]);
  const page = new Page(trace, style, getJson, settle);
  page.prefetch();
  await page.start();
  markAll(document.querySelector(".right"), page);
  window.__gradviz = page.probe();
  document.documentElement.dataset.ready = "yes";
  requestAnimationFrame(() => setTimeout(() => startDash().catch(fail)));  // after the first picture is on the screen
}

function fail(error) {
  const stage = byId("stage") || document.body;
  const note = document.createElement("p");
  note.className = "fault";
  note.textContent = `The replay could not be shown. ${error.message}`;
  stage.append(note);
  console.error(error);
}

boot().catch(fail);
