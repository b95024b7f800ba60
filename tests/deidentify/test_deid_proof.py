"""The proof: it finds what is planted, in every encoding, and is not alarmed by common words."""

import pytest
from deid_objects import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    INSTANCE,
    cleaned,
    ct,
    ct_file,
    data_set,
    deidentified,
    element,
    part10,
    read,
)

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import Leak, proof, values
from cauce.stages.deidentify.encoding import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.needles import NEEDLES_MAX, needles_for
from cauce.stages.deidentify.plan import plan_for
from cauce.stages.deidentify.profile import BASIC
from cauce.stages.deidentify.proof import Proof
from cauce.stages.deidentify.reading import BrokenError

VRS = plan_for(BASIC).vrs
MODEL, SCHEME, VALUE, MEANING = 0x00081090, 0x00080102, 0x00080100, 0x00080104

ALPHABETS = {
    "latin": ("ISO_IR 100", "latin-1", "Buñuel^Jérôme", "Buñuel"),
    "central european": ("ISO_IR 101", "iso8859-2", "Wałęsa^Świętosław", "Wałęsa"),
    "cyrillic": ("ISO_IR 144", "iso8859-5", "Иванов^Илья", "Иванов"),
    "greek": ("ISO_IR 126", "iso8859-7", "Διονυσιος", "Διονυσιος"),
    "hebrew": ("ISO_IR 138", "iso8859-8", "שרון^דבורה", "דבורה"),
    "arabic": ("ISO_IR 127", "iso8859-6", "قباني^لنزار", "قباني"),
    "thai": ("ISO_IR 166", "iso8859-11", "นามสกุล^ชื่อ", "นามสกุล"),
    "utf-8": ("ISO_IR 192", "utf-8", "Wang^XiaoDong=王^小东", "小东"),
    "gb18030": ("GB18030", "gb18030", "Wang^XiaoDong=王^小东", "小东"),
    "gbk": ("GBK", "gbk", "Wang^XiaoDong=王^小东", "小东"),
    "japanese": ("\\ISO 2022 IR 87", "iso2022_jp", "Yamada^Tarou=山田^太郎", "山田"),
    "half width": ("ISO_IR 13", "shift_jis", "ﾔﾏﾀﾞ^ﾀﾛｳ", "ﾔﾏﾀﾞ"),
}


def korean(text):
    """Encode as ISO 2022 IR 149 asks: a designation before the first Korean character."""
    return "".join(c if c.isascii() else f"\x1b$)C{c}" for c in text).encode("euc_kr")


def identity(*, names=(), values=(), uids=(), character_sets=()):
    return Identity(names=set(names), values=set(values), uids=frozenset(uids), character_sets=set(character_sets))


def found_in(vr, value, *, tag=MODEL, ours=(), **known):
    piece = element(tag, vr, value)
    return Proof(identity(**known), ours=ours).leaks([piece], encoding=EXPLICIT_LITTLE, vrs=VRS)


@pytest.mark.parametrize("alphabet", ALPHABETS)
def test_a_name_does_not_survive_in_a_text_that_is_kept(alphabet):
    term, codec, name, part = ALPHABETS[alphabet]
    text = f"Unit of {part} 7".encode(codec)
    content = ct_file(x00080005=("CS", term), x00100010=("PN", name.encode(codec)), x00081090=("LO", text))
    assert part.encode(codec) in content
    output = cleaned(content)
    assert part.encode(codec) not in output
    assert read(output).ManufacturerModelName == "REMOVED"


def test_a_korean_name_does_not_survive_with_or_without_its_designation():
    name = korean("Hong^Gildong=洪^吉洞=홍^길동")
    for text in (korean("장비 길동 3"), "장비 길동 3".encode("euc_kr")):
        content = ct_file(x00080005=("CS", "\\ISO 2022 IR 149"), x00100010=("PN", name), x00081090=("LO", text))
        output = cleaned(content)
        assert "길동".encode("euc_kr") not in output
        assert read(output).ManufacturerModelName == "REMOVED"


@pytest.mark.parametrize("spelling", ["BUNUEL", "buñuel", "BUÑUEL", "Bunuel", "scan_Buñuel_2", "xBuñuelx", "Buñuel"])
def test_a_name_is_found_in_other_spellings(spelling):
    found = found_in("LO", spelling, names={"Buñuel^Luis".encode()}, character_sets={b"ISO_IR 192"})
    assert [leak.tag for leak in found] == [MODEL]


def test_a_name_in_one_encoding_is_found_in_another():
    term, codec, name, part = ALPHABETS["cyrillic"]
    content = ct_file(
        x00080005=("CS", f"{term}\\ISO_IR 192"), x00100010=("PN", name.encode(codec)), x00081090=("LO", part.encode())
    )
    assert part.encode() not in cleaned(content)


@pytest.mark.parametrize(
    ("kind", "vr", "text"),
    [
        ("value", "LO", "Model of HQ-7654321"),
        ("value", "UT", "scan_hq-7654321.dat"),
        ("value", "CS", "HQ-7654321"),
        ("value", "OB", b"\1\2HQ-7654321\3"),
        ("value", "UN", b"\1\2hq-7654321\3"),
        ("value", "US", b"HQ-7654321 "),
        ("value", "OB", "HQ-7654321".encode("utf-16-le")),
        ("value", "DS", "HQ-7654321"),
        ("value", "LO", "Li Bo 1"),
        ("name", "LO", "for May 7"),
        ("name", "LT", "scan_may_1"),
        ("value", "LO", "hubert"),
        ("value", "UI", "1.2.3.1234567.1"),
        ("value", "IS", "1234567"),
        ("uid", "LO", "see 1.2.999.10.3"),
        ("uid", "UI", "1.2.999.10.3"),
        ("uid", "OB", b"\0\0001.2.999.10.3\0"),
    ],
)
def test_what_is_planted_is_found(kind, vr, text):
    known = {
        "names": {b"Quimby^Hubert^May", b"Li^Bo"},
        "values": {b"HQ-7654321", b"1234567"},
        "uids": {b"1.2.999.10.3"},
    }
    assert found_in(vr, text, **known) == (Leak(kind, MODEL, vr.encode()),)


@pytest.mark.parametrize("encoding", [(IMPLICIT, IMPLICIT_LITTLE), (EXPLICIT, EXPLICIT_LITTLE), (BIG, EXPLICIT_BIG)])
def test_what_is_planted_deep_inside_is_found(encoding):
    syntax, layout = encoding
    item = data_set({MODEL: ("LO", "Quimby")}, syntax)
    for tag in (0x00081115, 0x00081140, 0x00081199):
        item = data_set({0x00080060: ("CS", "CT"), tag: ("SQ", [b"", item])}, syntax)
    found = Proof(identity(names={b"Quimby^Hubert"})).leaks([item], encoding=layout, vrs=VRS)
    assert [leak.tag for leak in found] == [MODEL]


@pytest.mark.parametrize(
    ("vr", "text", "tag"),
    [
        ("CS", "HEAD", 0x00180015),
        ("CS", "HEADNECK", 0x00180015),
        ("CS", "CHEST\\MAYBE", 0x00080008),
        ("LO", "Mayer overhead Headway", MODEL),
        ("LO", "Straight line", MEANING),
        ("SH", "12345-6", VALUE),
        ("DS", "0.1234567", 0x00281053),
        ("IS", "123456", 0x00200013),
        ("UI", "1.2.840.10008.5.1.4.1.1.2", 0x00080016),
        ("LO", "1.2.999.10.33", MODEL),
        ("OB", b"\0\xfe\1May\2Head\xffLi\x80123\x9045 67", 0x00282000),
        ("US", b"\1\2\3\4", 0x00280010),
        ("LO", "", MODEL),
    ],
)
def test_common_words_and_numbers_raise_no_alarm(vr, text, tag):
    known = {
        "names": {b"Head^May", b"Line^Li"},
        "values": {b"123", b"12345", b"10008", b"1234567"},
        "uids": {b"1.2.999.10.3"},
    }
    assert found_in(vr, text, tag=tag, **known) == ()


def test_values_of_ours_raise_no_alarm_where_they_are_the_whole():
    known = {"names": {b"Blanked^Basic"}, "values": {b"19000101"}}
    assert found_in("LO", "BLANKED", ours={b"BLANKED"}, **known) == ()
    assert found_in("DA", "19000101", ours={b"19000101"}, **known) == ()
    assert len(found_in("LO", "BLANKED 2", ours={b"BLANKED"}, **known)) == 1


def test_a_patient_named_as_our_own_words_is_no_leak():
    more = {"x00081030": ("LO", "REMOVED"), "x00100030": ("DA", "19000101"), "x00080021": ("DA", "20200202")}
    output = cleaned(ct_file(x00100010=("PN", "Removed^Basic^Profile=DICOM=CAUCE"), **more))
    assert read(output).DeidentificationMethod == "DICOM PS3.15 2026d Basic Profile"


def test_a_code_string_loses_only_the_value_that_leaks():
    output = cleaned(ct_file(x00080008=("CS", "ORIGINAL\\PRIMARY\\QUIMBY\\AXIAL")))
    assert list(read(output).ImageType) == ["ORIGINAL", "PRIMARY", "REMOVED", "AXIAL"]


def test_what_is_scrubbed_is_counted():
    outcome, _ = deidentified(ct_file(x00081090=("LO", "Quimby's"), x00180024=("SH", "seq Hubert")))
    assert outcome.actions["scrubbed"] == 2


def test_a_measurement_that_leaks_holds_the_object_back_and_is_not_told():
    outcome, output = deidentified(ct_file(x00080050=("SH", "7001234"), x00180050=("DS", "7001234")))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert outcome.detail == "An identifier of the original is still in (0018,0050)."
    assert output == b""


def test_a_series_number_that_leaks_becomes_0():
    output = read(
        cleaned(ct_file(x00080050=("SH", "7001234"), x00200011=("IS", "7001234"), x00200013=("IS", "700123")))
    )
    assert (output.SeriesNumber, output.InstanceNumber) == (0, 700123)


def test_a_code_that_leaks_holds_the_object_back():
    code = data_set({VALUE: ("SH", "HQ-7654321"), SCHEME: ("SH", "99QUIMBY"), MEANING: ("LO", "Something")})
    outcome, output = deidentified(ct_file(x00081084=("SQ", [code]), x00082218=("SQ", [code])))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert output == b""


@pytest.mark.parametrize("tag", [0x00081090, 0x00204000, 0x00282000])
def test_a_long_binary_value_is_searched_too(tag):
    blob = bytes(3_000_000) + b"HQ-7654321" + bytes(100)
    outcome, output = deidentified(ct_file(**{f"x{tag:08X}": ("OB", blob)}))
    if tag == 0x00204000:  # Image Comments go, whatever they hold
        assert outcome.cause is None
        assert b"HQ-7654321" not in output
    else:
        assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
        assert output == b""


def test_a_value_across_two_chunks_is_found():
    made = Proof(identity(values={b"HQ-7654321"}))
    assert made.kind_in_chunks([b"....HQ-76", b"54", b"321...."]) == "value"
    assert made.kind_in_chunks([b"....HQ-76", b"55", b"321...."]) == ""


def test_a_defect_of_the_removal_fails_closed(monkeypatch):
    monkeypatch.setattr(values, "dummy_value", lambda vr: b"Brannigan^Zapp" if vr == b"PN" else b"REMOVED")
    outcome, output = deidentified(ct_file(x0040A123=("PN", "Brannigan^Zapp")))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert (
        outcome.detail
        == "What the profile takes out is still in (0040,A123). An identifier of the original is still in (0040,A123)."
    )
    assert output == b""


def test_a_uid_that_was_not_mapped_fails_closed(monkeypatch):
    monkeypatch.setattr(values.UidMap, "of_class", lambda _, value: value)
    outcome, output = deidentified(ct_file(x0008001A=("UI", INSTANCE)))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert outcome.detail == "A UID of the original is still in (0008,001A)."
    assert output == b""


def test_a_uid_right_before_a_group_that_looks_like_a_digit_is_found():
    piece = element(0x0020000E, "UI", "1.2.999.1234") + element(0x00320012, "LO", "x")
    found = Proof(identity(uids={b"1.2.999.1234"})).leaks([piece], encoding=EXPLICIT_LITTLE, vrs=VRS)
    assert [leak.kind for leak in found] == ["uid"]


def test_more_identity_than_can_be_searched_for_fails_closed():
    names = {b"Name%d^Given%d" % (i, i) for i in range(NEEDLES_MAX)}
    with pytest.raises(BrokenError):
        Proof(identity(names=names))
    items = [data_set({0x00100010: ("PN", name)}) for name in names]
    outcome, output = deidentified(part10(data_set(ct(x00081115=("SQ", items)))))
    assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
    assert output == b""


def test_more_values_than_can_be_compared_fails_closed(monkeypatch):
    monkeypatch.setattr(proof, "LOOKS_MAX", 20_000)
    names = [data_set({MODEL: ("LO", f"Scanner {number}")}) for number in range(2_000)]
    needles_for.cache_clear()
    outcome, output = deidentified(ct_file(x00081140=("SQ", names)))
    assert outcome.cause is AttentionCause.DEIDENTIFICATION_FAILED
    assert output == b""
    assert deidentified(ct_file())[0].cause is None
