"""Runs a script under a recorder exactly as ``python`` would run it."""

from gradviz.launch.run import Options, Outcome, run
from gradviz.launch.target import NoTarget, Target
from gradviz.recorder.portions import Steps

__all__ = ["NoTarget", "Options", "Outcome", "Steps", "Target", "run"]
