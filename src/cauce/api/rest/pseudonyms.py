"""`/api/pseudonyms/…`: asking the vault, with a reason, who stands behind a pseudonym; forgetting it for good.

Everything is sent in bodies: no identity and no pseudonym appears in an address.
"""

from typing import Any, Final

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from cauce import bootstrap
from cauce.api.rest.endpoint import Endpoint
from cauce.api.rest.permissions import MayAdminister, MayReidentify
from cauce.api.rest.quarantine import ReasonSerializer
from cauce.api.rest.schema import problem
from cauce.api.rest.studies import study_of
from cauce.core.errors import InvalidRequest, NotFound
from cauce.core.messages import ProjectRef
from cauce.core.patients import stands_for_itself
from cauce.records.visibility import Visible

_TEXT_MAX: Final = 64
_PSEUDONYM_MAX: Final = 32
_NOBODY: Final = problem(404, "There is no such project, pseudonym or patient, or the link was erased.")


class PseudonymSerializer(ReasonSerializer):
    """A pseudonym of a project, and why it is asked about."""

    project = serializers.CharField(max_length=_TEXT_MAX, default="default")
    pseudonym = serializers.CharField(max_length=_PSEUDONYM_MAX)


class PatientSerializer(ReasonSerializer):
    """A patient of a project, and why it is asked about. One without an id is found by the study."""

    project = serializers.CharField(max_length=_TEXT_MAX, default="default")
    patient_id = serializers.CharField(max_length=_TEXT_MAX, allow_blank=True, default="")
    issuer_of_patient_id = serializers.CharField(max_length=_TEXT_MAX, allow_blank=True, default="")
    study = serializers.CharField(max_length=_TEXT_MAX, allow_blank=True, default="", help_text="Id of a study.")


class LinkedPatientSerializer(serializers.Serializer[Any]):
    """Who a pseudonym stands for. `studies` are ids of the patient's studies in the project."""

    project = serializers.CharField()
    pseudonym = serializers.CharField()
    patient_id = serializers.CharField()
    issuer_of_patient_id = serializers.CharField()
    studies = serializers.ListField(child=serializers.CharField())


class FoundPseudonymSerializer(serializers.Serializer[Any]):
    """The pseudonym of a patient."""

    project = serializers.CharField()
    pseudonym = serializers.CharField()


def project_of(visible: Visible, slug: str) -> ProjectRef:
    """Return the project of this slug.

    Raises:
        NotFound: there is none, or none for this actor.
    """
    row = visible.projects.filter(slug=slug).first()
    if row is None:
        raise NotFound("There is no such project.")
    return ProjectRef(pk=row.pk, slug=row.slug)


class PseudonymResolve(Endpoint):
    """Who a pseudonym stands for."""

    permission_classes = (MayReidentify,)

    @extend_schema(
        request=PseudonymSerializer, responses={200: LinkedPatientSerializer, **_NOBODY}, tags=["pseudonyms"]
    )
    def post(self, request: Request) -> Response:
        """Say who a pseudonym stands for (administrators and clinicians). Who asks and why is kept."""
        given = PseudonymSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        project = project_of(self.visible, asked["project"])
        found = bootstrap.services().vault.resolve(
            project, asked["pseudonym"], reason=asked["reason"], actor=self.actor
        )
        return Response(
            {
                "project": project.slug,
                "pseudonym": found.pseudonym,
                "patient_id": found.patient_id,
                "issuer_of_patient_id": found.issuer_of_patient_id,
                "studies": list(found.study_ids),
            }
        )


class PseudonymFind(Endpoint):
    """The pseudonym of a patient."""

    permission_classes = (MayReidentify,)

    @extend_schema(request=PatientSerializer, responses={200: FoundPseudonymSerializer, **_NOBODY}, tags=["pseudonyms"])
    def post(self, request: Request) -> Response:
        """Say which pseudonym a patient has (administrators and clinicians). Who asks and why is kept."""
        given = PatientSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        project = project_of(self.visible, asked["project"])
        patient_id, issuer, study_uid = asked["patient_id"], asked["issuer_of_patient_id"], ""
        if asked["study"]:
            study = study_of(self.visible, asked["study"])
            if study.project_id != project.pk:
                raise NotFound("There is no such study.")
            patient_id, issuer = study.patient_id, study.issuer_of_patient_id
            study_uid = study.study_instance_uid
        elif stands_for_itself(patient_id):
            raise InvalidRequest("Such an id names nobody: say which study is meant.", field="study")
        name = bootstrap.services().vault.find(
            project,
            patient_id=patient_id,
            issuer_of_patient_id=issuer,
            study_instance_uid=study_uid,
            reason=asked["reason"],
            actor=self.actor,
        )
        return Response({"project": project.slug, "pseudonym": name})


class PseudonymErase(Endpoint):
    """Forget who a pseudonym stands for."""

    permission_classes = (MayAdminister,)

    @extend_schema(request=PseudonymSerializer, responses={204: None, **_NOBODY}, tags=["pseudonyms"])
    def post(self, request: Request) -> Response:
        """Forget for good who a pseudonym stands for, its UIDs and its dates (administrators).

        What was made under it stays. Images that come later for the same patient get another pseudonym.
        """
        given = PseudonymSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        project = project_of(self.visible, asked["project"])
        bootstrap.services().vault.erase(project, asked["pseudonym"], reason=asked["reason"], actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
