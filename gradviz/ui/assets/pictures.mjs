// The pictures of graphs, with these or those groups open: asked for once, and before they are needed; the newest are kept.

import { prepare } from "./picture.mjs";
import { changes } from "./time.mjs";
import { extent } from "./view.mjs";

const MOST = 24;

export class Pictures {
  /** `steps`: the events that one steps on. */
  constructor(getJson, steps) { this.getJson = getJson; this.steps = steps; this.asked = new Map(); }

  /** `opened`: the groups that are open; null for those that are seen first. */
  key(graph, opened) { return `${graph} ${opened ? opened.join(",") : "first"}`; }

  get(graph, opened) {
    const key = this.key(graph, opened), known = this.asked.get(key);
    this.asked.delete(key);
    this.asked.set(key, known || this.getJson(`/api/scene/${graph}${opened ? `?open=${opened.join(",")}` : ""}`)
      .then(({ scene, placed, across, rooms }) => ({ ...prepare(scene, placed, across, rooms, this.steps), changes: changes(scene), extent: extent(scene, placed) })));
    if (this.asked.size > MOST) this.asked.delete(this.asked.keys().next().value);
    return this.asked.get(key);
  }

  /** Asks for a picture that will be wanted; if it does not come, it is asked for again then. */
  foresee(graph, opened) { this.get(graph, opened).catch(() => this.asked.delete(this.key(graph, opened))); }
}
