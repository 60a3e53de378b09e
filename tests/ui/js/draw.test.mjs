import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { counted } from "../../../gradviz/ui/assets/console.mjs";
import { drawNode, makePen } from "../../../gradviz/ui/assets/glyphs.mjs";
import { emptiness } from "../../../gradviz/ui/assets/panes.mjs";
import { makeStyle, presentMarks, shortened } from "../../../gradviz/ui/assets/style.mjs";
import { fitted, ticks } from "../../../gradviz/ui/assets/timeline.mjs";

const table = JSON.parse(readFileSync(new URL("../../../gradviz/scene/style.json", import.meta.url)));
globalThis.Path2D ??= class {};

/** A context that measures every letter as 0.6 em and remembers where words and discs were put. */
function recorder() {
  const words = [], discs = [], size = font => Number(/([\d.]+)px/.exec(font)[1]);
  const g = { font: "", textAlign: "", globalAlpha: 1, words, discs, measureText: text => ({ width: text.length * 0.6 * size(g.font) }),
    fillText(text, x, y) {
      const wide = text.length * 0.6 * size(g.font), left = { left: x, right: x - wide, center: x - wide / 2 }[g.textAlign];
      words.push({ text, l: left, r: left + wide, t: y - size(g.font) / 2, b: y + size(g.font) / 2 });
    },
    roundRect(x, y, w, h) { if (h < 20) discs.push({ l: x, r: x + w, t: y, b: y + h }); } };
  return new Proxy(g, { get: (own, name) => name in own ? own[name] : () => {}, set: (own, name, value) => { own[name] = value; return true; } });
}

const node = (kind, more) => ({ id: "n", side: "forward", kind, label: [[0, "x"]], sub: [[0, "2×2"]], states: [[0, kind === "accumulate" ? "done" : "live"]], grad: [], badges: [], room: 0, ...more });
const draw = (one, place, k = 1) => { const g = recorder(); drawNode(makePen(g, makeStyle(table, "light"), k), one, { x: 0, y: 0, ...place }, 5); return g; };
const meet = (a, b) => a.l < b.r && b.l < a.r && a.t < b.b && b.t < a.b;

for (const k of [1, 0.8, 0.7, 0.6]) test(`words meet neither each other nor the border, at ${k}`, () => {
  const kept = draw(node("accumulate", { label: [[0, "output_bias.grad"]], sub: [[0, "AccumulateGrad"]], grad: [[0, "kept", "-2.47"]] }), { w: 188, h: 40 }, k).words;
  assert.equal(kept.length, 3);
  assert.ok(!meet(kept[0], kept[1]), "the name and its value");
  const [name, sub, sign, norm] = draw(node("tensor", { label: [[0, "hidden @ output"]], grad: [[0, "passed", "0.0199"]], room: 60 }), { w: 200, h: 40 }, k).words;
  assert.deepEqual([name.text, sub.text, sign.text, norm.text], ["hidden @ output", "2×2", "∇", "0.0199"]);
  assert.ok(norm.l >= 40 + 3 && norm.r <= 100 - 3, "the norm in its compartment");
  assert.ok(name.l >= -100 && name.r <= 40, "the name left of it");
});

test("two badges cover no words; a count makes a capsule", () => {
  const badges = [{ kind: "retain", states: [[0, "kept"]], count: 1 }, { kind: "hook", states: [[0, "idle"]], count: 3 }];
  const { words, discs } = draw(node("tensor", { grad: [[0, "kept", "14"]], room: 52, badges }), { w: 120, h: 40 });
  assert.equal(discs.length, 2);
  assert.ok(discs[1].r - discs[1].l > discs[0].r - discs[0].l, "the capsule is longer");
  assert.ok(!meet(...discs));
  for (const word of words.filter(one => one.text !== "3")) for (const disc of discs) assert.ok(!meet(word, disc), word.text);
  const chip = draw(node("gradient", { label: [[0, "∇l4"]], sub: [[0, "‖0.5‖"]], states: [[0, "complete"]], badges: badges.map(one => ({ ...one, count: 1 })) }), { w: 100, h: 26 });
  for (const word of chip.words) for (const disc of chip.discs) assert.ok(!meet(word, disc), word.text);
});

test("a long label keeps its beginning and its end, as in Python", () => {
  assert.equal(shortened("x".repeat(36), 36), "x".repeat(36));
  assert.equal(shortened(`${"a".repeat(40)}${"z".repeat(20)}`, 36), `${"a".repeat(24)}…${"z".repeat(11)}`);
  assert.equal(shortened("a\n  b", 36), "a b");
  assert.equal(Array.from(shortened("𝛼".repeat(40), 36)).length, 36);
});

test("the legend knows aliases, broken writes, views and cuts", () => {
  const scene = { nodes: [["alias", "tensor"], ["write", "broken"], ["leaf", "nan"]].map(([kind, state]) => ({ kind, states: [[0, state]], badges: [] })),
    edges: [{ kind: "view", states: [[0, "rest"]] }, { kind: "data", states: [[0, "rest"], [3, "cut"]] }] };
  assert.deepEqual(presentMarks(table, scene).map(entry => entry.key).sort(), ["alias", "cut", "nan", "view", "write"]);
});

test("a block says all, or enough, or nothing", () => {
  assert.deepEqual(fitted("input", 33, 10.5, 0.602), ["input", 10.5]);
  assert.deepEqual(fitted("input", 29, 10.5, 0.602), ["input", 9.5]);
  assert.deepEqual(fitted("retain", 29, 10.5, 0.602), ["", 10.5]);
  assert.deepEqual(fitted("hidden_weight", 50, 10.5, 0.602), ["hidden_…", 9.5]);
});

test("time is told from the first event, in units that can be read", () => {
  assert.deepEqual(ticks(-0.02, 0.4, 500).map(tick => tick[1]), ["0 µs", "100 µs", "200 µs", "300 µs"]);
  assert.equal(ticks(-1, 50, 600)[1][1], "10 ms");
  assert.equal(ticks(-100, 9000, 600).at(-1)[1], "8 s");
});

test("empty sides and the console are told in words", () => {
  const scene = { nodes: [] };
  assert.equal(emptiness(scene, "forward", 4, ""), "The forward was not recorded.");
  assert.equal(emptiness(scene, "forward", -1, "Damaged."), "Damaged.");
  assert.match(emptiness(scene, "backward", -1, ""), /No backward ran/);
  assert.equal(emptiness({ nodes: [{ side: "forward" }] }, "forward", -1, "x"), "");
  assert.deepEqual([counted(0, 0), counted(1, 2), counted(2, 2), counted(1, 1)], ["", "1 of 2 outputs so far", "2 of 2 outputs", "1 of 1 output"]);
});
