"""The recorded run as a model: what happened, what held at any event, and what a person would say about it."""

from gradviz.replay.replay import Event, Replay

__all__ = ["Event", "Replay"]
