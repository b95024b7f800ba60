"""The DICOM JSON model (PS3.18 annex F): exact values, and the same as pydicom's but for what is listed here."""

import base64
import io
import json
import math
import warnings

import pydicom
import pytest
from validate_files import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    Encapsulated,
    Encoding,
    header_of,
    image,
    instance,
    part10,
)

from cauce.core.errors import Refused
from cauce.core.limits import Limits


def model_of(*more, transfer_syntax=EXPLICIT, **kwargs):
    return json.loads(header_of(part10(instance(*more), transfer_syntax, **kwargs)).dicom_json)


def written(tag, vr, value, **kwargs):
    return model_of((tag, vr, value), **kwargs)[f"{tag:08X}"]


@pytest.mark.parametrize(
    ("tag", "vr", "value", "expected"),
    [
        (0x00080054, "AE", " STORE1 \\STORE2", ["STORE1", "STORE2"]),
        (0x00101010, "AS", "042Y", ["042Y"]),
        (0x00209165, "AT", (0x0018, 0x9087, 0x0028, 0x0010), ["00189087", "00280010"]),
        (0x00080060, "CS", "CT", ["CT"]),
        (0x00080020, "DA", "20240131", ["20240131"]),
        (0x00101030, "DS", "71.50", [71.5]),
        (0x00280030, "DS", "0.5\\ .25\\-1.5E-3\\+2", [0.5, 0.25, -0.0015, 2.0]),
        (0x00101030, "DS", "seventy", ["seventy"]),
        (0x00101030, "DS", "1e999", ["1e999"]),
        (0x00101030, "DS", "nan", ["nan"]),
        (0x00101030, "DS", "1_0", ["1_0"]),
        (0x00080015, "DT", "20240131101112.5+0100", ["20240131101112.5+0100"]),
        (0x00189087, "FD", (0.1, -2.0), [0.1, -2.0]),
        (0x00189087, "FD", (math.inf, -math.inf), ["inf", "-inf"]),
        (0x00720072, "FL", 0.5, [0.5]),
        (0x00200013, "IS", "007", [7]),
        (0x00200013, "IS", "+12\\-4", [12, -4]),
        (0x00200013, "IS", "4.0", ["4.0"]),
        (0x00100020, "LO", "P1", ["P1"]),
        (0x00185010, "LO", "S5_1\\\\55", ["S5_1", None, "55"]),
        (0x00104000, "LT", " kept\\as it is  ", [" kept\\as it is"]),
        (0x00100010, "PN", "Doe^John", [{"Alphabetic": "Doe^John"}]),
        (
            0x00101001,
            "PN",
            "A^B=C=D\\\\E",
            [{"Alphabetic": "A^B", "Ideographic": "C", "Phonetic": "D"}, {}, {"Alphabetic": "E"}],
        ),
        (0x00100010, "PN", "=C", [{"Ideographic": "C"}]),
        (0x00080050, "SH", "A17", ["A17"]),
        (0x00186060, "SL", -70000, [-70000]),
        (0x00281055, "LO", 'quote" and \\x', ['quote" and', "x"]),
        (0x00189219, "SS", (-1, 2), [-1, 2]),
        (0x00080030, "TM", "101112.000000", ["101112.000000"]),
        (0x00189445, "UC", "any", ["any"]),
        (0x00081155, "UI", "2.25.1\\2.25.2", ["2.25.1", "2.25.2"]),
        (0x00081161, "UL", (1, 4000000000), [1, 4000000000]),
        (0x00080120, "UR", "https://example.org/a\\b ", ["https://example.org/a\\b"]),
        (0x00280010, "US", 512, [512]),
        (0x0040A160, "UT", "text\nof lines ", ["text\nof lines"]),
    ],
)
@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, BIG])
def test_values_of_each_vr(tag, vr, value, expected, transfer_syntax):
    assert written(tag, vr, value, transfer_syntax=transfer_syntax) == {"vr": vr, "Value": expected}


def test_very_long_integers_keep_their_digits():
    text = header_of(part10(instance((0x00081163, "SV", -(2**63)), (0x00081164, "UV", 2**64 - 1)))).dicom_json
    assert f'"Value":[{-(2**63)}]'.encode() in text
    assert f'"Value":[{2**64 - 1}]'.encode() in text


def test_decimals_keep_their_digits_where_json_allows():
    text = header_of(part10(instance((0x00280030, "DS", "0.10000000\\1e-7\\-0.0")))).dicom_json
    assert b'"Value":[0.10000000,1e-7,-0.0]' in text


def test_not_a_number_is_a_string():
    assert written(0x00189087, "FD", math.nan) == {"vr": "FD", "Value": ["NaN"]}


@pytest.mark.parametrize("vr", ["OB", "UN"])
def test_short_bytes_are_inline(vr):
    assert written(0x00091001, vr, b"\1\2\3\4") == {"vr": vr, "InlineBinary": "AQIDBA=="}


@pytest.mark.parametrize(
    ("vr", "value"), [("OW", (1, 2)), ("OL", (1, 2)), ("OF", (1.0,)), ("OD", (1.0,)), ("OV", (1,))]
)
def test_words_are_inline_little_endian_whatever_the_byte_order(vr, value):
    little = written(0x00091001, vr, value)
    assert little["InlineBinary"] == base64.b64encode(Encoding().value(vr, value)).decode()
    assert written(0x00091001, vr, value, transfer_syntax=BIG) == little


def test_long_bytes_are_named_by_their_place_in_the_file():
    data = part10(instance((0x00091001, "OB", bytes(range(256)) * 5)))
    uri = json.loads(header_of(data).dicom_json)["00091001"]["BulkDataURI"]
    scheme, offset, length = uri.split(":")
    assert (scheme, data[int(offset) : int(offset) + int(length)]) == ("bulk", bytes(range(256)) * 5)


def test_pixels_are_bulk_however_short_and_encapsulated_ones_are_bytes():
    data = part10(image())
    assert json.loads(header_of(data).dicom_json)["7FE00010"] == {
        "vr": "OW",
        "BulkDataURI": f"bulk:{len(data) - 12}:12",
    }
    data = part10(image(pixels=Encapsulated((b"", b"\xff\xd8ab"))), JPEG, encoding=Encoding(implicit=True))
    header = header_of(data)
    expected = {"vr": "OB", "BulkDataURI": f"bulk:{header.pixel_offset}:20"}
    assert json.loads(header.dicom_json)["7FE00010"] == expected


@pytest.mark.parametrize("vr", ["LO", "PN", "DS", "US", "OB", "SQ", "UN", "AT", "UT"])
def test_an_empty_value_is_no_value(vr):
    assert written(0x00091001, vr, [] if vr == "SQ" else b"") == {"vr": vr}


def test_padding_alone_is_no_value():
    assert written(0x00100020, "LO", b"    ") == {"vr": "LO"}
    assert written(0x00100010, "PN", b" \0") == {"vr": "PN"}
    assert written(0x00101030, "DS", b"  ") == {"vr": "DS"}


@pytest.mark.parametrize(
    "encoding",
    [Encoding(), Encoding(undefined_lengths=True), Encoding(implicit=True), Encoding(big=True, undefined_lengths=True)],
)
def test_sequences_nest(encoding):
    inner = [(0x00081155, "UI", "2.25.5")]
    outer = [[(0x00081150, "UI", "2.25.4"), (0x00081199, "SQ", [inner, []])], []]
    assert model_of((0x00081115, "SQ", outer), encoding=encoding)["00081115"] == {
        "vr": "SQ",
        "Value": [
            {
                "00081150": {"vr": "UI", "Value": ["2.25.4"]},
                "00081199": {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.5"]}}, {}]},
            },
            {},
        ],
    }


@pytest.mark.parametrize("undefined", [True, False])
def test_a_sequence_sent_as_unknown_is_read_as_implicit(undefined):
    encoding = Encoding(sequences_as_unknown=True, undefined_lengths=undefined)
    inner = [[(0x00081155, "UI", "2.25.5"), (0x00091001, "UN", b"ab")]]
    assert model_of((0x00081115, "SQ", inner), encoding=encoding)["00081115"] == {
        "vr": "SQ",
        "Value": [{"00081155": {"vr": "UI", "Value": ["2.25.5"]}, "00091001": {"vr": "UN", "InlineBinary": "YWI="}}],
    }


@pytest.mark.parametrize(("representation", "vr", "value"), [(0, "US", 65535), (1, "SS", -1)])
def test_pixel_representation_settles_what_implicit_vr_leaves_open(representation, vr, value):
    model = model_of((0x00280103, "US", representation), (0x00280120, "US", b"\xff\xff"), transfer_syntax=IMPLICIT)
    assert model["00280120"] == {"vr": vr, "Value": [value]}


def test_pixel_representation_of_an_item_does_not_reach_out_of_it():
    item = [(0x00280103, "US", 1), (0x00280120, "US", b"\xff\xff")]
    model = model_of(
        (0x00081140, "SQ", [item]),
        (0x00280120, "US", b"\xff\xff"),
        transfer_syntax=IMPLICIT,
    )
    assert model["00081140"]["Value"][0]["00280120"] == {"vr": "SS", "Value": [-1]}
    assert model["00280120"] == {"vr": "US", "Value": [65535]}


def test_attributes_are_in_ascending_order_whatever_the_file_does():
    elements = [(0x00100020, "LO", "P1"), (0x00080060, "CS", "CT"), *instance()]
    model = json.loads(header_of(part10(elements)).dicom_json)
    assert list(model) == sorted(model)
    assert len(model) == 6


def test_the_meta_information_is_left_out():
    assert not [tag for tag in model_of() if tag < "0008"]


def test_what_is_longer_than_the_limit_is_refused():
    elements = instance(*[(0x00104000, "LT", "x" * 900)] * 1, (0x00204000, "LT", "y" * 900))
    with pytest.raises(Refused) as refused:
        header_of(part10(elements), Limits(header_bytes_max=1900))
    assert refused.value.code == "too_large"


def theirs(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(data), force=True)
        big = ds.original_encoding[1] is False
        model = ds.to_json_dict(bulk_data_threshold=1024, bulk_data_element_handler=lambda _: "bulk")
    return json.loads(json.dumps(model)), big


def differences(ours, others, *, big, path=""):
    """Yield what differs from pydicom's model and is not one of the deliberate differences."""
    if set(ours) != set(others):
        yield f"{path}: {sorted(set(ours) ^ set(others))}"
    for tag in sorted(set(ours) & set(others)):
        mine, other = ours[tag], others[tag]
        if mine["vr"] == other["vr"] == "SQ":
            items, other_items = mine.get("Value", []), other.get("Value", [])
            if len(items) != len(other_items):
                yield f"{path}{tag}: {len(items)} items for {len(other_items)}"
            for item, other_item in zip(items, other_items, strict=False):
                yield from differences(item, other_item, big=big, path=f"{path}{tag}.")
        elif mine != other and not is_deliberate(tag, mine, other, big=big):
            yield f"{path}{tag}: {mine} for {other}"


def is_deliberate(tag, mine, other, *, big):
    """Tell whether a difference is one of those that we want."""
    vrs = (mine["vr"], other["vr"])
    values = other.get("Value", [])
    return any(
        (
            # PS3.18 F.2: the repertoire is that of the JSON, which is UTF-8.
            tag == "00080005" and mine["Value"] == ["ISO_IR 192"],
            # A group length is UL in private groups too, and when it was sent as UN (PS3.5 7.2).
            tag.endswith("0000") and vrs == ("UL", "UN"),
            # pydicom has a dictionary of private elements; we leave those of Implicit VR unknown.
            int(tag[:4], 16) & 1 and mine["vr"] == "UN",
            # Encapsulated pixels are OB whatever was written (PS3.5 A.4).
            tag == "7FE00010" and vrs == ("OB", "OW") and "BulkDataURI" in mine,
            # Pixels are always bulk for us, and we measure the value where pydicom measures its base64.
            vrs[0] == vrs[1] and ("BulkDataURI" in mine or "BulkDataURI" in other),
            # PS3.18 F.2.7: little endian; pydicom leaves words as they are stored.
            vrs[0] == vrs[1] and big and "InlineBinary" in mine,
            # Padding is no part of a value, and an empty value among others is null (PS3.18 F.2.5).
            vrs[0] == vrs[1] and mine.get("Value") == [(isinstance(v, str) and v.strip()) or None for v in values],
            # A number with a point breaks the rules of IS, so it stays the text that it is.
            vrs == ("IS", "IS") and [int(float(value)) for value in mine["Value"]] == values,
        )
    )


@pytest.mark.corpus
def test_the_model_of_real_files_is_pydicoms(corpus):
    files = [path for path in sorted(corpus.rglob("*")) if path.is_file() and path.suffix != ".tsv"]
    found, compared = {}, 0
    for path in files[::4]:
        data = path.read_bytes()
        try:
            ours = json.loads(header_of(data).dicom_json)
        except Refused:
            continue
        others, big = theirs(data)
        compared += 1
        if unexplained := list(differences(ours, others, big=big)):
            found[path.name] = unexplained[:3]
    assert found == {}
    assert compared > 200
