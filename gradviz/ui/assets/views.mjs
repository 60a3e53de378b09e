// What is in the middle of the page: the graphs, the gradient flow, or the table of events. All follow one cursor.

import { byId } from "./dom.mjs";
import { EventsView } from "./events.mjs";
import { FlowView } from "./flow.mjs";

export const VIEWS = ["graphs", "flow", "events"];

export class Views {
  constructor(page, name) {
    this.page = page;
    this.views = { flow: new FlowView(page, byId("flow-view")), events: new EventsView(page, byId("events-view")) };
    this.put(VIEWS.includes(name) ? name : "graphs");
  }

  /** Shows a view; the address remembers it. */
  show(name) {
    if (name === this.name) return;
    this.put(name);
    this.page.remember("pushState", this.page.seq);
    this.paint();
  }

  put(name) {
    this.name = name;
    for (const one of VIEWS) {
      document.querySelector(`[data-command="view-${one}"]`).setAttribute("aria-selected", String(one === name));
      if (this.views[one]) byId(`${one}-view`).hidden = one !== name;
    }
    for (const pane of document.querySelectorAll(".left,.center")) pane.inert = name !== "graphs";
    this.views[name]?.open();
  }

  paint() { this.views[this.name]?.paint(); }
  resize() { this.views[this.name]?.resize(); }
}
