import assert from "node:assert/strict";
import test from "node:test";
import { beyond, centre, extent, fitAll, hit, opening, origin, pan, screenRect, uncut, visible, zoomAt, within } from "../../../gradviz/ui/assets/view.mjs";

const placed = { width: 400, height: 1000, frames: {}, nodes: { f: { x: 100, y: 500, w: 80, h: 40 }, b: { x: 300, y: 500, w: 80, h: 40 } } };
const nodes = [{ id: "f", side: "forward" }, { id: "b", side: "backward" }];
const box = { x0: 20, x1: 380, y0: 20, y1: 980 };
const W = 700, H = 600;
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test("twins mirror each other at the axis, at any zoom and pan", () => {
  for (const view of [fitAll(box, W, H), { k: 0.3, x: 17, y: -40 }, zoomAt({ k: 1, x: 0, y: 0 }, 1.7, 480, 90, W), pan({ k: 1, x: 0, y: 0 }, 33, 12, true)]) {
    const f = screenRect(view, "forward", placed.nodes.f, placed, W), b = screenRect(view, "backward", placed.nodes.b, placed, W);
    near(f.y, b.y);
    near(f.x + b.x, W);
  }
});

test("zooming holds the point under the cursor, on both sides", () => {
  for (const [side, px] of [["forward", 120], ["backward", 530]]) {
    const view = { k: 0.8, x: 10, y: 5 }, next = zoomAt(view, 1.5, px, 200, W);
    const world = v => [(px - origin(v, side, placed, W)) / v.k, (200 - v.y) / v.k];
    world(view).forEach((value, i) => near(value, world(next)[i]));
  }
});

test("a drag moves what is under the pointer with it", () => {
  const view = { k: 1, x: 0, y: 0 };
  for (const [side, node] of [["forward", "f"], ["backward", "b"]]) {
    const before = screenRect(view, side, placed.nodes[node], placed, W), after = screenRect(pan(view, 25, 7, side === "backward"), side, placed.nodes[node], placed, W);
    near(after.x - before.x, 25);
    near(after.y - before.y, 7);
  }
});

test("all of it fits, unless it would be too small to read", () => {
  const whole = fitAll(box, W, H);
  near(whole.k, (H - 44) / 960);
  const { k, y } = opening(box, W, H), wide = (W / 2 - 28) / (box.x1 - box.x0);
  near(k, wide);
  near(y + k * box.y0, 22);
  assert.equal(opening({ x0: 0, x1: 100, y0: 0, y1: 100 }, W, H).k, 1.3);
});

test("what does not fit is never smaller than can be read", () => {
  for (const large of [{ x0: 0, x1: 700, y0: 0, y1: 5000 }, { x0: 0, x1: 6000, y0: 0, y1: 300 }]) assert.equal(opening(large, W, H).k, 0.76);
  const high = opening({ x0: 0, x1: 100, y0: 0, y1: 5000 }, W, H);
  assert.equal(high.k, 0.9);
});

test("what opened stays in its pane, with its height held", () => {
  const wide = { x0: 0, x1: W / 2, y0: 0, y1: 500 }, found = within({ k: 1, x: -200, y: 30 }, wide, W, 100);
  assert.ok(found.x >= 0 && found.x + found.k * wide.x1 <= W / 2);
  near(found.y + found.k * 100, 30 + 100);
  assert.deepEqual(within({ k: 1, x: 40, y: 0 }, { x0: 0, x1: 100, y0: 0, y1: 9 }, W, 0), { k: 1, x: 40, y: 0 });
});

test("a view moves aside rather than cut a node at the axis, and never hides what must be seen", () => {
  const rects = [[0, 100, 0, 20], [300, 400, 40, 60]], sides = { forward: { rects, box: { x0: 0, x1: 400, y0: 0, y1: 60 } }, backward: { rects: [], box: {} } };
  const view = uncut({ k: 1, x: 0, y: 0 }, sides, sides.forward.box, W, H, [0, 100]);
  assert.ok(view.x + 400 <= W / 2 || view.x + 300 >= W / 2, `cut at ${view.x}`);
  assert.ok(view.x >= 0);
});

test("an edge beyond which the picture goes on is known, mirrored on the backward side", () => {
  const wide = { x0: 10, x1: 800, y0: 10, y1: 900 };
  assert.deepEqual(beyond({ k: 1, x: 0, y: 0 }, "forward", wide, W, H), [false, true, false, true]);
  assert.deepEqual(beyond({ k: 1, x: 0, y: 0 }, "backward", wide, W, H), [true, false, false, true]);
});

test("centring shows no emptiness beyond the edges", () => {
  const top = centre({ k: 1, x: 0, y: 0 }, nodes[0], { x: 100, y: 30 }, placed, box, W, H);
  near(top.y + box.y0, 22);
  const middle = centre({ k: 1, x: 0, y: 0 }, nodes[0], placed.nodes.f, placed, box, W, H);
  near(screenRect(middle, "forward", placed.nodes.f, placed, W).y, H / 2);
});

test("a pointer hits the node of its side", () => {
  const view = { k: 1, x: 0, y: 0 };
  assert.equal(hit(nodes, view, placed, W, 100, 500).id, "f");
  assert.equal(hit(nodes, view, placed, W, 600, 500).id, "b");
  assert.equal(hit(nodes, view, placed, W, 300, 300), null);
});

test("what is partly outside its side is not visible", () => {
  const rect = (l, r, t, b) => ({ l, r, t, b });
  assert.ok(visible(rect(50, 100, 50, 90), "forward", W, H));
  assert.ok(!visible(rect(330, 380, 50, 90), "forward", W, H));
  assert.ok(!visible(rect(50, 100, 580, 620), "forward", W, H));
  assert.ok(visible(rect(400, 450, 50, 90), "backward", W, H));
});

test("the extent holds both sides and the frames", () => {
  const all = extent({ nodes, edges: [] }, { ...placed, routes: {}, frames: { s: [10, 700, 50, 60] } });
  assert.deepEqual(all, { x0: 10, x1: 140, y0: 480, y1: 760 });
});

test("a pane keeps to its bounds, and closes when drawn almost shut", async () => {
  const { clampSize } = await import("../../../gradviz/ui/assets/split.mjs");
  assert.deepEqual([50, 120, 300, 900].map(size => clampSize(size, 200, 600)), [0, 200, 300, 600]);
});

test("the extent holds lines that run beside the nodes, mirrored on the backward side", () => {
  const lines = [{ id: "x", source: "f" }, { id: "y", source: "b" }];
  const all = extent({ nodes, edges: lines }, { ...placed, routes: { x: [[395, 100], [396, 120]], y: [[390, 100], [392, 120]] } });
  assert.deepEqual([all.x0, all.x1], [8, 396]);
});
