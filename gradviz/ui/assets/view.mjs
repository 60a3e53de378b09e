// One transform for both sides. The backward side is the mirror image of the forward side at the axis, so that a row
// is a row on both sides and what is dragged towards the axis on one side comes towards it on the other.

/** A view: scale `k` and the place of the forward side's origin on the stage. `width`, `height`: of the stage. */
const MARGIN = 22, SIDE = 14;
const LEAST = 0.002, MOST = 4;
const ROOMY = 0.9, LEGIBLE = 0.56;  // of a picture that is panned up and down: the scale that is enough, and the least
const MANY = 1500;  // nodes in sight at which none can be read anyway

/** What a picture really takes up on the forward side or, mirrored, on the backward side: {x0, x1, y0, y1}. */
export function extent(scene, placed) {
  const box = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
  const add = (l, r, t, b) => Object.assign(box, { x0: Math.min(box.x0, l), x1: Math.max(box.x1, r), y0: Math.min(box.y0, t), y1: Math.max(box.y1, b) });
  for (const node of scene.nodes) {
    const p = placed.nodes[node.id];
    if (!p) continue;
    const x = node.side === "backward" ? placed.width - p.x : p.x;
    add(x - p.w / 2, x + p.w / 2, p.y - p.h / 2, p.y + p.h / 2);
  }
  for (const [x, y, w, h] of [...Object.values(placed.frames), ...Object.values(placed.regions || {})]) add(x, x + w, y, y + h);
  const sides = new Map(scene.nodes.map(node => [node.id, node.side]));
  for (const edge of scene.edges) for (const [x, y] of placed.routes[edge.id] || []) {
    const here = sides.get(edge.source) === "backward" ? placed.width - x : x;
    add(here, here, y, y);
  }
  return box.x0 < box.x1 ? box : { x0: 0, x1: placed.width, y0: 0, y1: placed.height };
}

const MIDDLE = (low, high, size, k) => (size - k * (low + high)) / 2;

/** Fits a picture wholly. */
export function fitAll(box, width, height, most = 1.3) {
  const half = width / 2;
  const k = Math.max(LEAST, Math.min(most, (half - 2 * SIDE) / (box.x1 - box.x0), (height - 2 * MARGIN) / (box.y1 - box.y0)));
  return { k, x: MIDDLE(box.x0, box.x1, half, k), y: MIDDLE(box.y0, box.y1, height, k) };
}

/** The first view: all of it if it stays readable; else its top, as wide as the side, so that one pans up and down only. */
export function opening(box, width, height, readable = 0.76) {
  const whole = fitAll(box, width, height), wide = (width / 2 - 2 * SIDE) / (box.x1 - box.x0);
  if (whole.k >= readable) return whole;
  const k = wide < LEGIBLE ? readable : Math.min(wide, ROOMY);
  return { k, x: MIDDLE(box.x0, box.x1, width / 2, k), y: Math.max(MARGIN - k * box.y0, MIDDLE(box.y0, box.y1, height, k)) };
}

/** A view moved sideways, and made smaller with the height `y` held, so that a picture stays within its side. */
export function within(view, box, width, y) {
  const half = width / 2, k = Math.min(view.k, Math.max(LEGIBLE, (half - 2 * SIDE) / (box.x1 - box.x0)));
  const x = Math.min(Math.max(view.x, SIDE - k * box.x0), half - SIDE - k * box.x1);
  return { k, x: k * (box.x1 - box.x0) > half - SIDE ? view.x : x, y: view.y + (view.k - k) * y };
}

/** Where the nodes stand, backward ones mirrored: for each side its rects [left, right, top, bottom] and their extent. */
export function footprint(scene, placed) {
  const sides = {};
  for (const side of ["forward", "backward"]) {
    const rects = [], box = { x0: Infinity, x1: -Infinity, y0: Infinity, y1: -Infinity };
    for (const node of scene.nodes) {
      const p = node.side === side && placed.nodes[node.id];
      if (!p) continue;
      const x = side === "backward" ? placed.width - p.x : p.x, rect = [x - p.w / 2, x + p.w / 2, p.y - p.h / 2, p.y + p.h / 2];
      rects.push(rect);
      Object.assign(box, { x0: Math.min(box.x0, rect[0]), x1: Math.max(box.x1, rect[1]), y0: Math.min(box.y0, rect[2]), y1: Math.max(box.y1, rect[3]) });
    }
    sides[side] = { rects, box };
  }
  return sides;
}

/**
 * Moves a view sideways, as little as will do, so that the fewest nodes are cut, at the axis above all. `kept`: the rect
 * that must stay whole, if any. A picture that is not wider than its side is left alone.
 */
export function uncut(view, sides, box, width, height, kept = null) {
  const { k } = view, half = width / 2, AIR = 12, REACH = half / 2;
  if (k * (box.x1 - box.x0) <= half) return view;
  const seen = [...sides.forward.rects, ...sides.backward.rects].filter(([, , t, b]) => view.y + k * b > 0 && view.y + k * t < height);
  if (seen.length > MANY) return view;
  const cuts = (x, edge) => seen.filter(([l, r]) => x + k * l < edge - 0.5 && x + k * r > edge + 0.5).length;
  const whole = x => !kept || x + k * kept[0] >= AIR && x + k * kept[1] <= half - AIR;
  const places = [view.x];
  for (const [l, r] of seen) for (const edge of [0, half]) places.push(edge - AIR - k * r, edge + AIR - k * l);
  let best = view.x, least = Infinity;
  for (const x of places) {
    const away = Math.abs(x - view.x);
    if (away > REACH || !whole(x)) continue;
    const cost = 3 * cuts(x, half) + cuts(x, 0) + away / (8 * REACH);
    if (cost < least) { least = cost; best = x; }
  }
  return { ...view, x: best };
}

/** Beyond which edges of a side its nodes go on: [left, right, top, bottom]. */
export function beyond(view, side, box, width, height) {
  if (box.x0 > box.x1) return [false, false, false, false];
  const outer = view.x + view.k * box.x0 < -1, inner = view.x + view.k * box.x1 > width / 2 + 1;
  const [left, right] = side === "backward" ? [inner, outer] : [outer, inner];
  return [left, right, view.y + view.k * box.y0 < -1, view.y + view.k * box.y1 > height + 1];
}

/** Origin of a side on the stage. */
export function origin(view, side, placed, width) {
  return side === "backward" ? width - view.x - view.k * placed.width : view.x;
}

/** The place of a node on the stage: {x, y, w, h, l, r, t, b}. */
export function screenRect(view, side, position, placed, width) {
  const x = origin(view, side, placed, width) + view.k * position.x, y = view.y + view.k * position.y;
  const w = view.k * position.w, h = view.k * position.h;
  return { x, y, w, h, l: x - w / 2, r: x + w / 2, t: y - h / 2, b: y + h / 2 };
}

/** Zooms by a factor with the point under the cursor held. */
export function zoomAt(view, factor, px, py, width) {
  const k = Math.max(LEAST, Math.min(MOST, view.k * factor)), ratio = k / view.k;
  const x = px > width / 2 ? width - px : px;  // the mirror image of a cursor on the backward side
  return { k, x: x - (x - view.x) * ratio, y: py - (py - view.y) * ratio };
}

/** Drags by (dx, dy); on the backward side to the left is away from the picture's start. */
export function pan(view, dx, dy, onBackward) {
  return { k: view.k, x: view.x + (onBackward ? -dx : dx), y: view.y + dy };
}

/** Brings a node to the middle of its side, but shows no more emptiness beyond the picture's edges than need be. */
export function centre(view, node, position, placed, box, width, height, k = view.k) {
  const x = node.side === "backward" ? placed.width - position.x : position.x;
  return { k, x: along(x, box.x0, box.x1, width / 2, SIDE, k), y: along(position.y, box.y0, box.y1, height, MARGIN, k) };
}

function along(place, low, high, size, air, k) {
  if (k * (high - low) <= size - 2 * air) return MIDDLE(low, high, size, k);
  return Math.min(air - k * low, Math.max(size - air - k * high, size / 2 - k * place));
}

/** Whether a rect of the stage lies wholly inside its side. */
export function visible(rect, side, width, height, air = 8) {
  const left = side === "backward" ? width / 2 : 0;
  return rect.l >= left + air / 2 && rect.r <= left + width / 2 - air / 2 && rect.t >= air && rect.b <= height - air;
}

/** The part of a side's world that is on the stage: {x0, x1, y0, y1}. */
export function window_(view, side, placed, width, height) {
  const left = side === "backward" ? width / 2 : 0, at = origin(view, side, placed, width);
  return { x0: (left - at) / view.k, x1: (left + width / 2 - at) / view.k, y0: -view.y / view.k, y1: (height - view.y) / view.k };
}

/** The node under a point of the stage, the topmost; null if none. `nodes`: those of the scene, placed. */
export function hit(nodes, view, placed, width, px, py, air = 2) {
  const side = px > width / 2 ? "backward" : "forward";
  const x = (px - origin(view, side, placed, width)) / view.k, y = (py - view.y) / view.k;
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i], p = placed.nodes[node.id];
    if (node.side === side && p && Math.abs(x - p.x) <= p.w / 2 + air && Math.abs(y - p.y) <= p.h / 2 + air) return node;
  }
  return null;
}
