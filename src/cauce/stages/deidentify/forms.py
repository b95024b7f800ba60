"""What by its form alone is identity in a free text: addresses, dates, numbers of people, names after titles."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from pydicom._dicom_dict import DicomDictionary

_CAPITALISED = r"[^\W\d_a-zß-öø-ÿ][^\W\d_]*"
_FULL_NAME = rf"{_CAPITALISED}(?:[ ,.'-]{{1,2}}{_CAPITALISED}){{0,3}}"
_YEAR, _DAY = r"(?:1[89]|20)[0-9]{2}", r"[0-3]?[0-9]"
_SHORT_YEAR = r"(?:(?:1[89]|20)[0-9]{2}|'?[0-9]{2})"
_MONTH = (
    r"(?i:jan|ene|janv|feb|fev|f[eé]vr|m[aä]r[cz]?|mrt|apr|abr|avr|ma[iy]|mei|juni?|juin|jul[iy]?|juil|aug|ago|ao[uû]t"
    r"|sept?|set|o[ck]t|out|nov|de[cz]|dic)[^\W\d_]{0,7}"
)
_PHONE = r"tel|phone|telephone|telefon|tel[eé]fono|fax|mobile|pager|ext"
_NUMBERED = r"mrn|ssn|nhs|acc(?:ession)?|patient|pat|pid|id|case|visit|order|chart"
_TITLE = r"[Mm]rs|[Mm]iss|[Mm]s|[Mm]r|[Dd]ra?|[Pp]rof|[Hh]err|[Ff]rau|[Ss]ra?|[Mm]me|[Mm]adame|[Dd]oña?"
_ROLE = r"name|surname|physician|doctor|radiologist|technologist|operator|tech|nurse|attn|signed(?: by)?"
_DONE_BY = r"(?:read|reported|performed|referred|requested|reviewed|dictated|transcribed|verified)(?: by)"
_BORN = r"mrn|dob|d\.o\.b|date of birth|birth[ _]?date|born|geb|geboren"

ADDRESSES: Final = (
    r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+",
    r"(?i:\b(?:https?|ftp|file)://\S+|\bwww\.\S+|\\\\[\w.$-]+\\\S*)",
    r"\b[A-Z]{2} [0-9]{5}(?:-[0-9]{4})?\b",
)
DATES: Final = (
    rf"(?<![0-9]){_YEAR}([-./_ :])[01]?[0-9]\1{_DAY}(?![0-9])",
    rf"(?<![0-9.]){_DAY}([-./_ ]){_DAY}\1(?:(?:1[89]|20)?[0-9]{{2}})(?![0-9]|\.[0-9])",
    rf"(?<![0-9]){_YEAR}[01][0-9][0-3][0-9](?:[0-9]{{4}}(?:[0-9]{{2}})?)?(?![0-9])",
    rf"\b{_DAY}(?:st|nd|rd|th|\.)?[ \-./]{{0,3}}(?:de |of )?{_MONTH}\.?,?[ \-./]{{0,3}}(?:del? )?{_SHORT_YEAR}\b",
    rf"\b{_MONTH}\.?[ \-./]{{0,3}}{_DAY}(?:st|nd|rd|th)?,?[ \-./]{{1,3}}{_YEAR}\b",
    r"[0-9]{4}年\s?[0-9]{1,2}月\s?[0-9]{1,2}日",
    r"(?i:\b(?:9[0-9]|1[0-9]{2})[ -]?(?:y(?:ears?|rs?)?[ ./-]?(?:old|o)?|jahre|años|ans)\b)",  # ages of 90 and more
)
NUMBERS: Final = (
    r"(?<![0-9.])[0-9]+(?:\.[0-9]+){3,}(?![0-9])",  # UIDs, addresses of computers
    rf"(?i:\b(?:{_PHONE})\b\.?[ ]*[:=#]?[ ]*)[+(]?[0-9][0-9 ()/.-]{{2,}}",
    r"\+[0-9]{1,3}[ (./-]{0,2}[0-9][0-9 ()/.-]{5,}[0-9]",
    r"(?<![0-9])(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?![0-9])",
    r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    rf"(?i:\b(?:{_NUMBERED})\b[ ._-]?(?:no|nr|number|id|#)?\.?[ ]*[:=#][ ]*)[\w./-]*[0-9][\w./-]*",
    rf"(?i:\b(?:{_BORN})\b\.?(?: on)?[ ]*[:=#]?[ ]*)[0-9][\w./-]*(?:[ ,]{{1,2}}{_FULL_NAME})?",
    rf"{_FULL_NAME}[ ,]{{1,2}}(?i:mrn|ssn)\b",
    r"(?<![\w.])[A-Za-z]{0,4}-?[0-9]{6,}(?![\w.])",
)
NAMES: Final = (
    rf"\b(?:{_TITLE})\b\.?[ ]+{_FULL_NAME}",
    rf"\b(?:DR|MR|MRS|MS|PROF|DRA)\.[ ]*{_FULL_NAME}",
    r"(?i:\b(?:patient|pat|paciente)(?:.?s)?[ _-]?(?:name|id|no|nr|nombre)?[ ]*[:=#][ ]*)\w[\w ,.'^-]*",
    rf"(?i:\b(?:{_ROLE}|{_DONE_BY})\b[ ]*:?[ ]+){_FULL_NAME}",
    r"\b(?:[A-Z]\. ?){1,2}[A-Z][a-z]{2,}\b",
    r"\b[A-Z][a-z]{2,}, [A-Z]\.(?: ?[A-Z]\.)?",
)
_WITH_CARETS = re.compile(r"[^\W\d_][\w'-]*\^[\w' .-]*(?:\^[\w' .-]*)*")
_WORDS = re.compile(r"[^\W\d_]{3,}")
_TERM_WORDS = re.compile(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}")
_OF_PROTOCOLS: Final = (
    "angio cap dixon dwi epi fast flair fov ged iso knie kopf lwk mprage mra mri neck petct perf prot quick"
    " recon std stir stroke tfe thx tse vibe wb wbpet"
)
"""Words that protocols are named by and coded concepts are not."""

_COMPILED: Final = tuple(re.compile(pattern) for pattern in (*ADDRESSES, *DATES, *NUMBERS, *NAMES))


def identity_by_form(text: str) -> Iterator[tuple[int, int]]:
    """Yield where something in `text` is identity by its form, as (start, end); they may overlap."""
    for pattern in _COMPILED:
        for found in pattern.finditer(text):
            yield found.span()
    if "^" in text:
        for found in _WITH_CARETS.finditer(text):
            words = _WORDS.findall(found.group().lower())
            if not words or not vocabulary().issuperset(words):
                yield found.span()


@cache
def vocabulary() -> frozenset[str]:
    """Return the words of DICOM's attributes and coded concepts, in lower case.

    Names with carets are DICOM's way to write people, and some vendors' to write protocols (`Thorax^Routine`): that a
    text is one of these is told by its words.
    """
    from pydicom.sr._concepts_dict import concepts  # large, and rarely needed

    names = [entry[2] for entry in DicomDictionary.values()]
    names += [keyword for scheme in ("DCM", "SCT", "RADLEX", "FMA") for keyword in concepts[scheme]]
    return frozenset(word.lower() for name in names for word in _TERM_WORDS.findall(name)) | frozenset(
        _OF_PROTOCOLS.split()
    )
