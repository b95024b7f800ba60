"""Validate: one parse of an instance's header says what it is and whether it can be taken."""

from cauce.stages.validate.canonical import canonical_digest
from cauce.stages.validate.explanations import EXPLANATIONS, rank
from cauce.stages.validate.header import read_header
from cauce.stages.validate.part10 import is_directory_record
from cauce.stages.validate.preamble import handed_on
from cauce.stages.validate.reencoding import HeaderWriter

__all__ = [
    "EXPLANATIONS",
    "HeaderWriter",
    "canonical_digest",
    "handed_on",
    "is_directory_record",
    "rank",
    "read_header",
]
