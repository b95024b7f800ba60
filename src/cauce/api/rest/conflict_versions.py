"""`/api/conflicts/<id>/versions/<version>/`: a content of a contested instance as a DICOM file, streamed."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from cauce import bootstrap
from cauce.api.rest.endpoint import Endpoint
from cauce.api.rest.schema import problem
from cauce.core.errors import Forbidden, NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.limits import MIB
from cauce.core.statuses import Space
from cauce.records.models import Version
from cauce.records.visibility import Visible
from cauce.stages import validate

MEDIA_TYPE: Final = "application/dicom"
_CHUNK: Final = 1 * MIB


class AnyFile(DefaultContentNegotiation):
    """A file is sent whatever the client says that it accepts; only errors are written in another form."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:  # noqa: ARG002 - the framework's signature
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type


class ConflictVersion(Endpoint):
    """One content of an instance that is or was contested."""

    content_negotiation_class = AnyFile

    @extend_schema(
        operation_id="conflicts_download",
        responses={(200, MEDIA_TYPE): OpenApiTypes.BINARY, **problem(500, "The stored file is damaged.")},
        tags=["conflicts"],
    )
    def get(self, request: Request, version_id: str, wanted_id: str) -> HttpResponseBase:  # noqa: ARG002 - the framework's signature
        """Download a content as its DICOM file, for accounts that may see originals.

        It is the file as it came, but for a preamble that could run or open as something else, which is zeros. Also
        after the conflict is settled, since every content is kept.
        """
        if not self.shows_identity:
            raise Forbidden("This account may not see originals.")
        version = version_of(self.visible, version_id, wanted_id)
        chunks = original(version)
        first = next(chunks, b"")  # what is damaged from its start is answered as an error
        self.note("conflict.download", subject=version_id, version=wanted_id)
        answer = StreamingHttpResponse(_streamed(first, chunks), content_type=MEDIA_TYPE)
        answer.headers["Content-Length"] = str(version.size_bytes)
        answer.headers["Content-Disposition"] = f'attachment; filename="{wanted_id}.dcm"'
        return answer


def version_of(visible: Visible, version_id: str, wanted_id: str) -> Version:
    """Return a content of the instance that `version_id` is or was contested for.

    Raises:
        NotFound: there is none, or none for this actor, or its instance has one content alone.
    """
    contents = Version.objects.filter(instance__series__in=visible.series, instance__versions__object_id=version_id)
    found = {version.object_id: version for version in contents}
    if len(found) == 1 or wanted_id not in found:
        raise NotFound("There is no such version of a conflict.")
    return found[wanted_id]


def original(version: Version) -> Iterator[bytes]:
    """Yield the file of a version in chunks.

    A preamble that is neither zeros nor TIFF is left out (zeros in its place): the file then is nothing but DICOM.

    Raises:
        NotFound: the object is not there.
        IntegrityError: it is not what was stored.
    """
    with bootstrap.services().objects.open(Space.ORIGINALS, ObjectId(version.object_id)) as file:
        yield validate.handed_on(file.read(_CHUNK))
        while chunk := file.read(_CHUNK):
            yield chunk


async def _streamed(first: bytes, chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    read = sync_to_async(lambda: next(chunks, b""))
    chunk = first
    while chunk:
        yield chunk
        chunk = await read()
