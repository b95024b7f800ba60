"""STOW-RS of metadata as DICOM JSON, with bulk data in parts of their own (PS3.18 10.5.2)."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Final

from cauce.api.dicomweb.media_types import DICOM_JSON
from cauce.api.raw.body import Body
from cauce.api.raw.delivery import Delivery
from cauce.api.raw.intake import Intake
from cauce.api.raw.multipart import MultipartReader, parse_options
from cauce.api.raw.parts import Part, parts
from cauce.api.raw.problems import Malformed
from cauce.api.raw.spool import SpooledFile
from cauce.core.errors import CauceError, Refused
from cauce.core.limits import MIB
from cauce.core.statuses import RefusalCode
from cauce.readings.json_instances import BulkData, documents_of, part10_of
from cauce.stages import ingest

METADATA_BYTES_MAX: Final = 32 * MIB
BULK_BYTES_MAX: Final = 256 * MIB
"""Most bytes of bulk data of one request: they are held until the metadata that name them are all there."""
INSTANCE_BULK_BYTES_MAX: Final = 48 * MIB
"""Most bytes of bulk data of one instance, counted as often as it names them; its file takes four times that."""
DOCUMENTS_MAX: Final = 10_000
"""Most data sets of one request."""

_LOCATION: Final = "content-location"


async def receive_json(delivery: Delivery, body: Body, reader: MultipartReader, *, intake: Intake) -> CauceError | None:
    """Hand over what the metadata describe, once the whole body is there; return what ended that early."""
    request = _Parts()
    try:
        received = parts(body, reader, intake=intake, keep=lambda _headers: True, takes_archives=False)
        async with aclosing(received):
            await request.gather(received)
        async with intake.unfolding:
            await _take_all(delivery, intake, request)
    except Refused as refusal:
        await delivery.settle(ingest.refused("metadata", refusal.refusal, refusal.detail))
    except CauceError as error:
        return error
    finally:
        request.close()
    await delivery.lines()
    return delivery.trouble


async def _take_all(delivery: Delivery, intake: Intake, request: "_Parts") -> None:
    count = 0
    for file in request.metadata:
        for document in await intake.ask(_documents, file):
            count += 1
            if count > DOCUMENTS_MAX:
                raise Refused(RefusalCode.TOO_LARGE, f"The request has more than {DOCUMENTS_MAX} data sets.")
            await _take(delivery, intake, request, document, name=f"instance {count}")


def _documents(file: SpooledFile) -> list[Mapping[str, object]]:
    return list(documents_of(file.readable().read()))


async def _take(
    delivery: Delivery, intake: Intake, request: "_Parts", document: Mapping[str, object], *, name: str
) -> None:
    def made() -> SpooledFile:
        content = part10_of(document, request.bulk_data())
        file = intake.spool.open()
        file.write(content)
        return file

    try:
        file = await intake.ask(made)
    except Refused as refusal:
        await delivery.settle(ingest.refused(name, refusal.refusal, refusal.detail))
        return
    await delivery.add(file, name=name)


class _Parts:
    """The parts of one request: metadata, and bulk data by their Content-Location."""

    def __init__(self) -> None:
        self.metadata: list[SpooledFile] = []
        self._bulk: dict[str, tuple[SpooledFile, str]] = {}
        self._bulk_bytes = 0

    async def gather(self, received: AsyncGenerator[Part, None]) -> None:
        """Take all parts in.

        Raises:
            Refused: `too_large`.
            Malformed: a part says neither that it is metadata nor where it is.
        """
        async for part in received:
            if part.refusal is not None or part.file is None:
                raise part.refusal or Malformed("A part cannot be read.")
            kind, parameters = parse_options(part.headers.get("content-type", ""))
            if kind == DICOM_JSON:
                self.metadata.append(part.file)
                if part.size_bytes > METADATA_BYTES_MAX:
                    raise Refused(RefusalCode.TOO_LARGE, "The metadata are longer than is taken as JSON.")
                continue
            location = part.headers.get(_LOCATION)
            if not location:
                part.close()
                raise Malformed("A part of bulk data wants a Content-Location.")
            self._bulk_bytes += part.size_bytes
            self._bulk[location] = part.file, parameters.get("transfer-syntax", "")
            if self._bulk_bytes > BULK_BYTES_MAX:
                raise Refused(RefusalCode.TOO_LARGE, "The bulk data are longer than is taken beside JSON.")

    def bulk_data(self) -> BulkData:
        """Return what gives one data set the bytes at a BulkDataURI, and the transfer syntax that their part names."""
        left = INSTANCE_BULK_BYTES_MAX

        def found(uri: str) -> tuple[bytes, str]:
            nonlocal left
            file, syntax = self._bulk[uri]
            left -= file.size_bytes
            if left < 0:
                raise Refused(RefusalCode.TOO_LARGE, "One instance has more bulk data than is taken beside JSON.")
            return file.readable().read(), syntax

        return found

    def close(self) -> None:
        """Let go of all parts."""
        for file in (*self.metadata, *(file for file, _ in self._bulk.values())):
            file.close()
