"""Reasons that people state: they go into the audit trail and into reports, so that they must not name the patient."""

import re
from collections.abc import Iterable
from typing import Final

from cauce.core.errors import InvalidRequest
from cauce.records.models.reviews import REASON_LENGTH_MAX

REASON_LENGTH_MIN: Final = 5
_WORD_LENGTH_MIN: Final = 3
_PART_LENGTH_MIN: Final = 5
_WORD: Final = re.compile(r"\w+")
_NAMES_NOBODY: Final = frozenset(
    {"anon", "anonymous", "anonymised", "anonymized", "demo", "phantom", "test", "unknown"}
    | {"case", "image", "name", "patient", "study"}
)


def stated(reason: str, *, names: Iterable[str] = (), ids: Iterable[str] = ()) -> str:
    """Return a reason as it is kept; `names` and `ids` are those of the patient.

    Raises:
        InvalidRequest: it is too short or too long to be one, or it names the patient.
    """
    text = " ".join(reason.split())
    if not REASON_LENGTH_MIN <= len(text) <= REASON_LENGTH_MAX or not text.isprintable():
        raise InvalidRequest(
            f"A reason is wanted, of {REASON_LENGTH_MIN} to {REASON_LENGTH_MAX} characters.", field="reason"
        )
    said = set(_WORD.findall(text.casefold()))
    of_names = {word for name in names for word in _WORD.findall(name.replace("_", " ").casefold())}
    telling = {word for word in of_names - _NAMES_NOBODY if len(word) >= _least(word)}
    if said & telling or any(_is_in(one.strip().casefold(), text.casefold(), said) for one in ids):
        raise InvalidRequest("The reason names the patient, and is kept where no name may be.", field="reason")
    return text


def _is_in(identifier: str, text: str, said: set[str]) -> bool:
    return identifier in text if len(identifier) >= _PART_LENGTH_MIN else identifier in said


def _least(word: str) -> int:
    """Return how long a word must be to name somebody: ideographs say more than letters."""
    return _WORD_LENGTH_MIN if word.isascii() else _WORD_LENGTH_MIN - 1
