"""DICOM JSON as the Native DICOM Model in XML."""

import json
from io import BytesIO
from xml.etree import ElementTree as ET

import pydicom
from hypothesis import given, settings
from hypothesis import strategies as st

from cauce.api.dicomweb.native_xml import native_xml, native_xml_pieces
from cauce.core.errors import Refused
from cauce.core.limits import DEFAULTS
from cauce.stages import validate

NAMESPACE = "{http://dicom.nema.org/PS3.19/models/NativeDICOM}"


def attributes(document):
    return list(ET.fromstring(native_xml(document)))


def values(attribute):
    return [(int(each.get("number")), each.text) for each in attribute if each.tag == f"{NAMESPACE}Value"]


def test_values_keep_their_places_and_their_digits():
    (attribute,) = attributes(b'{"00281050":{"vr":"DS","Value":[1.50,null,"1e+2",-0]}}')
    assert attribute.attrib == {"tag": "00281050", "vr": "DS", "keyword": "WindowCenter"}
    assert values(attribute) == [(1, "1.50"), (3, "1e+2"), (4, "-0")]


def test_names_are_told_by_group_and_component():
    document = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": "A^B^^Dr", "Phonetic": "x=^y"}]}}
    (attribute,) = attributes(document)
    (name,) = attribute
    assert name.tag == f"{NAMESPACE}PersonName"
    told = {
        group.tag.removeprefix(NAMESPACE): [(part.tag.removeprefix(NAMESPACE), part.text) for part in group]
        for group in name
    }
    assert told == {
        "Alphabetic": [("FamilyName", "A"), ("GivenName", "B"), ("NamePrefix", "Dr")],
        "Phonetic": [("FamilyName", "x="), ("GivenName", "y")],
    }


def test_private_attributes_name_their_creator_and_not_their_block():
    document = {
        "00090011": {"vr": "LO", "Value": ['A "&" B']},
        "00091101": {"vr": "LO", "Value": ["x"]},
        "00091201": {"vr": "LO", "Value": ["nobody's"]},
    }
    creator, owned, orphan = (attribute.attrib for attribute in attributes(document))
    assert creator == {"tag": "00090011", "vr": "LO"}
    assert owned == {"tag": "00090001", "vr": "LO", "privateCreator": 'A "&" B'}
    assert orphan == {"tag": "00091201", "vr": "LO"}


def test_items_are_nested_and_values_elsewhere_are_named():
    item = {"00080100": {"vr": "SH", "Value": ["c"]}}
    document = {
        "00081032": {"vr": "SQ", "Value": [item, {}]},
        "00420011": {"vr": "OB", "InlineBinary": "AAE="},
        "7FE00010": {"vr": "OW", "BulkDataURI": "http://x/?a=1&b=2"},
        "00100020": {"vr": "LO"},
    }
    sequence, inline, bulk, empty = attributes(document)
    assert [(each.get("number"), [one.get("tag") for one in each]) for each in sequence] == [
        ("1", ["00080100"]),
        ("2", []),
    ]
    assert inline[0].text == "AAE="
    assert bulk[0].attrib == {"uri": "http://x/?a=1&b=2"}
    assert list(empty) == []


def test_pieces_are_the_whole():
    document = {"00100020": {"vr": "LO", "Value": ["x"]}, "00100040": {"vr": "CS", "Value": ["M"]}}
    pieces = list(native_xml_pieces(document))
    assert (len(pieces), b"".join(pieces)) == (4, native_xml(document))


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(max_size=20) | st.sampled_from(["\x00", "\ud800", "]]>", "a\r\nb", "\ufffe"]), max_size=4))
def test_any_text_survives_but_what_xml_cannot_carry(texts):
    legal = "".join(chr(code) for code in (9, 10, 13))
    document = json.dumps({"00104000": {"vr": "LT", "Value": texts}}).encode()
    (attribute,) = attributes(document)
    expected = [
        "".join(
            c if c in legal or 0x20 <= ord(c) <= 0xD7FF or 0xE000 <= ord(c) <= 0xFFFD or ord(c) > 0xFFFF else "\ufffd"
            for c in text
        )
        for text in texts
    ]
    assert [text or "" for _, text in values(attribute)] == expected


def test_headers_of_real_files_make_well_formed_documents(corpus):
    read = 0
    for path in sorted(corpus.rglob("*"))[::12]:
        if not path.is_file():
            continue
        content = path.read_bytes()
        try:
            header = validate.read_header(BytesIO(content), size_bytes=len(content), limits=DEFAULTS)
        except Refused:
            continue
        document = json.loads(header.dicom_json)
        assert len(attributes(header.dicom_json)) == len(document)
        read += 1
    assert read > 30


def test_what_is_told_of_a_sample_is_what_pydicom_reads():
    from cauce import samples

    file = samples.small_instance(PatientName="Müller^Jürgen")
    header = validate.read_header(BytesIO(file), size_bytes=len(file), limits=DEFAULTS)
    ds = pydicom.dcmread(BytesIO(file))
    told = {attribute.get("keyword"): attribute for attribute in attributes(header.dicom_json)}
    assert values(told["StudyInstanceUID"]) == [(1, ds.StudyInstanceUID)]
    assert values(told["Rows"]) == [(1, str(ds.Rows))]
    assert [part.text for part in told["PatientName"].iter() if part.text] == ["Müller", "Jürgen"]
