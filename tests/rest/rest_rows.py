"""Rows made directly with the models, for tests of what is shown of them."""

import asyncio
import datetime as dt
import json
from functools import cache

from django.contrib.auth.hashers import make_password
from django.utils import timezone

from cauce import bootstrap, flow
from cauce.accounts.models import ApiToken, User
from cauce.adapters.rows import pack_json
from cauce.audit.models import AuditEvent
from cauce.core.identifiers import ObjectId, new_object_id
from cauce.core.statuses import Role, Space
from cauce.records.models import (
    AlternateEncoding,
    Artifact,
    Batch,
    BatchItem,
    CallingAe,
    DeidentifiedInstance,
    Instance,
    InstanceResult,
    Job,
    JobAttempt,
    ProcessingResult,
    Project,
    Revision,
    Series,
    Study,
    Upload,
    UploadItem,
    Version,
    VersionHeader,
)
from cauce.records.models.revisions import FIRST_PROFILE_KEY

PASSWORD = "a-long-enough-passphrase"
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 8
PLANTED = {
    "patient_name": "Zyxwvut^Planted",
    "patient_id": "MRN-PLANTED-77",
    "issuer_of_patient_id": "ISSUER-PLANTED",
    "patient_birth_date": "19481103",
    "study_date": "20190704",
    "study_time": "101112.5",
    "accession_number": "ACC-PLANTED-5",
    "study_id": "SID-PLANTED",
    "study_description": "Planted description",
    "referring_physician_name": "Planted^Physician",
    "institution_name": "Planted Hospital",
}
PLANTED_SERIES = {
    "series_description": "Planted series",
    "station_name": "PLANTEDSTATION",
    "protocol_name": "Planted protocol",
    "series_date": "20190704",
    "series_time": "101113.5",
}
STUDY_UID, SERIES_UID, INSTANCE_UID = "1.2.826.99.1", "1.2.826.99.2", "1.2.826.99.3"
__all__ = ["AlternateEncoding", "AuditEvent"]
_counter = iter(range(1, 10**9))


def user(role: Role = Role.ADMIN, **values) -> User:
    number = next(_counter)
    name = values.pop("username", f"{role.value}-{number}")
    return User.objects.create(username=name, role=role.value, password=_hashed(), **values)


@cache
def _hashed() -> str:
    """Hash once: it is slow by design."""
    return make_password(PASSWORD)


def default_project() -> Project:
    return Project.objects.get_or_create(slug="default", defaults={"name": "Default"})[0]


def study(**values) -> Study:
    number = next(_counter)
    defaults = {
        "project": values.pop("project", None) or default_project(),
        "study_instance_uid": f"1.2.3.{number}",
        "status": "ready",
        "last_received_at": timezone.now(),
    }
    return Study.objects.create(**{**defaults, **values})


def series(of: Study, **values) -> Series:
    number = next(_counter)
    defaults = {"series_instance_uid": f"1.2.4.{number}", "modality": "CT", "manufacturer": "ACME"}
    return Series.objects.create(study=of, **{**defaults, **values})


def instance(of: Series, *, warnings=(), state="current", **values) -> Version:
    number = next(_counter)
    row = values.pop("of_instance", None) or Instance.objects.create(
        project=of.study.project,
        series=of,
        sop_instance_uid=values.pop("sop_instance_uid", f"1.2.5.{number}"),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    )
    version = Version.objects.create(
        instance=row,
        object_id=new_object_id(),
        state=state,
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        dataset_sha256=number.to_bytes(32, "big"),
        size_bytes=values.pop("size_bytes", 1000),
        dataset_offset=400,
        instance_number=values.pop("instance_number", number),
        source="upload",
        received_at=timezone.now(),
    )
    header = {
        "0020000D": {"vr": "UI", "Value": [of.study.study_instance_uid]},
        "0020000E": {"vr": "UI", "Value": [of.series_instance_uid]},
        "00100020": {"vr": "LO", "Value": [of.study.patient_id]},
        "00100021": {"vr": "LO", "Value": [of.study.issuer_of_patient_id]},
    }
    packed = pack_json(json.dumps(header).encode())
    VersionHeader.objects.create(version=version, dicom_json=packed, warnings=list(warnings))
    return version


def set_header(version: Version, header) -> None:
    """Let a version's header be this DICOM JSON document."""
    VersionHeader.objects.filter(version=version).update(dicom_json=pack_json(json.dumps(header).encode()))


def deidentified(version: Version, *, cause="", detail="") -> DeidentifiedInstance:
    number = next(_counter)
    return DeidentifiedInstance.objects.create(
        version=version,
        profile=FIRST_PROFILE_KEY,
        sop_instance_uid=f"2.25.1{number}",
        series_instance_uid=f"2.25.2{number}",
        study_instance_uid=f"2.25.3{number}",
        cause=cause,
        detail=detail,
    )


def measured(output: DeidentifiedInstance, *, outcome="measured", mean=1.5) -> InstanceResult:
    return InstanceResult.objects.create(
        deidentified=output,
        series=output.version.instance.series,
        pipeline=flow.PIPELINE,
        outcome=outcome,
        measurements={"mean": mean, "unit": "HU"},
        created_at=timezone.now(),
    )


def revision(of: Study, number=1, **values) -> Revision:
    return Revision.objects.create(study=of, number=number, **{"status": "ready", **values})


def batch(of: Series, versions, *, first=1, last=None) -> Batch:
    made = Batch.objects.create(
        study=of.study,
        series=of,
        first_revision=first,
        last_revision=last,
        instances=len(versions),
        size_bytes=sum(version.size_bytes for version in versions),
    )
    BatchItem.objects.bulk_create([BatchItem(batch=made, version=version) for version in versions])
    return made


def result(of: Series | None = None, *, at=None, **values) -> ProcessingResult:
    now = at or timezone.now()
    number = next(_counter)
    defaults = {
        "id": f"series-{of.public_id}" if of else f"result-{number}",
        "device_name": "ACME",
        "mean_before_normalization": 10.5,
        "mean_after_normalization": 0.5,
        "data_size": 4096,
        "series": of,
        "study": of.study if of else None,
        "pipeline": flow.PIPELINE if of else "",
        "measurements": {"instances": 1, "mean": 10.5, "unit": "HU"} if of else {},
        "created_at": now,
        "updated_at": now,
    }
    return ProcessingResult.objects.create(**{**defaults, **values})


def preview(of: Series, content: bytes = PNG, **values) -> Artifact:
    object_id = new_object_id()
    bootstrap.services().objects.write(Space.DEIDENTIFIED, object_id, [content], about={})
    defaults = {"kind": "preview", "pipeline": flow.PIPELINE, "media_type": "image/png", "size_bytes": len(content)}
    return Artifact.objects.create(study=of.study, series=of, object_id=object_id, **{**defaults, **values})


def job(of: Study, *, step="process", status="queued", **values) -> Job:
    number = next(_counter)
    defaults = {"key": f"{step}:{number}", "due_at": timezone.now() - dt.timedelta(seconds=5)}
    return Job.objects.create(study=of, step=step, status=status, **{**defaults, **values})


def attempt(of: Job, number=1, **values) -> JobAttempt:
    defaults = {"worker": "worker-1", "started_at": timezone.now(), "outcome": "failed"}
    return JobAttempt.objects.create(job=of, number=number, **{**defaults, **values})


def upload(by: User | None, **values) -> Upload:
    defaults = {"project": default_project(), "source": "upload", "sender": by.username if by else "MODALITY"}
    return Upload.objects.create(user=by, **{**defaults, **values})


def item(of: Upload, **values) -> UploadItem:
    return UploadItem.objects.create(upload=of, **{"name": "image.dcm", "status": "stored", **values})


def planted_study(**values) -> Study:
    """A study with a name, an id, dates and UIDs that are easy to find again, taken through the whole flow."""
    made = study(study_instance_uid=STUDY_UID, **{**PLANTED, **values})
    one = series(made, series_instance_uid=SERIES_UID, series_number=7, **PLANTED_SERIES)
    version = instance(one, sop_instance_uid=INSTANCE_UID, warnings=[{"code": "charset", "detail": "unknown"}])
    batch(one, [version])
    measured(deidentified(version))
    result(one, revision=revision(made))
    preview(one)
    job(made, step="deidentify", status="succeeded")
    return made


def words_of_identity() -> list[str]:
    """Everything of `planted_study` that only those who may see originals may read."""
    parts = {part for text in PLANTED.values() for part in text.split("^")}
    return sorted({*parts, *PLANTED_SERIES.values(), "2019-07-04", "1948-11-03", STUDY_UID, SERIES_UID, INSTANCE_UID})


def api_token(of: User, **values) -> ApiToken:
    token, _ = ApiToken.issue(of, name="script")
    for name, value in values.items():
        setattr(token, name, value)
    token.save()
    return token


def everything() -> dict[str, int | str]:
    """How many rows there are of everything but the audit trail, and how jobs and accounts stand."""
    counts: dict[str, int | str] = {
        model.__name__: model.objects.count() for model in (Project, Study, Job, Upload, User, ApiToken)
    }
    counts["results"] = str(list(ProcessingResult.objects.order_by("pk").values_list("pk", "device_name")))
    counts["jobs"] = str(list(Job.objects.order_by("pk").values_list("pk", "status", "attempts_max")))
    counts["users"] = str(list(User.objects.order_by("pk").values_list("pk", "role", "is_active", "password")))
    counts["modalities"] = str(list(CallingAe.objects.order_by("pk").values_list("pk", "allowed")))
    counts["versions"] = str(list(Version.objects.order_by("pk").values_list("pk", "state")))
    counts["tokens"] = str(list(ApiToken.objects.order_by("pk").values_list("pk", "revoked_at")))
    return counts


def json_of(body) -> str:
    return json.dumps(body)


def next_number() -> int:
    return next(_counter)


def calling_ae(**values) -> CallingAe:
    defaults = {"ae_title": f"MODALITY{next(_counter)}", "address": "192.0.2.50", "attempts": 2}
    seen = timezone.now()
    return CallingAe.objects.create(first_seen=seen, last_seen=seen, **{**defaults, **values})


def contested(of: Study) -> Version:
    """Another content under the UID of an instance of this study; the version that is contested."""
    current = instance(of.series.first() or series(of))
    return instance(of.series.first(), of_instance=current.instance, state="conflict")


def original(of: Version, content: bytes) -> None:
    """Put the file of a version into the store."""
    bootstrap.services().objects.write(Space.ORIGINALS, ObjectId(of.object_id), [content], about={})
    Version.objects.filter(pk=of.pk).update(size_bytes=len(content))


def content_of(answer) -> bytes:
    """Return the body of an answer, also of one that is streamed."""
    if not answer.streaming:
        return answer.content

    async def read():
        return b"".join([chunk async for chunk in answer.streaming_content])

    return asyncio.run(read())
