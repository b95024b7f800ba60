"""Recover: what keeps objects and catalogue in step after a crash, a damaged disk, or the loss of the database."""

from cauce.stages.recover.rebuild import Adopt, Rebuilt, rebuild
from cauce.stages.recover.scrub import Scrubbed, scrub
from cauce.stages.recover.sweep import AGE_MIN_S, Swept, sweep

__all__ = ["AGE_MIN_S", "Adopt", "Rebuilt", "Scrubbed", "Swept", "rebuild", "scrub", "sweep"]
