"""Django application of the web interface: it owns templates and static files, no tables."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """REST, pages, health and metrics."""

    name = "cauce.api"
    label = "api"

    def ready(self) -> None:
        """Tell the schema generator how bearer credentials are presented."""
        from cauce.api.rest import schema  # noqa: F401 - importing it registers the description
