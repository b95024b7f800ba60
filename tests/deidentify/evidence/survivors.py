"""An independent checker: does an identity survive in a file? It knows nothing of our code; it reads with pydicom.

It looks for each string in the raw bytes, in the encodings that people use; in every value as pydicom decodes it,
without case, accents and separators; in what percent signs, HTML, base64 and hexadecimal digits hide; and in the text
of encapsulated PDF and CDA documents.
"""

import base64
import html
import io
import re
import unicodedata
import warnings
import xml.etree.ElementTree as ET
import zipfile
from urllib.parse import unquote_plus

import pydicom
import pypdf
from pydicom.uid import UID_dictionary

PIXELS = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}
PUBLIC_UIDS = {"CodingSchemeUID", "ContextUID", "MappingResourceUID", "SOPClassUID", "ReferencedSOPClassUID"}
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "latin-1", "iso8859_2", "iso8859_5", "iso8859_6", "iso8859_7")
ENCODINGS += ("iso8859_8", "iso8859_9", "iso8859_11", "iso2022_jp", "shift_jis", "euc_kr", "gb18030", "euc_jp")


def flat(text):
    """Return a text as it is compared: no case, no accents, no width."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in parts if not unicodedata.combining(c))


def joined(text):
    """Return a text without anything between letters and digits."""
    return re.sub(r"[\W_]+", "", flat(text))


def raw_forms(string):
    """Return the bytes that may stand for a string in a file, in the usual cases."""
    found = set()
    for text in {string, string.upper(), string.lower(), string.title()}:
        for encoding in ENCODINGS:
            try:
                raw = text.encode(encoding)
            except UnicodeEncodeError:
                continue
            found.add(raw)
            if encoding == "iso2022_jp" and b"\x1b" in raw:
                found.add(raw.split(b"\x1b(B")[0].split(b"\x1b$B")[-1])
    return {raw for raw in found if len(raw) >= 4}


def texts_of(ds):
    """Yield (place, text) of each value at any depth, file meta information included, as pydicom reads it."""
    for element in ds.iterall():
        place = f"{element.tag}{element.keyword and ' ' + element.keyword}"
        if element.keyword in PIXELS or element.VR == "SQ":
            continue
        value = element.value
        if isinstance(value, bytes):
            if element.keyword == "EncapsulatedDocument":
                yield from ((place, text) for text in document_texts(value))
            for encoding in ("latin-1", "utf-8", "utf-16-le"):
                yield place, value.decode(encoding, "ignore")
        else:
            for part in value if element.VM > 1 else [value]:
                yield place, str(part)


def document_texts(value):
    """Yield what an encapsulated document says: PDF, CDA or an archive of them."""
    if value.startswith(b"%PDF"):
        reader = pypdf.PdfReader(io.BytesIO(value.rstrip(b"\0")))
        yield "\n".join(page.extract_text() for page in reader.pages)
        yield str(dict(reader.metadata or {}))
    elif value.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(value)) as archive:
            for name in archive.namelist():
                yield name
                yield archive.read(name).decode("utf-8", "ignore")
    elif value.lstrip().startswith(b"<"):
        root = ET.fromstring(value.rstrip(b"\0 "))
        yield " ".join(root.itertext())
        for node in root.iter():
            yield " ".join(node.attrib.values())


def unwrapped(text):
    """Yield a text, and what is hidden in it."""
    yield text
    if "%" in text:
        yield unquote_plus(text)
    if "<" in text:
        yield re.sub(r"<[^>]*>", "", text)
    if "&" in text:
        yield html.unescape(text)
    for token in re.findall(r"[A-Za-z0-9+/]{8,}={0,2}", text):
        try:
            yield base64.b64decode(token + "=" * (-len(token) % 4)).decode("utf-8")
        except ValueError:
            continue
    for token in re.findall(r"(?:[0-9A-Fa-f]{2}){5,}", text):
        yield bytes.fromhex(token).decode("latin-1")


def survivors(content, strings, *, raw=True):
    """Return {string: place} of those `strings` that are anywhere in the file `content`."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(content))
        pixels = [ds[keyword].value for keyword in PIXELS if ds.get(keyword)]
        body = content
        for value in pixels:
            body = body.replace(value, b"")
        places = [(f"{place} (meta)", text) for place, text in texts_of(ds.file_meta)]
        places.append(("preamble", content[:128].decode("latin-1")))
        places += texts_of(ds)
    views = [(place, view) for place, text in dict.fromkeys(places) for view in dict.fromkeys(unwrapped(text))]
    ready = [(place, flat(view), joined(view)) for place, view in views]
    for string in strings:
        if raw and any(form in body for form in raw_forms(string)):
            found[string] = "bytes"
        plain, bare = flat(string), joined(string)
        for place, text, squeezed in ready:
            if plain in text or (len(bare.encode()) >= 6 and bare in squeezed):
                found[string] = place
                break
    return found


def identity_of(ds, keywords):
    """Return what identifies somebody in an original: every name, UID and value of `keywords`, at any depth."""
    strings = set()
    for element in ds.iterall():
        if element.VR == "PN":
            people = [element.value] if element.VM == 1 else element.value or []
            strings |= {part.strip() for person in people for part in re.split(r"[\^=]", str(person))}
        elif element.VR == "UI" and element.value:
            uids = [element.value] if element.VM == 1 else element.value
            strings |= {str(uid) for uid in uids if uid not in UID_dictionary and element.keyword not in PUBLIC_UIDS}
        elif element.keyword in keywords and element.value:
            values = [element.value] if element.VM == 1 else element.value
            strings |= {str(value).strip() for value in values}
    return {string for string in strings if len(string) >= 5}
