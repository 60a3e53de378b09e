// Groups: which of them hides an event, what opens and closes, what stays where it is, and the commands around it.

import assert from "node:assert/strict";
import test from "node:test";

import { flipped, merged, readMarks } from "../../../gradviz/ui/assets/store.mjs";
import { between, crumbs, decodeInside, held, hiding, innermost, progressOf, regionEvents, stepOf, titleAt, toggled } from "../../../gradviz/ui/assets/groups.mjs";
import { callsOf } from "../../../gradviz/ui/assets/heads.mjs";
import { viewAt, wantsRail } from "../../../gradviz/ui/assets/minimap.mjs";
import { matching } from "../../../gradviz/ui/assets/palette.mjs";
import { iterationsOf } from "../../../gradviz/ui/assets/heads.mjs";
import { heights, holdsOf, indexOf, peak, placeOf } from "../../../gradviz/ui/assets/strip.mjs";

// Two groups of two ops each; their backward runs at 6 to 9, the later group first. 5 is no step.
const inside = decodeInside({ glyphs: ["m0", "m1", "k0", "k1"], runs: [[0, 1], [2, 2], [4, 0], [6, 4], [8, 3], [10, 0]] }, 10, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]);
const node = (id, side, kind, home = "") => ({ id, side, kind, home, twin: (id[0] === "m" ? "k" : "m") + id.slice(1), label: [[0, id]], states: [[0, "future"]], grad: [] });
const picture = (open, nodes, placed = {}) => ({
  scene: { nodes, regions: open.map(id => ({ id, label: `group ${id}` })), steps: [] }, nodes: new Map(nodes.map(one => [one.id, one])), inside, steps: new Map(),
  placed: { width: 200, height: 100, nodes: {}, regions: {}, ...placed },
});

test("every event is in the group that hides it, and a group counts what has happened in it", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 6, 7, 8, 9, 10].map(seq => hiding(inside, seq)), ["m0", "m0", "m1", "m1", "", "k1", "k1", "k0", "k0", ""]);
  assert.equal(hiding(decodeInside({ glyphs: [], runs: [] }, 3, [1, 2]), 2), "");
  assert.deepEqual(inside.events.get("k0"), [8, 9]);
  assert.deepEqual([1, 2, 3, 9].map(seq => progressOf({ inside }, "m1", seq)), [[0, 2], [1, 2], [2, 2], [2, 2]]);
  assert.equal(progressOf({ inside }, "t7", 3), null);
});

test("a step in a closed group lights the group and its twin", () => {
  const shown = picture([], [node("m0", "forward", "group"), node("m1", "forward", "group"), node("k0", "backward", "mirror"), node("k1", "backward", "mirror")]);
  assert.deepEqual(stepOf(shown, 7), { seq: 7, phase: "backward", focus: ["k1"], twins: ["m1"], edges: [] });
  assert.equal(stepOf(shown, 4), null);
});

test("a region counts what ran in it, closed groups and its own nodes alike", () => {
  const own = { ...node("n5", "backward", "node", "2"), states: [[0, "future"], [1, "waiting"], [7, "ran"]] };
  const events = regionEvents({ regions: [{ id: "2" }, { id: "2.1" }], nodes: [own, node("k0", "backward", "mirror", "2.1")] }, inside);
  assert.deepEqual([...events], [["2", [7, 8, 9]], ["2.1", [8, 9]]]);
});

test("closing a group closes what is in it; the address names the innermost", () => {
  const regions = ["0", "0.2", "0.2.1", "3"].map(id => ({ id }));
  assert.deepEqual(toggled(regions, "0.2"), ["0", "3"]);
  assert.deepEqual(toggled(regions, "3.4"), ["0.2.1", "3.4"]);
  assert.deepEqual(innermost(["1", "10", "1.0"]), ["1.0", "10"]);
  assert.deepEqual(toggled([{ id: "1" }], "1"), []);
});

test("what was clicked stays where it is, opened and closed again", () => {
  const closed = picture([], [], { nodes: { m0: { x: 80, y: 50, w: 60, h: 20 } } }), open = picture(["0"], [], { regions: { 0: [10, 40, 100, 300] } });
  const before = { k: 2, x: 5, y: -7 }, after = held(before, closed, open, "0");
  assert.equal(after.y + 2 * 40, before.y + 2 * 40);          // its top: 50 - 10 before, 40 now
  assert.equal(after.x + 2 * 60, before.x + 2 * 80);          // its middle
  assert.deepEqual(held(after, open, closed, "0"), before);
  assert.deepEqual(held(before, closed, open, "9"), before);
});

test("half way between two pictures, new glyphs grow out of the group that they were in", () => {
  const from = picture([], [node("m0", "forward", "group")], { nodes: { m0: { x: 100, y: 50, w: 60, h: 20 } } });
  const to = picture(["0"], [node("o1", "forward", "op", "0")], { nodes: { o1: { x: 100, y: 90, w: 40, h: 20 } }, regions: { 0: [50, 40, 100, 120] } });
  const view = { k: 1, x: 0, y: 0 }, half = between(from, to, [view, view], 0.5), done = between(from, to, [view, view], 1);
  assert.deepEqual(half.placed.nodes.o1, { x: 100, y: 70, w: 50, h: 20 });
  assert.deepEqual(done.placed.nodes, to.placed.nodes);
  assert.deepEqual(done.placed.regions, to.placed.regions);
});

test("a title is hit on its side only, the innermost first", () => {
  const shown = picture(["0", "0.1"], [], { regions: { 0: [10, 10, 150, 80], "0.1": [20, 14, 60, 40] } });
  assert.equal(titleAt(shown, "forward", 30, 20, 26).id, "0.1");
  assert.equal(titleAt(shown, "forward", 100, 20, 26).id, "0");
  assert.equal(titleAt(shown, "forward", 100, 60, 26), null);
  assert.equal(titleAt(shown, "backward", 100, 20, 26).id, "0");  // mirrored: 40 to 190
  assert.equal(titleAt(shown, "backward", 20, 20, 26), null);
});

test("the trail names the groups around, and the closed group itself", () => {
  const shown = picture(["0", "0.1", "2"], [node("m0.1.3", "forward", "group", "0.1")]);
  assert.deepEqual(crumbs(shown, "m0.1.3").map(one => one.label), ["group 0", "group 0.1", "m0.1.3"]);
  assert.deepEqual(crumbs(shown, "nobody"), []);
});

test("the calls of a run in order", () => {
  const graphs = [{ begin: 4 }, { begin: 9 }, { begin: -1 }];
  assert.deepEqual(callsOf(graphs, 1), { calls: [0, 1], place: 1 });
  assert.equal(callsOf(graphs, 2).place, -1);
});

test("the rail is for pictures with groups or that are high, and a point of it is a middle", () => {
  const plain = { ...picture([], []), inside: decodeInside({ glyphs: [], runs: [] }, 0, []) };
  assert.equal(wantsRail(plain, 600), false);
  assert.equal(wantsRail({ ...plain, placed: { ...plain.placed, height: 9000 } }, 600), true);
  assert.equal(wantsRail(picture([], []), 600), true);
  const view = viewAt({ k: 1, x: 0, y: 0 }, { height: 1000 }, { height: 500 }, 512, 256);
  assert.equal(view.y, 250 - 500);
});

test("iterations and indices of events are one scale, with fractions", () => {
  const starts = [0, 10, 30];
  assert.deepEqual([0, 5, 10, 20, 35, 40].map(index => placeOf(starts, 40, index)), [0, 0.5, 1, 1.5, 2.5, 3]);
  assert.deepEqual([0, 0.5, 1, 1.5, 2.5, 3].map(place => indexOf(starts, 40, place)), [0, 5, 10, 20, 35, 40]);
});

test("a press in the row takes hold of an edge of the brush, of all of it, or begins a new one", () => {
  const of = x => holdsOf([2, 4], 10, x, 100, 1000);  // from 300 to 500
  assert.deepEqual([296, 306, 350, 495, 600, 200].map(of), ["from", "from", "all", "to", "", ""]);
  assert.equal(holdsOf([0, 10], 10, 600, 100, 1000), "");  // all of it is no brush yet
});

test("a norm is said to be the largest where it stands out", () => {
  assert.deepEqual(peak([1, 2, 40, 1, null]), [2, 40]);
  assert.equal(peak([1, 2, 9, 1]), null);
});

test("an iteration in which the script failed before its backward counts", () => {
  const graphs = [{ first: 0, begin: 4 }, { first: 8, begin: 12 }, { first: 16, begin: -1 }];
  assert.deepEqual(iterationsOf(graphs, 18), [0, 1, 2]);
  assert.deepEqual(iterationsOf(graphs, -1), [0, 1]);
  assert.deepEqual(iterationsOf(graphs, 5), [0, 1]);
  assert.deepEqual(iterationsOf(graphs.slice(2), 18), []);
});

test("norms on a log scale; what is not finite has no height", () => {
  assert.deepEqual(heights([1, 10, 100, null, Infinity]).map(one => one === null ? null : Math.round(one * 100) / 100), [0.08, 0.54, 1, null, null]);
  assert.deepEqual(heights([3, 3]), [0.5, 0.5]);
  assert.ok(heights([0.727, 0.699]).every(one => Math.abs(one - 0.54) < 0.02));  // what is nearly alike looks so
});

test("the palette finds by words, then by letters in order", () => {
  assert.equal(matching("bookmark this")[0].id, "bookmark");
  assert.ok(matching("fit").some(one => one.id === "fit"));
  assert.ok(matching("nxbckwrd").some(one => one.id === "call-forward"));
  assert.deepEqual(matching("zzz"), []);
});

test("what is stored is read with suspicion", () => {
  assert.deepEqual(readMarks('{"breaks":["line 3",7,null],"bookmarks":[4,-1,99,2.5,"x"]}', 50), { breaks: ["line 3"], bookmarks: [4] });
  for (const text of [null, "", "{", "7", '{"breaks":4}']) assert.deepEqual(readMarks(text, 5), { breaks: [], bookmarks: [] });
  assert.deepEqual(flipped([3, 9], 5), [3, 5, 9]);
  assert.deepEqual(flipped([3, 5, 9], 5), [3, 9]);
  assert.deepEqual(merged([[5, 9], [1, 5]]), [1, 5, 9]);
});
