"""How studies are written out. Who may not see originals gets our ids, modality, status and counts, no more."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from cauce.api.rest.fields import (
    CAUSES,
    JOB_STATUSES,
    REVISION_STATUSES,
    STUDY_STATUSES,
    FiniteFloatField,
    IdentityGate,
    link,
)
from cauce.api.rest.summaries import SeriesLine, StudyLine

IDENTITY = (
    "study_instance_uid",
    "patient_name",
    "patient_id",
    "issuer_of_patient_id",
    "patient_birth_date",
    "patient_sex",
    "study_date",
    "study_time",
    "accession_number",
    "study_id",
    "study_description",
    "referring_physician_name",
    "institution_name",
)
SERIES_IDENTITY = (
    "series_instance_uid",
    "series_number",
    "series_description",
    "series_date",
    "series_time",
    "body_part_examined",
    "laterality",
    "protocol_name",
    "manufacturer",
    "station_name",
)


class CauseSerializer(serializers.Serializer[Any]):
    """Why a person should look."""

    cause = serializers.ChoiceField(choices=CAUSES)
    detail = serializers.CharField()
    count = serializers.IntegerField()


class StudySerializer(IdentityGate):
    """A study as lists show it."""

    identity_fields: ClassVar = (*IDENTITY, "received_at")

    id = serializers.CharField(source="study.public_id")
    url = serializers.SerializerMethodField()
    project = serializers.CharField(source="study.project.slug")
    status = serializers.ChoiceField(choices=STUDY_STATUSES, source="study.status")
    causes = CauseSerializer(many=True, source="study.causes")
    modalities = serializers.ListField(child=serializers.CharField())
    series_count = serializers.SerializerMethodField()
    instances = serializers.IntegerField()
    preview = serializers.SerializerMethodField()
    received_at = serializers.DateTimeField(source="study.last_received_at", required=False)
    study_instance_uid = serializers.CharField(source="study.study_instance_uid", required=False)
    patient_name = serializers.CharField(source="study.patient_name", required=False)
    patient_id = serializers.CharField(source="study.patient_id", required=False)
    issuer_of_patient_id = serializers.CharField(source="study.issuer_of_patient_id", required=False)
    patient_birth_date = serializers.CharField(source="study.patient_birth_date", required=False)
    patient_sex = serializers.CharField(source="study.patient_sex", required=False)
    study_date = serializers.CharField(source="study.study_date", required=False)
    study_time = serializers.CharField(source="study.study_time", required=False)
    accession_number = serializers.CharField(source="study.accession_number", required=False)
    study_id = serializers.CharField(source="study.study_id", required=False)
    study_description = serializers.CharField(source="study.study_description", required=False)
    referring_physician_name = serializers.CharField(source="study.referring_physician_name", required=False)
    institution_name = serializers.CharField(source="study.institution_name", required=False)

    @extend_schema_field({"type": "string", "format": "uri"})
    def get_url(self, line: StudyLine) -> str:
        """Where the whole study is."""
        return link(self, "study", line.study.public_id)

    def get_series_count(self, line: StudyLine) -> int:
        """How many series it has."""
        return len(line.series)

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_preview(self, line: StudyLine) -> str | None:
        """A picture that stands for the study."""
        return link(self, "preview", line.picture.series.public_id) if line.picture else None


class FiguresSerializer(serializers.Serializer[Any]):
    """What processing measured on a series, in the unit that it names (HU for CT)."""

    instances = serializers.IntegerField(default=0)
    measured = serializers.IntegerField(default=0)
    no_pixels = serializers.IntegerField(default=0)
    undecodable = serializers.IntegerField(default=0)
    frames = serializers.IntegerField(default=0)
    frames_measured = serializers.IntegerField(default=0)
    pixels = serializers.IntegerField(default=0)
    unit = serializers.CharField(default="")
    mean = FiniteFloatField(default=None, allow_null=True)
    standard_deviation = FiniteFloatField(default=None, allow_null=True)
    minimum = FiniteFloatField(default=None, allow_null=True)
    maximum = FiniteFloatField(default=None, allow_null=True)
    snr = FiniteFloatField(default=None, allow_null=True)
    sharpness = FiniteFloatField(default=None, allow_null=True)


class SeriesSerializer(IdentityGate):
    """A series of a study, with its figures."""

    identity_fields: ClassVar = SERIES_IDENTITY

    id = serializers.CharField(source="series.public_id")
    modality = serializers.CharField()
    instances = serializers.IntegerField()
    preview = serializers.SerializerMethodField()
    result = serializers.SerializerMethodField()
    figures = FiguresSerializer(allow_null=True)
    series_instance_uid = serializers.CharField(source="series.series_instance_uid", required=False)
    series_number = serializers.IntegerField(source="series.series_number", required=False, allow_null=True)
    series_description = serializers.CharField(source="series.series_description", required=False)
    series_date = serializers.CharField(source="series.series_date", required=False)
    series_time = serializers.CharField(source="series.series_time", required=False)
    body_part_examined = serializers.CharField(source="series.body_part_examined", required=False)
    laterality = serializers.CharField(source="series.laterality", required=False)
    protocol_name = serializers.CharField(source="series.protocol_name", required=False)
    manufacturer = serializers.CharField(source="series.manufacturer", required=False)
    station_name = serializers.CharField(source="series.station_name", required=False)

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_preview(self, line: SeriesLine) -> str | None:
        """Its picture."""
        return link(self, "preview", line.series.public_id) if line.preview else None

    @extend_schema_field({"type": "string", "format": "uri", "nullable": True})
    def get_result(self, line: SeriesLine) -> str | None:
        """Its line in the results list."""
        return link(self, "result", line.result.pk) if line.result else None


class RevisionSerializer(serializers.Serializer[Any]):
    """The study as it was when it closed for the n-th time."""

    id = serializers.CharField(source="public_id")
    number = serializers.IntegerField()
    status = serializers.ChoiceField(choices=REVISION_STATUSES)
    causes = CauseSerializer(many=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class JobCountSerializer(serializers.Serializer[Any]):
    """How many jobs of a step are where."""

    step = serializers.CharField()
    status = serializers.ChoiceField(choices=JOB_STATUSES)
    count = serializers.IntegerField()


class StudyDetailSerializer(StudySerializer):
    """A study with all that is known of it."""

    series = SeriesSerializer(many=True)
    revisions = RevisionSerializer(many=True)
    warnings = serializers.DictField(child=serializers.IntegerField(), help_text="Irregular instances, by warning.")
    held_back = serializers.DictField(
        child=serializers.IntegerField(), help_text="Instances kept out of the de-identified space, by cause."
    )
    conflicts = serializers.IntegerField(help_text="Contested versions that wait for a person.")
    jobs = JobCountSerializer(many=True)
