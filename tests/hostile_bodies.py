"""Hostile bodies for what stores: multiparts, DICOM JSON and work items that break every rule there is."""

# ruff: noqa: E501, PERF401 - tables of values are read as tables, whatever their letters look like

import json
from dataclasses import replace

from tests.dicomweb.work_item_rows import new_item

from cauce import samples
from hostile_reads import Ask

BOUNDARY = "BB"
RELATED = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'
OF_JSON = f'multipart/related; type="application/dicom+json"; boundary={BOUNDARY}'
_JSON = "application/dicom+json"
_PART = "Content-Type: application/dicom\r\n"
_OWN = "1.2.826.0.1.3680043.8.498.7"
"""Where the UIDs of hostile data sets begin."""
_VRS = ("AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF", "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS",
        "ST", "SV", "TM", "UC", "UI", "UL", "UN", "UR", "US", "UT", "UV", "ZZ", "", None, 7, [], {})  # fmt: skip
_VALUES = (
    None, [], [None], [[]], [{}], {}, "x", 7, ["x"], [1], [-1], [1.5], [10**40], [1e308], [True], ["\x00"], ["\ud800"], ["1" * 5000], [" "], ["\\\\"],
    ["NaN"], ["1e999"], ["99999999"], ["{}"], [{"Alphabetic": 1}], [{"Alphabetic": "a^b" * 999}], ["1.2.3"] * 999, [[1]], [{"vr": "SQ"}], ["\u0661"],
    [{"00080005": {"vr": "CS", "Value": ["ISO 2022 IR 87"]}}], [2**63], [-(2**31)], ["0010"], ["-1"],
)  # fmt: skip


def multipart(*parts, boundary=BOUNDARY, end="--\r\n"):
    """Return a body of parts, each its head and content."""
    pieces = [f"--{boundary}\r\n{head}\r\n".encode("latin-1") + content + b"\r\n" for head, content in parts]
    return b"".join(pieces) + f"--{boundary}{end}".encode()


def stored(root):
    """Yield requests to store, of multiparts that are malformed, and of some that are merely strange."""
    file = samples.small_instance()
    good = (_PART, file)
    bodies = {
        "nothing": b"", "end alone": b"--BB--\r\n", "no end": multipart(good, end=""), "half": multipart(good)[:-3000],
        "other boundary": multipart(good, boundary="CC"), "no part head": b"--BB\r\n\r\n" + file + b"\r\n--BB--\r\n",
        "nested": multipart(('Content-Type: multipart/related; boundary="CC"\r\n', multipart(good, boundary="CC"))),
        "in itself": multipart((_PART, multipart(good))), "long head": multipart(("X: " + "y" * 40_000 + "\r\n", file)),
        "many heads": multipart(("X-A: b\r\n" * 5000, file)), "broken head": multipart(("no colon here\r\n", file)),
        "bytes in head": multipart(("\x00\xff: \xfe\r\n" + _PART, file)), "preamble": b"x" * 70_000 + multipart(good),
        "epilogue": multipart(good) + b"x" * 70_000, "delimiters": b"--BB\r\n" * 3000, "bare line ends": multipart(good).replace(b"\r\n", b"\n"),
        "zeros": bytes(200_000), "lines": b"\r\n" * 50_000, "almost a delimiter": multipart((_PART, b"\r\n--B" * 20_000)),
        "text": multipart(("Content-Type: text/plain\r\n", file)), "folded": multipart(("Content-Type:\r\n application/dicom\r\n", file)),
        "empty parts": multipart(*[(_PART, b"")] * 200), "twice": multipart(good, good),
        "length lies": multipart((_PART + "Content-Length: 5\r\n", file)), "encoded": multipart((_PART + "Content-Transfer-Encoding: base64\r\n", file)),
    }  # fmt: skip
    study = f"{root}/studies"
    for body in bodies.values():
        yield Ask(method="POST", target=study, body=body, more={"content-type": RELATED})
        yield Ask(method="POST", target=study, body=body, more={"content-type": OF_JSON})
    for kind in (
        "multipart/related", 'multipart/related; boundary=""', "multipart/related; boundary=" + "x" * 5000, "application/dicom", "multipart/form-data",
        'multipart/related; type="application/dicom"; boundary="B\\"B"', "multipart/related; boundary=BB; boundary=CC", "multipart/mixed; boundary=BB",
        "multipart/related; boundary=\xe9", "x" * 5000, "", ";" * 5000, 'multipart/related; type="application/dicom+xml"; boundary=BB',
    ):  # fmt: skip
        yield Ask(method="POST", target=study, body=multipart(good), more={"content-type": kind})
    for uid in ("1.2.3", "x", "1" * 65, "%00", "..%2f.."):
        yield Ask(method="POST", target=f"{study}/{uid}", body=multipart(good), more={"content-type": RELATED})
    yield Ask(
        method="POST", target=study, body=file, more={"content-type": "application/dicom", "content-encoding": "gzip"}
    )


def stored_json(root):
    """Yield requests to store metadata as JSON that are no data sets, or have other bulk data than they name."""
    documents = list(_documents())
    raw = [json.dumps(document).encode() for document in documents]
    raw += [
        b"", b"{", b"[", b"[" * 100_000, b'{"a":' * 50_000, b"[{}" + b",{}" * 3000 + b"]", b"nul", b"NaN", b"1e999", b'"' + b"x" * 99_999, b"\xff\xfe{}",
        b"\xef\xbb\xbf{}", b'{"00080018":{"vr":"UI","Value":["1.2.3"]},"00080018":{"vr":"UI","Value":["1.2.4"]}}', b"[" + b"1," * 50_000 + b"1]",
        b'{"00080018":' + b"9" * 6000 + b"}", json.dumps([_dataset()] * 3).encode(),
    ]  # fmt: skip
    for text in raw:
        body = multipart((f"Content-Type: {_JSON}\r\n", text))
        yield Ask(method="POST", target=f"{root}/studies", body=body, more={"content-type": OF_JSON})
    pixels = {"vr": "OW", "BulkDataURI": "here"}
    text = json.dumps([{**_dataset(), "7FE00010": pixels}]).encode()
    document = (f"Content-Type: {_JSON}\r\n", text)
    syntax = "Content-Type: image/jpeg; transfer-syntax=1.2.840.10008.1.2.4.50\r\nContent-Location: here\r\n"
    for parts in (
        [document], [document, ("Content-Location: there\r\n", b"x")], [document, ("Content-Location: here\r\n", b"")],
        [document] + [("Content-Location: here\r\n", b"xy")] * 3, [("Content-Location: here\r\n", b"xy"), document], [document, document],
        [document, ("", b"xy")], [document, (syntax, b"xy")], [document, (syntax, b"")], [document, ("Content-Location: " + "x" * 9000 + "\r\n", b"")],
        [("Content-Location: here\r\n", b"xy")], [document, (syntax.replace("1.2.840", "9.9"), b"xy")],
        [(document[0], json.dumps({**_dataset(), "7FE00010": pixels, "00280008": {"vr": "IS", "Value": ["1", "2"]}}).encode()), (syntax, b"xy")],
        [(document[0], json.dumps({**_dataset(), "7FE00010": pixels, "00280008": {"vr": "CS", "Value": ["x"]}}).encode()), (syntax, b"xy")],
        [(document[0], json.dumps({**_dataset(), "7FE00010": {"vr": "SQ", "BulkDataURI": "here"}}).encode()), (syntax, b"xy")],
        [(document[0], json.dumps({**_dataset(), "00083002": {"vr": "UI", "Value": ["1.2.840.10008.1.2.4.50"]}, "7FE00010": {"vr": "SQ", "Value": [{}]}}).encode())],
        [(document[0], json.dumps({**_dataset(), "00083002": {"vr": "UI", "Value": ["1.2.840.10008.1.2.4.50"]}, "7FE00010": {"vr": "OB", "InlineBinary": ""}}).encode())],
        [(document[0], json.dumps({**_dataset(), "00083002": {"vr": "UI", "Value": [{}]}}).encode())],
    ):  # fmt: skip
        yield Ask(method="POST", target=f"{root}/studies", body=multipart(*parts), more={"content-type": OF_JSON})


def _documents():
    yield from (
        [],
        {},
        None,
        7,
        "x",
        [None],
        [[]],
        [7],
        [{}],
        {"x": {}},
        {"00080018": None},
        {"00080018": []},
        {"00080018": {"vr": "UI"}},
    )
    for number, vr in enumerate(_VRS):
        for value in _VALUES[number % 5 :: 5]:
            yield [{**_dataset(), "00081030": {"vr": vr, "Value": value}}]
    for value in _VALUES:
        yield [{**_dataset(), "00080018": {"vr": "UI", "Value": value}}]
        yield [{**_dataset(), "00080005": {"vr": "CS", "Value": value}}]
        yield [
            {**_dataset(), "00280010": {"vr": "US", "Value": value}, "7FE00010": {"vr": "OB", "InlineBinary": "AAAA"}}
        ]
        yield [{**_dataset(), "00100010": value}]
        yield [{**_dataset(), "7FE00010": {"vr": "OB", "InlineBinary": value}}]
        yield [{**_dataset(), "7FE00010": {"vr": "OB", "BulkDataURI": value}}]
    for tag in (
        "00000000",
        "00020010",
        "FFFEE000",
        "FFFFFFFF",
        "0",
        "",
        "0008001",
        "000800181",
        "7fe00010",
        "GGGGGGGG",
        "PatientName",
        "00090010",
    ):
        yield [{**_dataset(), tag: {"vr": "LO", "Value": ["x"]}}]
    yield [{**_dataset(), "00081140": {"vr": "SQ", "Value": _deep(60)}}]
    yield [{**_dataset(), "00081140": {"vr": "SQ", "Value": _deep(300)}}]
    yield [{**_dataset(), "00081140": {"vr": "SQ", "Value": [{}] * 5000}}]
    yield [{**_dataset(), "00081030": {"vr": "LO", "Value": ["x"] * 50_000}}]


def _deep(levels):
    found = []
    for _ in range(levels):
        found = [{"00081140": {"vr": "SQ", "Value": found}}]
    return found


_count = iter(range(10**9))


def _dataset():
    uids = {
        "00080016": "1.2.840.10008.5.1.4.1.1.7",
        "0020000D": f"{_OWN}.1",
        "0020000E": f"{_OWN}.2",
        "00080018": f"{_OWN}.3.{next(_count)}",
    }
    return {tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items()}


def work_items(root):
    """Yield work items that are none, changes that nobody may make, and both with every value at every attribute."""
    place, made = f"{root}/workitems", f"{_OWN}.9"
    more = {"content-type": _JSON}
    yield Ask(method="POST", target=f"{place}?workitem={made}", body=json.dumps([_work_item()]).encode(), more=more)
    yield Ask(method="POST", target=f"{place}?workitem={made}", body=json.dumps([_work_item()]).encode(), more=more)
    raw = [
        b"", b"{", b"[" * 100_000, b'{"00404021":{"vr":"SQ","Value":[' * 500, b"[{},{}]", b"NaN", b"[1]", b"null", b"\x00" * 5000, b'{"a":1}', b"[[]]",
        b"[" + b"1," * 500_000 + b"1]", b'{"00741000":{"vr":"CS","Value":["SCHEDULED"]},"00741000":{"vr":"CS","Value":["COMPLETED"]}}',
        b'{"00741000":' + b"9" * 6000 + b"}", b'{"00741000":{"vr":"IS","Value":[' + b"9" * 4000 + b"]}}", b"{}" + b" " * 4_300_000,
        json.dumps([{**_work_item(), "00404021": {"vr": "SQ", "Value": _deep(30)}}]).encode(),
        json.dumps([{**_work_item(), "00404021": {"vr": "SQ", "Value": [{}] * 30_000}}]).encode(),
        json.dumps([{**_work_item(), "00404018": {"vr": "SQ", "Value": [_code(str(n)) for n in range(6000)]}}]).encode(),
    ]  # fmt: skip
    for number, tag in enumerate(_work_item()):
        for value in _VALUES[number % 3 :: 3]:
            raw.append(json.dumps([{**_work_item(), tag: {"vr": _work_item()[tag]["vr"], "Value": value}}]).encode())
        for vr in _VRS[number % 9 :: 9]:
            raw.append(json.dumps([{**_work_item(), tag: {"vr": vr, "Value": ["x"]}}]).encode())
    for number, body in enumerate(raw):
        yield Ask(method="POST", target=f"{place}?workitem={_OWN}.10.{number}", body=body, more=more)
        yield Ask(method="POST", target=f"{place}/{made}", body=body, more=more)
        yield Ask(method="PUT", target=f"{place}/{made}/state", body=body, more=more)
        yield Ask(method="POST", target=f"{place}/{made}/cancelrequest", body=body, more=more)
    for state in ("SCHEDULED", "IN PROGRESS", "COMPLETED", "CANCELED", "CANCELLED", "x", "\u0130N PROGRESS", ""):
        for lock in (f"{_OWN}.11", f"{_OWN}.12", "", "x", "1" * 65):
            asked = {"00741000": {"vr": "CS", "Value": [state]}, "00081195": {"vr": "UI", "Value": [lock]}}
            ask = Ask(method="PUT", target=f"{place}/{made}/state", body=json.dumps([asked]).encode(), more=more)
            yield from (
                ask,
                replace(ask, target=f"{place}/{_OWN}.404/state"),
                replace(ask, target=f"{place}/{made}?transaction-uid={lock}", method="POST"),
            )


def _code(text):
    return {
        tag: {"vr": "SH", "Value": [value]}
        for tag, value in (("00080100", text), ("00080102", "99X"), ("00080104", text))
    }


def _work_item():
    return new_item()
