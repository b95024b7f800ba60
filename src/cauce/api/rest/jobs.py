"""`/api/jobs/`: the work ledger, with every attempt; administrators replay and cancel."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap, flow
from cauce.api.rest import parameters
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.fields import JOB_STATUSES, link
from cauce.api.rest.parameters import parameter
from cauce.api.rest.permissions import MayAdminister
from cauce.api.rest.schema import problem
from cauce.core.errors import NotFound
from cauce.core.statuses import JobStatus
from cauce.records.models import Job
from cauce.records.visibility import Visible

_OTHER_STATUS = problem(409, "The job is not in a status for this.")


class JobSerializer(serializers.Serializer[Any]):
    """A job as lists show it."""

    id = serializers.CharField(source="public_id")
    url = serializers.SerializerMethodField()
    step = serializers.CharField()
    status = serializers.ChoiceField(choices=JOB_STATUSES)
    study = serializers.CharField(source="study.public_id")
    series = serializers.CharField(source="series.public_id", default=None, allow_null=True)
    revision = serializers.IntegerField(source="revision.number", default=None, allow_null=True)
    priority = serializers.IntegerField()
    attempts = serializers.IntegerField()
    attempts_max = serializers.IntegerField()
    worker = serializers.CharField()
    code = serializers.CharField()
    cause = serializers.CharField()
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, job: Job) -> str:
        """Where the whole job is."""
        return link(self, "job", job.public_id)


class AttemptSerializer(serializers.Serializer[Any]):
    """One try at a job. `log` is the trace of what went wrong, without values."""

    number = serializers.IntegerField()
    worker = serializers.CharField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()
    code = serializers.CharField()
    log = serializers.CharField()


class JobDetailSerializer(JobSerializer):
    """A job with all its attempts."""

    history = serializers.SerializerMethodField()

    @extend_schema_field(AttemptSerializer(many=True))
    def get_history(self, job: Job) -> Any:
        """Every attempt, in order."""
        return AttemptSerializer(job.history.order_by("number"), many=True).data


def listed(visible: Visible) -> QuerySet[Job]:
    """Return the visible jobs with what a list shows of them."""
    return visible.jobs.select_related("study", "series", "revision")


def job_of(visible: Visible, public_id: str) -> Job:
    """Return the job with this id.

    Raises:
        NotFound: there is none, or none for this actor.
    """
    job = listed(visible).filter(public_id=public_id).first()
    if job is None:
        raise NotFound("There is no such job.")
    return job


class JobList(GenericEndpoint):
    """Jobs, newest first."""

    serializer_class = JobSerializer
    keyset = ("-id",)
    parameters: ClassVar = (
        parameter("status", "Where the job is in its life.", enum=JobStatus, many=True),
        parameter("step", "Step of the flow.", enum=flow.STEPS, many=True),
        parameter("study", "Id of a study.", parameters.PUBLIC_ID),
    )

    def get_queryset(self) -> QuerySet[Job]:
        """Return the jobs that are asked for."""
        jobs = listed(self.visible)
        if statuses := self.choices("status", JobStatus):
            jobs = jobs.filter(status__in=statuses)
        if steps := self.choices("step", flow.STEPS):
            jobs = jobs.filter(step__in=steps)
        if study := parameters.public_id(self.request.query_params, "study"):
            jobs = jobs.filter(study__public_id=study)
        return jobs

    @extend_schema(operation_id="jobs_list", responses=JobSerializer(many=True), tags=["jobs"])
    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        """List jobs."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class _OneJob(Endpoint):
    def answer(self, job_id: str) -> Response:
        job = job_of(self.visible, job_id)
        return Response(JobDetailSerializer(job, context={"request": self.request}).data)


class JobDetail(_OneJob):
    """One job."""

    @extend_schema(responses=JobDetailSerializer, tags=["jobs"])
    def get(self, request: Request, job_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return a job with the history of its attempts and what they left in the log."""
        return self.answer(job_id)


class JobReplay(_OneJob):
    """Run a dead or cancelled job again."""

    permission_classes = (MayAdminister,)

    @extend_schema(request=None, responses={200: JobDetailSerializer, **_OTHER_STATUS}, tags=["jobs"])
    def post(self, request: Request, job_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Queue a dead or cancelled job again (409 for any other)."""
        job_of(self.visible, job_id)
        bootstrap.services().ledger.replay(job_id, actor=self.actor)
        return self.answer(job_id)


class JobCancel(_OneJob):
    """Cancel a job that has not started."""

    permission_classes = (MayAdminister,)

    @extend_schema(request=None, responses={200: JobDetailSerializer, **_OTHER_STATUS}, tags=["jobs"])
    def post(self, request: Request, job_id: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Cancel a waiting job (409 for any other); what waited for it goes on without it."""
        job_of(self.visible, job_id)
        bootstrap.services().ledger.cancel(job_id, actor=self.actor)
        return self.answer(job_id)
