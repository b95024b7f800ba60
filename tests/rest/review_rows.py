"""Rows about what was held back and reported, made directly with the models."""

import json
import zlib
from hashlib import sha256

import rest_rows as rows
from django.utils import timezone

from cauce.records.models import DeidentificationReport, HeldInstance, PatientLink, ProfileVersion
from cauce.samples import small_instance

DETAIL = "Its header says that text is burned into the pixels."
REASON = "looked at all frames, nothing legible"
BOX = {"x": 0, "y": 0, "width": 8, "height": 4}
__all__ = ["PatientLink", "ProfileVersion"]


def held(of, *, content=None, cause="pixels_unproven", detail=DETAIL, **values):
    """An instance of a study that was held back; its original is there."""
    series = of.series.first() or rows.series(of)
    version = rows.instance(series)
    rows.original(version, content or small_instance("CT"))
    for name, value in (("rows", 16), ("columns", 16)):
        setattr(version, name, value)
    version.save()
    outcome = rows.deidentified(version, cause=cause, detail=detail)
    return HeldInstance.objects.create(
        study=of,
        version=version,
        deidentified=outcome,
        profile=outcome.profile,
        cause=cause,
        detail=detail,
        created_at=timezone.now(),
        **values,
    )


def report(of, *, number=1, **values):
    """The report of a revision."""
    document = {
        "format": "cauce-deidentification-report-1",
        "project": of.study.project.slug,
        "study": of.study.public_id,
        "revision": {"id": of.public_id, "number": of.number},
        "delivered_at": "2026-01-31T12:00:00+00:00",
        "profile": {"number": 1, "key": "k", "name": "Basic Profile", "edition": "2026d", "codes": ["113100"]},
        "instances": {"in": 2, "written": 1, "held": 1, "rejected": 0, "unaccounted": 0},
        "actions": {"removed": 7},
        "outputs": [
            {
                "sop_instance_uid": "2.25.1",
                "series_instance_uid": "2.25.2",
                "study_instance_uid": "2.25.3",
                "transfer_syntax_uid": "1.2.840.10008.1.2.1",
                "size_bytes": 1000,
                "sha256": "ab" * 32,
                "dataset_sha256": "cd" * 32,
                "boxes": [],
                "decisions": [],
            }
        ],
        "held": [],
        **values,
    }
    text = json.dumps(document).encode()
    return DeidentificationReport.objects.create(
        revision=of,
        number=number,
        content=zlib.compress(text),
        sha256=sha256(text).digest(),
        created_at=timezone.now(),
    )
