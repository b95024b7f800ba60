"""The raw routes of the worklist service (PS3.18 11.1.1): which address is answered by what."""

import re
from typing import Final

from cauce.api.dicomweb import addresses
from cauce.api.dicomweb.routes import Handle, Reading, addressed
from cauce.api.dicomweb.work_items.reading import retrieve_work_item, search_work_items
from cauce.api.dicomweb.work_items.subscribing import decline_subscription
from cauce.api.dicomweb.work_items.writing import (
    change_state,
    create_work_item,
    request_cancellation,
    update_work_item,
)

_ALL: Final = addresses.ROOT + "/workitems"
_ONE: Final = _ALL + r"/(?P<workitem>[^/]+)"
_READ: Final = ("GET", "HEAD")


def work_item_routes() -> tuple[Reading, ...]:
    """Return every route of the worklist service."""
    subscribers = _ONE + r"/subscribers/[^/]+"
    routes: tuple[tuple[str, str, Handle, tuple[str, ...]], ...] = (
        ("ups-search", _ALL, search_work_items, _READ),
        ("ups-create", _ALL, create_work_item, ("POST",)),
        ("ups-retrieve", _ONE, retrieve_work_item, _READ),
        ("ups-update", _ONE, update_work_item, ("POST",)),
        ("ups-state", _ONE + "/state", change_state, ("PUT",)),
        ("ups-cancel", _ONE + "/cancelrequest", request_cancellation, ("POST",)),
        ("ups-subscribe", subscribers, decline_subscription, ("POST", "DELETE")),
        ("ups-suspend", subscribers + "/suspend", decline_subscription, ("POST",)),
    )
    return tuple(
        Reading(name=name, path=re.compile(f"(?:{pattern})/?"), handle=addressed(handle), methods=methods)
        for name, pattern, handle, methods in routes
    )
