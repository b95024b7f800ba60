"""What the tests of the listener share: a receiver in memory, a listener in this process, peers that speak to it."""

import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import UID, CTImageStorage, ExplicitVRLittleEndian, generate_uid
from pynetdicom import AE
from pynetdicom.presentation import build_context

from cauce.dimse.acceptor import Acceptor
from cauce.dimse.body import prepare_folder
from cauce.dimse.listener import ListenerSettings, bind
from cauce.dimse.places import Places
from cauce.dimse.receiver import Access, Admission, Status

VERIFICATION = "1.2.840.10008.1.1"
PATIENT_NAME = "Zzyzx^Quillon"
PATIENT_ID = "PID-77123-Q"
WAIT_S = 20.0

needs_dcmtk = [
    pytest.mark.dcmtk,
    pytest.mark.skipif(
        shutil.which("storescu") is None or shutil.which("echoscu") is None,
        reason="DCMTK IS ABSENT: no storescu or echoscu on the path, so nothing is proven about real peers",
    ),
]


@dataclass(frozen=True)
class Received:
    """One instance as the receiver got it; files are read and digested, not kept."""

    name: str
    size_bytes: int
    sha256: bytes
    content: bytes | None
    is_file: bool
    calling_ae: str
    called_ae: str
    address: str
    association: str


class FakeReceiver:
    """Keeps what it is given, and does as it is told."""

    def __init__(self, *, status=Status.SUCCESS, error=None, admission=None, keep_content=True):
        self.status = status
        self.error = error
        self.admission = admission or Admission(access=Access.ACCEPTED)
        self.keep_content = keep_content
        self.received: list[Received] = []
        self.admitted: list[tuple[str, str, str]] = []
        self.ended: list[tuple[str, bool]] = []
        self.storing = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self._changed = threading.Condition()

    def admit(self, *, calling_ae, called_ae, address):
        with self._changed:
            self.admitted.append((calling_ae, called_ae, address))
            self._changed.notify_all()
        if isinstance(self.admission, Exception):
            raise self.admission
        return self.admission

    def store(self, instance, *, calling_ae, called_ae, address, association):
        self.storing.set()
        assert self.may_go_on.wait(WAIT_S)
        if self.error is not None:
            raise self.error
        content, digest = _read(instance.content)
        got = Received(
            name=instance.name,
            size_bytes=instance.size_bytes,
            sha256=digest,
            content=content if self.keep_content else None,
            is_file=not isinstance(instance.content, bytes),
            calling_ae=calling_ae,
            called_ae=called_ae,
            address=address,
            association=association,
        )
        assert instance.source == "dimse"
        with self._changed:
            self.received.append(got)
            self._changed.notify_all()
        return self.status

    def finished(self, *, association, aborted):
        with self._changed:
            self.ended.append((association, aborted))
            self._changed.notify_all()

    def wait_for(self, condition):
        """Wait until `condition()` holds; it is looked at whenever something has happened here."""
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S)


def _read(content):
    if isinstance(content, bytes):
        return content, sha256(content).digest()
    digest, first, size = sha256(), b"", 0
    while chunk := content.read(1 << 20):
        first = first or chunk
        size += len(chunk)
        digest.update(chunk)
    return (first if size == len(first) else None), digest.digest()


@dataclass
class Listening:
    """A listener in this process: where it is, and its parts."""

    port: int
    receiver: FakeReceiver
    acceptor: Acceptor
    places: Places
    thread: threading.Thread

    def stop(self):
        self.acceptor.stop()
        self.thread.join(WAIT_S)
        assert not self.thread.is_alive()


@contextmanager
def listening(spool: Path, receiver=None, **options):
    """Listen in a thread of this process; stop, without grace, at the end."""
    given = {"grace_s": 0.0, "idle_timeout_s": 20.0, "request_timeout_s": 20.0} | options
    settings = ListenerSettings(host="127.0.0.1", port=0, ae_title="CAUCE", spool=spool, **given)
    prepare_folder(spool)
    receiver = receiver or FakeReceiver()
    listener = bind(settings)
    places = Places(total=settings.associations_max, processes=1)
    acceptor = Acceptor(settings, listening=listener, receiver=receiver, places=places)
    thread = threading.Thread(target=acceptor.run, name="listener")
    thread.start()
    running = Listening(listener.getsockname()[1], receiver, acceptor, places, thread)
    try:
        yield running
    finally:
        if isinstance(receiver, FakeReceiver):
            receiver.may_go_on.set()
        acceptor.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


class _Paused(threading.Event):
    """Keeps the reactor of a requestor's association waiting until the association ends.

    pynetdicom's `send_…` methods look whether the reactor waits, and may see it while it is just about to go on; then
    the reactor takes the response, and the method waits in vain.
    """

    def __init__(self, assoc):
        super().__init__()
        self._assoc = assoc
        self.entered = threading.Event()

    def set(self):
        pass

    def wait(self, timeout=None):  # noqa: ARG002 - the signature of an event
        self.entered.set()
        while not self._assoc._kill:
            time.sleep(0.005)
        return True


def associate(port, contexts, *, calling="SCU", called="CAUCE", **options):
    """Open an association as pynetdicom's requestor; `contexts` is (abstract syntax, transfer syntaxes) pairs."""
    ae = AE(ae_title=calling)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = WAIT_S
    wanted = [build_context(abstract, list(transfers)) for abstract, transfers in contexts]
    assoc = ae.associate("127.0.0.1", port, contexts=wanted, ae_title=called, **options)
    if assoc.is_established:
        paused = _Paused(assoc)
        assoc._reactor_checkpoint = paused
        assert paused.entered.wait(WAIT_S)
    return assoc


def echo_status(port, *, calling="PROBE", called="CAUCE"):
    """Return the status of a C-ECHO on an association of its own; `None` when there was no association."""
    assoc = associate(port, [(VERIFICATION, [ExplicitVRLittleEndian])], calling=calling, called=called)
    if not assoc.is_established:
        return None
    status = assoc.send_c_echo().Status
    assoc.release()
    return status


def instance(*, sop_class=CTImageStorage, syntax=ExplicitVRLittleEndian, pixels=bytes(2 * 64 * 64), uid=None):
    """Return a small instance of this SOP class, with pixels in a way that its transfer syntax allows."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = uid or generate_uid()
    ds.StudyInstanceUID = "2.25.1234567890"
    ds.SeriesInstanceUID = "2.25.1234567891"
    ds.PatientName = PATIENT_NAME
    ds.PatientID = PATIENT_ID
    ds.Modality = "CT"
    ds.Rows, ds.Columns = 64, len(pixels) // 128
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.PixelData = encapsulate([pixels]) if UID(syntax).is_encapsulated else pixels
    ds["PixelData"].VR = "OB" if UID(syntax).is_encapsulated else "OW"
    ds["PixelData"].is_undefined_length = UID(syntax).is_encapsulated
    ds.file_meta = Dataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def encoded(ds):
    """Return the data set's bytes in its transfer syntax, without file meta."""
    syntax = UID(ds.file_meta.TransferSyntaxUID)
    buffer = DicomBytesIO()
    buffer.is_little_endian = syntax.is_little_endian
    buffer.is_implicit_VR = syntax.is_implicit_VR
    write_dataset(buffer, ds)
    return buffer.getvalue()


def dcmtk(program, *arguments, timeout_s=120):
    """Run one of DCMTK's programs."""
    dictionary = Path("/usr/share/libdcmtk17/dicom.dic")
    found = {"DCMDICTPATH": str(dictionary)} if dictionary.exists() and "DCMDICTPATH" not in os.environ else {}
    return subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, **found},
    )


# --- bytes on the wire -----------------------------------------------------------------------------------------


def pdu(kind, content):
    """Return a PDU of this type."""
    return struct.pack(">BBL", kind, 0, len(content)) + content


def item(kind, content):
    """Return an item of an A-ASSOCIATE PDU."""
    return struct.pack(">BBH", kind, 0, len(content)) + content


def associate_request(
    contexts=((VERIFICATION, ("1.2.840.10008.1.2",)),),
    *,
    calling=b"SCU             ",
    called=b"CAUCE           ",
    maximum=16384,
    version=1,
):
    """Return an A-ASSOCIATE-RQ PDU (PS3.8 section 9.3.2)."""
    proposed = b"".join(
        item(
            0x20,
            bytes([2 * number + 1, 0, 0, 0])
            + item(0x30, abstract.encode())
            + b"".join(item(0x40, transfer.encode()) for transfer in transfers),
        )
        for number, (abstract, transfers) in enumerate(contexts)
    )
    user = item(0x51, struct.pack(">L", maximum)) + item(0x52, b"1.2.3.4")
    head = struct.pack(">HH", version, 0) + called + calling + bytes(32)
    return pdu(0x01, head + item(0x10, b"1.2.840.10008.3.1.1.1") + proposed + item(0x50, user))


def data(context_id, control, fragment):
    """Return a P-DATA-TF PDU with one fragment."""
    return pdu(0x04, struct.pack(">LBB", len(fragment) + 2, context_id, control) + fragment)


def command(*elements):
    """Return a command set from (element, bytes) pairs, with its group length."""
    body = b"".join(struct.pack("<HHL", 0, element, len(value)) + value for element, value in elements)
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + body


def store_command(sop_class, sop_instance_uid, *, message_id=1, data_set=0x0000):
    """Return the command set of a C-STORE-RQ."""
    return command(
        (0x0002, _even(sop_class)),
        (0x0100, struct.pack("<H", 0x0001)),
        (0x0110, struct.pack("<H", message_id)),
        (0x0700, struct.pack("<H", 0)),
        (0x0800, struct.pack("<H", data_set)),
        (0x1000, _even(sop_instance_uid)),
    )


def echo_command(*, message_id=1, field=0x0030):
    """Return the command set of a C-ECHO-RQ."""
    return command(
        (0x0002, _even(VERIFICATION)),
        (0x0100, struct.pack("<H", field)),
        (0x0110, struct.pack("<H", message_id)),
        (0x0800, struct.pack("<H", 0x0101)),
    )


def _even(text):
    value = text.encode()
    return value + b"\0" * (len(value) % 2)


class Wire:
    """A peer that sends bytes as it likes."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        for part in parts:
            self.socket.sendall(part)

    def receive(self):
        """Return (type, content) of the next PDU, `(None, b"")` at the end of the connection."""
        head = self._exactly(6)
        if len(head) < 6:
            return None, b""
        kind, length = struct.unpack(">BxL", head)
        return kind, self._exactly(length)

    def associate(self, *arguments, **options):
        self.send(associate_request(*arguments, **options))
        kind, content = self.receive()
        assert kind == 0x02
        return content

    def _exactly(self, size):
        got = b""
        while len(got) < size:
            try:
                part = self.socket.recv(size - len(got))
            except ConnectionResetError:
                part = b""
            if not part:
                break
            got += part
        return got


def elements_of(command_set):
    """Return the elements of a command set by number."""
    found, position = {}, 0
    while position < len(command_set):
        _, element, length = struct.unpack_from("<HHL", command_set, position)
        found[element] = command_set[position + 8 : position + 8 + length]
        position += 8 + length
    return found


def status_of(response):
    """Return the status of a response in one P-DATA-TF PDU."""
    return struct.unpack("<H", elements_of(response[6:])[0x0900])[0]
