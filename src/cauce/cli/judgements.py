"""What `cauce validate` found, for people: alike findings together, the worst first."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from rich.text import Text

from cauce.cli.output import console, counted, plain, status_text

NAMED_MAX: Final = 3
"""So many files are named of each finding, unless all are asked for."""

_ORDER: Final = ("refused", "warning", "skipped", "ok")
_INDENT: Final = " " * 9


@dataclass(slots=True)
class _Finding:
    """Files of which the same is said."""

    paths: list[str] = field(default_factory=list)
    count: int = 0


class Judgements:
    """Collects verdicts in memory that grows with what is found, not with the files."""

    def __init__(self, *, names_all: bool, explanations: Mapping[str, str], rank: Callable[[str], int]) -> None:
        """With `names_all` every file is named; `rank` says which warning is worse than another."""
        self.counts: Counter[str] = Counter()
        self._explanations = explanations
        self._rank = rank
        self._named_max = None if names_all else NAMED_MAX
        self._names_all = names_all
        self._findings: dict[tuple[str, str, str], _Finding] = {}

    def add(self, entry: Mapping[str, Any]) -> None:
        """Take the verdict on one file."""
        status, path = entry["status"], entry["path"]
        self.counts[status] += 1
        said = [entry] if "code" in entry else entry.get("warnings") or ([{}] if self._names_all else [])
        for one in said:
            finding = self._findings.setdefault((status, one.get("code", ""), one.get("detail", "")), _Finding())
            finding.count += 1
            if self._named_max is None or len(finding.paths) < self._named_max:
                finding.paths.append(path)

    def print(self) -> None:
        """Print the findings, then how many files there were of each verdict."""
        explained: set[str] = set()
        for (status, code, detail), finding in sorted(self._findings.items(), key=self._place):
            line = status_text(f"{status:<7}")
            if code:
                line.append(f"  {code}", style="bold").append(f": {plain(detail)}", style="default")
            else:
                line.append("  nothing is irregular", style="default")
            if code in self._explanations and code not in explained:
                explained.add(code)
                line.append(f"\n{_INDENT}{self._explanations[code]}", style="italic")
            for path in finding.paths:
                line.append(f"\n{_INDENT}{plain(path)}", style="dim")
            if finding.count > len(finding.paths):
                line.append(f"\n{_INDENT}and {finding.count - len(finding.paths)} more", style="dim")
            console().print(line)
        console().print(Text(self._total()))

    def _place(self, found: tuple[tuple[str, str, str], _Finding]) -> tuple[int, int, str, int]:
        (status, code, _), finding = found
        return _ORDER.index(status), self._rank(code), code, -finding.count

    def _total(self) -> str:
        said = ", ".join(f"{self.counts[status]} {status}" for status in _ORDER if self.counts[status])
        total = self.counts.total()
        return f"{counted(total, 'file')}: {said}" if total else "no files"
