"""Every transaction of the DICOM web services (PS3.18), and what becomes of it here: one table for all who ask.

The capabilities document and the reference page are made from it, and a test walks it row by row.
"""

from dataclasses import dataclass
from typing import Final

STUDY: Final = "/studies/{study}"
SERIES: Final = STUDY + "/series/{series}"
INSTANCE: Final = SERIES + "/instances/{instance}"
FRAMES: Final = INSTANCE + "/frames/{frames}"

_FILES: Final = ('multipart/related; type="application/dicom"', "application/zip")
_FILE: Final = ('multipart/related; type="application/dicom"', "application/dicom", "application/zip")
_METADATA: Final = ("application/dicom+json", "application/json", 'multipart/related; type="application/dicom+xml"')
_PICTURE: Final = ("image/jpeg", "image/png", "image/gif", "image/jp2")
_PICTURES: Final = tuple(f'multipart/related; type="{kind}"' for kind in _PICTURE)
_FRAMES: Final = (
    "application/octet-stream",
    "image/jpeg",
    "image/jls",
    "image/jp2",
    "image/jphc",
    "image/dicom-rle",
)
_SEARCHED: Final = (
    "attributes",
    "includefield",
    "fuzzymatching",
    "emptyvaluematching",
    "multiplevaluematching",
    "limit",
    "offset",
    "accept",
)
_SEEN: Final = ("accept", "window", "viewport", "quality")


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    """One row. `section` is that of PS3.18; `declined` is the status of the answer where it is not offered.

    `media_types` are those of answers, `accepts` those of bodies; `parameters` are those of the query that have an
    effect, `ignored` those that the standard lets a server leave unheeded.
    """

    name: str
    section: str
    method: str
    path: str
    media_types: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ("accept",)
    ignored: tuple[str, ...] = ("charset",)
    declined: int | None = None


def _a(name: str) -> str:
    return f"{'an' if name.startswith('i') else 'a'} {name}"


def _read(
    name: str,
    section: str,
    path: str,
    media_types: tuple[str, ...],
    *,
    parameters: tuple[str, ...] = ("accept",),
    ignored: tuple[str, ...] = ("charset",),
) -> Transaction:
    return Transaction(
        name=name,
        section=section,
        method="GET",
        path=path,
        media_types=media_types,
        parameters=parameters,
        ignored=ignored,
    )


def _shown(name: str, path: str, media_types: tuple[str, ...], *, section: str) -> Transaction:
    ignored = ("charset", "annotation", "iccprofile")
    return _read(name, section, path, media_types, parameters=_SEEN, ignored=ignored)


def _declined(name: str, section: str, method: str, path: str, status: int) -> Transaction:
    return Transaction(name=name, section=section, method=method, path=path, parameters=(), ignored=(), declined=status)


_STORED: Final = (
    'multipart/related; type="application/dicom"',
    "application/dicom",
    'multipart/related; type="application/dicom+json"',
)
_LEVELS: Final = (("study", STUDY), ("series", SERIES), ("instance", INSTANCE))

TRANSACTIONS: Final[tuple[Transaction, ...]] = (
    *(
        _read(f"Retrieve {name}", "10.4.1.1.1", path, _FILE if name == "instance" else _FILES)
        for name, path in _LEVELS
    ),
    *(_read(f"Retrieve metadata of {_a(name)}", "10.4.1.1.2", f"{path}/metadata", _METADATA) for name, path in _LEVELS),
    *(
        _shown(f"Retrieve rendered {name}", f"{path}/rendered", _PICTURE + _PICTURES, section="10.4.1.1.3")
        for name, path in (*_LEVELS, ("frames", FRAMES))
    ),
    *(
        _shown(f"Retrieve thumbnail of {_a(name)}", f"{path}/thumbnail", _PICTURE, section="10.4.1.1.4")
        for name, path in (*_LEVELS, ("frame", FRAMES))
    ),
    _read(
        "Retrieve bulk data",
        "10.4.1.1.5",
        INSTANCE + "/bulkdata/{place}",
        ("application/octet-stream", 'multipart/related; type="application/octet-stream"'),
    ),
    _read(
        "Retrieve frames",
        "10.4.1.1.6",
        FRAMES,
        tuple(f'multipart/related; type="{kind}"' for kind in _FRAMES) + _FRAMES,
    ),
    *(
        _declined(f"Retrieve bulk data of {_a(name)}", "10.4.1.1.5", "GET", f"{path}/bulkdata", 404)
        for name, path in _LEVELS
    ),
    *(
        _declined(f"Retrieve pixel data of {_a(name)}", "10.4.1.1.7", "GET", f"{path}/pixeldata", 404)
        for name, path in _LEVELS
    ),
    *(
        Transaction(
            name=f"Store instances{name}",
            section="10.5",
            method="POST",
            path=path,
            media_types=("application/dicom+json",),
            accepts=_STORED,
        )
        for name, path in (("", "/studies"), (" of a study", STUDY))
    ),
    *(
        _read(f"Search for {name}", "10.6", path, _METADATA, parameters=_SEARCHED)
        for name, path in (
            ("studies", "/studies"),
            ("series of a study", STUDY + "/series"),
            ("instances of a study", STUDY + "/instances"),
            ("instances of a series", SERIES + "/instances"),
            ("series", "/series"),
            ("instances", "/instances"),
        )
    ),
    _read("URI service", "9.1", "/wado", (*_PICTURE[:3], "application/dicom"),
          parameters=(
              "requestType", "studyUID", "seriesUID", "objectUID", "contentType", "transferSyntax", "frameNumber",
              "windowCenter", "windowWidth", "rows", "columns", "region", "imageQuality",
          ),
          ignored=("charset", "annotation", "presentationSeriesUID")),
    Transaction(
        name="Retrieve capabilities",
        section="8.9",
        method="OPTIONS",
        path="",
        media_types=("application/vnd.sun.wadl+xml",),
        ignored=(),
        parameters=(),
    ),
    _declined("Delete a study", "none", "DELETE", STUDY, 405),
    _declined("Storage commitment", "13.4", "POST", "/commitment-requests/{transaction}", 404),
    _declined("Search non-patient instances", "12.6", "GET", "/hanging-protocols", 404),
    _declined("Store non-patient instances", "12.5", "POST", "/color-palettes", 404),
)  # fmt: skip
"""The worklist service has a table of its own beside its code. What can be searched for is told in dicomweb.md."""
