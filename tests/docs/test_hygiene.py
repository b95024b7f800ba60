"""What the repository says, and does not say."""

import re

import pytest
from documents import CLI_REFERENCE, HOW_TO, ROOT, tracked_files

from cauce.settings.environment import PREFIX, Settings

LINES_MAX = 400
LONGER = {
    "src/cauce/records/migrations/0001_initial.py": "written by Django",
    "src/cauce/api/static/cauce/cauce.css": "one style sheet, so that a page needs one request",
}
"""Files of src that are longer, and why."""

_FOREIGN = re.compile(
    "|".join(
        [
            r"(?<![\w.])/" + r"work/",  # a folder of whoever wrote this
            r"/tmp/" + r"team\b",
            r"\bissues? " + r"(?:show|[0-9#])",
            r"\bsub-?" + r"agents?\b",
            r"\b(?:contract|mission|architecture|style|peers|deid|servers)" + r"\.md\b(?<!ARCHITECTURE\.md)",
        ]
    )
)
_INDEX = re.compile(r"index-url\s+\S|extra-index|https?://|\bpypi\.|/simple/?\b", re.IGNORECASE)
_LOCK = re.compile(r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|.*\.lock)$")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_SETTING = re.compile(r"\bCAUCE_[A-Z0-9_]*[A-Z0-9]")


def texts(*suffixes):
    for path in tracked_files():
        if path.suffix in suffixes or not suffixes:
            try:
                yield path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_no_file_speaks_of_anything_but_the_project():
    found = [
        f"{name}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for name, text in texts()
        for match in _FOREIGN.finditer(text)
    ]
    assert found == []


def test_no_lock_file_names_an_index():
    locks = [
        (name, line)
        for name, text in texts()
        if name.startswith("requirements/")
        or re.search(r"(^|/)(package-lock\.json|npm-shrinkwrap\.json|.*\.lock)$", name)
        for line in text.splitlines()
        if not line.lstrip().startswith("#") and _INDEX.search(line)
    ]
    assert locks == []
    assert any(name.startswith("requirements/") for name, _ in texts(".txt"))


def test_every_link_to_a_file_leads_to_one():
    broken = []
    for name, text in texts(".md"):
        for target in _LINK.findall(text):
            if re.match(r"[a-z][a-z+.-]*:|#", target):
                continue
            path, _, anchor = target.partition("#")
            place = (ROOT / name).parent / path
            if not place.exists():
                broken.append(f"{name}: {target}")
            elif anchor and anchor not in anchors_of(place):
                broken.append(f"{name}: {target} (no such heading)")
    assert broken == []


def anchors_of(path):
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_setting_that_is_named_exists():
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = {
        f"{name}: {setting}"
        for name, text in texts(".md")
        for setting in _SETTING.findall(text)
        if setting not in known
    }
    assert unknown == set()


def test_source_files_stay_short():
    longer = {
        name
        for name, text in texts(".py", ".html", ".css", ".js")
        if name.startswith("src/") and text.count("\n") > LINES_MAX
    }
    assert sorted(longer - LONGER.keys()) == []


@pytest.mark.parametrize("page", HOW_TO, ids=lambda page: page.name)
def test_a_how_to_is_short_and_begins_with_its_title(page):
    lines = page.read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("# ")
    assert len(lines) < 80


def test_every_how_to_can_be_found_from_the_readme_or_the_reference():
    said = CLI_REFERENCE.read_text(encoding="utf-8") + (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in HOW_TO if f"how-to/{page.name}" not in said] == []
