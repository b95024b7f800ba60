"""Command sets and file heads, byte by byte."""

import struct

import pytest
from dimse_peers import command, elements_of
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.filebase import DicomBytesIO

from cauce.core.errors import InvalidRequest
from cauce.core.file_head import IMPLEMENTATION_CLASS_UID, file_head
from cauce.dimse.commands import (
    C_ECHO_RQ,
    C_STORE_RQ,
    NO_DATA_SET,
    Request,
    decode_request,
    encode_response,
)

US = struct.Struct("<H").pack
uids = st.from_regex(r"[1-9][0-9]{0,5}(\.[1-9][0-9]{0,5}){1,8}", fullmatch=True)
shorts = st.integers(0, 0xFFFF)


@given(field=shorts, message_id=shorts, sop_class=uids, sop_instance=uids, data_set_type=shorts)
@settings(max_examples=50, deadline=None)
def test_a_request_is_read_as_it_was_written(field, message_id, sop_class, sop_instance, data_set_type):
    padded = [uid.encode() + b"\0" * (len(uid) % 2) for uid in (sop_class, sop_instance)]
    written = command(
        (0x0002, padded[0]),
        (0x0100, US(field)),
        (0x0110, US(message_id)),
        (0x0800, US(data_set_type)),
        (0x1000, padded[1]),
    )
    assert decode_request(written) == Request(
        field=field,
        message_id=message_id,
        sop_class_uid=sop_class,
        sop_instance_uid=sop_instance,
        has_data_set=data_set_type != NO_DATA_SET,
    )


@given(status=shorts, message_id=shorts, comment=st.text(max_size=100), sop_instance=uids)
@settings(max_examples=50, deadline=None)
def test_a_response_has_even_values_in_order_and_says_its_length(status, message_id, comment, sop_instance):
    request = Request(
        field=C_STORE_RQ,
        message_id=message_id,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=sop_instance,
        has_data_set=True,
    )
    written = encode_response(request, status=status, comment=comment)
    elements = elements_of(written)
    assert list(elements) == sorted(elements)
    assert all(len(value) % 2 == 0 for value in elements.values())
    assert struct.unpack("<L", elements[0x0000])[0] == len(written) - 12
    assert elements[0x0100] == US(0x8001)
    assert elements[0x0120] == US(message_id)
    assert elements[0x0900] == US(status)
    assert elements[0x1000].rstrip(b"\0").decode() == sop_instance
    assert elements.get(0x0902, b"").decode("ascii").rstrip() == (
        comment[:64].encode("ascii", errors="replace").decode().rstrip()
    )


def test_an_echo_response_has_neither_comment_nor_instance():
    request = decode_request(command((0x0100, US(C_ECHO_RQ)), (0x0110, US(3)), (0x0800, US(NO_DATA_SET))))
    assert sorted(elements_of(encode_response(request, status=0))) == [0x0000, 0x0100, 0x0120, 0x0800, 0x0900]


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_a_request_or_an_invalid_request(content):
    try:
        request = decode_request(content)
    except InvalidRequest:
        return
    assert 0 <= request.field <= 0xFFFF


@pytest.mark.parametrize("pad", ["", "\0", " ", "\0\0"])
def test_uids_are_read_without_their_padding(pad):
    written = command((0x0100, US(1)), (0x0110, US(1)), (0x0800, US(0)), (0x1000, ("1.2.34" + pad).encode()))
    assert decode_request(written).sop_instance_uid == "1.2.34"


@given(sop_class=uids, sop_instance=uids, title=st.from_regex(r"[A-Z0-9_]{0,16}", fullmatch=True))
@settings(max_examples=30, deadline=None)
def test_a_file_head_is_read_by_others(sop_class, sop_instance, title):
    head = file_head(
        sop_class_uid=sop_class,
        sop_instance_uid=sop_instance,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        source_ae_title=title,
    )
    meta = dcmread(DicomBytesIO(head)).file_meta
    assert head[:132] == bytes(128) + b"DICM"
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == sop_class
    assert meta.MediaStorageSOPInstanceUID == sop_instance
    assert meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.get("SourceApplicationEntityTitle", "") == title
    assert meta.FileMetaInformationGroupLength == len(head) - 128 - 4 - 12
