"""Whatever differs in a value gives another canonical digest: a conflict is never taken for a duplicate."""

import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from validate_files import (
    BIG,
    CODE,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    RICH,
    SUBJECT,
    Encapsulated,
    data_sets,
    digest_of,
    image,
    instance,
    part10,
)

from cauce.core.limits import Limits
from cauce.stages.validate import canonical_digest

EXPECTED = digest_of(part10(SUBJECT))

SYNTAXES = [EXPLICIT, IMPLICIT, BIG, DEFLATED]


def changed(value):
    """Return values of the same VR that differ in one place."""
    if isinstance(value, list):
        yield from ([*value[:i], [*item, (0x00104000, "LT", "x")], *value[i + 1 :]] for i, item in enumerate(value))
        yield [*value, []]
    elif isinstance(value, tuple):
        yield from ((*value[:i], other_number(number), *value[i + 1 :]) for i, number in enumerate(value))
    elif isinstance(value, bytes):
        yield from (value[:i] + bytes([byte ^ 1]) + value[i + 1 :] for i, byte in enumerate(value.rstrip(b" ")))
    elif isinstance(value, str):
        yield from (value[:i] + "Z" + value[i + 1 :] for i in range(len(value)))
        yield value + "Z"
    else:
        yield other_number(value)


def other_number(number):
    return number ^ 1 if isinstance(number, int) else number / 2 + 1


CHANGES = [(element, other) for element in SUBJECT for other in changed(element[2])]


@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_a_change_of_any_one_value_is_another_data_set(transfer_syntax):
    seen = {EXPECTED}
    for (tag, _, _), other in CHANGES:
        seen.add(digest_of(part10([(t, v, other if t == tag else x) for t, v, x in SUBJECT], transfer_syntax)))
    assert len(seen) == len(CHANGES) + 1


@pytest.mark.parametrize("index", range(len(SUBJECT)))
def test_an_element_less_or_emptied_is_another_data_set(index):
    tag, _, value = SUBJECT[index]
    without = digest_of(part10(SUBJECT[:index] + SUBJECT[index + 1 :]))
    emptied = digest_of(part10([*SUBJECT[:index], (tag, "UN", b""), *SUBJECT[index + 1 :]]))
    assert len({without, emptied, EXPECTED}) == (2 if value == [] else 3)


@pytest.mark.parametrize(
    "items",
    [
        [[(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [[*CODE[:2], (0x00080104, "LO", "Chesd")], []])], []],
        [[(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [CODE])], []],
        [[(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [[], CODE])], []],
        [[(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [CODE, []])]],
        [[], [(0x0020000E, "UI", "2.25.4"), (0x00081199, "SQ", [CODE, []])]],
        [[(0x0020000E, "UI", "2.25.4"), (0x00081198, "SQ", [CODE, []])], []],
        [[(0x0020000E, "UI", "2.25.4"), *CODE], []],
    ],
)
def test_a_change_of_nested_values_or_of_nesting_is_another_data_set(items):
    assert digest_of(part10([(t, v, items if t == 0x00081115 else x) for t, v, x in SUBJECT])) != EXPECTED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((0x0041, 0x0041), (0x0041, 0x2041)),
        (0x0041, 0x2041),
        (0x2020, 0x0000),
        ((0x4141, 0x2020), (0x4141, 0x0000)),
        (0x0020, 0x2020),
        ((1, 0x2020), (1, 0x2020, 0x2020)),
    ],
)
@pytest.mark.parametrize("transfer_syntax", SYNTAXES)
def test_private_numbers_that_look_like_padded_text_stay_apart(one, other, transfer_syntax):
    first = digest_of(part10(instance((0x00091001, "US", one)), transfer_syntax))
    assert first != digest_of(part10(instance((0x00091001, "US", other)), transfer_syntax))


def test_public_numbers_that_look_like_padding_stay_apart():
    digests = [digest_of(part10(instance((0x00280120, "US", value)))) for value in (0, 0x20, 0x2020, 0x2000)]
    assert len(set(digests)) == 4


def test_case_inner_spaces_and_accents_are_values():
    texts = ["Doe^John", "doe^John", "Doe^ John", "Doe^Jöhn", "Doe^John^M", "^Doe^John", "Doe^John=Doe"]
    assert len({digest_of(part10(instance((0x00100010, "PN", text)))) for text in texts}) == len(texts)


@pytest.mark.parametrize("at", [0, 1, 1 << 20, (1 << 20) + 1, 3_999_998, 3_999_999])
@pytest.mark.parametrize("transfer_syntax", [EXPLICIT, BIG])
def test_one_bit_of_one_pixel_is_another_image(at, transfer_syntax):
    pixels = bytearray(bytes(range(250)) * 16_000)
    first = digest_of(part10(image(rows=2000, columns=1000, pixels=bytes(pixels)), transfer_syntax))
    pixels[at] ^= 1
    assert digest_of(part10(image(rows=2000, columns=1000, pixels=bytes(pixels)), transfer_syntax)) != first


def test_one_bit_of_compressed_bytes_is_another_image():
    def lossy(*items):
        return digest_of(part10(image(vr="OB", pixels=Encapsulated((b"", *items))), JPEG))

    first = lossy(b"\xff\xd8abcd\xff\xd9")
    assert lossy(b"\xff\xd8abce\xff\xd9") != first
    assert lossy(b"\xff\xd8abcd\xff\xd9", b"x\0") != first
    assert lossy(b"\xff\xd8abcd") != first


def test_pixels_of_an_icon_are_values_too():
    def with_icon(pixels, transfer_syntax=EXPLICIT):
        icon = [(0x00280010, "US", 1), (0x00280011, "US", 2), (0x7FE00010, "OB", pixels)]
        return digest_of(part10(image((0x00880200, "SQ", [icon])), transfer_syntax))

    assert with_icon(b"\1\2") != with_icon(b"\1\3")
    assert with_icon(Encapsulated((b"", b"\1\2"))) != with_icon(Encapsulated((b"", b"\1\3")))
    assert with_icon(Encapsulated((b"", b"\1\2", b"\3\4"))) == with_icon(Encapsulated((b"\0" * 4, b"\1\2\3\4")))


def test_a_value_cannot_pass_for_a_sequence_or_for_pixels():
    values = [b"", b"V", b"S", b"I", b"\xfe\xff\x00\xe0", b"\xfe\xff\x00\xe0\0\0\0\0", bytes(32)]
    digests = [digest_of(part10(instance((0x00091001, "OB", value + b"\1" * (len(value) & 1))))) for value in values]
    assert len(set(digests)) == len(values)


def leaves(elements, path=()):
    for index, (_, vr, value) in enumerate(elements):
        if vr == "SQ":
            for number, item in enumerate(value):
                yield from leaves(item, (*path, index, number))
        else:
            yield (*path, index)


def replaced(elements, path, value):
    index, *rest = path
    tag, vr, old = elements[index]
    if rest:
        old = [replaced(item, rest[1:], value) if i == rest[0] else item for i, item in enumerate(old)]
        return [*elements[:index], (tag, vr, old), *elements[index + 1 :]]
    return [*elements[:index], (tag, vr, value(old)), *elements[index + 1 :]]


def other_value(old):
    if isinstance(old, str):
        return old.strip() + "Z"
    if isinstance(old, tuple):
        return (*old, 1)
    return old + b"\1\1" if isinstance(old, bytes) else other_number(old)


@given(st.data(), data_sets(), st.sampled_from(SYNTAXES), st.sampled_from(SYNTAXES))
@settings(max_examples=200, deadline=None)
def test_one_value_changed_at_any_depth_is_told_in_any_pair_of_encodings(data, elements, one, other):
    paths = list(leaves(elements))
    assume(paths)
    new = replaced(elements, data.draw(st.sampled_from(paths)), other_value)
    assume(new != elements)
    assert digest_of(part10(instance(*elements), one)) != digest_of(part10(instance(*new), other))


def test_reading_does_not_depend_on_where_the_source_stands():
    data = part10(image(*RICH))
    source = io.BytesIO(data)
    source.seek(77)
    assert canonical_digest(source, size_bytes=len(data), limits=Limits(), decode=None) == EXPECTED
