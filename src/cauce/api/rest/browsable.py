"""The REST interface in a browser: the framework's pages under our name and our content policy."""

from typing import Any

from rest_framework.renderers import BrowsableAPIRenderer


class BrowsableRenderer(BrowsableAPIRenderer):
    """Draws without inline styles, and offers no forms filled with what a person may not change."""

    template = "cauce/browsable.html"

    def get_filter_form(self, data: Any, view: Any, request: Any) -> None:
        """Offer no form of filters: the description of the interface lists them."""

    def get_context(self, data: Any, accepted_media_type: str | None, renderer_context: Any) -> dict[str, Any]:
        """Return what the template shows."""
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        return {**context, "code_style": ""}
