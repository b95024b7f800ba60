"""`/api/uploads/`: deliveries and their receipts. Taking files in is the raw route of the same path (POST)."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import flow
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import GenericEndpoint
from cauce.api.rest.fields import CAUSES, ITEM_STATUSES, link
from cauce.api.rest.parameters import parameter
from cauce.core.errors import Forbidden, NotFound
from cauce.core.statuses import ItemStatus
from cauce.records.models import DeidentifiedInstance, InstanceResult, Upload, UploadItem, VersionHeader
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

    state = serializers.ChoiceField(choices=["waiting", "held_back", "deidentified", "processed"])
    cause = serializers.ChoiceField(choices=[("", ""), *CAUSES])
    outcome = serializers.CharField(help_text="What measuring it led to, once it was processed.")


class ItemSerializer(serializers.Serializer[Any]):
    """The verdict on one file, and what became of it."""

    name = serializers.CharField()
    status = serializers.ChoiceField(choices=ITEM_STATUSES)
    code = serializers.CharField()
    detail = serializers.CharField()
    sop_instance_uid = serializers.CharField()
    study = serializers.CharField(source="study.public_id", default=None, allow_null=True)
    warnings = serializers.SerializerMethodField()
    became = serializers.SerializerMethodField()

    @extend_schema_field(WarningSerializer(many=True))
    def get_warnings(self, item: UploadItem) -> Any:
        """What is irregular in it."""
        return self.context["warnings"].get(item.version_id, [])

    @extend_schema_field(BecameSerializer(allow_null=True))
    def get_became(self, item: UploadItem) -> Any:
        """What became of the instance; null where the file led to none of its own."""
        return self.context["became"].get(item.version_id)


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
        parameter("everyone", "`true`: not only one's own (administrators).", bool),
        parameter("project", "Slug of a project.", many=True),
    )

    def get_queryset(self) -> QuerySet[Upload]:
        """Return the deliveries that are asked for."""
        uploads = self.visible.uploads.select_related("project")
        if not parameters.flag(self.request.query_params, "everyone"):
            uploads = uploads.filter(user=self.actor.user_id)
        elif not self.actor.may_administer:
            raise Forbidden("Only administrators see the deliveries of others.")
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
        """Return the receipt: a page of files, each with its verdict and what became of it."""
        upload = upload_of(self.visible, upload_id, actor_id=self.actor.user_id, sees_all=self.actor.may_administer)
        items = upload.items.select_related("study")
        if statuses := self.choices("status", ItemStatus):
            items = items.filter(status__in=statuses)
        if parameters.flag(request.query_params, "unpacked"):
            items = items.filter(name__icontains=".zip/")
        page: list[UploadItem] = self.paginate_queryset(items) or []
        context = {"request": request, "counts": counts_of([upload.pk]), **outcomes_of(page)}
        shown = UploadSerializer(upload, context=context).data
        files = ItemSerializer(page, many=True, context=context).data
        self.note("upload.read", subject=upload_id, count=len(page))
        return Response({**shown, **self.paginator.envelope(files)})  # type: ignore[union-attr] # ours


def upload_of(visible: Visible, public_id: str, *, actor_id: int | None, sees_all: bool) -> Upload:
    """Return a delivery: one's own, or anybody's for who `sees_all`.

    Raises:
        NotFound: there is none, or it is another's.
    """
    upload = visible.uploads.select_related("project").filter(public_id=public_id).first()
    if upload is None or not (sees_all or (actor_id is not None and upload.user_id == actor_id)):
        raise NotFound("There is no such upload of yours.")
    return upload


def counts_of(upload_pks: Sequence[int]) -> dict[int, dict[str, int]]:
    """Return, by delivery, how many files got which verdict."""
    counted: dict[int, dict[str, int]] = defaultdict(dict)
    grouped = UploadItem.objects.filter(upload__in=upload_pks).values_list("upload", "status").annotate(n=Count("id"))
    for upload_pk, status, count in grouped.order_by("status"):
        counted[upload_pk][status] = count
    return counted


def outcomes_of(items: Sequence[UploadItem]) -> dict[str, dict[int, Any]]:
    """Return, by version, the warnings of a page of files and what became of them."""
    versions = [item.version_id for item in items if item.version_id]
    irregular = VersionHeader.objects.filter(version__in=versions).exclude(warnings=[])
    became: dict[int, Any] = {pk: {"state": "waiting", "cause": "", "outcome": ""} for pk in versions}
    outputs = DeidentifiedInstance.objects.filter(version__in=versions, profile=flow.PROFILE.name)
    for version_pk, cause in outputs.values_list("version", "cause"):
        became[version_pk] = {"state": "held_back" if cause else "deidentified", "cause": cause, "outcome": ""}
    measured = InstanceResult.objects.filter(
        deidentified__version__in=versions, deidentified__profile=flow.PROFILE.name, pipeline=flow.PIPELINE
    )
    for version_pk, outcome in measured.values_list("deidentified__version", "outcome"):
        became[version_pk] = {"state": "processed", "cause": "", "outcome": outcome}
    return {"warnings": dict(irregular.values_list("version", "warnings")), "became": became}
