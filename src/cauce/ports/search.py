"""Search: which studies, series and instances of a space have the attributes that are asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from cauce.core.messages import ProjectRef
from cauce.core.searching import Level, Match
from cauce.core.statuses import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What is asked for: results of one level, below a study or series where these are given.

    `matches` holds how attributes match, by their names in `cauce.core.searching`; all have to. `levels` are those
    whose attributes are wanted.
    """

    project: ProjectRef
    space: Space
    level: Level
    levels: frozenset[Level]
    limit: int
    offset: int = 0
    study: str | None = None
    series: str | None = None
    matches: Mapping[str, Match] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """Results in a lasting order; `rows` hold the values of attributes by name, and our own keys.

    `further` counts the results beyond this page, as far as it is worth counting them: with `is_further_exact` false
    there are that many or more.
    """

    rows: Sequence[Mapping[str, Any]]
    further: int
    is_further_exact: bool = True


class Search(Protocol):
    """Originals are searched as their columns say, the de-identified space as its own objects do."""

    def find(self, query: Query) -> Page:
        """Return one page of results.

        Raises:
            DatabaseUnavailable: it does not answer.
        """

    def documents(self, space: Space, level: Level, rows: Sequence[Mapping[str, Any]]) -> Sequence[bytes]:
        """Return the DICOM JSON of each of a few results: of an instance, or of the first instance of what it holds."""
