"""The services that `bootstrap` puts together and every way in or out is given."""

from dataclasses import dataclass, field
from pathlib import Path

from cauce.core.limits import Limits
from cauce.ports.catalogue import Catalogue, WorkCatalogue
from cauce.ports.conflicts import Conflicts
from cauce.ports.holdings import Holdings
from cauce.ports.keys import KeyRing
from cauce.ports.ledger import JobLedger
from cauce.ports.modalities import Modalities
from cauce.ports.objects import ObjectStore
from cauce.ports.profiles import Profiles
from cauce.ports.quarantine import Quarantine
from cauce.ports.results import ResultStore
from cauce.ports.search import Search
from cauce.ports.served import Served
from cauce.ports.vault import Vault
from cauce.ports.work_items import WorkItems


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Everything that the stages may need of the world, by role."""

    objects: ObjectStore
    keyring: KeyRing
    catalogue: Catalogue
    work: WorkCatalogue
    ledger: JobLedger
    results: ResultStore
    vault: Vault
    modalities: Modalities
    holdings: Holdings
    conflicts: Conflicts
    profiles: Profiles
    quarantine: Quarantine
    search: Search
    served: Served
    work_items: WorkItems
    spool: Path
    limits: Limits = field(default_factory=Limits)
