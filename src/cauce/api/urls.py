"""Routes of the Django side: pages, REST, operations. What carries files is raw ASGI and never gets here."""

from django.urls import path, register_converter

from cauce.api import review_routes
from cauce.api.operations import views as operations
from cauce.api.pages import decisions, deliveries, sessions
from cauce.api.pages import jobs as job_pages
from cauce.api.pages import studies as study_pages
from cauce.api.rest import (
    api_tokens,
    audit_trail,
    conflict_details,
    conflict_versions,
    conflicts,
    elements,
    events,
    jobs,
    json_web_tokens,
    modalities,
    platform,
    projects,
    results,
    signed_receipts,
    studies,
    uploads,
    users,
)


class PublicIdConverter:
    """An id of ours in a path; anything else is not found."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> str:
        """Return the id."""
        return value

    def to_url(self, value: str) -> str:
        """Return the id."""
        return value


register_converter(PublicIdConverter, "id")

handler400 = "cauce.api.pages.errors.bad_request"
handler403 = "cauce.api.pages.errors.forbidden"
handler404 = "cauce.api.pages.errors.not_found"
handler500 = "cauce.api.pages.errors.failed"

urlpatterns = [
    path("", study_pages.home, name="home"),
    path("studies/<id:study_id>/", study_pages.study, name="study-page"),
    path("deliveries/", deliveries.deliveries, name="deliveries-page"),
    path("deliveries/<id:upload_id>/", deliveries.delivery, name="delivery-page"),
    path("jobs/", job_pages.jobs, name="jobs-page"),
    path("jobs/<id:job_id>/replay/", job_pages.replay, name="job-replay-page"),
    path("calling-aes/<id:calling_ae_id>/allow/", decisions.allow, name="allow-page"),
    path("conflicts/<id:version_id>/", decisions.settle, name="settle-page"),
    path("login/", sessions.login, name="login"),
    path("logout/", sessions.logout, name="logout"),
    path("healthz", operations.live, name="healthz"),
    path("readyz", operations.ready, name="readyz"),
    path("metrics", operations.metrics, name="metrics"),
    path(".well-known/jwks.json", signed_receipts.public_keys, name="public-keys"),
    path("api/", platform.ApiRoot.as_view(), name="api"),
    path("api/auth/token", json_web_tokens.TokenView.as_view(), name="token"),
    path("api/auth/token/refresh", json_web_tokens.RefreshView.as_view(), name="token-refresh"),
    path("api/studies/", studies.StudyList.as_view(), name="studies"),
    path("api/studies/<id:study_id>/", studies.StudyDetail.as_view(), name="study"),
    path("api/series/<id:series_id>/preview/", studies.SeriesPreview.as_view(), name="preview"),
    path("api/jobs/", jobs.JobList.as_view(), name="jobs"),
    path("api/jobs/<id:job_id>/", jobs.JobDetail.as_view(), name="job"),
    path("api/jobs/<id:job_id>/replay/", jobs.JobReplay.as_view(), name="job-replay"),
    path("api/jobs/<id:job_id>/cancel/", jobs.JobCancel.as_view(), name="job-cancel"),
    path("api/results/", results.ResultList.as_view(), name="results"),
    path("api/results/<str:result_id>/", results.ResultDetail.as_view(), name="result"),
    path("api/results/<str:result_id>/measurements/", results.MeasurementList.as_view(), name="measurements"),
    path("api/elements/", elements.ElementList.as_view(), name="elements"),
    path("api/elements/<str:result_id>/", elements.ElementDetail.as_view(), name="element"),
    path(
        "api/elements/<str:result_id>/measurements/",
        elements.ElementMeasurementList.as_view(),
        name="element-measurements",
    ),
    path("api/uploads/", uploads.UploadList.as_view(), name="uploads"),
    path("api/uploads/<id:upload_id>/", uploads.UploadDetail.as_view(), name="upload"),
    path("api/uploads/<id:upload_id>/receipt", signed_receipts.SignedReceipt.as_view(), name="receipt"),
    path("api/projects/", projects.ProjectList.as_view(), name="projects"),
    path("api/projects/<slug:slug>/", projects.ProjectDetail.as_view(), name="project"),
    path("api/pipelines/", projects.PipelineList.as_view(), name="pipelines"),
    path("api/users/", users.UserList.as_view(), name="users"),
    path("api/users/me/", users.Me.as_view(), name="me"),
    path("api/users/<id:user_id>/", users.UserDetail.as_view(), name="user"),
    path("api/tokens/", api_tokens.ApiTokenList.as_view(), name="tokens"),
    path("api/tokens/<id:token_id>/", api_tokens.ApiTokenDetail.as_view(), name="api-token"),
    path("api/calling-aes/", modalities.CallingAeList.as_view(), name="calling-aes"),
    path("api/calling-aes/<id:calling_ae_id>/allow/", modalities.CallingAeAllow.as_view(), name="calling-ae-allow"),
    path("api/calling-aes/<id:calling_ae_id>/forbid/", modalities.CallingAeForbid.as_view(), name="calling-ae-forbid"),
    path("api/conflicts/", conflicts.ConflictList.as_view(), name="conflicts"),
    path("api/conflicts/<id:version_id>/", conflict_details.ConflictDetail.as_view(), name="conflict"),
    path("api/conflicts/<id:version_id>/accept/", conflicts.ConflictAccept.as_view(), name="conflict-accept"),
    path("api/conflicts/<id:version_id>/reject/", conflicts.ConflictReject.as_view(), name="conflict-reject"),
    path(
        "api/conflicts/<id:version_id>/accept-study/",
        conflicts.ConflictAcceptStudy.as_view(),
        name="conflict-accept-study",
    ),
    path(
        "api/conflicts/<id:version_id>/reject-study/",
        conflicts.ConflictRejectStudy.as_view(),
        name="conflict-reject-study",
    ),
    path(
        "api/conflicts/<id:version_id>/versions/<id:wanted_id>/",
        conflict_versions.ConflictVersion.as_view(),
        name="conflict-version",
    ),
    *review_routes.routes(),
    path("api/audit/", audit_trail.AuditEventList.as_view(), name="audit"),
    path("api/events/", events.events, name="events"),
    path("api/status/", platform.StatusView.as_view(), name="status"),
    path("api/schema/", platform.SchemaView.as_view(), name="schema"),
    path("api/docs/", platform.DocsView.as_view(), name="docs"),
]
