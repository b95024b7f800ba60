"""A sender over DIMSE that streams (PS3.8, PS3.7): an instance is any number of chunks, never in memory as a whole."""

import socket
import struct

_PDU_BYTES_MOST = 1 << 20
_FRAGMENT_HEAD_BYTES = 6
_CONTEXT_ID = 1
_STORE_REQUEST, _MEDIUM, _HAS_DATA_SET = 0x0001, 0x0000, 0x0000


class Association:
    """One association with one presentation context; used as a context manager, which releases it."""

    def __init__(self, port, sop_class_uid, transfer_syntax_uid, *, timeout_s=60):
        self._sop_class_uid = sop_class_uid
        self._message_id = 0
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(_associate_request(sop_class_uid, transfer_syntax_uid))
        kind, content = self._receive()
        assert kind == 0x02, f"no association: PDU {kind:02x}"
        largest = _largest_pdu(content) or _PDU_BYTES_MOST
        self._fragment_bytes = min(largest, _PDU_BYTES_MOST) - _FRAGMENT_HEAD_BYTES

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._socket.sendall(struct.pack(">BBLL", 0x05, 0, 4, 0))
            self._receive()
        self._socket.close()

    def store(self, sop_instance_uid, chunks):
        """Send one data set in chunks; return the status of the response."""
        self._message_id = self._message_id % 0xFFFF + 1
        command = _command(
            (0x0002, _even(self._sop_class_uid)),
            (0x0100, struct.pack("<H", _STORE_REQUEST)),
            (0x0110, struct.pack("<H", self._message_id)),
            (0x0700, struct.pack("<H", _MEDIUM)),
            (0x0800, struct.pack("<H", _HAS_DATA_SET)),
            (0x1000, _even(sop_instance_uid)),
        )
        self._send(0x03, command)
        held = b""
        for chunk in chunks:
            held += chunk
            whole = len(held) - len(held) % self._fragment_bytes
            for start in range(0, whole, self._fragment_bytes):
                self._send(0x00, held[start : start + self._fragment_bytes])
            held = held[whole:]
        self._send(0x02, held)
        kind, content = self._receive()
        if kind != 0x04:
            raise ConnectionError(f"PDU {kind} instead of a response")
        return _status(content[_FRAGMENT_HEAD_BYTES:])

    def _send(self, control, fragment):
        length = len(fragment) + 2
        self._socket.sendall(struct.pack(">BBLLBB", 0x04, 0, length + 4, length, _CONTEXT_ID, control) + fragment)

    def _receive(self):
        kind, length = struct.unpack(">BxL", self._exactly(6))
        return kind, self._exactly(length)

    def _exactly(self, size):
        got = b""
        while len(got) < size:
            part = self._socket.recv(size - len(got))
            if not part:
                raise ConnectionError("the association ended")
            got += part
        return got


def _associate_request(sop_class_uid, transfer_syntax_uid):
    context = bytes([_CONTEXT_ID, 0, 0, 0])
    context += _item(0x30, sop_class_uid.encode()) + _item(0x40, transfer_syntax_uid.encode())
    user = _item(0x51, struct.pack(">L", 1 << 14)) + _item(0x52, b"1.2.3.4")
    content = struct.pack(">HH", 1, 0) + b"CAUCE".ljust(16) + b"SENDER".ljust(16) + bytes(32)
    content += _item(0x10, b"1.2.840.10008.3.1.1.1") + _item(0x20, context) + _item(0x50, user)
    return struct.pack(">BBL", 0x01, 0, len(content)) + content


def _item(kind, content):
    return struct.pack(">BBH", kind, 0, len(content)) + content


def _largest_pdu(content):
    """Return the largest PDU that the acceptor takes, from its A-ASSOCIATE-AC; 0 is without limit."""
    at = 68  # after the fixed fields
    while at < len(content):
        kind, length = struct.unpack_from(">BxH", content, at)
        if kind == 0x50:
            at, length = at + 4, 0  # its items lie inside
            continue
        if kind == 0x51:
            return struct.unpack_from(">L", content, at + 4)[0]
        at += 4 + length
    return 0


def _command(*elements):
    body = b"".join(struct.pack("<HHL", 0, element, len(value)) + value for element, value in elements)
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def _even(text):
    value = text.encode()
    return value + b"\0" * (len(value) % 2)


def _status(command_set):
    at = 0
    while at < len(command_set):
        _, element, length = struct.unpack_from("<HHL", command_set, at)
        if element == 0x0900:
            return struct.unpack_from("<H", command_set, at + 8)[0]
        at += 8 + length
    raise ConnectionError("a response without a status")
