"""What is on the picture: glyphs, links, labels and the events that change them; no positions, no pixels."""

from gradviz.scene.build import build
from gradviz.scene.model import (
    Badge,
    Edge,
    Group,
    Inside,
    Node,
    Placed,
    Position,
    Region,
    Scene,
    Step,
    Stop,
    at,
    grad_at,
)

__all__ = ["Badge", "Edge", "Group", "Inside", "Node", "Placed", "Position", "Region", "Scene",
           "Step", "Stop", "at", "build", "grad_at"]
