"""Recover: what keeps objects and catalogue in step after a crash, a damaged disk, or the loss of the database."""

from cauce.stages.recover.rebuild import Rebuilt, rebuild
from cauce.stages.recover.scrub import Scrubbed, scrub
from cauce.stages.recover.sweep import Swept, sweep

__all__ = ["Rebuilt", "Scrubbed", "Swept", "rebuild", "scrub", "sweep"]
