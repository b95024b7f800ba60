"""Text in the repertoires of the world becomes Unicode, in columns and JSON, and never raises."""

# ruff: noqa: RUF001 -- the names are in the scripts that the test is about

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pydicom.charset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from validate_files import IMPLICIT, codes, header_of, instance, part10

from cauce.stages.validate.charset import charset_of, decode_text, is_decodable

# What PS3.5 annexes H to K print, and one name in each repertoire of PS3.3 C.12.1.1.2.
NAMES = [
    ("", b"Doe^John", "Doe^John"),
    ("ISO_IR 100", b"M\xfcller^J\xf6rg", "Müller^Jörg"),
    ("ISO_IR 101", b"W\xb3ochowski^Stanis\xb3aw", "Włochowski^Stanisław"),
    ("ISO_IR 109", b"\xb1uri^Mar\xb3a", "ħuri^Mar³a"),
    ("ISO_IR 110", b"K\xe2rli\xf2\xb9^J\xe2nis", "Kârliōš^Jânis"),
    ("ISO_IR 144", b"\xbb\xee\xda\xe1\xd5\xdc\xd1\xe3\xe0\xd3", "Люксембург"),
    ("ISO_IR 127", b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1", "قباني^لنزار"),
    ("ISO_IR 126", b"\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2", "Διονυσιος"),
    ("ISO_IR 138", b"\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4", "שרון^דבורה"),
    ("ISO_IR 148", b"\xc7avu\xfeo\xf0lu^\xddpek \xfd", "Çavuşoğlu^İpek ı"),
    ("ISO_IR 166", b"\xca\xc1\xaa\xd2\xc2", "สมชาย"),
    ("ISO_IR 203", b"C\xbdur^\xa4", "Cœur^€"),
    ("ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
    ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
    ("GBK", b"\xcd\xf5^\xd0\xa1\xb6\xab", "王^小东"),
    (
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎",
    ),
    ("\\ISO 2022 IR 159", b'\x1b$(D0!0"\x1b(B^A', "丂丄^A"),
    (
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    ("\\ISO 2022 IR 58", b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab", "Zhang^XiaoDong=张^小东"),
    ("ISO 2022 IR 100\\ISO 2022 IR 144", b"M\xfcller=\x1b-L\xbb\xee\xda\xe1", "Müller=Люкс"),
]


def name_in(data):
    return header_of(data).attributes.patient_name


@pytest.mark.parametrize(("charset", "value", "text"), NAMES, ids=[charset for charset, _, _ in NAMES])
@pytest.mark.parametrize("transfer_syntax", [None, IMPLICIT])
def test_a_name_becomes_unicode_in_columns_and_json(charset, value, text, transfer_syntax):
    padded = value + b" " * (len(value) & 1)
    elements = instance((0x00080005, "CS", charset), (0x00100010, "PN", padded), (0x00081030, "LO", padded))
    header = header_of(part10(elements, *([transfer_syntax] if transfer_syntax else [])))
    assert header.attributes.patient_name == text
    assert header.attributes.study_description == text
    groups = dict(zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False))
    written = json.loads(header.dicom_json)
    assert written["00100010"] == {"vr": "PN", "Value": [groups]}
    assert written["00081030"] == {"vr": "LO", "Value": [text]}
    assert written["00080005"] == ({"vr": "CS", "Value": ["ISO_IR 192"]} if charset else {"vr": "CS"})
    assert codes(header) == []


# pydicom knows no Latin-9, and leaves the escapes of GB 2312 in the text.
PYDICOM_NAMES = [case for case in NAMES if case[0] not in {"ISO_IR 203", "\\ISO 2022 IR 58"}]


@pytest.mark.parametrize(("charset", "value", "text"), PYDICOM_NAMES, ids=[case[0] for case in PYDICOM_NAMES])
def test_pydicom_reads_the_same_text(charset, value, text):
    codecs = pydicom.charset.convert_encodings(charset.split("\\"))
    assert str(pydicom.valuerep.PersonName(value, codecs)) == text == decode_text(value, charset_of(charset.encode()))


@pytest.mark.parametrize(
    "spelling", ["ISO_IR 100", "ISO-IR 100", "ISO IR 100", "ISO_IR100", "iso_ir 100", "ISO 2022 IR 100"]
)
def test_names_of_repertoires_are_read_as_people_write_them(spelling):
    data = part10(instance((0x00080005, "CS", spelling), (0x00100010, "PN", b"M\xfcller")))
    assert name_in(data) == "Müller"
    assert codes(header_of(data)) == []


def test_text_outside_its_repertoire_is_guessed_as_utf8_then_latin1():
    for value in ("Müller".encode(), "Müller".encode("latin_1")):
        header = header_of(part10(instance((0x00100010, "PN", value))))
        assert header.attributes.patient_name == "Müller"
        assert codes(header)[-1] == "text_undecodable"


def test_what_cannot_be_decoded_becomes_the_replacement_character():
    data = part10(instance((0x00080005, "CS", "ISO_IR 192"), (0x00100010, "PN", b"M\xfcller")))
    assert name_in(data) == "M\ufffdller"
    assert "\ufffd" in json.loads(header_of(data).dicom_json)["00100010"]["Value"][0]["Alphabetic"]


def test_a_backslash_inside_a_character_of_two_bytes_separates_nothing():
    value = b"\x95\x5cA\\B"
    data = part10(instance((0x00080005, "CS", "GB18030"), (0x00081030, "LO", value + b" ")))
    assert header_of(data).attributes.study_description == value.decode("gb18030")
    assert json.loads(header_of(data).dicom_json)["00081030"]["Value"] == ["昞A"[:1] + "A", "B"]


def test_a_nested_data_set_has_a_repertoire_of_its_own_and_gives_it_back():
    item = [(0x00080005, "CS", "ISO_IR 144"), (0x00081030, "LO", b"\xbb\xee\xda\xe1")]
    inherits = [(0x00081030, "LO", b"\xe4\xf6")]
    data = part10(
        instance(
            (0x00080005, "CS", "ISO_IR 100"),
            (0x00081140, "SQ", [item, inherits]),
            (0x00100010, "PN", b"M\xfcller"),
        )
    )
    items = json.loads(header_of(data).dicom_json)["00081140"]["Value"]
    assert [item["00081030"]["Value"] for item in items] == [["Люкс"], ["äö"]]
    assert name_in(data) == "Müller"


def test_codes_and_dates_are_outside_the_reach_of_repertoires():
    data = part10(instance((0x00080005, "CS", "ISO_IR 144"), (0x00080060, "CS", b"\xc3\x84")))
    assert header_of(data).attributes.modality == "Ä"


def test_accents_quotes_and_controls_are_written_as_json_can_hold_them():
    text = 'Zoë "O\'Hara" \\ <b>\t\u2028Ünïcode'
    data = part10(instance((0x00080005, "CS", "ISO_IR 192"), (0x00104000, "LT", text)))
    assert json.loads(header_of(data).dicom_json)["00104000"] == {"vr": "LT", "Value": [text]}


@given(st.binary(max_size=60), st.sampled_from([charset for charset, _, _ in NAMES] + ["ISO_IR 999", "a\\b\\c"]))
@settings(max_examples=400, deadline=None)
def test_any_bytes_in_any_repertoire_become_text(value, charset):
    known = charset_of(charset.encode())
    text = decode_text(value, known)
    assert text.encode("utf_8").decode("utf_8") == text
    if known.codec != "ascii" and is_decodable(value, known):
        assert "\ufffd" not in text


@given(st.text(alphabet=st.characters(exclude_categories=["C"]), max_size=20))
@settings(max_examples=100, deadline=None)
def test_utf8_text_comes_back(text):
    assert decode_text(text.encode(), charset_of(b"ISO_IR 192")) == text


TURKISH = """
import locale, sys
locale.setlocale(locale.LC_ALL, "tr_TR.UTF-8")
sys.path.insert(0, sys.argv[1])
from validate_files import instance, header_of, part10, codes
data = part10(instance((0x00080005, "CS", "iso_ir 148"), (0x00100010, "PN", b"\\xdd\\xfdiI"), (0x00200013, "IS", "7")))
header = header_of(data)
assert header.attributes.patient_name == "\\u0130\\u0131iI", ascii(header.attributes.patient_name)
assert header.attributes.instance_number == 7
assert codes(header) == []
assert b"0020000D" in header.dicom_json
"""


def test_a_turkish_locale_changes_nothing(tmp_path):
    if shutil.which("localedef") is None:
        pytest.skip("NO LOCALEDEF: the Turkish locale cannot be made here, this test proves nothing here")
    subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", str(tmp_path / "tr_TR.UTF-8")], check=True)
    environment = {**os.environ, "LOCPATH": str(tmp_path), "LC_ALL": "tr_TR.UTF-8"}
    command = [sys.executable, "-c", TURKISH, str(Path(__file__).parent)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (0, "")
