"""What stands in the place of one value, for each action: kept, moved, cleaned, mapped, replaced, or nothing."""

import hmac
import re
from collections.abc import Callable
from typing import Final

from cauce.core.messages import Pseudonym
from cauce.stages.deidentify.actions import Action
from cauce.stages.deidentify.dummies import dummy_value, shifted_value
from cauce.stages.deidentify.encoding import PLAIN_VRS
from cauce.stages.deidentify.plan import Plan
from cauce.stages.deidentify.uids import UidMap

Clean = Callable[[bytes, bytes], bytes]
"""Takes VR and raw value of a text; returns it without identity."""

AGE_MAX: Final = b"090Y"
_AGE_MAX_YEARS: Final = 90
_FORMS: Final = {
    b"AS": re.compile(rb"(?:[0-9]{3}[DWMY])?"),
    b"DA": re.compile(rb"[0-9]{4}[.]?[0-9]{2}[.]?[0-9]{2}(?:-[0-9]{8})?"),
    b"DT": re.compile(rb"[0-9]{4,14}(?:\.[0-9]{1,6})?(?:[+-][0-9]{4})?"),
    b"TM": re.compile(rb"[0-9]{2}(?::?[0-9]{2}){0,2}(?:\.[0-9]{1,6})?"),
}
_TIMEZONE: Final = 0x00080201
_OFFSET = re.compile(rb"[+-][0-9]{4}")
_ZIP = re.compile(rb"(?<![0-9])([0-9]{3})[0-9]{2}(?:-[0-9]{4})?(?![0-9])")
_FEW_PEOPLE: Final = frozenset(b"036 059 063 102 203 556 692 790 821 823 830 831 878 879 884 890 893".split())
"""First digits that 20,000 people or fewer share (Census 2000), as the rule on safe harbour counts (45 CFR 164.514)."""

_STRICT: Final = frozenset({Action.REMOVE, Action.EMPTY, Action.DUMMY, Action.UID})


class Values:
    """Makes the values of one output."""

    def __init__(self, plan: Plan, pseudonym: Pseudonym, clean: Clean) -> None:
        """`clean` serves the texts that `plan` cleans."""
        self.uids = UidMap(pseudonym.uid_secret)
        self.texts: dict[tuple[bytes, bytes], bytes] = {}
        self._plan = plan
        self._pseudonym = pseudonym
        self._clean = clean

    def made(self, tag: int, vr: bytes, raw: bytes, action: Action) -> bytes | Action:
        """Return the value that `action` makes of `raw`, or the stricter action that has to be taken instead."""
        if action is Action.UID:
            made: bytes | None = self.uids.instance(raw)
        elif action is Action.CLASS:
            made = self.uids.of_class(raw)
        elif action is Action.VALUE:
            made = self._plan.given[tag]
        elif action is Action.EMPTY or not raw.strip(b" \0"):
            made = b""
        elif action is Action.PSEUDONYM:
            made = self._pseudonym.name.encode()
        elif action is Action.DUMMY:
            made = dummy_value(vr)
        else:
            made = self._by_profile(tag, vr, raw, action)
        return self._stricter(tag) if made is None else made

    def _stricter(self, tag: int) -> Action:
        basic = self._plan.basic.get(tag, Action.REMOVE)
        return basic if basic in _STRICT else Action.DUMMY

    def _by_profile(self, tag: int, vr: bytes, raw: bytes, action: Action) -> bytes | None:
        """Return what an option or a rule makes of `raw`, None where it has not the form that it should have."""
        known = self._plan.vrs.get(tag, vr)
        made = None
        if vr != known and not (vr in PLAIN_VRS and known in PLAIN_VRS):
            return None
        if action is Action.RETAIN:
            made = raw if _has_form(tag, vr, raw) else None
        elif action is Action.AGE:
            made = _age(raw) if vr == b"AS" and _has_form(tag, vr, raw) else None
        elif action is Action.SHIFT:
            made = shifted_value(vr, raw, days=self._pseudonym.date_offset_days)
        elif action is Action.CLEAN:
            made = self._cleaned(vr, raw)
        elif action is Action.HASH:
            made = self._hash(raw)
        elif action is Action.ZIP:
            made = _zip(raw)
        return made

    def _cleaned(self, vr: bytes, raw: bytes) -> bytes | None:
        key = (vr, raw)
        if key not in self.texts:
            self.texts[key] = self._clean(vr, raw)
        return self.texts[key] or None

    def _hash(self, raw: bytes) -> bytes:
        digest = hmac.digest(self._pseudonym.uid_secret, b"value:" + raw.strip(b" \0"), "sha256")
        return digest.hex()[:16].upper().encode()


def _has_form(tag: int, vr: bytes, raw: bytes) -> bool:
    if tag == _TIMEZONE:
        return _OFFSET.fullmatch(raw.strip(b" \0")) is not None
    form = _FORMS.get(vr)
    return form is None or all(form.fullmatch(part.strip(b" \0")) for part in raw.split(b"\\"))


def _age(raw: bytes) -> bytes:
    ages = []
    for part in raw.split(b"\\"):
        age = part.strip(b" \0")
        is_great = age[3:] == b"Y" and int(age[:3]) >= _AGE_MAX_YEARS
        ages.append(AGE_MAX if is_great else age)
    return b"\\".join(ages)


def _zip(raw: bytes) -> bytes | None:
    found = _ZIP.findall(raw)
    if not found:
        return None
    return b"000" if found[-1] in _FEW_PEOPLE else bytes(found[-1])
