"""The page of a de-identification report: what went in, what was done, what came out, as it was at that time."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from cauce import audit
from cauce.api.pages.access import for_signed_in
from cauce.api.pages.frame import frame
from cauce.api.rest import parameters
from cauce.api.rest.deidentification import newest_report
from cauce.api.rest.studies import study_of
from cauce.core.actors import Actor
from cauce.core.errors import InvalidRequest, NotFound
from cauce.records.visibility import visible_to

OUTPUTS_SHOWN = 500


@require_safe
@for_signed_in
def report(request: HttpRequest, actor: Actor, study_id: str) -> HttpResponse:
    """Show the newest report of a study, or that of the revision that is named."""
    visible = visible_to(actor)
    try:
        study = study_of(visible, study_id)
        number = parameters.integer(request.GET, "revision")
        kept = newest_report(visible, revision__study=study, revision__number=number)
    except (NotFound, InvalidRequest) as error:
        raise Http404 from error
    audit.record(actor, "report.read", subject=study_id)
    document = kept.document
    reported = visible.reports.filter(revision__study=study).order_by("revision__number")
    context = {
        "study": study,
        "report": document,
        "counts": document["instances"],
        "digest": bytes(kept.sha256).hex(),
        "revision": kept.revision,
        "delivered_at": kept.created_at,
        "numbers": sorted(set(reported.values_list("revision__number", flat=True))),
        "outputs": document["outputs"][:OUTPUTS_SHOWN],
        "more": max(len(document["outputs"]) - OUTPUTS_SHOWN, 0),
        "decisions": [one for output in document["outputs"] for one in output["decisions"]]
        + [one for held in document["held"] for one in held["decisions"]],
    }
    return render(request, "cauce/report.html", {**frame(actor, section="studies"), **context})
