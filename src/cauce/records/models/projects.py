"""Projects: the walls inside the platform."""

from django.db import models

from cauce.records.models.fields import public_id

DEFAULT_PROJECT = "default"


class Project(models.Model):
    """A group of studies with its own pseudonyms. A study is unique within its project."""

    public_id = public_id()
    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.slug
