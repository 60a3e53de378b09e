// The elements of the picture and their states in words, for readers of the screen: a canvas says nothing to them.

import { el, say } from "./dom.mjs";
import { at } from "./time.mjs";

export class ElementList {
  constructor(root) { this.root = root; this.items = []; }

  build(scene) {
    this.items = scene.nodes.map(node => ({ node, item: el("li", { "data-id": node.id }) }));
    this.root.replaceChildren(...this.items.map(one => one.item));
  }

  /** `lit`: {focus} as the overlay gave it. */
  show(seq, lit) {
    const focus = new Set(lit?.focus);
    for (const { node, item } of this.items) say(item, sentenceOf(node, seq, focus.has(node.id)));
  }
}

/** "forward leaf w1, scalar, live, gradient passed, now". */
export function sentenceOf(node, seq, now) {
  const state = at(node.states, seq, "future"), label = at(node.label, seq, node.label[0]?.[1] || "");
  const grad = node.grad.length ? at(node.grad, seq) : "";
  return [`${node.side} ${node.kind} ${label}`, at(node.sub, seq), state === "future" ? "not yet" : state, grad && `gradient ${grad}`, now && "now"].filter(Boolean).join(", ");
}
