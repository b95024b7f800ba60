"""Files seeded with made-up identities, written by pydicom: in every kind of text, nested, private, in documents."""

import base64
import io
import warnings
import zlib
from contextlib import contextmanager
from urllib.parse import quote

import pydicom
from made_up import who
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset

STORAGE = "1.2.840.10008.5.1.4.1.1."
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.5"
SYNTAXES = (EXPLICIT, IMPLICIT, BIG, DEFLATED, RLE, EXPLICIT, IMPLICIT)

KEPT = {
    "LO": ("ManufacturerModelName", "Manufacturer", "SoftwareVersions", "ContrastBolusRoute", "RescaleType"),
    "SH": ("ConvolutionKernel", "SequenceName", "FilterType", "ReceiveCoilName"),
    "ST": ("PartialViewDescription", "CodingSchemeName"),
    "LT": ("DetectorDescription", "DetectorMode"),
    "UT": ("TrackingID", "ProtocolDesignRationale"),
    "UC": ("StrainDescription", "PotentialReasonsForProcedure"),
    "UR": ("CodingSchemeURL",),
    "CS": ("ImageType", "BodyPartExamined", "ScanOptions"),
    "OB": ("ICCProfile",),
}
"""Attributes that the Basic Profile keeps: what stands there has to be found."""
GONE = {
    "LO": ("StudyDescription", "SeriesDescription", "MedicalAlerts"),
    "LT": ("PatientComments", "ImageComments"),
    "ST": ("DerivationDescription",),
    "UT": ("LabelText",),
    "PN": ("ScheduledPerformingPhysicianName", "NamesOfIntendedRecipientsOfResults"),
    "SH": ("TimezoneOffsetFromUTC", "EthnicGroup"),
    "AE": ("RetrieveAETitle", "ScheduledStationAETitle"),
    "DA": ("StudyDate", "SeriesDate"),
    "TM": ("StudyTime", "SeriesTime"),
    "DT": ("AcquisitionDateTime",),
    "AS": ("PatientAge",),
    "CS": ("PatientSex", "SmokingStatus"),
    "DS": ("PatientWeight", "PatientSize"),
    "UR": ("RetrieveURL",),
    "OB": ("EncryptedContent", "Signature"),
}
"""Attributes that it removes, empties or replaces."""
ASCII_VRS = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "TM", "UR"])
DISGUISES = (
    lambda text: text,
    lambda text: text.upper(),
    lambda text: f"scan_{text}_2",
    lambda text: f"for {text}, 7",
    lambda text: quote(f" {text} ", safe=""),
    lambda text: base64.b64encode(f"is {text} here".encode()).decode(),
    lambda text: f"<b>{text[:3]}</b>{text[3:]}",
    lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
)


def seeded(number, *, is_deflated=True):
    """Return (content of a Part 10 file, its 60 strings) of the file of that number.

    Without `is_deflated` those that would be are not, for programs that cannot read them.
    """
    made, identity = who(number)
    with _anything_goes():
        ds = KINDS[number % len(KINDS)](made)
        ds.update(identity)
        for vr, keywords in KEPT.items():
            for keyword in keywords:
                if made.chance.random() < (0.06 if vr == "OB" else 0.6):  # binary values are not scrubbed, but held
                    _plant(ds, keyword, vr, _disguised(vr, made))
        for vr, keywords in GONE.items():
            for keyword in keywords:
                text = _for(vr, made)
                _plant(ds, keyword, vr, text.encode() if vr == "OB" else text)
        _plant_nested(ds, made)
        _plant_private(ds, made)
        if number % 20 == 19:  # numbers are not scrubbed: such a file is held back
            ds.SliceThickness = identity.StudyID
        syntax = SYNTAXES[number % len(SYNTAXES)]
        syntax = EXPLICIT if syntax == DEFLATED and not is_deflated else syntax
        return _written(ds, made, syntax), tuple(made.strings)


@contextmanager
def _anything_goes():
    """Let pydicom write values that no standard allows."""
    before = config.settings.writing_validation_mode
    config.settings.writing_validation_mode = config.IGNORE
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        config.settings.writing_validation_mode = before


def _plant(ds, keyword, vr, value):
    ds[keyword] = DataElement(pydicom.datadict.tag_for_keyword(keyword), vr, value, validation_mode=config.IGNORE)


def _for(vr, made):
    """Return one of the strings: a number, or one of ASCII, where pydicom writes no other for the VR."""
    fitting = [
        text for text in made.strings if vr not in ASCII_VRS or (text.isascii() and (vr != "DS" or text.isdigit()))
    ]
    return made.chance.choice(fitting)


def _disguised(vr, made):
    text = _for(vr, made)
    if vr == "CS":
        return ["ORIGINAL", "PRIMARY", text]
    if vr == "UR":
        return f"https://example.org/{quote(text)}"
    if vr == "OB":
        return b"\0\1profile " + text.encode(made.chance.choice(("utf-8", "utf-16-le"))) + b"\0\2\3"
    return made.chance.choice(DISGUISES)(text)


def _plant_nested(ds, made):
    """Put strings three sequences deep, into kept and into removed sequences."""
    pick, uid = made.chance.choice, next(text for text in made.strings if text.startswith("1.3."))
    for outer in ("ReferencedImageSequence", "RequestAttributesSequence", "SharedFunctionalGroupsSequence"):
        item = Dataset()
        for _ in range(3):
            inner = Dataset()
            inner.ManufacturerModelName = f"Model {pick(made.strings)}"
            inner.PatientComments, inner.PatientTelephoneNumbers = pick(made.strings), pick(made.strings)
            inner.PatientName = "^".join(made.chance.choices(made.strings, k=2))
            inner.ReferencedSOPClassUID, inner.ReferencedSOPInstanceUID = STORAGE + "2", uid
            inner.PurposeOfReferenceCodeSequence = [item]
            item = inner
        setattr(ds, outer, [item])


def _plant_private(ds, made):
    block = ds.private_block(0x0029, "SEEDS 1", create=True)
    for offset, (vr, text) in enumerate(zip(("LO", "PN", "UT", "SH", "LT", "ST"), made.strings, strict=False)):
        block.add_new(offset, vr, text)
    nested = Dataset()
    nested.PatientName = made.strings[7]
    block.add_new(0x10, "SQ", [nested])
    block.add_new(0x11, "OB", made.strings[8].encode())
    block.add_new(0x12, "UN", made.strings[9].encode("utf-16-le"))


def _written(ds, made, syntax):
    if syntax == RLE:
        syntax = RLE if "PixelData" in ds else EXPLICIT
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    meta.TransferSyntaxUID = EXPLICIT if syntax == RLE else syntax
    meta.SourceApplicationEntityTitle = _for("AE", made)[:16]
    meta.PrivateInformationCreatorUID = "1.3.999.1"
    meta.PrivateInformation = made.strings[11].encode()
    ds.file_meta = meta
    if syntax == RLE:
        ds.compress(RLE, generate_instance_uid=False)
    ds.preamble = made.strings[12].encode("utf-8")[:128].ljust(128, b"\0")
    ds.add_new(0xFFFCFFFC, "OB", made.strings[13].encode())
    for element in ds.iterall():
        if element.VR == "OB" and isinstance(element.value, bytes) and len(element.value) % 2:
            element.value += b"\0"
    target = io.BytesIO()
    pydicom.dcmwrite(target, ds, implicit_vr=syntax == IMPLICIT, little_endian=syntax != BIG)
    return target.getvalue()


def _image(sop_class, modality):
    def make(made):
        ds = Dataset()
        ds.SOPClassUID, ds.Modality = STORAGE + sop_class, modality
        ds.Rows = ds.Columns = 16
        ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
        ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 16, 15
        ds.add_new(0x7FE00010, "OW", bytes(512))
        return ds

    return make


def _overlaid(made):
    ds = _image("2", "CT")(made)
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x60000022, "LO", made.strings[0])
    ds.add_new(0x60003000, "OW", made.strings[1].encode("utf-8").ljust(32, b"\0"))
    ds.add_new(0x60004000, "LT", made.strings[2])
    ds.add_new(0x50000022, "LO", made.strings[3])
    return ds


def _code(value, scheme, meaning):
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, meaning
    return ds


def _report(made):
    """Return a structured report whose content names everybody (PS3.3 A.35.3)."""
    ds = _document("88.33", "SR")
    items = [
        _content("TEXT", made, TextValue=" and ".join(made.strings[:3])),
        _content("PNAME", made, PersonName=f"{made.strings[0]}^{made.strings[1]}"),
        _content("DATE", made, Date=made.strings[-1]),
        _content("UIDREF", made, UID=next(text for text in made.strings if text.startswith("1.3."))),
        _content("CODE", made, ConceptCodeSequence=[_code(made.strings[20][:16], "99X", made.strings[21])]),
    ]
    ds.ContentSequence = [*items, _content("CONTAINER", made, ContentSequence=items)]
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = made.strings[0], made.strings[1]
    ds.VerifyingObserverSequence = [observer]
    return ds


def _content(value_type, made, **attributes):
    item = Dataset()
    item.RelationshipType, item.ValueType = "CONTAINS", value_type
    item.ConceptNameCodeSequence = [_code("121071", "DCM", f"Finding of {made.strings[0]}")]
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


def _document(sop_class, modality):
    ds = Dataset()
    ds.SOPClassUID, ds.Modality = STORAGE + sop_class, modality
    ds.ValueType, ds.ContinuityOfContent = "CONTAINER", "SEPARATE"
    ds.ConceptNameCodeSequence = [_code("121070", "DCM", "Findings")]
    return ds


def _key_object(made):
    ds = _document("88.59", "KO")
    ds.ContentSequence = [_content("TEXT", made, TextValue=" ".join(made.strings[:5]))]
    return ds


def _presentation(made):
    ds = Dataset()
    ds.SOPClassUID, ds.Modality = STORAGE + "11.1", "PR"
    ds.ContentLabel, ds.ContentDescription, ds.ContentCreatorName = "LABEL", f"by {made.strings[0]}", made.strings[1]
    text, annotation = Dataset(), Dataset()
    text.UnformattedTextValue = " ".join(made.strings[:4])
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER", [text]
    ds.GraphicAnnotationSequence = [annotation]
    return ds


def _pdf(made):
    ds = Dataset()
    ds.SOPClassUID, ds.Modality, ds.MIMETypeOfEncapsulatedDocument = STORAGE + "104.1", "DOC", "application/pdf"
    ds.DocumentTitle, ds.EncapsulatedDocument = made.strings[0], pdf_of(made.strings[:9])
    return ds


def _cda(made):
    ds = Dataset()
    ds.SOPClassUID, ds.Modality, ds.MIMETypeOfEncapsulatedDocument = STORAGE + "104.2", "DOC", "text/XML"
    ds.EncapsulatedDocument = cda_of(made.strings[:9])
    return ds


KINDS = (
    _image("2", "CT"),
    _report,
    _image("4", "MR"),
    _key_object,
    _overlaid,
    _presentation,
    _pdf,
    _image("128", "PT"),
    _report,
    _cda,
)


def cda_of(strings):
    """Return a clinical document that is about `strings`."""
    names = "".join(f'<name use="{text}">{text}</name>' for text in strings)
    return f"<ClinicalDocument><recordTarget>{names}</recordTarget></ClinicalDocument>".encode()


def pdf_of(strings):
    """Return a PDF of one page that says `strings`, its content deflated."""
    lines = "".join(f"({text.encode('latin-1', 'ignore').decode('latin-1')}) Tj T*\n" for text in strings)
    stream = zlib.compress(f"BT /F1 12 Tf 20 700 Td 14 TL\n{lines}ET".encode("latin-1"))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d/Filter/FlateDecode>>stream\n%b\nendstream" % (len(stream), stream),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
    ]
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj%b endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, start)
    return bytes(out)
