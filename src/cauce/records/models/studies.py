"""Studies and series: what arrived, as the searchable columns of their first instance say."""

from django.db import models

from cauce.core.statuses import StudyStatus
from cauce.records.models.fields import choices_of, public_id, text, uid
from cauce.records.models.projects import Project


class StudyAttributes(models.Model):
    """What a study is searched by, but for its UID."""

    patient_name = text()
    patient_id = text()
    issuer_of_patient_id = text()
    patient_birth_date = text()
    patient_sex = text()
    study_date = text()
    study_time = text()
    accession_number = text()
    study_id = text()
    study_description = text()
    referring_physician_name = text()
    institution_name = text()
    timezone_offset = text()

    class Meta:
        """Columns, no table."""

        abstract = True


class SeriesAttributes(models.Model):
    """What a series is searched by, but for its UID."""

    modality = text()
    series_number = models.BigIntegerField(null=True)
    series_description = text()
    series_date = text()
    series_time = text()
    body_part_examined = text()
    laterality = text()
    protocol_name = text()
    manufacturer = text()
    station_name = text()
    performed_procedure_step_start_date = text()
    performed_procedure_step_start_time = text()
    timezone_offset = text()

    class Meta:
        """Columns, no table."""

        abstract = True


class Study(StudyAttributes):
    """One study of one project. Its status says where it is in the flow; `causes` why it waits for a person."""

    public_id = public_id()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="studies", db_index=False)
    study_instance_uid = uid()
    status = models.CharField(max_length=16, choices=choices_of(StudyStatus), default=StudyStatus.RECEIVING.value)
    causes = models.JSONField(default=list, blank=True)
    closings = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_received_at = models.DateTimeField()

    class Meta:
        """Unique per project; listed newest first; the others are what searches go by."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "study_instance_uid"], name="study_once_per_project")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["status"]),
            models.Index(fields=["-last_received_at", "-id"]),
            models.Index(fields=["project", "id"], name="study_newest"),
            models.Index(fields=["project", "study_date", "id"], name="study_by_date"),
            models.Index(fields=["project", "patient_id", "id"], name="study_by_patient"),
            models.Index(fields=["project", "accession_number", "id"], name="study_by_accession"),
            models.Index(fields=["project", "study_id", "id"], name="study_by_study_id"),
            models.Index(fields=["project", "patient_birth_date", "id"], name="study_by_birth"),
            models.Index(fields=["project", "study_description", "id"], name="study_by_description"),
        ]

    def __str__(self) -> str:
        return self.public_id


class Series(SeriesAttributes):
    """One series of one study."""

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    series_instance_uid = uid()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Unique per study; the indexes are what searches go by."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "series_instance_uid"], name="series_once_per_study")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["series_instance_uid"], name="series_by_uid"),
            models.Index(fields=["performed_procedure_step_start_date", "study", "id"], name="series_by_step_date"),
        ]

    def __str__(self) -> str:
        return self.public_id
