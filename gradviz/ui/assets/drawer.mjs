// The inspector and the drawer of findings share a place: which of the two is seen, which finding is open, which stop
// is here. The drawer is the same at every event, so a step only moves marks.

import { byId } from "./dom.mjs";

const TABS = ["inspector", "findings"];

export class Drawer {
  /** `page`: the owner of the cursor; `tab`: what is seen first. */
  constructor(page, tab) {
    this.page = page;
    this.open = 0;
    this.pane = document.querySelector(".right");
    for (const name of TABS) {
      byId(`tab-${name}`).addEventListener("click", () => this.show(name));
      byId(`tab-${name}`).addEventListener("keydown", event => this.rove(event, name));
    }
    this.pane.addEventListener("click", event => {
      const head = event.target instanceof Element && event.target.closest("[data-finding]");
      const copy = event.target instanceof Element && event.target.closest("[data-copy]");
      if (copy) navigator.clipboard.writeText(copy.dataset.copy).then(() => { copy.textContent = "copied"; }, () => { copy.textContent = "not allowed"; });
      if (head) { this.open = Number(head.dataset.finding); this.show("findings"); }
    });
    const many = page.trace.findings.length;
    byId("tab-findings").lastElementChild.textContent = many || "";
    byId("tab-findings").lastElementChild.hidden = !many;
    this.pane.querySelector(".next").hidden = !many;
    // Dash makes what is marked, when it has started
    new MutationObserver(() => { if (byId("drawer") && byId("drawer") !== this.marked) this.mark(); }).observe(this.pane, { childList: true, subtree: true });
    this.put(tab);
  }

  /** Shows one of the two; the address remembers it. */
  show(name) {
    const same = name === this.tab;
    this.put(name);
    this.mark();
    if (!same && this.page.seq >= 0) this.page.remember("replaceState", this.page.seq);
  }

  put(name) {
    this.tab = this.pane.dataset.tab = TABS.includes(name) ? name : "inspector";
    for (const one of TABS) {
      byId(`tab-${one}`).setAttribute("aria-selected", String(one === this.tab));
      byId(`tab-${one}`).tabIndex = one === this.tab ? 0 : -1;
    }
  }

  rove(event, name) {
    const to = { ArrowLeft: 1, ArrowRight: 1, Home: TABS.indexOf(name), End: TABS.indexOf(name) + 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault(); event.stopPropagation();
    const next = TABS[(TABS.indexOf(name) + to) % TABS.length];
    this.show(next);
    byId(`tab-${next}`).focus();
  }

  /** Opens the finding that has a stop here, and says of its stops which is here. */
  mark() {
    const { findings } = this.page.trace, { seq } = this.page, drawer = this.marked = byId("drawer");
    const tells = finding => finding && finding.stops.includes(seq);
    if (!tells(findings[this.open])) {
      const found = findings.findIndex(tells);
      if (found >= 0) this.open = found;
    }
    drawer?.querySelectorAll(".finding").forEach((card, number) => {
      const open = number === this.open;
      card.classList.toggle("open", open);
      card.querySelector("[data-finding]").setAttribute("aria-expanded", String(open));
      for (const stop of card.querySelectorAll(".stop")) {
        const here = open && Number(stop.dataset.seq) === seq;
        stop.setAttribute("aria-current", here ? "step" : "false");
        stop.previousElementSibling.classList.toggle("on", here);
      }
    });
  }
}
