"""Services on the test database, with an object store and keys in a folder of their own."""


def services_in(folder, *, spool=None, quiet_s=60, **limits):
    """Return services as `bootstrap` makes them, whose files lie in `folder`; `limits` are those of `Limits`."""
    from cauce import flow
    from cauce.adapters.catalogue_sql import SqlCatalogue
    from cauce.adapters.conflicts_sql import SqlConflicts
    from cauce.adapters.holdings_sql import SqlHoldings
    from cauce.adapters.keyring_file import FileKeyRing
    from cauce.adapters.keys_file import FileKeyService
    from cauce.adapters.ledger_sql import SqlLedger
    from cauce.adapters.modalities_sql import SqlModalities
    from cauce.adapters.objects_local import LocalObjects
    from cauce.adapters.profiles_sql import SqlProfiles
    from cauce.adapters.quarantine_sql import SqlQuarantine
    from cauce.adapters.results_sql import SqlResults
    from cauce.adapters.search_sql import SqlSearch
    from cauce.adapters.served_sql import SqlServed
    from cauce.adapters.vault_sql import SqlVault
    from cauce.adapters.work_items_sql import SqlWorkItems
    from cauce.adapters.work_sql import SqlWork
    from cauce.core.limits import Limits
    from cauce.ports.services import Services

    spool = spool or folder
    spool.mkdir(parents=True, exist_ok=True)
    ring = FileKeyRing(folder / "keyring.json", FileKeyService(folder / "keys"))
    catalogue = SqlCatalogue(quiet_s=quiet_s)
    return Services(
        objects=LocalObjects(folder / "objects", keyring=ring, reserve_bytes=0),
        keyring=ring,
        catalogue=catalogue,
        work=SqlWork(),
        ledger=SqlLedger(flow.following),
        results=SqlResults(),
        vault=SqlVault(ring),
        modalities=SqlModalities(),
        holdings=SqlHoldings(),
        conflicts=SqlConflicts(),
        profiles=SqlProfiles(),
        quarantine=SqlQuarantine(),
        search=SqlSearch(),
        served=SqlServed(catalogue),
        work_items=SqlWorkItems(),
        spool=spool,
        limits=Limits(**limits),
    )
