"""`/api/uploads/`: deliveries and their receipts. Taking files in is the raw route of the same path (POST)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Count, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from cauce.api.rest import following, parameters
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.fields import CAUSES, ITEM_STATUSES, link
from cauce.api.rest.parameters import parameter
from cauce.core.errors import Forbidden, NotFound
from cauce.core.statuses import ItemStatus
from cauce.records.models import Upload, UploadItem
from cauce.records.visibility import Visible


class UploadSerializer(serializers.Serializer[Any]):
    """A delivery, with how many files got which verdict."""

    id = serializers.CharField(source="public_id")
    url = serializers.SerializerMethodField()
    project = serializers.CharField(source="project.slug")
    source = serializers.CharField()  # type: ignore[assignment] # a field of that name; the stubs mean an option of ours
    sender = serializers.CharField()
    final = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    counts = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, upload: Upload) -> str:
        """Where the receipt is."""
        return link(self, "upload", upload.public_id)

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "integer"}})
    def get_counts(self, upload: Upload) -> dict[str, int]:
        """How many files got which verdict."""
        counts: dict[str, int] = self.context["counts"].get(upload.pk, {})
        return counts


class WarningSerializer(serializers.Serializer[Any]):
    """Something irregular in a file that was taken all the same."""

    code = serializers.CharField()
    detail = serializers.CharField()


class BecameSerializer(serializers.Serializer[Any]):
    """What became of an instance after it was stored."""

    state = serializers.ChoiceField(
        choices=following.STATES,
        help_text="How far it is. `waiting`: its study still receives; `closed`: in a revision, not worked on yet; "
        "`held_back`: withheld from processing; `contested`: a person has to settle a conflict; `superseded`: another "
        "content took its place.",
    )
    cause = serializers.ChoiceField(choices=[("", ""), *CAUSES], help_text="What keeps it from more.")
    detail = serializers.CharField(help_text="The same for people.")
    outcome = serializers.CharField(help_text="What measuring it led to, once it was processed.")
    conflict = serializers.ChoiceField(choices=["", "open", "settled"], help_text="Of a file that was a `conflict`.")
    revision = serializers.IntegerField(
        allow_null=True, help_text="The revision of its study that delivered it, before that the first that holds it."
    )
    stored_at = serializers.DateTimeField()
    settled_at = serializers.DateTimeField(
        allow_null=True, help_text="When a person settled a conflict of it: from then it is `superseded`, or it counts."
    )
    closed_at = serializers.DateTimeField(allow_null=True)
    held_back_at = serializers.DateTimeField(allow_null=True)
    deidentified_at = serializers.DateTimeField(allow_null=True)
    processed_at = serializers.DateTimeField(allow_null=True)
    delivered_at = serializers.DateTimeField(allow_null=True)


class ItemSerializer(serializers.Serializer[Any]):
    """The verdict on one file, and what became of it; null where the file led to no instance of its own."""

    name = serializers.CharField(help_text="The sender's name for it.")
    status = serializers.ChoiceField(choices=ITEM_STATUSES)
    code = serializers.CharField()
    detail = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    study = serializers.CharField(allow_null=True)
    dataset_sha256 = serializers.CharField(
        allow_null=True,
        help_text="SHA-256 of the data set that was received: of the last `dataset_bytes` bytes of the file, that is "
        "without preamble and file meta information. Null where no content is held, or only another encoding of it.",
    )
    dataset_bytes = serializers.IntegerField(allow_null=True)
    warnings = WarningSerializer(many=True)
    became = BecameSerializer(allow_null=True)


class ReceiptSerializer(UploadSerializer):
    """A delivery and a page of its files."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    total = serializers.IntegerField(required=False)
    results = ItemSerializer(many=True)


class FilesSerializer(serializers.Serializer[Any]):
    """A form of files."""

    files = serializers.ListField(child=serializers.FileField(), help_text="Instances, zips; any names.")


class NewItemSerializer(serializers.Serializer[Any]):
    """The verdict on one file."""

    name = serializers.CharField()
    status = serializers.ChoiceField(choices=ITEM_STATUSES)
    code = serializers.CharField()
    detail = serializers.CharField()
    study = serializers.CharField(allow_null=True)
    sop_instance_uid = serializers.CharField()
    warnings = WarningSerializer(many=True)


class NewReceiptSerializer(serializers.Serializer[Any]):
    """The receipt of one request. It is `finished` unless an archive is still being unpacked."""

    id = serializers.CharField()
    url = serializers.URLField()
    project = serializers.CharField()
    finished = serializers.BooleanField()
    counts = serializers.DictField(child=serializers.IntegerField())
    files = NewItemSerializer(many=True)


class UploadsElsewhere(APIException):
    """Files were sent to a server that runs the web framework alone."""

    status_code = 501
    default_detail = "This server takes no files: they go to the one that `cauce up` or `cauce web` runs."
    default_code = "uploads_elsewhere"


class UploadList(GenericEndpoint):
    """Deliveries, newest first."""

    serializer_class = UploadSerializer
    keyset = ("-id",)
    parameters: ClassVar = (
        parameter("everyone", "`true`: those of all accounts and modalities (administrators).", bool),
        parameter("modalities", "`true`: those that modalities sent (DICOM associations), not one's own.", bool),
        parameter("source", "Entrance: `upload`, `stow`, `dimse`.", many=True),
        parameter("sender", "Account or calling AE title that sent it."),
        parameter("project", "Slug of a project.", many=True),
    )

    def get_queryset(self) -> QuerySet[Upload]:
        """Return the deliveries that are asked for."""
        query = self.request.query_params
        uploads = readable(
            self.visible,
            everyones=parameters.flag(query, "everyone"),
            modalities=parameters.flag(query, "modalities"),
        )
        if sources := self.several("source"):
            uploads = uploads.filter(source__in=sources)
        if sender := parameters.text(query, "sender"):
            uploads = uploads.filter(sender=sender)
        if projects := self.several("project"):
            uploads = uploads.filter(project__slug__in=projects)
        return uploads

    @extend_schema(operation_id="uploads_list", responses=UploadSerializer(many=True), tags=["uploads"])
    def get(self, request: Request) -> Response:
        """List one's own deliveries."""
        page: list[Upload] = self.paginate_queryset(self.get_queryset()) or []
        context = {"request": request, "counts": counts_of([upload.pk for upload in page])}
        return self.get_paginated_response(UploadSerializer(page, many=True, context=context).data)

    @extend_schema(
        operation_id="uploads_create",
        parameters=[
            parameter("project", "Slug of the project that takes the files; `default` unless given."),
            parameter("final", "`true`: the studies of this delivery are complete.", bool),
            parameter("upload", "Continue this delivery of one's own."),
        ],
        request={"multipart/form-data": FilesSerializer},
        responses={201: NewReceiptSerializer},
        tags=["uploads"],
    )
    def post(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """Send files and zips, thousands at once; the receipt has a verdict on each."""
        raise UploadsElsewhere  # the raw route of this path takes them; here they come when the framework alone runs


class UploadDetail(GenericEndpoint):
    """One delivery's receipt."""

    serializer_class = ItemSerializer
    keyset = ("id",)
    parameters: ClassVar = (
        parameter("status", "Only files with this verdict.", enum=ItemStatus, many=True),
        parameter("unpacked", "`true`: only files that came in a zip.", bool),
    )

    @extend_schema(operation_id="uploads_retrieve", responses=ReceiptSerializer, tags=["uploads"])
    def get(self, request: Request, upload_id: str) -> Response:
        """Return the receipt: a page of files, each with its verdict and what became of it.

        Who may read it: who sent it, administrators, and for what a modality sent everyone who may see originals.
        """
        upload = upload_of(self.visible, upload_id)
        items = following.items_of(upload)
        if statuses := self.choices("status", ItemStatus):
            items = items.filter(status__in=statuses)
        if parameters.flag(request.query_params, "unpacked"):
            items = items.filter(name__icontains=".zip/")
        page: list[UploadItem] = self.paginate_queryset(items) or []
        context = {"request": request, "counts": counts_of([upload.pk])}
        shown = UploadSerializer(upload, context=context).data
        files = following.lines_of(page, project_pk=upload.project_id)
        self.note("upload.read", subject=upload_id, count=len(page))
        return Response({**shown, **self.paginator.envelope(files)})  # type: ignore[union-attr] # ours


def readable(visible: Visible, *, everyones: bool = False, modalities: bool = False) -> QuerySet[Upload]:
    """Return one's own deliveries, or those of modalities, or those of everyone.

    Raises:
        Forbidden: those of everyone are for administrators.
    """
    uploads, actor = visible.uploads.select_related("project"), visible.actor
    if everyones and not actor.may_administer:
        raise Forbidden("Only administrators see the deliveries of others.")
    if modalities:
        return uploads.filter(_BY_MODALITIES)
    if everyones:
        return uploads
    return uploads.filter(user=actor.user_id) if actor.user_id is not None else uploads.none()


def upload_of(visible: Visible, public_id: str) -> Upload:
    """Return a delivery: one's own, one of a modality, or anybody's for administrators.

    Names of files are their sender's and may carry identity, so no one else reads them; a modality names none.

    Raises:
        NotFound: there is none, or it is another's.
    """
    uploads, actor = visible.uploads.select_related("project"), visible.actor
    if not actor.may_administer:
        own = Q(user=actor.user_id) if actor.user_id is not None else Q(pk__in=[])
        uploads = uploads.filter(own | _BY_MODALITIES)
    upload = uploads.filter(public_id=public_id).first()
    if upload is None:
        raise NotFound("There is no such upload of yours.")
    return upload


def counts_of(upload_pks: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return, by delivery, how many files got which verdict."""
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = UploadItem.objects.filter(upload__in=upload_pks).values_list("upload", "status").annotate(n=Count("id"))
    for upload_pk, status, count in grouped.order_by("status"):
        counted[upload_pk][status] = count
    return counted


_BY_MODALITIES = Q(source="dimse", user=None)
