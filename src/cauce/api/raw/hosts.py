"""Which host names are ours; a request for another is refused.

Links in answers would lead there, and a page elsewhere could reach a server of an inner network under a name of its own
(DNS rebinding).
"""

import ipaddress
import re
import socket
from typing import Final
from urllib.parse import urlsplit

from cauce.api.raw.request import Request, Scope
from cauce.core.errors import InvalidRequest
from cauce.settings.environment import Settings

OPEN_TO_ANY_HOST: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""What orchestrators and monitors ask by whatever address they know."""

ANY: Final = "*"
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_WILDCARDS: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - only compared
_HOST: Final = re.compile(
    r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_](?:[a-z0-9._-]*[a-z0-9_-])?)\.?)(?::[0-9]{1,5})?", re.IGNORECASE
)


class InvalidHost(InvalidRequest):
    """The request is for a host that this server is not."""

    code = "invalid_host"


class Hosts:
    """The host names of one server. Ports do not count: whatever stands in front may have another."""

    def __init__(self, settings: Settings) -> None:
        """Those of `CAUCE_HTTP`, `CAUCE_PUBLIC_URL` and `CAUCE_ALLOWED_HOSTS`, and of the loopback interface.

        Where HTTP listens on all interfaces, the machine's own addresses and its name are ours as well.
        """
        listening = settings.http_address[0].lower()
        public = urlsplit(settings.public_url).hostname
        self._own = urlsplit(settings.base_url).netloc.encode("ascii", "replace")
        self._listens_everywhere = listening in _WILDCARDS
        names = {*_LOOPBACK, *settings.allowed_hosts, *([public] if public else [])}
        names |= _own_names() if self._listens_everywhere else {listening}
        self._names = frozenset(name for name in names if not name.startswith("."))
        self._domains = tuple(name for name in names if name.startswith("."))

    def require(self, request: Request) -> None:
        """Return if the request is for one of these hosts, or for none, as very old clients leave it out.

        Raises:
            InvalidHost: it is for another.
        """
        given = request.headers.get("host")
        if not given or request.path in OPEN_TO_ANY_HOST or self.accepts(given):
            return
        raise InvalidHost(
            "This server does not go by the name that was asked for: CAUCE_PUBLIC_URL or CAUCE_ALLOWED_HOSTS names it."
        )

    def named(self, scope: Scope) -> Scope:
        """Return a request's scope with a `Host`, ours where it has none: simple health checks leave it out."""
        if any(name == b"host" and value for name, value in scope["headers"]):
            return scope
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {**scope, "headers": [*others, (b"host", self._own)]}

    def accepts(self, header: str) -> bool:
        """Tell whether a `Host` header names one of these hosts."""
        if ANY in self._names:
            return True
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = (found[1] or found[2]).lower()
        if name in self._names or name.endswith(self._domains):
            return True
        return self._listens_everywhere and _is_own_address(name)


def _own_names() -> set[str]:
    name = socket.gethostname().lower()
    return {name, f"{name.partition('.')[0]}.local"}  # the second: multicast DNS


def _is_own_address(name: str) -> bool:
    """Tell whether a name is an address of this machine: to those of others nothing can be bound."""
    try:
        address = ipaddress.ip_address(name)
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6  # noqa: PLR2004 - IPv4
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except (ValueError, OSError):
        return False
    return not address.is_unspecified and not address.is_multicast
