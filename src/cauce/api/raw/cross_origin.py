"""Pages of other origins (the CORS protocol of the Fetch standard): viewers that are served from elsewhere.

Only origins that a setting names, and never with cookies: such a page brings a bearer credential of its own.
"""

from typing import Final

from cauce.api.raw.request import Request

_METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
_SENT: Final = "Accept, Authorization, Content-Type, If-Match, If-None-Match, If-Range, Range"
_SHOWN: Final = (
    "Accept-Ranges, Content-Location, Content-Range, ETag, Link, Location, Retry-After, Warning, X-Request-Id, "
    "X-Total-Count"
)
_REMEMBERED_S: Final = 600


def is_preflight(request: Request) -> bool:
    """Tell whether a browser asks what a page of another origin may send."""
    headers = request.headers
    return request.method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def cross_origin_headers(request: Request, *, allowed: tuple[str, ...]) -> dict[str, str]:
    """Return the headers by which a browser lets a page of an allowed origin see the answer; none for any other."""
    origin = request.headers.get("origin")
    if not allowed or origin is None:
        return {}
    if origin not in allowed:
        return {"vary": "Origin"}
    headers = {"access-control-allow-origin": origin, "access-control-expose-headers": _SHOWN, "vary": "Origin"}
    if is_preflight(request):
        headers |= {
            "access-control-allow-methods": _METHODS,
            "access-control-allow-headers": _SENT,
            "access-control-max-age": str(_REMEMBERED_S),
        }
    return headers
