// The first row of the timeline: the norm of all gradients of each iteration, on a log scale. A click goes there, a drag
// is a brush: the lanes underneath show what it holds.

import { grouped } from "./data.mjs";
import { floorIndex } from "./time.mjs";

const NUMBERS = 12, TIE = 8, EDGE = 6, AIR = 1;
const short = number => number >= 1e-2 && number < 1e4 ? String(Number(number.toPrecision(2))) : number.toExponential(0).replace("+", "");

/** Heights 0..1 of a row of norms on a log scale of a decade at least, alike ones in the middle; null for what is not finite, zero or unknown. */
export function heights(norms) {
  const logs = norms.map(norm => norm !== null && norm > 0 && Number.isFinite(norm) ? Math.log10(norm) : null), known = logs.filter(log => log !== null);
  let low = Math.min(...known), high = Math.max(...known);
  if (high - low < 1e-9) return logs.map(log => log === null ? null : 0.5);
  const lacking = Math.max(0, 1 - (high - low)) / 2;
  low -= lacking; high += lacking;
  return logs.map(log => log === null ? null : 0.08 + 0.92 * (log - low) / (high - low));
}

/** The largest norm and its iteration where it stands out: ten times the middle one; null where none does. */
export function peak(norms) {
  const known = norms.filter(norm => norm !== null && norm > 0).sort((a, b) => a - b), most = known[known.length - 1];
  return known.length > 2 && most > 10 * known[known.length >> 1] ? [norms.indexOf(most), most] : null;
}

/** The row in words, for whoever cannot see it: the largest norm that stands out, and what is not finite. */
export function told({ norms, finite }) {
  const most = peak(norms), broken = finite.flatMap((fine, i) => fine === false ? [i + 1] : []);
  return [`${grouped(norms.length)} iterations`, most && `the largest gradient in iteration ${grouped(most[0] + 1)}: norm ${short(most[1])}`,
    broken.length && `NaN or infinite in ${grouped(broken.length)}, first in ${grouped(broken[0])}`].filter(Boolean).join("; ");
}

/** Where an index of the shown events lies among iterations, with a fraction; and back. */
export function placeOf(starts, end, index) {
  const k = Math.max(0, floorIndex(starts, index)), until = starts[k + 1] ?? end;
  return k + Math.max(0, Math.min(1, (index - starts[k]) / Math.max(1, until - starts[k])));
}

export function indexOf(starts, end, place) {
  const k = Math.max(0, Math.min(starts.length - 1, Math.floor(place))), until = starts[k + 1] ?? end;
  return place >= starts.length ? end : starts[k] + (place - k) * (until - starts[k]);
}

/** What a press in the row takes hold of: an edge of the brush, all of it, or nothing: then a new one begins. */
export function holdsOf(brush, many, x, left, width) {
  const [a, b] = brush.map(place => left + place / many * width);
  if (Math.abs(x - a) <= EDGE) return "from";
  if (Math.abs(x - b) <= EDGE) return "to";
  return x > a && x < b && brush[1] - brush[0] < many - AIR ? "all" : "";
}

/** Draws the row into a box; `now`: the place of the current iteration; `brush`: [from, to]; `lanes`: [left, right, y] that the brush is tied to. */
export function drawIterations(g, style, { norms, finite }, box, now, brush, hovered, lanes, words) {
  const { left, top, width, height } = box, many = norms.length, cell = width / many, high = heights(norms), base = top + height - TIE, room = base - top - NUMBERS;
  const x = place => left + place * cell, known = norms.filter(norm => norm > 0 && Number.isFinite(norm));
  words("Iterations", 16, top + NUMBERS + 4);
  if (known.length) words(`‖∇‖ ${[...new Set([Math.min(...known), Math.max(...known)].map(short))].join(" to ")}, log`, 16, top + NUMBERS + 18, { size: 9.5 });
  g.fillStyle = style.colour("line"); g.fillRect(left, base - 0.5, width, 1);
  for (let i = 0; i < many; i++) {
    const w = Math.max(1, cell - (cell > 4 ? 1 : 0));
    if (finite[i] === false || high[i] === null) { if (norms[i] === 0) { g.strokeStyle = style.colour("ng"); g.strokeRect(x(i) + 0.5, base - 3.5, Math.max(1, w - 1), 3); } continue; }
    const h = Math.max(2, high[i] * room), past = i <= now;
    g.globalAlpha = past ? 0.42 : 0.25; g.fillStyle = style.colour("flow"); g.fillRect(x(i), base - h, w, h);
    g.globalAlpha = past ? 1 : 0.55; g.fillRect(x(i), base - h, w, 1.5);
  }
  g.globalAlpha = 1;
  numbers(g, style, box, many, now, words);
  broken(g, style, finite, x, top + NUMBERS, room, left + width, words);
  const [from, to] = brush;
  g.fillStyle = style.colour("ink"); g.globalAlpha = 0.07; g.fillRect(x(from), top + NUMBERS, x(to) - x(from), room);
  g.beginPath(); g.moveTo(x(from), base); g.lineTo(x(to), base); g.lineTo(lanes.right, lanes.y); g.lineTo(lanes.left, lanes.y); g.fill();
  g.globalAlpha = 1; g.strokeStyle = style.colour("line2"); g.lineWidth = 1; g.strokeRect(Math.round(x(from)) + 0.5, top + NUMBERS + 0.5, Math.max(2, Math.round(x(to) - x(from)) - 1), room - 1);
  if (to - from < many - AIR) for (const place of brush) { g.fillStyle = style.colour("ink2"); g.beginPath(); g.roundRect(x(place) - 2, top + NUMBERS + room / 2 - 6, 4, 12, 2); g.fill(); }
  const told = peak(norms), said = hovered >= 0 ? [hovered, finite[hovered] === false ? "NaN" : norms[hovered] === null ? "no gradient kept" : `‖${short(norms[hovered])}‖`] : told && [told[0], `‖${short(told[1])}‖`];
  if (said && (hovered >= 0 || Math.abs(said[0] - now) * cell > 30)) {
    const text = `${grouped(said[0] + 1)}: ${said[1]}`, middle = x(said[0] + 0.5), right = middle > left + width - 90;
    words(text, middle + (right ? -5 : 5), top + NUMBERS + 6, { token: "ink2", align: right ? "right" : "left", size: 10.5 });
    g.fillStyle = style.colour("ink2"); g.fillRect(Math.round(middle), top + NUMBERS, 1, room);
  }
  if (now < 0) return;
  const label = grouped(now + 1), wide = label.length * 6.5 + 12, middle = Math.round(x(now + 0.5));
  g.fillStyle = style.colour("ink"); g.fillRect(middle, top + 6, 1, base - top - 6);
  const px = Math.max(left, Math.min(left + width - wide, middle - wide / 2));
  g.beginPath(); g.roundRect(px, top - 2, wide, 13, 6.5); g.fill();
  words(label, px + wide / 2, top + 4, { token: "pane", align: "center", size: 9.5, weight: 700 });
}

/** Round numbers over the row, as many as there is air for. */
function numbers(g, style, { left, top, width }, many, now, words) {
  const step = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500, 5000].find(one => one * width / many > 64) || 10000;
  for (let i = step - 1; i < many; i += step) if (Math.abs(i - now) * width / many > 34) words(grouped(i + 1), left + (i + 0.5) / many * width, top + 4, { align: "center", size: 9.5 });
}

/** The iterations whose gradients are not finite: hatched, with a word. */
function broken(g, style, finite, x, top, room, right, words) {
  const first = finite.indexOf(false);
  if (first < 0) return;
  g.save(); g.beginPath();
  finite.forEach((fine, i) => { if (fine === false) g.rect(x(i), top, Math.max(1, x(i + 1) - x(i)), room); });
  g.clip(); g.fillStyle = style.colour("nan-bg"); g.fillRect(x(first), top, right - x(first), room);
  g.strokeStyle = style.colour("nan"); g.lineWidth = 1; g.globalAlpha = 0.6;
  for (let at = x(first) - room; at < right; at += 7) { g.beginPath(); g.moveTo(at, top + room); g.lineTo(at + room, top); g.stroke(); }
  g.restore();
  const many = finite.filter(one => one === false).length, all = !finite.slice(first).some(one => one !== false);
  const text = all && many > 1 ? `NaN in all from ${grouped(first + 1)}` : many > 1 ? `NaN in ${grouped(many)}, first ${grouped(first + 1)}` : `NaN in ${grouped(first + 1)}`;
  words(text, Math.min(right - 110, x(first) + 6), top + room / 2 + 3, { token: "nan-ink", size: 10.5, weight: 650 });
}

/** Over the lanes: where each iteration begins, while there is air between. */
export function drawHeads(g, style, starts, x, [from, to], y, height, now, words) {
  const first = Math.max(0, floorIndex(starts, from)), seen = starts.filter(start => start >= from && start < to).length;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000].find(one => (x(to) - x(from)) / Math.max(1, seen / one) > 40) || 10000;
  for (let k = first; k < starts.length && starts[k] < to; k++) {
    if (starts[k] < from || k % step && k !== now) continue;
    g.fillStyle = style.colour("line2"); g.fillRect(Math.round(x(starts[k])), y, 1, height);
    words(grouped(k + 1), x(starts[k]) + 4, y + height / 2, { token: k === now ? "ink" : "ink3", size: 9.5, weight: k === now ? 700 : 400 });
  }
}
