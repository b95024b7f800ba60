"""Routes about de-identification: profiles, pseudonyms, what was held back, reports."""

from django.urls import URLPattern, path

from cauce.api.pages import quarantine as quarantine_pages
from cauce.api.pages import reports as report_pages
from cauce.api.rest import deidentification, profiles, pseudonyms, quarantine


def routes() -> list[URLPattern]:
    """Return the routes; the converter of our ids has to be registered by then."""
    return [
        path("quarantine/", quarantine_pages.quarantine, name="quarantine-page"),
        path("quarantine/<id:held_id>/", quarantine_pages.held, name="held-page"),
        path("quarantine/<id:held_id>/decide/", quarantine_pages.decide, name="decide-page"),
        path("studies/<id:study_id>/deidentification/", report_pages.report, name="report-page"),
        path("api/projects/<slug:slug>/profile/", profiles.ProjectProfile.as_view(), name="profile"),
        path("api/projects/<slug:slug>/profile/versions/", profiles.ProfileVersionList.as_view(), name="profiles"),
        path("api/projects/<slug:slug>/profile/dry-run/", profiles.ProfileTrial.as_view(), name="profile-dry-run"),
        path("api/pseudonyms/resolve/", pseudonyms.PseudonymResolve.as_view(), name="pseudonym-resolve"),
        path("api/pseudonyms/find/", pseudonyms.PseudonymFind.as_view(), name="pseudonym-find"),
        path("api/pseudonyms/erase/", pseudonyms.PseudonymErase.as_view(), name="pseudonym-erase"),
        path("api/quarantine/", quarantine.HeldList.as_view(), name="quarantine"),
        path("api/quarantine/<id:held_id>/", quarantine.HeldDetail.as_view(), name="held-instance"),
        path("api/quarantine/<id:held_id>/picture/", quarantine.HeldPicture.as_view(), name="held-picture"),
        path("api/quarantine/<id:held_id>/release/", quarantine.HeldRelease.as_view(), name="held-release"),
        path("api/quarantine/<id:held_id>/redact/", quarantine.HeldRedact.as_view(), name="held-redact"),
        path("api/quarantine/<id:held_id>/reject/", quarantine.HeldReject.as_view(), name="held-reject"),
        path(
            "api/revisions/<id:revision_id>/deidentification/",
            deidentification.RevisionReport.as_view(),
            name="revision-report",
        ),
        path(
            "api/studies/<id:study_id>/deidentification/",
            deidentification.StudyReport.as_view(),
            name="study-report",
        ),
        path(
            "api/studies/<id:study_id>/deidentify/", deidentification.StudyDeidentify.as_view(), name="study-deidentify"
        ),
    ]
