"""Studies and series: what arrived, as the searchable columns of their first instance say."""

from django.db import models

from cauce.core.statuses import StudyStatus
from cauce.records.models.fields import choices_of, public_id, text, uid
from cauce.records.models.projects import Project


class Study(models.Model):
    """One study of one project. Its status says where it is in the flow; `causes` why it waits for a person."""

    public_id = public_id()
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="studies", db_index=False)
    study_instance_uid = uid()
    status = models.CharField(max_length=16, choices=choices_of(StudyStatus), default=StudyStatus.RECEIVING.value)
    causes = models.JSONField(default=list, blank=True)
    closings = models.PositiveIntegerField(default=0)
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
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    last_received_at = models.DateTimeField()

    class Meta:
        """Unique per project; listed newest first."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "study_instance_uid"], name="study_once_per_project")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["status"]),
            models.Index(fields=["-last_received_at", "-id"]),
        ]

    def __str__(self) -> str:
        return self.public_id


class Series(models.Model):
    """One series of one study."""

    public_id = public_id()
    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="series")
    series_instance_uid = uid()
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
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Unique per study."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "series_instance_uid"], name="series_once_per_study")
        ]

    def __str__(self) -> str:
        return self.public_id
