// The console in step with time.

import { grouped } from "./data.mjs";
import { el } from "./dom.mjs";
import { floorIndex } from "./time.mjs";

const SHOWN = 400;
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))/g;
const UNSEEN = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;

/** Text as it is safe to show: colours of a terminal are left out, what moves or turns the text around is shown as a sign. */
export function plain(text) {
  return text.replace(ANSI, "").replace(/\r\n/g, "\n").replace(UNSEEN, sign => {
    const code = sign.codePointAt(0);
    return code < 32 ? String.fromCodePoint(0x2400 + code) : code === 127 ? "\u2421" : `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** "2 of 7 outputs so far", "7 of 7 outputs"; nothing where there are none. */
export function counted(count, all) {
  return all ? `${grouped(count)} of ${grouped(all)} output${all > 1 ? "s" : ""}${count < all ? " so far" : ""}` : "";
}

export class ConsoleView {
  /** `prints`: [seq, text, span] in order; `lineOf(span)`: its place in words; `empty`: what to say where nothing can be known. */
  constructor(root, counter, prints, lineOf, empty = "") {
    Object.assign(this, { root, counter, prints, lineOf, empty });
    this.count = -1;
    this.newest = null;
  }

  /** Shows what was printed up to the event `until`; what the cursor `seq` stands on is marked. */
  show(seq, until = seq) {
    const count = floorIndex(this.prints, until, print => print[0]) + 1;
    if (count !== this.count) {
      if (count > this.count && this.count >= 0 && count - this.count < 50) {
        if (this.count === 0) this.root.replaceChildren();
        for (let i = this.count; i < count; i++) this.root.append(this.line(this.prints[i]));
        while (this.root.childElementCount > SHOWN) this.root.firstElementChild.remove();
      } else {
        this.root.replaceChildren(...this.prints.slice(Math.max(0, count - SHOWN), count).map(print => this.line(print)));
        if (!count) this.root.append(el("li", { class: "empty" }, this.empty || (this.prints.length ? "Nothing printed up to this event." : "The script printed nothing.")));
      }
      this.count = count;
      this.counter.textContent = counted(count, this.prints.length);
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
    const place = this.lineOf(span);
    return el("li", {}, el("span", {}, plain(text).replace(/\n$/, "")), place ? el("button", { type: "button", title: "Go to this event", "data-seq": seq }, place) : null);
  }
}
