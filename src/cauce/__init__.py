"""Cauce takes medical images in, keeps them safe, removes who the patient is, and processes them.

Start with `cauce.flow`: it is the whole flow, in order, in one place.
"""

__version__ = "0.1.0"
