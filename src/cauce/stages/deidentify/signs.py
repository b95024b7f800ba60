"""Signs that a free text names somebody, whoever it is: an e-mail address, a title with a name, a labelled number."""

import re

_SIGNS = re.compile(
    r"(?<![\w.+-])[\w.+-]++@[\w-]++\.[A-Za-z]{2,}"
    r"|\b(?:[Mm]rs?|[Mm]s|[Dd]r|[Dd]ra|[Pp]rof|[Hh]err|[Ff]rau|[Ss]ra|[Mm]me)\b\.?[ ]+[^\W\d_a-z][^\W\d_]+"
    r"|\b(?i:patient|pat|paciente)(?:.?s)?[ _-]?(?i:name|id|no|nr|nombre)?[ ]*[:=#][ ]*\w"
    r"|\b(?i:mrn|dob|d\.o\.b|ssn|nhs[ ]no|date[ ]of[ ]birth|birth[ _]?date|born|geb|geboren)\b\.?"
    r"(?i:[ ]+on)?[ ]*[:=#]?[ ]*\d"
    r"|\b(?i:tel|phone|telephone|telefon|tel[eé]fono)\b\.?[ ]*[:=#]?[ ]*[+(]?\d[\d ()/.-]{5,}"
    r"|\b\d{3}-\d{2}-\d{4}\b"
)


def names_somebody(text: str) -> bool:
    """Tell whether a free text seems to name somebody or give a personal number."""
    return _SIGNS.search(text) is not None
