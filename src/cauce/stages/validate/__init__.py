"""Validate: one parse of an instance's header says what it is and whether it can be taken."""

from cauce.stages.validate.canonical import canonical_digest
from cauce.stages.validate.explanations import EXPLANATIONS, rank
from cauce.stages.validate.header import read_header
from cauce.stages.validate.part10 import is_directory_record

__all__ = ["EXPLANATIONS", "canonical_digest", "is_directory_record", "rank", "read_header"]
