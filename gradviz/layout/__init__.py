"""Where everything stands: positions and routes of a scene, and nothing else.

The forward side is laid out in ranks from top to bottom; the backward side is its mirror, so that a backward node
faces its op, a gradient its tensor and an AccumulateGrad its leaf. A layout belongs to the whole scene and not to a
moment: it does not depend on the event that is shown.
"""

from __future__ import annotations

from gradviz.layout.across import GAP, Crossing, across
from gradviz.layout.aliases import cut
from gradviz.layout.place import place

__all__ = ["GAP", "Crossing", "across", "cut", "place"]
