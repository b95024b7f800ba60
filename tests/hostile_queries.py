"""Hostile requests at every transaction of the table: parameters, headers, methods and addresses that nobody needs."""

# ruff: noqa: E501 - tables of values are read as tables, whatever their letters look like

import random
import re
from urllib.parse import quote

from cauce.api.dicomweb.transactions import TRANSACTIONS
from cauce.api.dicomweb.work_items.transactions import WORK_ITEM_TRANSACTIONS
from cauce.core.searching import ATTRIBUTES
from hostile_reads import Ask

NUMBERS = (
    "0", "-1", "1", "NaN", "inf", "-0", "+1", "1e9", "1.0", "0x10", "", " 5 ", "1_000", "9" * 18, "9" * 19, "9" * 5000, "1" + "0" * 30,
    "%D9%A1", "%EF%BC%91", "%C2%B2", "%00", "%0A1", "null", "1;2", "5000", "5001",
)  # fmt: skip
TEXTS = (
    "%00", "%FF%FE", "%ED%A0%80", "%ud800", "%", "%2", "%GG", "%F0%9F%92%A9", "\\", "%5C%5C", "%5C" * 2000, "," * 5000, "*", "?", "%2A", "%25",
    "_", "[a-z]", "[", "*" * 10_000, "*?" * 5_000, "?" * 1024, "?" * 1025, "a" * 1024, "a" * 1025, "a*" * 16, "*a" * 500, "%5B%5D%5E*",
    "%27%20OR%201%3D1--", "%22%22", "%22", "%7B%7B7*7%7D%7D", "..%2F..%2F..%2Fetc%2Fpasswd", "%0D%0AX-Injected:%201", "%E2%80%AE",
    "A%CC%80" * 300, "%EF%B7%BA" * 60, "%E1%84%80%E1%85%A1" * 100, "=" * 1000, "^" * 1000, "%3D%3D%3D", "a^b^c^d^e=f^g=h^i", "%C3%9F" * 500,
)  # fmt: skip
DATES = (
    "00000101", "99991231", "99991231-", "-00010101", "20230229", "20240229", "19000229", "20240101-20230101", "-", "--", "20240101-20240102-3",
    "2024", "202401", "20241301", "20240132", "%D9%A2%D9%A0%D9%A2%D9%A4%D9%A0%D9%A1%D9%A0%D9%A1", "2024-01-01", "20240101," * 500, "-20240101-",
    "00000000-99999999", " 20240101 ", "20240101\\20240102",
)  # fmt: skip
TIMES = (
    "000000-235959.999999",
    "240000",
    "235960",
    "2359-",
    "-",
    "-0",
    "12:00",
    "1",
    "235959.9999999",
    "235959-000000",
    "12-13-14",
    ":" * 500,
)
UIDS = (
    "1." * 32 + "1", "1" * 65, "1" * 64, "1" * 10_000, "1.2.3", "01.2", "1..2", ".", "1.2.*", "x", "..", "%2e%2e", "1.2.3%00", "%D9%A1.2",
    "1.2.3%2F..%2F4", "1.2.3%0A", ",", ",".join(f"1.2.{n}" for n in range(4096)), ",".join(f"1.2.{n}" for n in range(10_000)),
    "1.2,1.2%5C1.2",
)  # fmt: skip
INCLUDED = (
    "all", "all,all,all", ",", "nothing", "PatientName," * 600, "00100010.00100010", ".".join(["00081140"] * 100), ".".join(["00081140"] * 8),
    "FFFFFFFF", "00000000", "7FE00010", "0040A730.0040A168.00080100", "ReferencedSeriesSequence.SeriesInstanceUID", "%00", "all.all", ".", "..",
    "00081111.", "PatientName%0d%0a", "%D9%A0" * 8, "00090010", "00091001", "A" * 70, "A" * 10_000,
)  # fmt: skip
NAMES = (
    ".".join(["ReferencedSeriesSequence"] * 100), ".".join(["00081115"] * 7 + ["0020000E"]), "FFFFFFFF", "zzzzzzzz", "%00", "x" * 10_000, "", "=",
    "PatientName.PatientName", "RequestAttributesSequence.ScheduledProcedureStepID", "00400275.00400009", "00400275.00400275.00400009",
    "__proto__", "StudyInstanceUID%00", "limit%00", "%F0%9F%92%A9", "0010001", "001000100", "patientname", "includefield.all",
)  # fmt: skip
ACCEPTS = (
    ",".join(["application/dicom+json"] * 10_000), "application/dicom+json;q=nan", "*/*;q=inf", "*/*;q=-1", "*/*;q=0", ",", ";", ";;;;", "/", "*",
    "a/b;" * 3000, 'multipart/related; type="' + "x" * 5000 + '"', 'multipart/related; type="', "multipart/related", '"' * 5001, '"\\' * 3000,
    "\\" * 5000, "multipart/related;" + ";type=" * 2000, "*/*;q=1e400", 'application/dicom; transfer-syntax="1.2;q=0"', "\u00e9/\u00ff",
    "application/*", "image/*;q=0.5,*/*;q=0.1", " " * 5000, "a" * 30_000, "text/html", "application/dicom+json\t;\tq=1", "*/*;q=" + "9" * 5000,
    'multipart/related; type="application/dicom"; transfer-syntax=' + "1." * 3000, ("x=" + '"' * 3 + ",") * 3000,
)  # fmt: skip
FIELDS = (
    {"range": "bytes=" + ",".join(f"{n}-{n + 5}" for n in range(5000))}, {"range": "bytes=-5--1"}, {"range": "bytes=0-,0-,0-"}, {"range": "x" * 5000},
    {"if-none-match": ",".join(f'"{n}"' for n in range(5000))}, {"if-none-match": '"' * 5001}, {"if-none-match": "*"}, {"if-none-match": 'W/"' * 3000},
    {"if-range": '"x"', "range": "bytes=0-1"}, {"if-modified-since": "nonsense"}, {"host": "evil.example"}, {"host": ""}, {"host": "a" * 3000},
    {"authorization": "Bearer " + "x" * 5000}, {"authorization": "Bearer \u00ff"}, {"authorization": "Basic Og=="}, {"authorization": None},
    {"authorization": "Bearer " + "a.b.c"}, {"cookie": "a=b;" * 3000}, {"cookie": "sessionid=" + "x" * 3000, "authorization": None},
    {"content-type": "multipart/related"}, {"content-type": "x" * 5000}, {"content-encoding": "gzip"}, {"expect": "100-continue"},
    {"x-forwarded-for": "1.2.3.4," * 1000}, {"origin": "null"}, {"origin": "http://" + "x" * 3000}, {"access-control-request-method": "x"},
    {"accept-encoding": "gzip;q=nan," * 500}, {"te": "trailers"}, {"x-" + "y" * 3000: "1"}, {"x-null": "a\x00b"}, {"accept-language": "*;q=nan"},
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 300)
PLACES = (
    "..", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "%FF", "1" * 5000, "1" * 65, "%D9%A1", "a%0d%0ab", "*", "%25", "1.2.3%3Fx", "~", "%ED%A0%80", "%2F", "0",
    "1%2E2", ";x=y", "1.2.3,1.2.4",
)  # fmt: skip
_NUMBERED = ("limit", "offset")
_FLAGS = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching")
_BY_VR = {"DA": DATES, "TM": TIMES, "UI": UIDS, "IS": NUMBERS, "US": NUMBERS}


def queries(root, one, *, seed=1, rounds=1):
    """Yield hostile requests at every transaction; `one` is where something is stored. The same seed gives the same."""
    draw = random.Random(seed)
    for row in (*TRANSACTIONS, *WORK_ITEM_TRANSACTIONS):
        path = root + _filled(row.path, one)
        if row.path == "/wado":
            path += f"?requestType=WADO&studyUID={one.study}&seriesUID={one.series}&objectUID={one.instance}"
        for _ in range(rounds):
            yield from _at(path, row, draw)
        for name in re.findall(r"\{(\w+)\}", row.path):
            for text in draw.sample(PLACES, 6):
                yield Ask(method=row.method, target=root + _filled(row.path, one, **{name: text}))
    for root_ in (root, root.replace("/dicom-web", "/deid/dicom-web"), "/projects/%00/dicom-web", "/projects/" + "x" * 3000 + "/dicom-web",
                  "/projects/../dicom-web", "/dicom-web/" + "a/" * 2000, "/dicom-web//studies", "//dicom-web/studies"):  # fmt: skip
        yield from (Ask(target=root_ + tail) for tail in ("", "/", "/studies", "/studies/", "/nothing", "/workitems"))
    for place in ("/studies", "/series", "/instances", f"/studies/{one.study}/instances", "/workitems"):
        yield from _searches(root + place, draw, rounds)


def _at(path, row, draw):
    sign = "&" if "?" in path else "?"
    for accept in draw.sample(ACCEPTS, 5):
        yield Ask(method=row.method, target=path, accept=accept)
        yield Ask(method=row.method, target=f"{path}{sign}accept={quote(accept[:5000], safe='')}")
    for more in draw.sample(FIELDS, 6):
        yield Ask(method=row.method, target=path, more=more, accept="*/*")
    for method in draw.sample(METHODS, 3):
        yield Ask(method=method, target=path)
    body = draw.choice((b"{}", b"\x00" * 5000, b"[" * 5000, b"--x\r\n\r\n"))
    yield Ask(method=row.method, target=path, body=body, more={"content-type": "application/dicom+json"})
    for name in row.parameters:
        for text in draw.sample(NUMBERS + TEXTS, 6):
            yield Ask(method=row.method, target=f"{path}{sign}{name}={text}")
        yield Ask(method=row.method, target=path + sign + "&".join([f"{name}=1"] * 3000))
    yield Ask(method=row.method, target=path + sign + "&" * 3000)
    yield Ask(method=row.method, target=path + sign + "%" * 3000)
    yield Ask(method=row.method, target=path + sign + "&".join(f"x{n}=" for n in range(101)))


def _searches(place, draw, rounds):
    for name in _NUMBERED:
        yield from (Ask(target=f"{place}?{name}={text}") for text in NUMBERS)
    for name in _FLAGS:
        yield from (Ask(target=f"{place}?{name}={text}") for text in ("maybe", "%00", "", "TRUE", "1" * 3000))
    for text in INCLUDED:
        yield Ask(target=f"{place}?includefield={text}&limit=50")
    yield Ask(target=f"{place}?" + "&".join(["includefield=all"] * 90))
    yield from (Ask(target=f"{place}?{name}=1") for name in NAMES)
    for one in ATTRIBUTES:
        if one.is_matched:
            values = _BY_VR.get(one.vr, ()) + TEXTS
            for text in draw.sample(values, min(len(values), 3 * rounds)):
                yield Ask(
                    target=f"{place}?{draw.choice((one.keyword, one.tag))}={text}{draw.choice(('', '&fuzzymatching=true'))}"
                )
    for _ in range(40 * rounds):
        chosen = draw.sample([one for one in ATTRIBUTES if one.is_matched], draw.randrange(2, 12))
        pairs = [f"{one.keyword}={draw.choice((_BY_VR.get(one.vr) or TEXTS)[:8])[:2000]}" for one in chosen]
        yield Ask(
            target=f"{place}?" + "&".join([*pairs, f"offset={draw.choice(('0', '5', '9' * 18))}", "fuzzymatching=true"])
        )


def _filled(path, one, **others):
    known = {
        "study": one.study, "series": one.series, "instance": one.instance, "frames": "1", "place": "0:1", "transaction": "1.2.3",
        "workitem": "1.2.840.1", "aetitle": "X", **others,
    }  # fmt: skip
    return re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)
