// The first row of the timeline: the norm of all gradients at each backward call, on a log scale; a click goes there.

/** Heights 0..1 of a row of norms on a log scale, alike ones in the middle; null for what is not finite or unknown. */
export function heights(norms) {
  const logs = norms.map(norm => norm !== null && norm > 0 && Number.isFinite(norm) ? Math.log10(norm) : null), known = logs.filter(log => log !== null);
  const low = Math.min(...known), high = Math.max(...known);
  return logs.map(log => log === null ? null : high - low < 1e-9 ? 0.5 : 0.08 + 0.92 * (log - low) / (high - low));
}

/** Draws the row at (left, top), `now` the place of the current call. */
export function drawIterations(g, style, { norms, finite }, box, now, words) {
  const { left, top, width, height } = box, cell = width / norms.length, high = heights(norms), base = top + height;
  words("Iterations", 16, top + height / 2 - 2);
  g.fillStyle = style.colour("line"); g.fillRect(left, base - 0.5, width, 1);
  for (let i = 0; i < norms.length; i++) {
    const x = left + i * cell, w = Math.max(1, cell - (cell > 4 ? 1 : 0));
    if (!finite[i]) { g.fillStyle = style.colour("nan-bg"); g.fillRect(x, top, Math.max(w, cell), height); g.fillStyle = style.colour("nan"); g.fillRect(x, base - 3, w, 3); continue; }
    if (high[i] === null) continue;
    const h = Math.max(2, high[i] * (height - 5));
    g.globalAlpha = i <= now ? 0.42 : 0.25; g.fillStyle = style.colour("flow"); g.fillRect(x, base - h, w, h);
    g.globalAlpha = i <= now ? 1 : 0.55; g.fillRect(x, base - h, w, 1.5);
  }
  g.globalAlpha = 1;
  const first = finite.indexOf(false);
  if (first >= 0) words(finite.slice(first).some(Boolean) ? `NaN in ${finite.filter(one => !one).length} of ${norms.length}` : `NaN in all from ${first + 1}`, Math.min(left + width - 110, left + first * cell + 6), top + 8, "nan-ink");
  if (now < 0) return;
  const x = left + (now + 0.5) * cell, label = String(now + 1), wide = label.length * 6.5 + 10;
  g.fillStyle = style.colour("ink"); g.fillRect(Math.round(x), top, 1, height);
  const px = Math.max(left, Math.min(left + width - wide, x - wide / 2));
  g.beginPath(); g.roundRect(px, top - 3, wide, 13, 6.5); g.fill();
  words(label, px + wide / 2, top + 3.5, "pane", "center");
}
