"""`/api/projects/<slug>/profile/`: how the studies of a project are de-identified, in versions, and a trial run."""

import json
from dataclasses import asdict
from typing import Any, Final

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap, flow
from cauce.api.rest.endpoint import Endpoint, GenericEndpoint
from cauce.api.rest.fields import CAUSES
from cauce.api.rest.permissions import MayAdministerOrRead, MayReadStudies
from cauce.api.rest.pseudonyms import project_of
from cauce.api.rest.schema import problem
from cauce.api.rest.studies import study_of
from cauce.core.errors import Forbidden, InvalidRequest, NotFound
from cauce.core.identifiers import ObjectId
from cauce.core.messages import ProfileText
from cauce.readings.changes import changes, kept
from cauce.records.models import ProfileVersion, Study, Version
from cauce.records.visibility import Visible
from cauce.stages.deidentify.profile import ProfileError

TEXT_LENGTH_MAX: Final = 200_000
SERIES_MAX: Final = 20
CHANGES_MAX: Final = 2000


class InvalidProfile(InvalidRequest):
    """A text is no profile; the detail names every fault of it."""

    code = "invalid_profile"


class ProfileSerializer(serializers.Serializer[Any]):
    """The profile of a project. Number 0 is the default, which a project has until it is given one of its own."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    version = serializers.CharField()
    digest = serializers.CharField(help_text="SHA-256 of what it says.")
    text = serializers.CharField(help_text="YAML.")


class NewProfileSerializer(serializers.Serializer[Any]):
    """A profile to be kept. With `based_on` only while that is the number of the present one."""

    text = serializers.CharField(max_length=TEXT_LENGTH_MAX, help_text="YAML.", trim_whitespace=False)
    based_on = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class ProfileVersionSerializer(serializers.Serializer[Any]):
    """One version of a project's profile: what it was, since when, by whom."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    version = serializers.CharField()
    digest = serializers.CharField()
    author = serializers.CharField()
    created_at = serializers.DateTimeField()
    text = serializers.CharField()


class TrialSerializer(serializers.Serializer[Any]):
    """What to try: one instance of each series of a study, or one alone. Without a text the present profile."""

    study = serializers.CharField(max_length=64, help_text="Id of a study.")
    sop_instance_uid = serializers.CharField(max_length=64, required=False, help_text="Of an original of the study.")
    text = serializers.CharField(max_length=TEXT_LENGTH_MAX, required=False, help_text="YAML.", trim_whitespace=False)


class ChangeSerializer(serializers.Serializer[Any]):
    """An element that would not be as it was. Values appear only to accounts that may see originals."""

    path = serializers.CharField(help_text="From the outside in, as 00081140[0].00081155.")
    keyword = serializers.CharField()
    vr = serializers.CharField()
    change = serializers.ChoiceField(choices=[(one, one) for one in ("removed", "emptied", "replaced", "added")])
    before = serializers.CharField(required=False, allow_null=True)
    after = serializers.CharField(required=False, allow_null=True)


class TriedSerializer(serializers.Serializer[Any]):
    """What would become of one instance. With a cause it would be held back, and nothing is compared."""

    series = serializers.CharField()
    instance_number = serializers.IntegerField(allow_null=True)
    cause = serializers.ChoiceField(choices=CAUSES, allow_blank=True)
    detail = serializers.CharField()
    actions = serializers.DictField(child=serializers.IntegerField())
    kept = serializers.IntegerField()
    changed = serializers.IntegerField()
    changes = ChangeSerializer(many=True)


class TrialResultSerializer(serializers.Serializer[Any]):
    """What a profile would do; nothing was written."""

    profile = ProfileSerializer()
    instances = TriedSerializer(many=True)


def current(visible: Visible, slug: str) -> ProfileText:
    """Return the profile of a project, or the default one."""
    return bootstrap.services().profiles.current(project_of(visible, slug)) or flow.default_profile()


def read(text: str) -> ProfileText:
    """Return what a profile's text says of itself.

    Raises:
        InvalidProfile: it is none.
    """
    try:
        return flow.read_profile(text)
    except ProfileError as error:
        raise InvalidProfile(error.detail, field="text") from error


class ProjectProfile(Endpoint):
    """The present profile of a project."""

    permission_classes = (MayAdministerOrRead,)

    @extend_schema(operation_id="projects_profile_retrieve", responses=ProfileSerializer, tags=["projects"])
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002 - the framework's signature
        """Return the profile by which what closes now is de-identified."""
        return Response(ProfileSerializer(current(self.visible, slug)).data)

    @extend_schema(
        request=NewProfileSerializer,
        responses={200: ProfileSerializer, **problem(409, "Another was given meanwhile.")},
        tags=["projects"],
    )
    def put(self, request: Request, slug: str) -> Response:
        """Give a project its next profile (administrators).

        It applies to what closes, or is de-identified anew, from now on. The present one again changes nothing.
        """
        given = NewProfileSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        project = project_of(self.visible, slug)
        saved = bootstrap.services().profiles.save(
            project,
            read(given.validated_data["text"]),
            actor=self.actor,
            based_on=given.validated_data.get("based_on"),
        )
        return Response(ProfileSerializer(saved).data)


class ProfileVersionList(GenericEndpoint):
    """All profiles that a project has had, newest first."""

    serializer_class = ProfileVersionSerializer
    keyset = ("-number",)

    def get_queryset(self) -> QuerySet[ProfileVersion]:
        """Return the versions of the project that is asked for."""
        if getattr(self, "swagger_fake_view", False):
            return ProfileVersion.objects.none()
        project = project_of(self.visible, self.kwargs["slug"])
        return ProfileVersion.objects.filter(project_id=project.pk)

    @extend_schema(
        operation_id="projects_profile_versions_list",
        responses=ProfileVersionSerializer(many=True),
        tags=["projects"],
    )
    def get(self, request: Request, slug: str) -> Response:  # noqa: ARG002 - the framework's signature
        """List the versions of a project's profile."""
        page = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(self.get_serializer(page, many=True).data)


class ProfileTrial(Endpoint):
    """Try a profile on images that are here."""

    permission_classes = (MayReadStudies,)

    @extend_schema(request=TrialSerializer, responses=TrialResultSerializer, tags=["projects"])
    def post(self, request: Request, slug: str) -> Response:
        """Say what a profile would do to a study, one instance a series, without writing anything.

        Values of elements appear only to accounts that may see originals.
        """
        given = TrialSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        project = project_of(self.visible, slug)
        profile = read(asked["text"]) if "text" in asked else current(self.visible, slug)
        study = study_of(self.visible, asked["study"])
        if study.project_id != project.pk:
            raise NotFound("There is no such study in this project.")
        if "sop_instance_uid" in asked and not self.shows_identity:
            raise Forbidden("This account may not search by sop_instance_uid.")
        versions = _chosen(study, asked.get("sop_instance_uid"))
        self.note("profile.trial", subject=study.public_id, digest=profile.digest, count=len(versions))
        tried = [self._tried(version, profile) for version in versions]
        return Response({"profile": ProfileSerializer(profile).data, "instances": tried})

    def _tried(self, version: Version, profile: ProfileText) -> dict[str, Any]:
        trial = flow.try_profile(bootstrap.services(), object_id=ObjectId(version.object_id), text=profile.text)
        outcome = trial.outcome
        before = json.loads(trial.before)
        after = json.loads(trial.after) if trial.after else None
        found = [] if after is None else changes(before, after)
        shown = [asdict(one) for one in found[:CHANGES_MAX]]
        if not self.shows_identity:
            shown = [{**one, "before": None, "after": None} for one in shown]
        return {
            "series": version.instance.series.public_id,
            "instance_number": version.instance_number,
            "cause": outcome.cause.value if outcome.cause else "",
            "detail": outcome.detail,
            "actions": dict(outcome.actions),
            "kept": 0 if after is None else kept(before, after),
            "changed": len(found),
            "changes": shown,
        }


def _chosen(study: Study, sop_instance_uid: str | None) -> list[Version]:
    """Return the instance that is asked for, or the first of each series.

    Raises:
        NotFound: there is none.
    """
    held = Version.objects.filter(instance__series__study=study, state=Version.State.CURRENT)
    held = held.select_related("instance__series").order_by("instance__series_id", "instance_number", "pk")
    if sop_instance_uid is not None:
        found = list(held.filter(instance__sop_instance_uid=sop_instance_uid)[:1])
    else:
        series = list(study.series.order_by("series_number", "pk")[:SERIES_MAX])
        firsts = [held.filter(instance__series=one).first() for one in series]
        found = [first for first in firsts if first is not None]
    if not found:
        raise NotFound("The study has no such instance.")
    return found
