// Time as intervals: tracks of [seq, what], the list of events one steps on, and where the steps lead.

/** Index of the last entry <= value in a sorted array; -1 before the first. */
export function floorIndex(sorted, value, key = entry => entry) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (key(sorted[middle]) <= value) low = middle + 1; else high = middle;
  }
  return low - 1;
}

const first = entry => entry[0];

/** What a track says at an event; `otherwise` before its first entry. */
export function at(track, seq, otherwise = "") {
  const place = floorIndex(track, seq, first);
  return place < 0 ? otherwise : track[place][1];
}

/** [state, text] of a gradient compartment at an event; null where there is none yet. */
export function gradAt(node, seq) {
  const place = floorIndex(node.grad, seq, first);
  return place < 0 ? null : [node.grad[place][1], node.grad[place][2]];
}

/** Every event at which something of a scene changes, sorted: between two of them the picture stands still. */
export function changes(scene) {
  const seqs = new Set();
  const add = track => { for (const entry of track) seqs.add(entry[0]); };
  for (const node of scene.nodes) {
    add(node.label); add(node.sub); add(node.states); add(node.grad);
    for (const badge of node.badges) add(badge.states);
  }
  for (const edge of scene.edges) { add(edge.states); add(edge.label); }
  for (const group of scene.groups) seqs.add(group.since);
  return [...seqs].sort((a, b) => a - b);
}

/** The nearest entry of a sorted list to step on from `seq`, `delta` entries away; stays at the ends. */
export function move(steps, seq, delta) {
  if (!steps.length) return 0;
  let place = floorIndex(steps, seq);
  if (delta < 0 && (place < 0 || steps[place] !== seq)) place += 1;
  return steps[Math.max(0, Math.min(steps.length - 1, place + delta))];
}

/** The next entry strictly after (direction 1) or before (-1) `seq` for which `wanted` holds; null if none. */
export function seek(sorted, seq, direction, wanted = () => true) {
  let place = floorIndex(sorted, seq);
  if (direction < 0) { if (place >= 0 && sorted[place] === seq) place -= 1; } else place += 1;
  for (; place >= 0 && place < sorted.length; place += direction) if (wanted(sorted[place])) return sorted[place];
  return null;
}

/** The steps of a scene that touch an element or its twin. */
export function touching(scene, id, inside = null) {
  const node = scene.nodes.find(one => one.id === id);
  if (!node) return [];
  if (inside && (node.kind === "group" || node.kind === "mirror")) return [...inside.events.get(id) || [], ...inside.events.get(node.twin) || []].sort((a, b) => a - b);
  const near = new Set([id, node.twin, node.alias_of].filter(Boolean));
  const edges = new Set(scene.edges.filter(edge => near.has(edge.source) || near.has(edge.target)).map(edge => edge.id));
  return scene.steps.filter(step => step.focus.some(one => near.has(one)) || step.twins.some(one => near.has(one))
    || step.edges.some(one => edges.has(one))).map(step => step.seq);
}
