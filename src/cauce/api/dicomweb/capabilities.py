"""Retrieve capabilities (PS3.18 8.9 and annex H): what this service offers, as WADL."""

from collections import defaultdict
from http import HTTPStatus
from typing import Final
from xml.etree import ElementTree as ET

from cauce.api.dicomweb.access import reader_of
from cauce.api.dicomweb.addresses import Address
from cauce.api.dicomweb.transactions import TRANSACTIONS, Transaction
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.api.raw.sending import send_whole
from cauce.core.statuses import Space

WADL: Final = "application/vnd.sun.wadl+xml"
_NAMESPACE: Final = "http://wadl.dev.java.net/2009/02"


async def retrieve_capabilities(request: Request, intake: Intake, address: Address) -> None:
    """Answer which resources the service has, with which methods, parameters and media types."""
    await reader_of(request, intake, address.space)
    takes_in = address.space is Space.ORIGINALS
    body = capabilities(request.base_url + address.service, takes_in=takes_in)
    await send_whole(request, body, status=HTTPStatus.OK, headers={"content-type": WADL, "cache-control": "no-store"})


def capabilities(base_url: str, *, takes_in: bool) -> bytes:
    """Return the capabilities of the service at `base_url` as a WADL document, UTF-8.

    Unless it `takes_in`, nothing is stored there and no work is asked for.
    """
    application = ET.Element("application", xmlns=_NAMESPACE)
    resources = ET.SubElement(application, "resources", base=base_url)
    by_path: dict[str, list[Transaction]] = defaultdict(list)
    for transaction in (*TRANSACTIONS, *(WORK_ITEM_TRANSACTIONS if takes_in else ())):
        if transaction.declined is None and (takes_in or transaction.method != "POST"):
            by_path[transaction.path].append(transaction)
    for path, transactions in by_path.items():
        resource = ET.SubElement(resources, "resource", path=path.removeprefix("/"))
        for transaction in transactions:
            _add_method(resource, transaction)
    document: bytes = ET.tostring(application, encoding="utf-8", xml_declaration=True)
    return document


def _add_method(resource: ET.Element, transaction: Transaction) -> None:
    method = ET.SubElement(resource, "method", name=transaction.method, id=transaction.name.replace(" ", ""))
    request = ET.SubElement(method, "request")
    for name in transaction.parameters:
        ET.SubElement(request, "param", name=name, style="query")
    for media_type in transaction.accepts:
        ET.SubElement(request, "representation", mediaType=media_type)
    response = ET.SubElement(method, "response", status="200")
    for media_type in transaction.media_types:
        ET.SubElement(response, "representation", mediaType=media_type)
