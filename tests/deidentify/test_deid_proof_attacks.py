"""Identity that tries to slip past the proof: written otherwise, wrapped, in documents, or of somebody unknown."""

import base64
import gzip
import io
import random
import zipfile
import zlib

import pytest
from deid_objects import CT, EXPLICIT, ct_file, deidentified, element, read

from cauce.core.statuses import AttentionCause
from cauce.stages.deidentify import containers
from cauce.stages.deidentify.containers import UnsearchableError, unfolded
from cauce.stages.deidentify.dates import Day, days_in
from cauce.stages.deidentify.encoding import EXPLICIT_LITTLE
from cauce.stages.deidentify.identity import Identity
from cauce.stages.deidentify.options import DESCRIPTORS, FULL_DATES, UIDS
from cauce.stages.deidentify.plan import Action, plan_for
from cauce.stages.deidentify.profile import BASIC
from cauce.stages.deidentify.proof import Proof
from cauce.stages.deidentify.spellings import fold, spellings
from cauce.stages.deidentify.texts import views

MODEL = 0x00081090
VRS = plan_for(BASIC).vrs
NAMES = {b"Quimby^Hubert", b"Doe^Jane^M", b"Ng^Al"}
VALUES = {b"HQ-7654321", b"0012345678", b"Elm Street 5, Springfield", b"+49 89 1234567", b"St. Mary's Hospital"}


def kinds_in(value, vr="LT", *, names=NAMES, values=VALUES, character_sets=(b"ISO_IR 192",), uids=()):
    made = Identity(
        names=set(names),
        values=set(values),
        birth_dates={b"19570312"},
        uids=frozenset(uids),
        character_sets=set(character_sets),
    )
    piece = element(MODEL, vr, value, EXPLICIT)
    return [leak.kind for leak in Proof(made).leaks([piece], encoding=EXPLICIT_LITTLE, vrs=VRS)]


@pytest.mark.parametrize(
    "text",
    [
        "for Quim%62y",
        "for %48%75%62%65%72%74",
        "for Qu&#105;mby",
        "for Qui<b>mby</b>",
        "Qui=6Dby",
        "Qui=\r\nmby",
        r"{\rtf1 Qui\'6dby}",
        r"{\rtf1 Qu\u105?mby}",
        r"Qu\u0069mby",
        base64.b64encode(b"seen by Quimby today").decode(),
        base64.urlsafe_b64encode(b"??>Quimby?>").decode(),
        base64.b64encode(b"<p>Qui%6Dby</p>").decode(),
        b"is Quimby".hex(),
        "51:75:69:6D:62:79",
        "Quim-\r\nby",
        "Qui\nmby",
        "Qui\u00admby",
        "Qui\u200bmby",
    ],
)
def test_a_name_is_found_through_what_is_wrapped_around_it(text):
    assert kinds_in(text) == ["value"]


@pytest.mark.parametrize(
    "text",
    ["Hubert Quimby", "H. Quimby", "hquimby@host", "jdoe", "DOEJ", "JaneDoe2", "doe, jane", "A. Ng", "ng al", "Al  Ng"],
)
def test_a_name_is_found_in_any_order_and_with_initials(text):
    assert kinds_in(f"by {text} ")[0] in {"name", "value"}


@pytest.mark.parametrize(
    "text",
    [
        "HQ 765 43 21",
        "hq7654321",
        "no. 7654321",
        "007654321",
        "12345678",
        "12-34-56-78",
        "1234.5678",
        "(089) 123 45 67",
        "0049891234567",
        "Elm\r\nStreet 5 - Springfield",
        "at Elm Street 5",
        "st. mary s hospital",
    ],
)
def test_numbers_and_places_are_found_however_they_are_grouped(text):
    assert kinds_in(text)[0] in {"name", "value"}


@pytest.mark.parametrize(
    "text",
    [
        "12.03.1957",
        "12.3.57",
        "03/12/1957",
        "3/12/57",
        "1957-03-12",
        "1957:03:12 10:00",
        "12 March 1957",
        "12th of March, 1957",
        "March 12, 1957",
        "12-MAR-1957",
        "12MAR57",
        "12. März 1957",
        "12 de marzo de 1957",
        "le 12 mars 1957",
        "1957年3月12日",
        "12031957",
        "19570312T1000",
    ],
)
def test_the_birth_date_is_found_in_any_format(text):
    assert kinds_in(f"x {text} y")[0] in {"date", "value"}


@pytest.mark.parametrize(
    "text",
    [
        "13.03.1957",
        "12.03.1958",
        "12:03:57",
        "12 Mars rovers, 1957",
        "v12.3.5.7",
        "2057-03-12",
        "120319571",
        "Mar 1957",
    ],
)
def test_other_dates_and_times_raise_no_alarm(text):
    assert kinds_in(f"x {text} y") == []


def test_days_are_read_in_every_order():
    assert set(days_in("05/06/2007")) == {Day(20, 7, 6, 5), Day(20, 7, 5, 6)}
    assert list(days_in("99/99/9999 2007-13-01 00.00.0000")) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Müller^Jörg", "Mueller"),
        ("Mueller^Joerg", "MÜLLER"),
        ("Иванов^Илья", "dr. Ivanov"),
        ("Щербаков^Юрий", "Shcherbakov"),
        ("Παπαδόπουλος^Γιώργος", "Papadopoulos"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ヤマダ"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "ﾔﾏﾀﾞ"),
        ("Ohno^Jirou=大野^次郎", "Jiro"),
        ("Ohno^Jirou=大野^次郎", "大野次郎"),
        ("Ohno^Jirou=大野^次郎", "次郎　大野"),
        ("Wałęsa^Lech", "Walesa"),
        ("Ağaoğlu^İlker", "AGAOGLU"),
        ("Sørensen^Åse", "Soerensen"),
    ],
)
def test_a_name_is_found_in_other_letters(name, text):
    assert kinds_in(f"for {text} 1", names={name.encode()})[0] in {"name", "value"}


def test_spellings_keep_to_whole_names():
    assert spellings("Moore") == {"moore"}
    assert spellings("Müller") == {"muller", "mueller"}
    assert fold("\uff39\uff41ma ŁÓDŹ ﬁ") == "yama lodz fi"


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-8"])
def test_a_text_in_a_binary_value_is_read_as_text(codec):
    assert kinds_in("Mr Al Ng, *12.03.1957".encode(codec), "OB") in (["name"], ["date"])
    assert kinds_in("see 1.2.999.5.77 there".encode(codec), "OB", uids={b"1.2.999.5.77"}) == ["uid"]


def archive(**members):
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return target.getvalue()


def pdf(content, *, head=b""):
    stream = zlib.compress(content)
    return b"%PDF-1.4\n" + head + b"4 0 obj<</Filter/FlateDecode>>stream\r\n" + stream + b"\r\nendstream endobj\n%%EOF"


@pytest.mark.parametrize(
    "value",
    [
        archive(text="by Quimby"),
        archive(Quimby="x"),
        archive(inner=archive(text="by Jane Doe")),
        gzip.compress(b"<name>Quimby</name>", mtime=0),
        zlib.compress(b"HQ-7654321"),
        pdf(b"BT (by Quimby) Tj ET"),
        pdf(b"BT [(Qui) -20 (mby)] TJ ET"),
        pdf(rb"BT (Qu\151mby) Tj ET"),
        pdf(b"BT <5175696D6279> Tj ET"),
        pdf(b"BT <FEFF005100750069006D00620079> Tj ET"),
        pdf(b"x", head=b"<</Author (Quimby)>>"),
        gzip.compress(pdf(b"BT (by Quimby) Tj ET"), mtime=0),
    ],
)
def test_documents_and_archives_are_searched(value):
    assert kinds_in(value, "OB")[0] in {"name", "value"}


@pytest.mark.parametrize(
    "value", [archive(text="Nobody"), gzip.compress(b"Nobody", mtime=0), pdf(b"BT (Nobody) Tj ET")]
)
def test_documents_that_name_nobody_raise_no_alarm(value):
    assert kinds_in(value, "OB") == []


@pytest.mark.parametrize(
    "value", [archive(text="x")[:-8], pdf(b"x", head=b"<</Encrypt 9 0 R>>"), b"PK\x03\x04" + bytes(range(64))]
)
def test_what_cannot_be_searched_is_said_so(value):
    assert kinds_in(value, "OB") == ["wrapped"]


def test_bombs_are_not_unfolded(monkeypatch):
    monkeypatch.setattr(containers, "UNFOLDED_MAX", 1000)
    for value in (gzip.compress(bytes(2000)), archive(text=bytes(2000)), pdf(bytes(2000))):
        with pytest.raises(UnsearchableError):
            list(unfolded(value))
    nested = b"x"
    for _ in range(containers.DEPTH_MAX + 3):
        nested = gzip.compress(nested)
    with pytest.raises(UnsearchableError):
        list(unfolded(nested))


def test_an_encapsulated_document_is_held_and_what_is_found_in_it_is_said():
    padding = random.Random(1).randbytes(2_000_000)
    for more, kind in ((b"", ""), (b"Quimby", "An identifier"), (b"HQ-7654321", "An identifier")):
        for value in (pdf(b"BT (x " + more + b") Tj ET"), archive(a=padding, b=b"x " + more)):
            outcome, output = deidentified(ct_file(x00420011=("OB", value)))
            assert outcome.cause is AttentionCause.PIXELS_UNPROVEN
            said = f"{kind} of the original is still in (0042,0011)."
            nothing = "Nothing was found in its text, but what it shows cannot be searched."
            assert outcome.detail == f"It holds an encapsulated document. {said if kind else nothing}"
            assert output == b""


def test_a_long_archive_that_cannot_be_read_holds_the_object_back():
    outcome, output = deidentified(ct_file(x00282000=("OB", b"PK\x03\x04" + bytes(3_000_000))))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert outcome.detail == "Something that cannot be searched is in (0028,2000)."
    assert output == b""


@pytest.mark.parametrize(
    "text",
    [
        "asked by Dr. Fleischman",
        "write to joel@example.org",
        "Patient: Maurice",
        "patient name=Maurice",
        "MRN 5512",
        "DOB: 1/2/60",
        "born 1960",
        "Tel. 555-123 456",
        "123-45-6789",
    ],
)
def test_a_text_that_names_somebody_unknown_is_replaced(text):
    output = read(deidentified(ct_file(x00187006=("LT", text), x00080104=("LO", text)))[1])
    assert output.DetectorDescription == "REMOVED"
    assert output.CodeMeaning == text  # terminology is left alone


@pytest.mark.parametrize(
    "text",
    [
        "Patient position: supine",
        "patient-based correction",
        "Drive A",
        "Tel Aviv protocol",
        "Mrs",
        "DOB",
        "Head First",
        "borne 2",
        "a@b",
        "0.123-4",
        "1\\2\\3",
    ],
)
def test_common_texts_are_left_alone(text):
    assert read(deidentified(ct_file(x00187006=("LT", text)))[1]).DetectorDescription == text


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("FD", b"\x00\x00\x00\x00\x00\x00\xf0?" * 40),
        ("US", b"\x31\x32\x33\x34" * 40),
        ("FL", b"\0\0\x80?" * 10),
        ("OB", bytes(range(256)) * 4),
        ("LT", "1 0 0 2 0 0 3 0 0 4 0 0 5 0 0 6 0 0 7"),
        ("LT", "Scanner 7.5.3 (12/2019), kernel B30f, 100% <x> & [y]"),
        ("LO", "1.2.840.10008.5.1.4.1.1.2"),
    ],
)
def test_numbers_and_common_texts_raise_no_alarm(vr, value):
    assert kinds_in(value, vr) == []


def test_people_who_are_nobody_raise_no_alarm():
    names = {b"Anonymous^Unknown^^Dr", b"REMOVED"}
    assert kinds_in("bone removed, unknown contrast, drawn anonymously", names=names, values={b"anonymized"}) == []


def test_wrappings_of_wrappings_are_undone_to_a_limit():
    text = "Quimby"
    for _ in range(3):
        text = base64.b64encode(text.encode()).decode()
    assert "Quimby" in views(text)
    for _ in range(3):
        text = base64.b64encode(text.encode()).decode()
    assert "Quimby" not in views(text)


@pytest.mark.parametrize(
    ("tag", "vr", "value", "action"),
    [
        (0x00104000, "LT", "nothing of note", Action.KEEP),  # X
        (0x00080050, "SH", "77", Action.KEEP),  # Z
        (0x00181030, "LO", "Chest", Action.KEEP),  # X/D
        (0x00080020, "DA", "20200101", Action.SHIFT),
        (0x00200052, "UI", "1.2.3.4.5", Action.CLASS),  # U
        (0x00321067, "SQ", [], Action.NEST),
    ],
)
def test_an_action_that_did_not_happen_fails_closed(monkeypatch, tag, vr, value, action):
    undone = plan_for(BASIC, CT)._with({tag: action})
    monkeypatch.setattr("cauce.stages.deidentify.deidentification.plan_for", lambda *_: undone)
    outcome, output = deidentified(ct_file(**{f"x{tag:08X}": (vr, value)}))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED
    assert outcome.detail.startswith("What the profile takes out is still in")
    assert output == b""


@pytest.mark.parametrize("text", ["Finding of Quimby", "seen by Jane Doe", "no. 7654321 (HQ-7654321)"])
def test_a_term_that_names_somebody_is_replaced(text):
    more = {"x00104000": ("LT", ""), "x00080104": ("LO", text), "x00081070": ("PN", "Doe^Jane")}
    assert read(deidentified(ct_file(**more))[1]).CodeMeaning == "REMOVED"


@pytest.mark.parametrize(("tag", "vr"), [(0x00080100, "SH"), (0x00080119, "UC")])
def test_a_code_that_holds_a_number_of_somebody_holds_the_object_back(tag, vr):
    outcome, _ = deidentified(ct_file(**{f"x{tag:08X}": (vr, "X-HQ7654321")}))
    assert outcome.cause is AttentionCause.IDENTITY_SUSPECTED


def test_dates_and_uids_that_are_kept_on_purpose_raise_no_alarm():
    more = {"x00080020": ("DA", "20200101"), "x00100030": ("DA", "20200101"), "x00100020": ("LO", "1357911")}
    content = ct_file(x00200052=("UI", "1.2.1357911.5"), **more)
    output = read(deidentified(content, profile=BASIC.with_options(FULL_DATES, UIDS))[1])
    assert (output.StudyDate, output.FrameOfReferenceUID) == ("20200101", "1.2.1357911.5")
    assert deidentified(ct_file(x00187006=("LT", "20200101"), **more), profile=BASIC.with_options(FULL_DATES))[
        0
    ].actions["scrubbed"]


def test_a_text_that_cleaning_leaves_somebody_in_is_replaced():
    more = {"x00080018": ("UI", "7.77.7"), "x00081030": ("LO", "Chest 7.77.7")}
    content = ct_file(**more, x00081080=("LO", "Cough since 2 weeks"))
    output = read(deidentified(content, profile=BASIC.with_options(DESCRIPTORS))[1])
    assert output.StudyDescription == "REMOVED"
    assert output.AdmittingDiagnosesDescription == "Cough since 2 weeks"
