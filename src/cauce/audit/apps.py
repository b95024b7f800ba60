"""Django application of the audit trail."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Audit events."""

    name = "cauce.audit"
    label = "audit"
