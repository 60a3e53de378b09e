import assert from "node:assert/strict";
import test from "node:test";
import { plain } from "../../../gradviz/ui/assets/console.mjs";
import { decodeOverview, firstAt, grouped, listed, Rows } from "../../../gradviz/ui/assets/data.mjs";
import { COMMANDS, commandFor, keyName } from "../../../gradviz/ui/assets/keys.mjs";
import { formatLink, parseLink } from "../../../gradviz/ui/assets/link.mjs";
import { linesOf, segments } from "../../../gradviz/ui/assets/source.mjs";
import { prepareLanes, ticks } from "../../../gradviz/ui/assets/timeline.mjs";

const press = (key, more = {}) => ({ key, target: { tagName: "BODY" }, ...more });

test("every key leads to one command, and each command has a key and words", () => {
  assert.equal(new Set(COMMANDS.map(one => one.match)).size, COMMANDS.length);
  assert.equal(new Set(COMMANDS.map(one => one.id)).size, COMMANDS.length);
  for (const one of COMMANDS) assert.ok(one.keys.length && one.label && one.group);
});

test("keys are found with and without shift", () => {
  assert.equal(commandFor(press("ArrowRight")).id, "forward");
  assert.equal(commandFor(press("ArrowRight", { shiftKey: true })).id, "phase-forward");
  assert.equal(commandFor(press("E", { shiftKey: true })).id, "finding-back");
  assert.equal(commandFor(press("?", { shiftKey: true })).id, "help");
  assert.equal(keyName(press("F")), "f");
});

test("no command while typing, nor with the browser's modifiers", () => {
  assert.equal(commandFor({ key: "e", target: { tagName: "INPUT" } }), null);
  assert.equal(commandFor({ key: "e", target: { tagName: "DIV", isContentEditable: true } }), null);
  assert.equal(commandFor(press("f", { ctrlKey: true })), null);
  assert.equal(commandFor(press("e", { altKey: true })), null);
  assert.equal(commandFor(press("ArrowLeft", { altKey: true })).id, "iteration-back");
  assert.equal(commandFor({ key: " ", target: { tagName: "BUTTON" } }), null);
  assert.equal(commandFor(press("q")), null);
});

test("links go out and come back, nonsense names no event", () => {
  for (const focus of [{ seq: 0, element: "", open: null, view: "graphs", find: false }, { seq: 214, element: "t17.5", open: [], view: "flow", find: true }, { seq: 3, element: "a&b=<c>", open: ["0.2", "7"], view: "events", find: false }]) assert.deepEqual(parseLink(formatLink(focus)), focus);
  assert.deepEqual(parseLink("#e=-4&n=x&open=1,<b>,2.x,3.0"), { seq: null, element: "x", open: ["1", "3.0"], view: "graphs", find: false });
  assert.deepEqual(parseLink(""), { seq: null, element: "", open: null, view: "graphs", find: false });
});

const base64 = array => Buffer.from(array.buffer).toString("base64");
const overview = {
  kind: base64(Uint8Array.from([1, 19, 1, 14])), lane: base64(Uint8Array.from([17, 6, 49, 18])), t: base64(Float32Array.from([1, 2, 3, 4])),
  span: base64(Uint32Array.from([1, 0, 1, 2])), graph: base64(Uint32Array.from([0, 0, 0, 0])),
};

test("the overview tells lanes, steps and writes apart", () => {
  const columns = decodeOverview(overview);
  assert.deepEqual([...columns.lane], [1, 6, 1, 2]);
  assert.deepEqual(listed(columns), { steps: [0, 2, 3], shown: [0, 1, 2, 3] });
  assert.deepEqual([...firstAt(columns.span)], [[1, 0], [2, 3]]);
  assert.deepEqual(prepareLanes(columns, listed(columns).shown).counts, [2, 1, 0, 1, 0, 1]);
});

test("a window of rows is asked for once, and again after a failure", async () => {
  const asked = [];
  let broken = true;
  const rows = new Rows(1200, path => { asked.push(path); return broken ? Promise.reject(new Error("gone")) : Promise.resolve([{ seq: 1000 }, { seq: 1001 }]); }, () => {});
  await assert.rejects(rows.load(2));
  broken = false;
  await Promise.all([rows.load(2), rows.load(2)]);
  assert.deepEqual(asked, ["/api/events?from=1000&to=1500", "/api/events?from=1000&to=1500"]);
  assert.equal(rows.get(1001).seq, 1001);
  assert.equal(rows.get(10), null);
  assert.deepEqual(await rows.load(3), []);
});

test("a line is cut at words and at marks", () => {
  assert.deepEqual(segments("return x * 2", [[7, 12, "hl"]]), [["return", "k", ""], [" ", "", ""], ["x * 2", "", "hl"]]);
  assert.deepEqual(segments("", []), []);
  assert.deepEqual(segments("a = 'for'  # if", []).map(part => part[1]), ["", "s", "", "c"]);
  assert.equal(segments("<script>alert(1)</script>", []).map(part => part[0]).join(""), "<script>alert(1)</script>");
});

test("columns count characters, also beyond the basic plane", () => {
  assert.deepEqual(segments("𝛼 = x", [[4, 5, "hl"]]), [["𝛼 = ", "", ""], ["x", "", "hl"]]);
});

test("a span over lines starts after the indentation of each", () => {
  const pieces = linesOf({ line: 1, column: 4, endLine: 3, endColumn: 1 }, ["x = f(", "    a,", ")"]);
  assert.deepEqual([...pieces], [[1, [4, 6]], [2, [4, 6]], [3, [0, 1]]]);
});

test("ticks are round and keep apart", () => {
  assert.deepEqual(ticks(0, 10, 500).map(tick => tick[1]), ["0 ms", "2 ms", "4 ms", "6 ms", "8 ms"]);
  assert.equal(ticks(0, 0.5, 500).at(-1)[1].endsWith("µs"), true);
  assert.equal(ticks(0, 9e5, 900).at(-1)[1].endsWith(" s"), true);
});

test("large numbers are grouped", () => assert.deepEqual([0, 999, 1908, 1234567].map(grouped), ["0", "999", "1,908", "1,234,567"]));

test("the console shows signs that would turn or move the text, and no colours", () => {
  assert.equal(plain("\x1b[1;31mred\x1b[0m \x1b]8;;http://x\x07link"), "red link");
  assert.equal(plain("a\u202eb\u2066c"), "a⟨U+202E⟩b⟨U+2066⟩c");
  assert.equal(plain("one\r\ntwo\rthree\x1b\x00\x7f\tend\n"), "one\ntwo␍three␛␀␡\tend\n");
});
