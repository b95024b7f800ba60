"""Where devices write who the patient is: rules that the community of RSNA's CTP has collected (see `data`)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final

from cauce.stages.deidentify.pixel_cleaning.boxes import Box

_TABLE: Final = "device_rules.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceRule:
    """What is blanked on images of which all of `conditions` are true: (keyword, `is` or `has`, value in capitals)."""

    conditions: tuple[tuple[str, str, str], ...]
    boxes: tuple[Box, ...]

    def fits(self, said: Callable[[str], str]) -> bool:
        """Tell whether this is for an image, of which `said` returns the text of an element, in capitals."""
        return all((value == said(key)) if how == "is" else (value in said(key)) for key, how, value in self.conditions)


@cache
def device_rules() -> tuple[DeviceRule, ...]:
    """Return all rules, from the package's data."""
    text = resources.files(__package__).joinpath("data", _TABLE).read_text("utf-8")
    return tuple(
        DeviceRule(
            conditions=tuple((key, how, value.upper()) for key, how, value in rule["if"]),
            boxes=tuple(tuple(box) for box in rule["blank"]),
        )
        for rule in json.loads(text)["rules"]
    )


def boxes_of_device(said: Callable[[str], str]) -> tuple[Box, ...]:
    """Return what the rules blank on an image; nothing where none fits."""
    return tuple(box for rule in device_rules() if rule.fits(said) for box in rule.boxes)
