"""De-identification profiles of projects: each version is kept as it was, so that a revision can name its own."""

from django.db import models

from cauce.records.models.projects import Project

NAME_LENGTH_MAX = 128


class ProfileVersion(models.Model):
    """What a project's profile said from one moment on. Rows are only ever added; the newest holds."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="profiles", db_index=False)
    number = models.PositiveIntegerField()
    name = models.CharField(max_length=NAME_LENGTH_MAX)
    version = models.CharField(max_length=NAME_LENGTH_MAX, blank=True, default="")
    digest = models.CharField(max_length=64)
    text = models.TextField()
    author = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        """Numbered from 1 within the project."""

        constraints = [  # noqa: RUF012 - Django's way
            models.UniqueConstraint(fields=["project", "number"], name="profile_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.project_id}/{self.number}"
