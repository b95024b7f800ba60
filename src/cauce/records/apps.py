"""Django application of the records."""

from django.apps import AppConfig


class RecordsConfig(AppConfig):
    """The catalogue, the ledger and the results."""

    name = "cauce.records"
    label = "records"
