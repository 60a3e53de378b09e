// The two canvases: what of the picture they show, how it is drawn, and what is under a point.

import { byId } from "./dom.mjs";
import { between, frameOf, hiding, stepOf, titleAt } from "./groups.mjs";
import { paintTrail } from "./heads.mjs";
import { drawRail, wantsRail } from "./minimap.mjs";
import { drawBase, drawOverlay } from "./picture.mjs";
import { floorIndex } from "./time.mjs";
import { centre, fitAll, hit, opening, origin, screenRect, uncut, visible } from "./view.mjs";

const FLOW = 260, TURN = 150;

export class Stage {
  paintGraphs(now) {
    const { picture, seq } = this;
    if (!picture) return;
    this.keepInView();
    if (this.turning) {
      const share = Math.min(1, (now - this.turning.since) / TURN);
      if (share >= 1) { this.turning = null; this.drawnStates = ""; } else {
        drawBase(byId("base"), this.style, between(this.turning.from, picture, this.turning.views, Math.max(0, share)), this.view, this.size, seq, this.hidden);
        byId("over").getContext("2d").clearRect(0, 0, this.size.width, this.size.height);
        return;
      }
    }
    const states = `${floorIndex(picture.changes, seq)} ${hiding(picture.inside, seq)}`, t0 = performance.now();
    if (states !== this.drawnStates) {
      this.drawn = drawBase(byId("base"), this.style, picture, this.view, this.size, seq, this.hidden);
      this.drawnStates = states;
    }
    const t1 = performance.now(), progress = this.flowing ? Math.min(1, (now - this.flowing) / FLOW) : 1;
    if (progress >= 1) this.flowing = 0;
    const chosen = this.selected();
    paintTrail(byId("forward-head"), picture, stepOf(picture, seq)?.focus[0] || "", this.iterations, this.graph, id => this.turn(id));
    if (!byId("rail").hidden) drawRail(byId("rail"), this.style, picture, this.view, this.size, this.size.height, seq);
    this.lit = drawOverlay(byId("over"), this.style, picture, this.view, this.size, seq, {
      selected: this.pinned ? chosen : "", progress, hidden: this.hidden, path: this.path, kin: this.kin });
    Object.assign(this.timings, { base: t1 - t0, overlay: performance.now() - t1 });
  }

  /** Where the picture is larger than the stage, it moves only when the focus would be out of sight. */
  keepInView() {
    const { picture, size } = this;
    if (this.seenSeq === this.seq && this.seenPicture === picture) return;
    this.seenSeq = this.seq; this.seenPicture = picture;
    const id = stepOf(picture, this.seq)?.focus.find(one => picture.placed.nodes[one]);
    if (!id) return;
    const node = picture.nodes.get(id), rect = screenRect(this.view, node.side, picture.placed.nodes[id], picture.placed, size.width);
    if (visible(rect, node.side, size.width, size.height)) return;
    const p = picture.placed.nodes[id], x = node.side === "backward" ? picture.placed.width - p.x : p.x;
    const middle = centre(this.view, node, p, picture.placed, picture.extent, size.width, size.height);
    this.view = uncut(middle, picture.sides, picture.extent, size.width, size.height, [x - p.w / 2, x + p.w / 2]);
    this.drawnStates = -2;
  }

  /** The view that a picture is first shown in. */
  fitFirst() {
    const { picture: { extent, sides }, size: { width, height } } = this;
    this.view = uncut(opening(extent, width, height), sides, extent, width, height);
  }

  fit() {
    if (!this.picture) return;
    this.view = fitAll(this.picture.extent, this.size.width, this.size.height);
    this.redraw();
  }

  focus(id = this.selected()) {
    const node = this.picture?.nodes.get(id), p = node && this.picture.placed.nodes[node.id];
    if (!p) return;
    this.view = centre(this.view, node, p, this.picture.placed, this.picture.extent, this.size.width, this.size.height, Math.max(1, this.view.k));
    this.redraw();
  }

  /** Moves the picture so that an element can be seen, if it is on it and out of sight. */
  bring(id) {
    const node = this.picture?.nodes.get(id), place = node && this.picture.placed.nodes[id];
    if (place && !visible(this.rectOf(node), node.side, this.size.width, this.size.height)) this.focus(id);
  }

  nodeAt(x, y) {
    return this.picture ? hit(this.picture.scene.nodes, this.view, this.picture.placed, this.size.width, x, y) : null;
  }

  /** The open group whose title is under a point of the stage. */
  titleAt(x, y) {
    if (!this.picture) return null;
    const side = x > this.size.width / 2 ? "backward" : "forward", left = origin(this.view, side, this.picture.placed, this.size.width);
    return titleAt(this.picture, side, (x - left) / this.view.k, (y - this.view.y) / this.view.k, this.styleTable.region.head);
  }

  /** The frame of an open group on the stage. */
  frameRect(id, side) {
    const f = frameOf(this.picture.placed, id, side);
    return f && screenRect(this.view, side, { x: f.x + f.w / 2, y: f.y + f.h / 2, w: f.w, h: f.h }, this.picture.placed, this.size.width);
  }

  rectOf(node) { return screenRect(this.view, node.side, this.picture.placed.nodes[node.id], this.picture.placed, this.size.width); }

  /** Shows the rail for pictures that are worth one; only when the graph changes, as the stage gets narrower. */
  rail(picture) {
    const wanted = wantsRail(picture, byId("field").clientHeight), rail = byId("rail");
    if (rail.hidden === !wanted) return;
    rail.hidden = !wanted;
    this.resize(false);
  }
}
