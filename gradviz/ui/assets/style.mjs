// The style table (scene/style.json) for one theme: colours by token, looks by (kind, state), fonts.

/** `families`: fonts of the page, in place of the table's, which is also for pictures without a page. */
export function makeStyle(table, theme, families = table.families) {
  const colours = { ...table.themes[theme], "": null, none: null };
  const looks = new Map(), lines = new Map();
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
  };
}

/** What a legend entry is present for: the (kind, state) pairs and badges that a scene ever shows. */
export function presentMarks(table, scene) {
  const pairs = new Set();
  for (const node of scene.nodes) {
    for (const [, state] of node.states) pairs.add(`${node.kind} ${state}`);
    for (const badge of node.badges) pairs.add(`badge ${badge.kind}`);
  }
  for (const edge of scene.edges) {
    pairs.add(`edge ${edge.kind}`);
    for (const [, state] of edge.states) if (state === "cut") pairs.add("edge cut");
  }
  const nan = [...pairs].some(pair => pair.endsWith(" nan"));
  return table.legend.filter(entry => entry.kind === "mark" ? nan : pairs.has(`${entry.kind} ${entry.state}`));
}

/** The legend entry that hides a node: by kind, as the entries of kinds are the first of their kind. */
export function categoryOf(table, kind) {
  const stand = { accumulate: "leaf", none: "input", alias: "alias" }[kind] || kind;
  return (table.legend.find(entry => entry.kind === stand) || { key: kind }).key;
}
