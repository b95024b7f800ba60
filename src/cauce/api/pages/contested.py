"""The conflicts of a study as its page shows them: each beside what is held, those alike together."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from cauce.api.rest.conflict_details import Comparison, compared
from cauce.api.rest.conflicts import contested
from cauce.readings.differences import Difference
from cauce.readings.places import PATIENT, place_of
from cauce.records.models import Study
from cauce.records.visibility import Visible

CONFLICTS_MAX = 25
FIRST_DIFFERENCES = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One conflict. `first` are the differences that are seen at once, `more` those that are unfolded."""

    comparison: Comparison
    first: Sequence[Difference]
    more: Sequence[Difference]


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Conflicts of a study that name one patient and are as much elsewhere: they can be settled together."""

    elsewhere: list[str]
    patient_id: str
    cards: list[Card] = field(default_factory=list)

    @property
    def names_another_patient(self) -> bool:
        """Whether they can be accepted, but only with the whole study."""
        return self.elsewhere == [PATIENT]

    @property
    def may_be_accepted(self) -> bool:
        """Whether each can be accepted by itself."""
        return not self.elsewhere

    @property
    def version_id(self) -> str:
        """The id of one of them, which stands for all."""
        return self.cards[0].comparison.contested.object_id


@dataclass(frozen=True, kw_only=True, slots=True)
class Contested:
    """The first conflicts of a study in groups, and how many there are beside those."""

    groups: list[Group]
    others: int
    is_one: bool


def contested_of(study: Study, visible: Visible, *, total: int) -> Contested:
    """Compare the first conflicts of a study; `total` is how many it has."""
    versions = contested(visible).filter(instance__series__study=study).select_related("header")
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], Group] = {}
    comparisons = compared(versions.order_by("instance__series_id", "instance_number", "id")[:CONFLICTS_MAX])
    for comparison in comparisons:
        place = place_of(comparison.contested.header.document)
        key = (place.patient, tuple(comparison.elsewhere))
        group = groups.setdefault(key, Group(elsewhere=comparison.elsewhere, patient_id=place.patient_id))
        found = comparison.differences
        group.cards.append(Card(comparison=comparison, first=found[:FIRST_DIFFERENCES], more=found[FIRST_DIFFERENCES:]))
    others = max(total - len(comparisons), 0)
    return Contested(groups=list(groups.values()), others=others, is_one=len(comparisons) + others == 1)
