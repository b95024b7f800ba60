"""Write the reference page of the DICOM web services from the table in the code."""

from http import HTTPStatus
from pathlib import Path

from cauce.api.dicomweb.transactions import TRANSACTIONS, Transaction
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "dicomweb-transactions.md"

_HEAD = """# DICOM web services: every transaction

What of PS3.18 is offered, and with what a request for the rest is answered. Paths are below `/dicom-web` (originals of
the default project), `/projects/<slug>/dicom-web` (of another) and `/projects/<slug>/deid/dicom-web` (de-identified
objects: nothing is stored there, and there are no work items). This page is made from the table that the capabilities
document comes from, and a test walks it row by row.
[dicomweb.md](dicomweb.md) tells how to search, and which transfer syntaxes there are.

| transaction | PS3.18 | request | answers, in order of preference | parameters | unheeded |
|---|---|---|---|---|---|
"""


def page() -> str:
    """Return the page."""
    return _HEAD + "".join(map(_row, (*TRANSACTIONS, *WORK_ITEM_TRANSACTIONS)))


def _row(row: Transaction) -> str:
    answers = ", ".join(f"`{kind}`" for kind in row.media_types)
    if row.declined is not None:
        answers = f"declined: {row.declined} {HTTPStatus(row.declined).phrase}"
    elif row.accepts:
        answers = f"{answers or 'no body'}; takes {', '.join(f'`{kind}`' for kind in row.accepts)}"
    cells = (
        row.name,
        row.section,
        f"`{row.method} {row.path or '/'}`",
        answers,
        ", ".join(f"`{name}`" for name in row.parameters),
        ", ".join(f"`{name}`" for name in row.ignored),
    )
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
