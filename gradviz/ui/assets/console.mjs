// The console in step with time.

import { el } from "./dom.mjs";
import { floorIndex } from "./time.mjs";

const SHOWN = 400;

/** `prints`: [seq, text, span] in order; lines appear as the cursor passes them. */
export class ConsoleView {
  constructor(root, counter, prints, lineOf, jump) {
    Object.assign(this, { root, counter, prints, lineOf, jump });
    this.count = -1;
    this.newest = null;
  }

  show(seq) {
    const count = floorIndex(this.prints, seq, print => print[0]) + 1;
    if (count !== this.count) {
      if (count > this.count && this.count >= 0 && count - this.count < 50) {
        if (this.count === 0) this.root.replaceChildren();
        for (let i = this.count; i < count; i++) this.root.append(this.line(this.prints[i]));
        while (this.root.childElementCount > SHOWN) this.root.firstElementChild.remove();
      } else {
        this.root.replaceChildren(...this.prints.slice(Math.max(0, count - SHOWN), count).map(print => this.line(print)));
        if (!count) this.root.append(el("li", { class: "empty" }, "Nothing printed up to this event."));
      }
      this.count = count;
      this.counter.textContent = this.prints.length ? `${count} of ${this.prints.length} output${this.prints.length > 1 ? "s" : ""} so far` : "";
      this.root.scrollTop = this.root.scrollHeight;
    }
    const newest = count && this.prints[count - 1][0] === seq ? this.root.lastElementChild : null;
    if (this.newest !== newest) {
      this.newest?.classList.remove("new");
      newest?.classList.add("new");
      this.newest = newest;
    }
  }

  line([seq, text, span]) {
    const number = this.lineOf(span);
    return el("li", {}, el("span", {}, text.replace(/\n$/, "")), number ? el("button", { type: "button", title: "Go to this event", "data-seq": seq }, `line ${number}`) : null);
  }
}
