import assert from "node:assert/strict";
import test from "node:test";
import { at, changes, floorIndex, gradAt, move, seek, touching } from "../../../gradviz/ui/assets/time.mjs";

const track = [[0, "future"], [4, "live"], [9, "lost"]];

test("a track says what its last entry up to an event says", () => {
  assert.deepEqual([-1, 0, 3, 4, 8, 9, 99].map(seq => at(track, seq, "-")), ["-", "future", "future", "live", "live", "lost", "lost"]);
  assert.equal(at([], 5), "");
});

test("bisection agrees with a scan", () => {
  const sorted = [2, 3, 5, 5, 8];
  for (let value = 0; value < 10; value++) assert.equal(floorIndex(sorted, value), sorted.filter(one => one <= value).length - 1);
});

test("a gradient has a state and a text once there is one", () => {
  const node = { grad: [[3, "awaited", ""], [7, "passed", "14"]] };
  assert.equal(gradAt(node, 2), null);
  assert.deepEqual(gradAt(node, 3), ["awaited", ""]);
  assert.deepEqual(gradAt(node, 50), ["passed", "14"]);
});

test("steps stop at the ends and start between events", () => {
  const steps = [2, 5, 9];
  assert.equal(move(steps, 2, -1), 2);
  assert.equal(move(steps, 9, 1), 9);
  assert.equal(move(steps, 5, 1), 9);
  assert.equal(move(steps, 6, 1), 9);
  assert.equal(move(steps, 6, -1), 5);
  assert.equal(move(steps, 0, 1), 2);
  assert.equal(move(steps, 0, -1), 2);
  assert.equal(move([], 4, 1), 0);
});

test("seek finds the next wanted entry, or null", () => {
  assert.equal(seek([2, 5, 9], 5, 1), 9);
  assert.equal(seek([2, 5, 9], 5, -1), 2);
  assert.equal(seek([2, 5, 9], 6, -1), 5);
  assert.equal(seek([2, 5, 9], 9, 1), null);
  assert.equal(seek([2, 5, 9], 2, 1, seq => seq % 2 === 0), null);
});

const scene = {
  nodes: [
    { id: "o", twin: "n", alias_of: "", label: [[0, "mul"]], sub: [], states: [[0, "future"], [3, "done"]], grad: [], badges: [] },
    { id: "n", twin: "o", alias_of: "", label: [[0, "Mul"]], sub: [], states: [[3, "waiting"], [8, "ran"]], grad: [], badges: [{ states: [[5, "idle"]] }] },
    { id: "x", twin: "", alias_of: "", label: [[0, "x"]], sub: [], states: [[1, "live"]], grad: [[8, "kept", "1"]], badges: [] }],
  edges: [{ id: "e", source: "x", target: "o", states: [[3, "rest"]], label: [] }],
  groups: [{ since: 6 }],
  steps: [{ seq: 1, focus: ["x"], twins: [], edges: [] }, { seq: 3, focus: ["o"], twins: ["n"], edges: ["e"] }, { seq: 8, focus: ["n"], twins: ["o"], edges: [] }],
};

test("the picture stands still between its changes", () => assert.deepEqual(changes(scene), [0, 1, 3, 5, 6, 8]));

test("what touches an element touches its twin and its edges", () => {
  assert.deepEqual(touching(scene, "o"), [3, 8]);
  assert.deepEqual(touching(scene, "x"), [1, 3]);
  assert.deepEqual(touching(scene, "nobody"), []);
});
