"""`/healthz`, `/readyz`, `/metrics`."""

import ipaddress
from collections.abc import Iterable
from http import HTTPStatus

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cauce import __version__
from cauce.accounts.tokens import user_of_bearer
from cauce.api.operations import figures, readiness
from cauce.api.rest import problems

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP")


@require_safe
def live(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Say that this process answers. Looks at nothing else, so a broken dependency restarts no process."""
    return JsonResponse({"status": "alive"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Say whether this process can do its work, with each dependency by name: 200, or 503 when one fails."""
    checks = readiness.state.get()
    is_ready = all(check.is_ok for check in checks)
    named = [{"name": check.name, "status": "ok" if check.is_ok else "failed", "code": check.code} for check in checks]
    body = {"status": "ready" if is_ready else "unavailable", "checks": named}
    return JsonResponse(body, status=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Write the figures in Prometheus' text form: from this machine, or with a token."""
    if not (_is_from_here(request) or _has_token(request)):
        detail = "Metrics are open to this machine itself; from elsewhere they want a token."
        answer = problems.response(HTTPStatus.UNAUTHORIZED, detail=detail)
        answer.headers["WWW-Authenticate"] = 'Bearer realm="cauce"'
        return answer
    registry = CollectorRegistry()
    registry.register(_Platform())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE)


def _is_from_here(request: HttpRequest) -> bool:
    """Tell whether this machine itself asks; what a proxy on it passes on comes from elsewhere."""
    if any(name in request.META for name in _FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(request.META.get("REMOTE_ADDR", ""))
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _has_token(request: HttpRequest) -> bool:
    scheme, _, credential = request.headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and bool(credential) and user_of_bearer(credential.strip()) is not None


class _Platform(Collector):
    """The platform as the database knows it: the same from every process."""

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics."""
        now, held = figures.figures.get(), figures.totals.get()
        yield _one("cauce_build_info", "The version that runs.", 1, version=__version__)
        studies = GaugeMetricFamily("cauce_studies", "Studies by status.", labels=["status"])
        for status, count in sorted(now.studies.items()):
            studies.add_metric([status], count)
        yield studies
        jobs = GaugeMetricFamily("cauce_jobs", "Jobs by step and status.", labels=["step", "status"])
        for (step, status), count in sorted(now.jobs.items()):
            jobs.add_metric([step, status], count)
        yield jobs
        yield _one("cauce_oldest_waiting_job_age_seconds", "How long the oldest due job waits.", now.oldest_waiting_s)
        yield _one("cauce_instances", "Instances held.", held.instances)
        yield _one("cauce_stored_bytes", "Bytes of all versions held.", held.size_bytes)
        yield _one("cauce_workers_alive", "Workers seen lately.", len(now.workers))
        if now.free_bytes is not None:
            yield _one("cauce_storage_free_bytes", "Room left above the reserve.", now.free_bytes)


def _one(name: str, description: str, value: float, **labels: str) -> Metric:
    metric = GaugeMetricFamily(name, description, labels=list(labels))
    metric.add_metric(list(labels.values()), value)
    return metric
