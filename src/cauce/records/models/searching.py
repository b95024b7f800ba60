"""What searches look into beside the columns of studies, series and instances; and the de-identified space's own.

Rows of originals are written with the arrival that made them necessary, those of de-identified objects with these. No
row of the de-identified space holds anything that was read from an original.
"""

from django.db import models

from cauce.core.name_words import GROUP_LENGTH_MAX
from cauce.records.models.fields import text, uid
from cauce.records.models.projects import Project
from cauce.records.models.studies import Series, SeriesAttributes, Study, StudyAttributes

REQUEST_ID_LENGTH_MAX = 64


class NameKind(models.IntegerChoices):
    """Which name of a study, and whether a row holds a whole group of it or one of its words."""

    PATIENT_GROUP = 0
    PATIENT_WORD = 1
    PHYSICIAN_GROUP = 2
    PHYSICIAN_WORD = 3


class CleanStudy(StudyAttributes):
    """A study of a project's de-identified space, as the first object that was written under `profile` says."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    study_instance_uid = uid()
    profile = models.CharField(max_length=64)

    class Meta:
        """Unique per project."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "study_instance_uid"], name="clean_study_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["project", "id"], name="clean_newest"),
            models.Index(fields=["project", "study_date", "id"], name="clean_by_date"),
            models.Index(fields=["project", "patient_id", "id"], name="clean_by_patient"),
            models.Index(fields=["project", "accession_number", "id"], name="clean_by_accession"),
            models.Index(fields=["project", "study_id", "id"], name="clean_by_study_id"),
            models.Index(fields=["project", "patient_birth_date", "id"], name="clean_by_birth"),
            models.Index(fields=["project", "study_description", "id"], name="clean_by_description"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CleanSeries(SeriesAttributes):
    """A series of the de-identified space; `project` is that of its study."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    study = models.ForeignKey(CleanStudy, on_delete=models.CASCADE, related_name="series", db_index=False)
    series_instance_uid = uid()
    profile = models.CharField(max_length=64)

    class Meta:
        """Unique per study."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "series_instance_uid"], name="clean_series_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["series_instance_uid"], name="clean_by_series_uid"),
            models.Index(fields=["performed_procedure_step_start_date", "study", "id"], name="clean_by_step_date"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class _Name(models.Model):
    """A name of a study, folded: one of its groups as a whole, or what one of its words is found by."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.PositiveSmallIntegerField(choices=NameKind.choices)
    text = models.CharField(max_length=GROUP_LENGTH_MAX)

    class Meta:
        """Columns, no table."""

        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class StudyName(_Name):
    """A name of a study of originals."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="names", db_index=False)

    class Meta:
        """Found by what it says, and by its study."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "kind", "text"], name="study_name_once")
        ]
        indexes = [models.Index(fields=["project", "kind", "text", "study"], name="study_by_name")]  # noqa: RUF012 - Django's way


class CleanName(_Name):
    """A name of a de-identified study."""

    study = models.ForeignKey(CleanStudy, on_delete=models.CASCADE, related_name="names", db_index=False)

    class Meta:
        """Found by what it says, and by its study."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "kind", "text"], name="clean_name_once")
        ]
        indexes = [models.Index(fields=["project", "kind", "text", "study"], name="clean_by_name")]  # noqa: RUF012 - Django's way


class _Kind(models.Model):
    """What kind of instances a series holds: one row for each SOP class."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    modality = text()
    sop_class_uid = uid()

    class Meta:
        """Columns, no table."""

        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class SeriesKind(_Kind):
    """A kind of instances of a series of originals."""

    study = models.ForeignKey(Study, on_delete=models.CASCADE, related_name="kinds", db_index=False)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="kinds", db_index=False)

    class Meta:
        """Found by modality and by SOP class, newest study last."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "modality", "sop_class_uid", "series"], name="series_kind_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["project", "modality", "study", "series"], name="kind_by_modality"),
            models.Index(fields=["project", "sop_class_uid", "study", "series"], name="kind_by_class"),
        ]


class CleanKind(_Kind):
    """A kind of instances of a de-identified series."""

    study = models.ForeignKey(CleanStudy, on_delete=models.CASCADE, related_name="kinds", db_index=False)
    series = models.ForeignKey(CleanSeries, on_delete=models.CASCADE, related_name="kinds", db_index=False)

    class Meta:
        """Found by modality and by SOP class, newest study last."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["study", "modality", "sop_class_uid", "series"], name="clean_kind_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["project", "modality", "study", "series"], name="clean_kind_by_modality"),
            models.Index(fields=["project", "sop_class_uid", "study", "series"], name="clean_kind_by_class"),
        ]


class _Request(models.Model):
    """An item of a series' Request Attributes Sequence (0040,0275); `number` is its place, from 1."""

    number = models.PositiveSmallIntegerField()
    scheduled_step_id = models.CharField(max_length=REQUEST_ID_LENGTH_MAX, blank=True, default="")
    requested_procedure_id = models.CharField(max_length=REQUEST_ID_LENGTH_MAX, blank=True, default="")

    class Meta:
        """Columns, no table."""

        abstract = True

    def __str__(self) -> str:
        return str(self.pk)


class SeriesRequest(_Request):
    """An item of a series of originals."""

    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="requests", db_index=False)

    class Meta:
        """Found by either id."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["series", "number"], name="request_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["scheduled_step_id", "series"], name="request_by_step"),
            models.Index(fields=["requested_procedure_id", "series"], name="request_by_procedure"),
        ]


class CleanRequest(_Request):
    """An item of a de-identified series."""

    series = models.ForeignKey(CleanSeries, on_delete=models.CASCADE, related_name="requests", db_index=False)

    class Meta:
        """Found by either id."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["series", "number"], name="clean_request_once")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["scheduled_step_id", "series"], name="clean_request_by_step"),
            models.Index(fields=["requested_procedure_id", "series"], name="clean_request_by_id"),
        ]
