"""Every transaction of the worklist service (PS3.18 chapter 11), for the capabilities document and the reference."""

from typing import Final

from cauce.api.dicomweb.transactions import Transaction

WORK_ITEMS: Final = "/workitems"
WORK_ITEM: Final = WORK_ITEMS + "/{workitem}"
SUBSCRIBER: Final = "/subscribers/{aetitle}"
WORKLIST: Final = WORK_ITEMS + "/1.2.840.10008.5.1.4.34.5"
FILTERED_WORKLIST: Final = WORK_ITEMS + "/1.2.840.10008.5.1.4.34.5.1"

_READ: Final = ("application/dicom+json", "application/json", 'multipart/related; type="application/dicom+xml"')
_TAKEN: Final = ("application/dicom+json", "application/json")
_SEARCHED: Final = ("attributes", "includefield", "fuzzymatching", "emptyvaluematching", "limit", "offset", "accept")


def _sent(name: str, section: str, method: str, path: str, *parameters: str) -> Transaction:
    return Transaction(
        name=name, section=section, method=method, path=path, accepts=_TAKEN, parameters=parameters, ignored=("accept",)
    )


def _declined(name: str, section: str, method: str, path: str, status: int) -> Transaction:
    return Transaction(name=name, section=section, method=method, path=path, parameters=(), ignored=(), declined=status)


WORK_ITEM_TRANSACTIONS: Final[tuple[Transaction, ...]] = (
    _sent("Create work item", "11.4", "POST", WORK_ITEMS, "workitem"),
    Transaction(name="Retrieve work item", section="11.5", method="GET", path=WORK_ITEM, media_types=_READ),
    _sent("Update work item", "11.6", "POST", WORK_ITEM, "transaction-uid"),
    _sent("Change state of a work item", "11.7", "PUT", WORK_ITEM + "/state"),
    _sent("Request cancellation of a work item", "11.8", "POST", WORK_ITEM + "/cancelrequest"),
    Transaction(
        name="Search work items",
        section="11.9",
        method="GET",
        path=WORK_ITEMS,
        media_types=_READ,
        parameters=_SEARCHED,
    ),
    _declined("Subscribe to a work item", "11.10", "POST", WORK_ITEM + SUBSCRIBER, 501),
    _declined("Subscribe to a worklist", "11.10", "POST", WORKLIST + SUBSCRIBER, 501),
    _declined("Subscribe to a filtered worklist", "11.10", "POST", FILTERED_WORKLIST + SUBSCRIBER, 403),
    _declined("Unsubscribe from a work item", "11.11", "DELETE", WORK_ITEM + SUBSCRIBER, 501),
    _declined("Unsubscribe from a worklist", "11.11", "DELETE", WORKLIST + SUBSCRIBER, 501),
    _declined("Suspend a subscription", "11.12", "POST", WORKLIST + SUBSCRIBER + "/suspend", 501),
    _declined("Open a notification connection", "8.10.4", "GET", SUBSCRIBER, 404),
    _declined("Delete a work item", "none", "DELETE", WORK_ITEM, 405),
)
