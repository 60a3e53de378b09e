// The source pane: lines as segments of marked text, and which of them are lit, running, still cold.

import { el } from "./dom.mjs";

const WORDS = /(#.*$)|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|\b(import|from|as|def|class|return|yield|lambda|for|while|in|if|elif|else|with|try|except|finally|raise|assert|pass|break|continue|del|global|nonlocal|async|await|and|or|not|is|None|True|False)\b/g;

/** A line cut into [words, class] where keywords, texts, comments and marks begin and end. `marks`: [from, to, class]. */
export function segments(line, marks) {
  const letters = /[\ud800-\udfff]/.test(line) ? Array.from(line) : line, n = letters.length;
  const kind = new Array(n).fill(""), mark = new Array(n).fill("");
  if (letters === line) {
    for (const match of line.matchAll(WORDS)) kind.fill(match[1] ? "c" : match[2] ? "s" : "k", match.index, match.index + match[0].length);
  }
  for (const [from, to, name] of marks) mark.fill(name, Math.max(0, from), Math.min(n, to));
  const found = [];
  for (let i = 0; i < n;) {
    let end = i;
    while (end < n && kind[end] === kind[i] && mark[end] === mark[i]) end += 1;
    found.push([typeof letters === "string" ? letters.slice(i, end) : letters.slice(i, end).join(""), kind[i], mark[i]]);
    i = end;
  }
  return found;
}

/** The pieces of a span by line: Map of 1-based line to [from, to]. `lines`: the text of the file. */
export function linesOf(span, lines) {
  const pieces = new Map();
  for (let number = span.line; number <= span.endLine; number++) {
    const text = lines[number - 1] ?? "";
    const from = number === span.line ? span.column : text.length - text.trimStart().length;
    pieces.set(number, [from, number === span.endLine ? span.endColumn : text.length]);
  }
  return pieces;
}

export const readSpan = ([id, file, name, line, column, endLine, endColumn, names]) => ({ id, file, function: name, line, column, endLine, endColumn, names });

/** Shows one file; draws only the lines whose marks changed. */
export class SourceView {
  constructor(root) { this.root = root; this.file = null; this.rows = []; this.lines = []; this.marked = new Map(); this.cold = new Set(); }

  open(file, text, counts) {
    if (this.file === file) return;
    this.file = file;
    this.root.classList.toggle("long", text.length > 40_000);
    this.lines = text.replace(/\n$/, "").split("\n");
    this.root.style.setProperty("--digits", String(this.lines.length).length);
    this.marked = new Map(); this.cold = new Set();
    this.rows = this.lines.map((line, i) => {
      const marker = el("span", { class: "mk" }), code = el("span", { class: "code" }), runs = counts.get(i + 1);
      const says = runs > 1 ? `ran ${runs} times: what each execution made` : "what this line made";
      const row = el("div", { class: runs > 1 ? "ln many" : "ln", "data-line": i + 1 }, marker, el("span", { class: runs ? "no ran" : "no", title: runs ? says : false }, String(i + 1)), code, runs > 1 ? el("button", { type: "button", class: "ct", title: says, "aria-label": `line ${i + 1} ${says}` }, `×${runs}`) : null);
      fillCode(code, line, []);
      return { row, marker, code };
    });
    this.root.replaceChildren(...this.rows.map(one => one.row));
  }

  /**
   * Marks lines. `lit`, `running`: spans or null; `tone`: fwd, bwd or bad; `stops`: [{number, span, now}];
   * `cold`: the lines that have not run yet.
   */
  mark({ lit, running, tone, stops, cold }) {
    const next = new Map();
    const line = number => { if (!next.has(number)) next.set(number, { marks: [], classes: [], stop: null, run: false }); return next.get(number); };
    const put = (span, name) => { for (const [number, [from, to]] of linesOf(span, this.lines)) line(number).marks.push([from, to, name]); };
    for (const stop of stops) {
      put(stop.span, "hl3");
      const own = line(stop.span.line);
      if (!own.stop || stop.now) own.stop = stop;
    }
    if (running) { put(running, "hl2"); line(running.line).classes.push("run"); line(running.line).run = true; }
    if (lit) { put(lit, `hl ${tone}`); for (const number of linesOf(lit, this.lines).keys()) line(number).classes.push("hot", tone); }
    for (const number of new Set([...this.marked.keys(), ...next.keys()])) this.paint(number, next.get(number));
    this.marked = next;
    for (const number of this.cold) if (!cold.has(number)) this.rows[number - 1]?.row.classList.remove("cold");
    for (const number of cold) if (!this.cold.has(number)) this.rows[number - 1]?.row.classList.add("cold");
    this.cold = cold;
    const target = lit ? this.rows[lit.line - 1] : running ? this.rows[running.line - 1] : null;
    if (target) reveal(this.root, target.row);
  }

  paint(number, wanted) {
    const one = this.rows[number - 1];
    if (!one) return;
    const key = wanted ? JSON.stringify([wanted.marks, wanted.classes, wanted.run, wanted.stop && [wanted.stop.number, wanted.stop.now]]) : "";
    if (one.key === key) return;
    one.key = key;
    one.row.className = ["ln", one.row.classList.contains("many") ? "many" : "", ...(wanted ? wanted.classes : []), one.row.classList.contains("cold") ? "cold" : ""].filter(Boolean).join(" ");
    fillCode(one.code, this.lines[number - 1], wanted ? wanted.marks : []);
    one.marker.replaceChildren(...(wanted && wanted.stop ? [el("i", { class: `num${wanted.stop.now ? " on" : ""}` }, String(wanted.stop.number))]
      : wanted && wanted.run ? [el("i", { class: "i i-running", title: "this statement is on the stack" })] : []));
  }
}

function fillCode(code, line, marks) {
  const parts = [];
  for (const [words, kind, mark] of segments(line, marks)) {
    const inner = kind ? el("span", { class: kind }, words) : words;
    const last = parts[parts.length - 1];
    if (mark && last && last.mark === mark) last.node.append(inner);
    else parts.push({ mark, node: mark ? el("span", { class: mark }, inner) : inner });
  }
  code.replaceChildren(...(parts.length ? parts.map(part => part.node) : [" "]));
}

/** Scrolls a box so that a child is in view, without moving anything else. */
export function reveal(box, child, air = 24) {
  const top = child.offsetTop, bottom = top + child.offsetHeight;
  if (top - air < box.scrollTop) box.scrollTop = Math.max(0, top - air);
  else if (bottom + air > box.scrollTop + box.clientHeight) box.scrollTop = bottom + air - box.clientHeight;
}
