"""Profiles: what becomes of the attributes of a project's objects, as data (PS3.15 Annex E, its options, own rules).

`parse_profile` reads one from YAML and names every fault with its line; `profile_yaml` writes it; `built_in` holds
those that ship with the package.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Self

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from cauce.core.errors import CauceError
from cauce.stages.deidentify import options as known_options
from cauce.stages.deidentify.options import BASIC_CODE, CODES, FULL_DATES, MODIFIED_DATES, PIXEL_DATA, Code
from cauce.stages.deidentify.rules import Rule, RuleAction, fault_of, read_tag
from cauce.stages.deidentify.table import load_table

TEXT_LENGTH_MAX: Final = 256 * 1024
RULES_MAX: Final = 1000
FAULTS_MAX: Final = 50
NAME_LENGTH_MAX: Final = 32
VERSION_LENGTH_MAX: Final = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ,.+()_-]*")
_KEYS: Final = ("name", "version", "description", "options", "pixels", "rules")
_PIXELS: Final = ("text", "regions")
_RULE_KEYS: Final = ("tag", "action", "value", "because")


class ProfileError(CauceError):
    """A profile is none, or contradicts itself; `detail` names every fault and its place, as `faults` do one by one."""

    code = "invalid_profile"

    def __init__(self, *faults: str) -> None:
        """Name the faults."""
        super().__init__("; ".join(faults).rstrip(".") + ".")
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The Basic Application Level Confidentiality Profile, the options added to it (PS3.15 E.2, E.3), and own rules.

    `options` holds names as the table spells them. A rule goes before table and options. Immutable and hashable.
    With `keeps_regions_only` the cleaning of pixels leaves nothing outside of an ultrasound image's regions.
    """

    name: str
    version: str = "1"
    description: str = field(default="", compare=False)
    options: frozenset[str] = frozenset()
    rules: tuple[Rule, ...] = ()
    keeps_regions_only: bool = False

    def __hash__(self) -> int:
        """Return what equal profiles share; worked out once, for plans are looked up by profile."""
        return self._hash

    @cached_property
    def _hash(self) -> int:
        return int(self.digest[:15], 16)

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of what the profile says, in hexadecimal; equal ones share it, however written."""
        rules = sorted((rule.tag, rule.creator, rule.action.value, rule.value) for rule in self.rules)
        said = [self.name, self.version, sorted(self.options), rules, *(["regions"] * self.keeps_regions_only)]
        return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()

    @cached_property
    def method(self) -> str:
        """Return the text for De-identification Method (0012,0063): at most 64 characters (VR LO)."""
        version = "" if self.version == "1" else f" v{self.version}"
        return f"DICOM PS3.15 {load_table().edition} {self.name}{version}"

    @cached_property
    def codes(self) -> tuple[Code, ...]:
        """Return the codes of the profile and its options, from CID 7050, which (0012,0064) of an output holds."""
        return (BASIC_CODE, *(code for option, code in CODES.items() if option in self.options))

    def claimed(self, *, cleans_pixels: bool) -> tuple[Code, ...]:
        """Return the codes of what was really done: cleaned pixels only where something cleans them."""
        return tuple(code for code in self.codes if cleans_pixels or code is not CODES[PIXEL_DATA])

    @property
    def longitudinal(self) -> str:
        """Return the code string for Longitudinal Temporal Information Modified (0028,0303)."""
        if FULL_DATES in self.options:
            return "UNMODIFIED"
        return "MODIFIED" if MODIFIED_DATES in self.options else "REMOVED"

    def with_options(self, *options: str) -> Self:
        """Return this profile with more options, under a name that is told from the first only by them."""
        return replace(self, description="", options=self.options | set(options))


def parse_profile(text: str) -> Profile:
    """Return the profile that YAML says.

    Raises:
        ProfileError: it is none. Every fault is named, with its line.
    """
    if len(text) > TEXT_LENGTH_MAX:
        raise ProfileError(f"A profile has at most {TEXT_LENGTH_MAX} characters.")
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        place = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ProfileError(f"{place}this is no YAML.") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ProfileError("This is no YAML.") from error
    return _Reader().profile(root)


def profile_yaml(profile: Profile) -> str:
    """Return YAML that `parse_profile` reads back as an equal profile."""
    held: dict[str, Any] = {"name": profile.name, "version": profile.version}
    if profile.description:
        held["description"] = profile.description
    held["options"] = [option for option in CODES if option in profile.options]
    if profile.keeps_regions_only:
        held["pixels"] = "regions"
    held["rules"] = [
        {"tag": rule.name, "action": rule.action.value} | ({"value": rule.value} if rule.value else {})
        for rule in profile.rules
    ]
    return yaml.safe_dump(held, sort_keys=False, allow_unicode=True, width=120)


@cache
def built_in() -> Mapping[str, Profile]:
    """Return the profiles that ship with the package, by the short names of the command line."""
    folder = resources.files(__package__).joinpath("data", "profiles")
    texts = {file.name.removesuffix(".yaml"): file.read_text("utf-8") for file in folder.iterdir() if file.is_file()}
    return MappingProxyType({name: parse_profile(text) for name, text in sorted(texts.items())})


class _Reader:
    """Reads one document and collects its faults."""

    def __init__(self) -> None:
        self._faults: list[str] = []
        self._seen: set[int] = set()

    def profile(self, root: Node | None) -> Profile:
        """Return what the document says, or raise all its faults at once."""
        if not isinstance(root, MappingNode):
            raise ProfileError("line 1: a profile begins with `name:`, and says `options:` and `rules:`.")
        held = self._mapping(root, _KEYS)
        made = Profile(
            name=self._text(held.get("name"), "name", NAME_LENGTH_MAX) or self._lacks(root, "name"),
            version=self._text(held.get("version"), "version", VERSION_LENGTH_MAX) or "1",
            description=self._scalar(held.get("description"), "description"),
            options=frozenset(self._options(held.get("options"))),
            rules=tuple(self._rules(held.get("rules"))),
            keeps_regions_only=self._pixels(held.get("pixels")) == "regions",
        )
        if "pixels" in held and PIXEL_DATA not in made.options:
            self._fault(held["pixels"], f"`pixels` wants the option {PIXEL_DATA}")
        if self._faults:
            more = len(self._faults) - FAULTS_MAX
            rest = [f"and {more} more"] if more > 0 else []
            raise ProfileError(*self._faults[:FAULTS_MAX], *rest)
        return made

    def _fault(self, node: Node, fault: str) -> None:
        self._faults.append(f"line {node.start_mark.line + 1}: {fault}")

    def _lacks(self, node: Node, key: str) -> str:
        if not any(f" `{key}`" in fault for fault in self._faults):
            self._fault(node, f"it lacks `{key}`")
        return ""

    def _mapping(self, node: MappingNode, keys: tuple[str, ...]) -> dict[str, Node]:
        held: dict[str, Node] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode) or key.value not in keys:
                name = _shown(key.value) if isinstance(key, ScalarNode) else "this"
                self._fault(key, f"{name} is not known here, only {', '.join(keys)}")
            elif key.value in held:
                self._fault(key, f"`{key.value}` stands here twice")
            else:
                held[key.value] = value
        return held

    def _scalar(self, node: Node | None, key: str) -> str:
        if node is None or (isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
            return ""
        if not isinstance(node, ScalarNode):
            self._fault(node, f"`{key}` wants one text")
            return ""
        return str(node.value)

    def _text(self, node: Node | None, key: str, length_max: int) -> str:
        text = self._scalar(node, key)
        if node is not None and not (_NAME.fullmatch(text) and len(text) <= length_max):
            self._fault(node, f"`{key}` wants 1 to {length_max} letters, digits, spaces and , . + - _ ( )")
            return ""
        return text

    def _items(self, node: Node | None, key: str) -> Iterator[Node]:
        if node is None or (isinstance(node, ScalarNode) and not node.value):
            return
        if not isinstance(node, SequenceNode):
            self._fault(node, f"`{key}` wants a list")
            return
        for item in node.value:
            if id(item) in self._seen:
                self._fault(item, "references to other places are not followed")
            else:
                self._seen.add(id(item))
                yield item

    def _options(self, node: Node | None) -> set[str]:
        found: dict[str, Node] = {}
        for item in self._items(node, "options"):
            option = self._scalar(item, "options")
            if option not in CODES:
                self._fault(item, f"there is no option {_shown(option)} among {', '.join(CODES)}")
            elif option in found:
                self._fault(item, f"`{option}` stands here twice")
            else:
                found[option] = item
        for fault in known_options.faults_of(frozenset(found)):
            self._fault(next(item for option, item in found.items() if option in fault), fault)
        return set(found)

    def _pixels(self, node: Node | None) -> str:
        text = self._scalar(node, "pixels")
        if node is not None and text not in _PIXELS:
            self._fault(node, f"`pixels` wants one of {', '.join(_PIXELS)}")
        return text

    def _rules(self, node: Node | None) -> Iterator[Rule]:
        lines: dict[tuple[int, str], int] = {}
        for number, item in enumerate(self._items(node, "rules")):
            if number == RULES_MAX:
                self._fault(item, f"a profile has at most {RULES_MAX} rules")
                return
            rule = self._rule(item)
            if rule is None:
                continue
            line = lines.setdefault((rule.tag, rule.creator), item.start_mark.line + 1)
            if line != item.start_mark.line + 1:
                self._fault(item, f"{rule.name} has a rule in line {line}")
            elif fault := fault_of(rule):
                self._fault(item, f"{rule.name}: {fault}")
            else:
                yield rule

    def _rule(self, node: Node) -> Rule | None:
        if not isinstance(node, MappingNode):
            self._fault(node, "a rule wants `tag` and `action`")
            return None
        held = self._mapping(node, _RULE_KEYS)
        before = len(self._faults)
        self._scalar(held.get("because"), "because")
        tag = self._known(held, node, "tag", read_tag, "a keyword, (gggg,eeee) or (gggg,CREATOR,ee)")
        actions = {action.value: action for action in RuleAction}
        action = self._known(held, node, "action", actions.get, ", ".join(actions))
        value = self._scalar(held.get("value"), "value")
        if tag is None or action is None or len(self._faults) != before:
            return None
        return Rule(tag=tag[0], creator=tag[1], action=action, value=value)

    def _known(self, held: Mapping[str, Node], node: Node, key: str, read: Callable[[str], Any], wanted: str) -> Any:
        text = self._scalar(held.get(key), key)
        if not text:
            self._fault(node, f"a rule wants `{key}`: {wanted}")
            return None
        found = read(text)
        if found is None:
            self._fault(held[key], f"{_shown(text)} is no {key}, wanted is {wanted}")
        return found


def _shown(text: str) -> str:
    """Return a part of a profile as it may be shown: short, and in one line."""
    return "`" + "".join(c if c.isprintable() else "?" for c in text[:40]) + "`"


BASIC: Final = Profile(name="Basic Profile", description="The Basic Profile of PS3.15 Annex E and nothing besides.")
STANDARD: Final = Profile(
    name="Standard",
    description=(
        "The Basic Profile of PS3.15 Annex E; text that is burned into pixels is blanked. What a project begins with."
    ),
    options=frozenset({PIXEL_DATA}),
)
LONGITUDINAL: Final = Profile(
    name="Basic Profile, Modified Dates",
    description="As basic; the dates of a patient's course are moved by one offset, not removed.",
    options=frozenset({MODIFIED_DATES}),
)
