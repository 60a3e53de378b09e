// The style table (scene/style.json) for one theme: colours by token, looks by (kind, state), fonts.

/** `families`: fonts of the page, in place of the table's, which is also for pictures without a page. */
export function makeStyle(table, theme, families = table.families) {
  const colours = { ...table.themes[theme], "": null, none: null };
  const looks = new Map(), lines = new Map(), widths = new Map();
  return {
    table, theme, families,
    colour: token => colours[token] ?? null,
    look(kind, state) {
      const key = `${kind} ${state}`;
      if (!looks.has(key)) {
        const states = table.looks[kind];
        looks.set(key, { ...table.look, ...(states[state] || states.future) });
      }
      return looks.get(key);
    },
    line(kind, state, variant = "") {
      const key = `${kind} ${state} ${variant}`;
      if (!lines.has(key)) {
        const states = table.edges[kind];
        const over = variant && (state === "rest" || state === "flowed") ? table.edge_variants[variant] : {};
        lines.set(key, { ...table.edge, ...(states[state] || states.future), ...over });
      }
      return lines.get(key);
    },
    font: (font, size = font.size, weight = font.weight) => `${weight} ${size}px ${families[font.family]}`,
    /** Width of words at 1 px: widths grow with the size, so each is measured once. */
    width(g, words, font, weight = font.weight) {
      const key = `${font.family} ${weight} ${words}`;
      let known = widths.get(key);
      if (known === undefined) {
        g.font = `${weight} 100px ${families[font.family]}`;
        widths.set(key, known = g.measureText(words).width / 100);
      }
      return known;
    },
  };
}

/** A label as it is drawn: one line, and of a long one its beginning and its end. As `shortened` of scene/style.py. */
export function shortened(words, most) {
  const line = words.trim().replace(/\s+/g, " ");
  if (line.length <= most) return line;
  const letters = Array.from(line), tail = Math.floor((most - 1) / 3);
  return letters.length <= most ? line : `${letters.slice(0, most - 1 - tail).join("")}…${letters.slice(-tail).join("")}`;
}

/** Entries that stand for more than their own pair: [pair, what it is shown as]. */
const STANDS = [["write broken", "write done"], ["alias tensor", "alias live"], ["alias quiet", "alias live"]];
/** Whatever the kind, a state that is explained once. */
const ONCE = { lost: "tensor lost", overwritten: "tensor overwritten", failed: "node failed", nan: "mark nan", nan_on: "mark nan" };

/** The legend entries of a scene: those of every (kind, state), badge and edge that it ever shows. */
export function presentMarks(table, scene) {
  const pairs = new Set();
  for (const node of scene.nodes) {
    for (const [, state] of node.states) {
      pairs.add(`${node.kind} ${state}`);
      if (ONCE[state]) pairs.add(ONCE[state]);
    }
    for (const badge of node.badges) pairs.add(`badge ${badge.kind}`);
  }
  for (const edge of scene.edges) {
    pairs.add(`edge ${edge.kind}`);
    for (const [, state] of edge.states) if (state === "cut") pairs.add("edge cut");
  }
  for (const [pair, shown] of STANDS) if (pairs.has(pair)) pairs.add(shown);
  return table.legend.filter(entry => pairs.has(`${entry.kind} ${entry.state}`));
}

/** The legend entry that hides a node: by kind, as the entries of kinds are the first of their kind. */
export function categoryOf(table, kind) {
  const stand = { accumulate: "leaf", none: "input", alias: "alias", mirror: "group" }[kind] || kind;
  return (table.legend.find(entry => entry.kind === stand) || { key: kind }).key;
}
