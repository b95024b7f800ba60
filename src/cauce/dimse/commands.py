"""Command sets of DIMSE messages (PS3.7 sections 6.3.1 and 9.3): implicit VR little endian, group 0000.

Only what a storage and verification provider needs: requests are decoded, responses are encoded. Nothing in
here logs or quotes a value.
"""

import struct
from dataclasses import dataclass

from cauce.core.errors import InvalidRequest

C_STORE_RQ = 0x0001
C_ECHO_RQ = 0x0030
C_CANCEL_RQ = 0x0FFF
RESPONSE = 0x8000
NO_DATA_SET = 0x0101

COMMAND_BYTES_MAX = 64 * 1024
"""Longest command set taken; real ones have a few hundred bytes."""

_ELEMENT = struct.Struct("<HHL")
_US = struct.Struct("<H")
_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS_UID = 0x0002
_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_RESPONDED_TO = 0x0120
_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_ERROR_COMMENT = 0x0902
_AFFECTED_SOP_INSTANCE_UID = 0x1000


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A DIMSE request: its kind (`field`), its number, what it is about, and whether a data set follows."""

    field: int
    message_id: int
    sop_class_uid: str
    sop_instance_uid: str
    has_data_set: bool


def decode_request(command_set: bytes) -> Request:
    """Decode the command set of a request.

    UIDs come stripped of their padding; absent ones are "". Bytes that are not ASCII become U+FFFD.

    Raises:
        InvalidRequest: the bytes are no command set, or lack the command field, message id or data set type.
    """
    elements = _split(command_set)
    return Request(
        field=_number(elements, _COMMAND_FIELD),
        message_id=_number(elements, _MESSAGE_ID) if _MESSAGE_ID in elements else 0,
        sop_class_uid=_uid(elements, _AFFECTED_SOP_CLASS_UID),
        sop_instance_uid=_uid(elements, _AFFECTED_SOP_INSTANCE_UID),
        has_data_set=_number(elements, _DATA_SET_TYPE) != NO_DATA_SET,
    )


def encode_response(request: Request, *, status: int, comment: str = "") -> bytes:
    """Encode the command set of the response to `request` (PS3.7 sections 9.3.1.2 and 9.3.5.2), without data set.

    `comment` is the error comment (0000,0902), at most 64 ASCII characters; it is for people and carries no identity.
    """
    parts = [
        _text(_AFFECTED_SOP_CLASS_UID, request.sop_class_uid, pad=b"\x00"),
        _short(_COMMAND_FIELD, request.field | RESPONSE),
        _short(_MESSAGE_ID_RESPONDED_TO, request.message_id),
        _short(_DATA_SET_TYPE, NO_DATA_SET),
        _short(_STATUS, status),
        _text(_ERROR_COMMENT, comment[:64], pad=b" "),
        _text(_AFFECTED_SOP_INSTANCE_UID, request.sop_instance_uid, pad=b"\x00"),
    ]
    body = b"".join(parts)
    return _ELEMENT.pack(0x0000, _GROUP_LENGTH, 4) + struct.pack("<L", len(body)) + body


def _split(command_set: bytes) -> dict[int, bytes]:
    elements: dict[int, bytes] = {}
    position = 0
    while position < len(command_set):
        if len(command_set) - position < _ELEMENT.size:
            raise InvalidRequest("the command set ends inside an element")
        group, element, length = _ELEMENT.unpack_from(command_set, position)
        position += _ELEMENT.size
        if group != 0x0000 or length > len(command_set) - position:
            raise InvalidRequest("the command set holds something that is no command element")
        elements[element] = command_set[position : position + length]
        position += length
    return elements


def _number(elements: dict[int, bytes], element: int) -> int:
    value = elements.get(element, b"")
    if len(value) != _US.size:
        raise InvalidRequest("the command set lacks a number that it must have")
    return int(_US.unpack(value)[0])


def _uid(elements: dict[int, bytes], element: int) -> str:
    return elements.get(element, b"").decode("ascii", errors="replace").strip("\x00 ")


def _short(element: int, value: int) -> bytes:
    return _ELEMENT.pack(0x0000, element, 2) + _US.pack(value)


def _text(element: int, text: str, *, pad: bytes) -> bytes:
    value = text.encode("ascii", errors="replace")
    if not value:
        return b""
    value += pad * (len(value) % 2)
    return _ELEMENT.pack(0x0000, element, len(value)) + value
