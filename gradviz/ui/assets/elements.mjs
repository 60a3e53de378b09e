// The elements of the picture and their states in words: a canvas says nothing to readers of the screen. With the
// keyboard in it, it is seen: up and down choose, Enter selects.

import { el, say } from "./dom.mjs";
import { reveal } from "./source.mjs";
import { at } from "./time.mjs";

const PAGE = 10;

export class ElementList {
  /** `pick(id)`: selects an element. */
  constructor(root, pick) {
    Object.assign(this, { root, items: [], place: -1 });
    root.setAttribute("role", "listbox");
    root.tabIndex = 0;
    root.addEventListener("keydown", event => {
      const by = { ArrowDown: 1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE }[event.key];
      if (by !== undefined) this.choose(Math.max(0, Math.min(this.items.length - 1, this.place + by)));
      else if (event.key === "Enter" && this.items[this.place]) pick(this.items[this.place].node.id);
      else return;
      event.preventDefault(); event.stopPropagation();
    });
    root.addEventListener("focus", () => { if (this.place < 0 && this.items.length) this.choose(Math.max(0, this.items.findIndex(one => one.now))); });
    root.addEventListener("click", event => {
      const item = event.target.closest("[data-id]");
      if (item) { this.choose(this.items.findIndex(one => one.item === item)); pick(item.dataset.id); }
    });
  }

  build(scene) {
    this.items = scene.nodes.map(node => ({ node, now: false, item: el("li", { id: `in-${node.id}`, "data-id": node.id, role: "option", "aria-selected": "false" }) }));
    this.root.replaceChildren(...this.items.map(one => one.item));
    this.root.removeAttribute("aria-activedescendant");
    this.place = -1;
  }

  choose(place) {
    this.items[this.place]?.item.setAttribute("aria-selected", "false");
    this.place = place;
    const { item } = this.items[place];
    item.setAttribute("aria-selected", "true");
    this.root.setAttribute("aria-activedescendant", item.id);
    reveal(this.root, item, 4);
  }

  /** `lit`: {focus} as the overlay gave it. */
  show(seq, lit) {
    const focus = new Set(lit?.focus);
    for (const one of this.items) {
      one.now = focus.has(one.node.id);
      say(one.item, sentenceOf(one.node, seq, one.now));
    }
  }
}

/** "forward leaf w1, scalar, live, gradient passed, now". */
export function sentenceOf(node, seq, now) {
  const state = at(node.states, seq, "future"), label = at(node.label, seq, node.label[0]?.[1] || "");
  const grad = node.grad.length ? at(node.grad, seq) : "";
  return [`${node.side} ${node.kind} ${label}`, at(node.sub, seq), state === "future" ? "not yet" : state, grad && `gradient ${grad}`, now && "now"].filter(Boolean).join(", ");
}
