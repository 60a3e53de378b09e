"""Probe calls to a trace: order, time, source spans, names, and what to do when recording itself fails."""

from gradviz.recorder.recorder import Recorder, listening

__all__ = ["Recorder", "listening"]
