"""The vault's table: which pseudonym stands for which patient, readable only with the vault's own key."""

from django.db import models

from cauce.records.models.projects import Project


class PatientLink(models.Model):
    """One patient in one project, found by `blind_index` without saying who; `sealed` holds the rest, encrypted.

    `pseudonym_index` finds it by its pseudonym; rows of before there was one have none until they are looked for.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    blind_index = models.BinaryField(max_length=32)
    pseudonym_index = models.BinaryField(max_length=32, null=True)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Who loses a race reads the winner's row."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "blind_index"], name="one_link_per_patient")
        ]
        indexes = [  # noqa: RUF012 - Django's way
            models.Index(fields=["project", "pseudonym_index"], name="link_by_pseudonym")
        ]

    def __str__(self) -> str:
        return str(self.pk)
