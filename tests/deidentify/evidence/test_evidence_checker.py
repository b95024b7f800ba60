"""The checker itself: it finds what is planted, wherever it is planted, and nothing in a file that has nothing."""

import base64
import io
import zipfile

import pydicom
import pytest
from deid_objects import BIG, EXPLICIT, IMPLICIT, ct_file, data_set, element, part10
from seeding import cda_of, pdf_of, seeded
from survivors import survivors

NAME = "Quimbling"


def found(**more):
    return survivors(ct_file(x00100010=("PN", "A^B"), x00100020=("LO", "1"), **more), [NAME], raw=False)


def test_a_file_that_has_nothing_of_it_is_clean():
    assert survivors(ct_file(), [NAME, "19570312", "1.2.3.4.5.6"]) == {}


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        NAME.upper(),
        "Qúimblíng",
        "x_quimbling_2",
        "Quim-bling",
        "Quim%62ling",
        "<b>Quim</b>bling",
        "Quim&#98;ling",
    ],
)
def test_it_finds_a_name_in_any_spelling(text):
    assert list(found(x00081090=("LO", text), x00080005=("CS", "ISO_IR 192"))) == [NAME]


@pytest.mark.parametrize("wrap", [base64.b64encode, base64.b16encode])
def test_it_finds_a_name_in_disguise(wrap):
    assert list(found(x00081090=("LO", wrap(b"is " + NAME.encode() + b" here")))) == [NAME]


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG])
def test_it_finds_a_name_deep_inside(syntax):
    item = data_set({0x00081090: ("LO", NAME)}, syntax)
    for tag in (0x00081140, 0x00081115, 0x00400275):
        item = data_set({tag: ("SQ", [item])}, syntax)
    assert "0008,1090" in survivors(part10(item, syntax), [NAME], raw=False)[NAME]


@pytest.mark.parametrize("vr", ["OB", "UN", "UT", "LO", "PN"])
def test_it_finds_a_name_in_private_elements(vr):
    assert list(found(x00290010=("LO", "X"), x00291001=(vr, NAME))) == [NAME]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "gb18030", "iso8859_5", "euc_kr", "iso2022_jp"])
def test_it_finds_a_name_in_bytes(encoding):
    name = {"gb18030": "王小东", "iso8859_5": "Иванов", "euc_kr": "홍길동", "iso2022_jp": "山田太郎"}.get(
        encoding, NAME
    )
    assert list(survivors(ct_file(x00282000=("OB", b"\0\xff" + name.encode(encoding) + b"\1")), [name])) == [name]


def test_it_finds_a_name_in_preamble_and_file_meta_information():
    preamble = NAME.encode().ljust(128, b"\0")
    assert survivors(part10(data_set({0x00080060: ("CS", "CT")}), preamble=preamble), [NAME], raw=False)
    meta = element(0x00020016, "AE", NAME.upper())
    assert survivors(part10(data_set({0x00080060: ("CS", "CT")}), meta=meta), [NAME], raw=False)


def test_it_finds_a_name_in_documents():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("report.txt", f"by {NAME}")
    for document in (pdf_of(["x", NAME]), cda_of([NAME]), target.getvalue()):
        content = ct_file(x00420011=("OB", document))
        assert list(survivors(content, [NAME], raw=False)) == [NAME]


@pytest.mark.parametrize("number", range(20))
def test_the_seeded_files_hold_all_of_their_strings(number):
    content, strings = seeded(number)
    assert len(set(strings)) == 60
    assert set(survivors(content, strings)) == set(strings)
    assert pydicom.dcmread(io.BytesIO(content)).PatientID in strings
