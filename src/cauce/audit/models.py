"""One row an audited deed. Rows are only ever added."""

from django.db import models


class AuditEvent(models.Model):
    """Who did what, when, from where, and how it ended."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor_kind = models.CharField(max_length=16)
    actor_name = models.CharField(max_length=200)
    actor_role = models.CharField(max_length=16)
    address = models.CharField(max_length=64, blank=True, default="")
    action = models.CharField(max_length=64, db_index=True)
    subject = models.CharField(max_length=64, blank=True, default="")
    outcome = models.CharField(max_length=16)
    detail = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.action} {self.outcome}"
