"""Receipts to take away: the whole of one as a signed document, and the public keys that it is checked with.

The document is written page by page while it is sent, and its digest grows with it; so its length costs no memory.
"""

import hashlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.utils.encoders import JSONEncoder

from cauce import bootstrap
from cauce.api.rest import following
from cauce.api.rest.endpoint import Endpoint
from cauce.api.rest.uploads import ItemSerializer, upload_of
from cauce.core.signed_receipts import FORMAT, KIND, signature_line
from cauce.records.models import Upload, UploadItem

PAGE_ITEMS: Final = 500
KEYS_MAX_AGE_S: Final = 300


class SignedReceiptSerializer(serializers.Serializer[Any]):
    """A delivery and all of its files as they were at the time of the download, signed.

    The last line of the document is the signature over all bytes before it; so it is kept as it was sent, byte for
    byte, and not reformatted.
    """

    format = serializers.CharField(help_text=f"`{FORMAT}`.")
    issuer = serializers.CharField(help_text="The address of the platform that signed it.")
    id = serializers.CharField()
    project = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment] # a field of that name; the stubs mean an option of ours
    sender = serializers.CharField()
    final = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    signed_at = serializers.DateTimeField(
        help_text="When the download began; each item is as of then or a little later."
    )
    items = ItemSerializer(many=True)
    counts = serializers.DictField(child=serializers.IntegerField(), help_text="Files by verdict.")
    states = serializers.DictField(child=serializers.IntegerField(), help_text="Instances by how far they are.")
    signature = serializers.CharField(
        help_text="A compact JWS (RFC 7515) of Ed25519; its payload holds the length and the SHA-256 of what it signs."
    )


class SignedReceipt(Endpoint):
    """One delivery's receipt as a document that can be checked without the platform."""

    @extend_schema(
        operation_id="uploads_receipt",
        responses=OpenApiResponse(SignedReceiptSerializer, description="The receipt, to be kept byte for byte."),
        tags=["uploads"],
    )
    def get(self, request: Request, upload_id: str) -> HttpResponseBase:  # noqa: ARG002 - the framework's signature
        """Download the whole receipt, signed.

        `cauce receipts verify` checks it, with the keys of `/.well-known/jwks.json`, also offline.
        """
        upload = upload_of(self.visible, upload_id)
        self.note("upload.receipt", subject=upload_id)
        answer = StreamingHttpResponse(_streamed(SignedDocument(upload)), content_type="application/json")
        answer.headers["Content-Disposition"] = f'attachment; filename="cauce-receipt-{upload_id}.json"'
        return answer


@require_safe
def public_keys(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Return the keys that check receipts, as a JWK Set (RFC 7517); open to all, since they are public."""
    answer = JsonResponse(dict(bootstrap.signer().public_keys()), content_type="application/jwk-set+json")
    answer.headers["Cache-Control"] = f"public, max-age={KEYS_MAX_AGE_S}"
    answer.headers["Access-Control-Allow-Origin"] = "*"
    return answer


async def _streamed(document: "SignedDocument") -> AsyncIterator[bytes]:
    chunks = document.chunks()
    write = sync_to_async(lambda: next(chunks, None))
    while (chunk := await write()) is not None:
        yield chunk


@dataclass(slots=True)
class SignedDocument:
    """One signed receipt being written; `chunks` is used once."""

    upload: Upload
    items: int = 0
    size_bytes: int = 0
    _digest: Any = field(default_factory=hashlib.sha256)
    _counts: Counter[str] = field(default_factory=Counter)
    _states: Counter[str] = field(default_factory=Counter)

    def chunks(self) -> Iterator[bytes]:
        """Yield the document, a page of items at a time."""
        issued_at, issuer = int(time.time()), bootstrap.base_url()
        yield self._signed(f'{_members(self._head(issuer))[:-1]},"items":[\n')
        for page in _pages(self.upload):
            lines = following.lines_of(page, project_pk=self.upload.project_id)
            self._counts.update(line["status"] for line in lines)
            self._states.update(following.counted(lines))
            separator = ",\n" if self.items else ""
            self.items += len(lines)
            yield self._signed(separator + ",\n".join(map(_members, lines)))
        counts = {"counts": dict(sorted(self._counts.items())), "states": dict(sorted(self._states.items()))}
        yield self._signed(f"\n],{_members(counts)[1:-1]}\n")
        claims = {
            "iss": issuer,
            "iat": issued_at,
            "receipt": self.upload.public_id,
            "items": self.items,
            "bytes": self.size_bytes,
            "sha256": self._digest.hexdigest(),
        }
        yield signature_line(bootstrap.signer().sign(claims, kind=KIND))

    def _head(self, issuer: str) -> dict[str, Any]:
        upload = self.upload
        return {
            "format": FORMAT,
            "issuer": issuer,
            "id": upload.public_id,
            "project": upload.project.slug,
            "source": upload.source,
            "sender": upload.sender,
            "final": upload.final,
            "created_at": upload.created_at,
            "finished_at": upload.finished_at,
            "signed_at": timezone.now(),
        }

    def _signed(self, text: str) -> bytes:
        chunk = text.encode("ascii")
        self._digest.update(chunk)
        self.size_bytes += len(chunk)
        return chunk


def _pages(upload: Upload) -> Iterator[Sequence[UploadItem]]:
    """Yield the items that the delivery has now, oldest first; those that come meanwhile are left out."""
    items = following.items_of(upload).order_by("pk")
    newest = UploadItem.objects.filter(upload=upload).aggregate(pk=Max("pk"))["pk"]
    last = 0
    while newest and (page := list(items.filter(pk__gt=last, pk__lte=newest)[:PAGE_ITEMS])):
        yield page
        last = page[-1].pk


_ENCODER: Final = JSONEncoder(ensure_ascii=True, separators=(",", ":"))


def _members(document: Mapping[str, Any]) -> str:
    return _ENCODER.encode(document)
