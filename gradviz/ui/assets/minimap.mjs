// The rail at the right of the graphs: every glyph as a bar at one scale, what is in sight, and where the playhead is.

import { stepOf } from "./groups.mjs";
import { at } from "./time.mjs";

export const RAIL = 64;
const PAD = 6;

/** Whether a picture is worth a rail: when it has groups, or is far higher than the stage. */
export const wantsRail = (picture, height) => picture.scene.regions.length > 0 || picture.inside.glyphs.length > 0 || picture.placed.height * 0.76 > 1.5 * height;

const scaleOf = (placed, height) => (height - 2 * PAD) / Math.max(1, placed.height);

export function drawRail(canvas, style, picture, view, size, height, seq) {
  const g = canvas.getContext("2d"), { placed, scene } = picture, k = scaleOf(placed, height), half = RAIL / 2;
  g.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
  g.fillStyle = style.colour("pane"); g.fillRect(0, 0, RAIL, height);
  const across = (half - 5) / Math.max(1, placed.width);
  const x = (side, world) => side === "backward" ? half + 1.5 + world * across : 3.5 + world * across;
  g.lineWidth = 1; g.strokeStyle = style.colour("line");
  for (const side of ["forward", "backward"]) for (const [left, top, w, h] of Object.values(placed.regions)) {
    const from = side === "backward" ? placed.width - left - w : left;
    g.strokeRect(x(side, from), PAD + top * k, w * across, h * k);
  }
  for (const node of scene.nodes) {
    const p = placed.nodes[node.id];
    if (!p || node.kind === "none") continue;
    const look = style.look(node.kind, at(node.states, seq, "future"));
    g.fillStyle = style.colour(look.stroke);
    g.globalAlpha = at(node.states, seq, "future") === "future" ? 0.35 : 0.9;
    const wide = Math.max(3, p.w * across), high = Math.max(1, Math.min(6, p.h * k));
    g.fillRect(x(node.side, p.x) - wide / 2, PAD + p.y * k - high / 2, wide, high);
  }
  g.globalAlpha = 1;
  const top = PAD - view.y / view.k * k, tall = size.height / view.k * k;
  g.strokeStyle = style.colour("ink2"); g.lineWidth = 1.5;
  g.beginPath(); g.roundRect(1, Math.max(1, top), RAIL - 2, Math.min(height - 2, top + tall) - Math.max(1, top), 4); g.stroke();
  const now = stepOf(picture, seq)?.focus[0], p = now && placed.nodes[now];
  if (!p) return;
  g.fillStyle = style.colour("ink");
  const y = PAD + p.y * k;
  g.beginPath(); g.moveTo(0, y - 4); g.lineTo(6, y); g.lineTo(0, y + 4); g.fill();
}

/** The view whose middle is at a point of the rail. */
export function viewAt(view, placed, size, height, py) {
  const middle = (py - PAD) / scaleOf(placed, height);
  return { ...view, y: size.height / 2 - view.k * middle };
}
