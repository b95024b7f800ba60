"""Every way to read one stored object by DICOMweb, sensible and not: statuses are all that may differ."""

# ruff: noqa: E501, RUF001 - tables of values are read as tables, whatever their letters look like

import json
import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from cauce.core.transfer_syntaxes import TRANSFER_SYNTAXES

ANSWERED = frozenset(
    {200, 201, 202, 206, 304, 400, 401, 403, 404, 405, 406, 408, 409, 413, 414, 415, 416, 422, 431, 501}
)
"""The statuses that the reference has. Whatever else is answered is a defect, each of 500 above all."""

JSON = "application/dicom+json"
XML = 'multipart/related; type="application/dicom+xml"'
FILES = 'multipart/related; type="application/dicom"; transfer-syntax='
FRAME_LISTS = ("1", "2", "0", "-1", "999999", "1,1,1", "1,2,3", "1,", ",", "9" * 400, "1;2", "1%2C1", "%D9%A1", "1.5")
WINDOWS = (
    "0,1,linear", "40,400,sigmoid", "1e300,1e300,linear", "-1e300,1e-29,linear-exact", "nan,1,linear", "inf,inf,linear",
    "0,0,linear", "0,-1,sigmoid", "0,1e-300,linear-exact", "1e308,1e-29,sigmoid", "0,1", "%D9%A1,1,linear", "1_0,1,linear",
)  # fmt: skip
VIEWPORTS = (
    "1,1", "8192,3906", "8192,8192", "0,0", "-1,-1", "1e9,1e9", "nan,nan", "64,64,-1e300,-1e300,1e308,1e308", "64,64,,,-1,-1",
    "64,64,1e300,0,1,1", "1,8192", "64,64,0,0,1e-300,1e-300", "64,64,1,1,0,0", "1e400,1", "0.5,0.5", "64,64,0,0,,",
    "64,64,-1e308,0,1.7e308,1", "64",
)  # fmt: skip
QUALITIES = ("1", "100", "0", "101", "-1", "1e2", "%D9%A1", "9" * 5000, "")
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/jp2", 'multipart/related; type="image/jpeg"')
SPANS = (
    "0:1",
    "0:0",
    "0:999999999999999999",
    "999999999999999999:999999999999999999",
    "1:1",
    "-1:1",
    "%D9%A1:1",
    "0:" + "9" * 30,
)
RANGES = (
    "bytes=0-0", "bytes=-1", "bytes=5-", "bytes=5-2", "bytes=-0", "bytes=99999999999-", "bytes=" + ",".join(["0-1"] * 3000),
    "bytes=0-1,1-2,-5", "lines=1-2", "bytes=--1", "bytes=1", "bytes=" + "9" * 1000 + "-",
)  # fmt: skip
_MEDIA_TYPES = tuple(dict.fromkeys(one.media_type for one in TRANSFER_SYNTAXES if one.media_type))
_SYNTAXES = (*(one.uid for one in TRANSFER_SYNTAXES), "*", "1.2.3", "x" * 300)
_OURS = re.compile(r"^https?://[^/]+")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request. `target` is as it stands on the wire, `more` are header fields beside Accept."""

    target: str
    method: str = "GET"
    accept: str | None = None
    more: dict = field(default_factory=dict)
    body: bytes = b""

    def __str__(self):
        body = f" {len(self.body)} bytes {self.body[:200]!r}" if self.body else ""
        return f"{self.method} {self.target[:300]} accept={self.accept} {str(self.more)[:200]}{body}"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Where an object is served."""

    root: str
    study: str
    series: str
    instance: str

    @property
    def levels(self):
        study = f"{self.root}/studies/{self.study}"
        series = f"{study}/series/{self.series}"
        return study, series, f"{series}/instances/{self.instance}"


def reads_of(one, documents, *, turn, share):
    """Yield what is asked of an object: the main ways of each, and of the `share` times as many extremes those in turn.

    `documents` are its metadata as they were answered.
    """
    study, series, instance = one.levels
    yield Ask(target=f"{instance}/metadata", accept=JSON)
    yield Ask(target=f"{instance}/metadata", accept="application/dicom+xml")
    yield Ask(target=f"{series}/metadata", accept=XML)
    yield Ask(target=instance, accept="application/dicom; transfer-syntax=*")
    yield Ask(target=instance, accept="application/dicom")
    yield Ask(target=f"{instance}/frames/1")
    yield Ask(target=f"{instance}/frames/1", accept="application/octet-stream")
    yield Ask(target=f"{instance}/rendered", accept="image/jpeg")
    yield Ask(target=f"{instance}/thumbnail")
    yield Ask(target=f"{instance}/rendered", accept='multipart/related; type="image/png"')
    yield Ask(target=study, accept="application/zip")
    yield Ask(target=series, accept=FILES + "*")
    yield from (Ask(target=_path(uri)) for uri in _bulk(documents)[:3])
    rare = [*_extremes(one), *_searches(one, documents)]
    yield from rare[turn % share :: share]


def _extremes(one):
    _, series, instance = one.levels
    for syntax in _SYNTAXES:
        yield Ask(target=instance, accept=f"application/dicom; transfer-syntax={syntax}")
        yield Ask(target=series, accept=FILES + syntax)
        for media_type in _MEDIA_TYPES:
            kind = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
            yield Ask(target=f"{instance}/frames/1", accept=kind)
    yield from _shown(one)
    for value in SPANS:
        yield Ask(target=f"{instance}/bulkdata/{value}")
    for value in RANGES:
        for tail in ("", "/frames/1", "/rendered", "/bulkdata/0:9", "/metadata"):
            yield Ask(target=f"{instance}{tail}", accept="*/*", more={"range": value})
    yield from _by_uri(one)


def _shown(one):
    study, series, instance = one.levels
    for frames in FRAME_LISTS:
        for tail in ("", "/rendered", "/thumbnail"):
            yield Ask(target=f"{instance}/frames/{frames}{tail}")
    for place in (instance, series, study):
        for tail in ("rendered", "thumbnail"):
            yield from (Ask(target=f"{place}/{tail}", accept=kind) for kind in PICTURES)
    for name, values in (("window", WINDOWS), ("viewport", VIEWPORTS), ("quality", QUALITIES)):
        for value in values:
            yield Ask(target=f"{instance}/rendered?{name}={value}", accept="image/jpeg")
            yield Ask(target=f"{instance}/thumbnail?{name}={value}", accept="image/png")


def _by_uri(one):
    query = {"requestType": "WADO", "studyUID": one.study, "seriesUID": one.series, "objectUID": one.instance}
    wishes = [("contentType", kind) for kind in (*PICTURES, "application/dicom", "x/y", "*/*,;q=nan")]
    wishes += [("transferSyntax", syntax) for syntax in _SYNTAXES]
    wishes += [("frameNumber", text) for text in ("1", "2", "0", "-1", "999999", "9" * 5000, "١")]
    wishes += [(name, text) for name in ("rows", "columns") for text in ("1", "8192", "8193", "0", "-1", "nan", "١")]
    wishes += [
        ("region", text) for text in ("0,0,1,1", "0.5,0.5,0.5000001,0.5000001", "1,1,0,0", "nan,0,1,1", "0,0,1e-300,1")
    ]
    wishes += [("imageQuality", text) for text in ("1", "100", "0", "x")]
    wishes += [("anonymize", "yes"), ("presentationUID", "1.2"), ("annotation", "patient"), ("charset", "utf-8")]
    for name, text in wishes:
        yield Ask(target=f"{one.root}/wado?{urlencode({**query, 'contentType': 'image/jpeg', name: text})}")
    for centre, width in (("1e300", "1e300"), ("nan", "1"), ("0", "0"), ("40", "400"), ("", "1"), ("1", "")):
        wanted = {**query, "contentType": "image/png", "windowCenter": centre, "windowWidth": width}
        yield Ask(target=f"{one.root}/wado?{urlencode(wanted)}")


def _searches(one, documents):
    """Yield searches for what a header says: by each of its attributes as it stands there, and by all at once."""
    study, series, _ = one.levels
    values = [
        (tag, str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value))
        for tag, element in documents.items()
        for value in (element.get("Value") or [])[:1]
        if element.get("vr") != "SQ" and not isinstance(value, list)
    ]
    for tag, value in values:
        text = quote(value[:200], safe="", errors="surrogatepass")
        for place in (f"{one.root}/studies", f"{series}/instances"):
            yield Ask(target=f"{place}?{tag}={text}&includefield={tag}&fuzzymatching=true", accept=JSON)
    yield Ask(target=f"{study}/series?includefield=all", accept=JSON)
    yield Ask(target=f"{study}/instances?includefield=all", accept=XML)
    yield Ask(
        target=f"{one.root}/instances?StudyInstanceUID={one.study}&includefield=all", accept="application/dicom+xml"
    )


def _bulk(found):
    if isinstance(found, dict):
        if "BulkDataURI" in found:
            return [found["BulkDataURI"]]
        return [uri for value in found.values() for uri in _bulk(value)]
    return [uri for value in found for uri in _bulk(value)] if isinstance(found, list) else []


def _path(uri):
    return _OURS.sub("", uri)


def listed(body):
    """Return the objects that a search for instances found."""
    root = re.compile(r"^https?://[^/]+(/.*)/studies/([^/]+)/series/([^/]+)/instances/([^/]+)$")
    found = [root.match(row["00081190"]["Value"][0]) for row in json.loads(body)]
    return [Stored(root=one[1], study=one[2], series=one[3], instance=one[4]) for one in found]
