"""The raw routes of DICOMweb: which address is answered by what."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from cauce.api.dicomweb import addresses
from cauce.api.dicomweb.addresses import Address, address_of
from cauce.api.dicomweb.bulk_data import retrieve_bulk_data
from cauce.api.dicomweb.capabilities import retrieve_capabilities
from cauce.api.dicomweb.frames import retrieve_frames
from cauce.api.dicomweb.metadata import retrieve_metadata
from cauce.api.dicomweb.rendering import retrieve_rendered, retrieve_thumbnail
from cauce.api.dicomweb.retrieving import retrieve_instances
from cauce.api.dicomweb.search import search
from cauce.api.dicomweb.uri_service import retrieve_by_uri
from cauce.api.raw.intake import Intake
from cauce.api.raw.request import Request
from cauce.core.searching import Level

Handle = Callable[..., Awaitable[None]]

_LEVELS: Final = (("study", addresses.STUDY), ("series", addresses.SERIES), ("instance", addresses.INSTANCE))
_FRAMES: Final = addresses.INSTANCE + r"/frames/(?P<frames>[^/]+)"
_SEARCHED: Final = (
    ("studies", addresses.ROOT + "/studies", Level.STUDY),
    ("series", addresses.ROOT + "/series", Level.SERIES),
    ("instances", addresses.ROOT + "/instances", Level.INSTANCE),
    ("study-series", addresses.STUDY + "/series", Level.SERIES),
    ("study-instances", addresses.STUDY + "/instances", Level.INSTANCE),
    ("series-instances", addresses.SERIES + "/instances", Level.INSTANCE),
)
_PLACE: Final = frozenset({"project", "space", "study", "series", "instance"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """One kind of request, most often one that reads, at one pattern of addresses."""

    name: str
    path: re.Pattern[str]
    handle: Handle
    methods: tuple[str, ...] = ("GET", "HEAD")


def readings() -> tuple[Reading, ...]:
    """Return every reading route, in the order in which they are tried."""
    routes: list[tuple[str, str, Handle]] = [(f"wado-{name}", pattern, retrieve_instances) for name, pattern in _LEVELS]
    routes += [(f"wado-{name}-metadata", f"{pattern}/metadata", retrieve_metadata) for name, pattern in _LEVELS]
    bulk_data = addresses.INSTANCE + r"/bulkdata/(?P<offset>[0-9]{1,18}):(?P<length>[0-9]{1,18})"
    for tail, handle in (("rendered", retrieve_rendered), ("thumbnail", retrieve_thumbnail)):
        routes += [(f"wado-{name}-{tail}", f"{pattern}/{tail}", handle) for name, pattern in _LEVELS]
        routes.append((f"wado-frames-{tail}", f"{_FRAMES}/{tail}", handle))
    routes += [(f"qido-{name}", pattern, partial(search, level=level)) for name, pattern, level in _SEARCHED]
    routes.append(("wado-frames", _FRAMES, retrieve_frames))
    routes.append(("wado-bulk-data", bulk_data, _bulk_data))
    routes.append(("wado-uri", r"/wado|" + addresses.ROOT + "/wado", retrieve_by_uri))
    capabilities = Reading(
        name="wado-capabilities",
        path=re.compile(f"{addresses.ROOT}/?"),
        handle=addressed(retrieve_capabilities),
        methods=("GET", "HEAD", "OPTIONS"),
    )
    return capabilities, *(
        Reading(name=name, path=re.compile(f"(?:{pattern})/?"), handle=addressed(handle))
        for name, pattern, handle in routes
    )


def addressed(handle: Handle) -> Handle:
    """Return `handle`, called with one address for what of the path says where something is."""

    async def handled(request: Request, intake: Intake, **given: str) -> None:
        address = address_of(**{name: value for name, value in given.items() if name in _PLACE})
        rest: dict[str, Any] = {name: value for name, value in given.items() if name not in _PLACE}
        await handle(request, intake, address, **rest)

    return handled


async def _bulk_data(request: Request, intake: Intake, address: Address, *, offset: str, length: str) -> None:
    await retrieve_bulk_data(request, intake, address, offset=int(offset), length=int(length))
