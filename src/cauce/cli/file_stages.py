"""The stages on files, with no server: what `cauce validate`, `deidentify` and `process` do for each file."""

import errno
import hashlib
import json
import secrets
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, cast

from cauce import flow
from cauce.cli.found import FileToSend
from cauce.core.errors import CauceError, NotFound, Refused, Undecodable, told_defect
from cauce.core.identifiers import new_public_id
from cauce.core.messages import Attributes, Deidentified, Header, Pseudonym
from cauce.core.patients import patient_key
from cauce.core.statuses import AttentionCause
from cauce.readings.changes import changes, kept
from cauce.settings import environment
from cauce.stages import deidentify as deidentify_stage
from cauce.stages import ingest as ingest_stage
from cauce.stages import process as process_stage
from cauce.stages import validate as validate_stage

PIPELINE = flow.PIPELINE

UNREADABLE = "unreadable"
_UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})

_HEAD_BYTES = 1024
_DATE_OFFSET_DAYS_MAX = 3650


def judge(file: FileToSend) -> dict[str, Any]:
    """Return whether a file would be taken: `ok`, `warning`, `skipped` or `refused`, and why."""
    try:
        with file.path.open("rb") as source:
            if skipped := passed_over(source, file):
                return {"path": str(file.path), **skipped, "warnings": []}
            header = _header(source, file)
    except Refused as refusal:
        return _refused(file, refusal.code, refusal.detail)
    except OSError as error:
        return _refused(file, UNREADABLE, error.strerror or type(error).__name__)
    warned = [asdict(one) for one in sorted(header.warnings, key=lambda one: validate_stage.rank(one.code))]
    return {
        "path": str(file.path),
        "status": "warning" if warned else "ok",
        "sop_class_uid": header.sop_class_uid,
        "transfer_syntax_uid": header.transfer_syntax_uid,
        "modality": header.attributes.modality,
        "frames": header.attributes.number_of_frames,
        "warnings": warned,
    }


def _refused(file: FileToSend, code: str, detail: str) -> dict[str, Any]:
    return {"path": str(file.path), "status": "refused", "code": code, "detail": detail, "warnings": []}


def passed_over(source: BinaryIO, file: FileToSend) -> dict[str, Any] | None:
    """Return why a file is passed over: as `cauce import` does it, and zips, which are not opened here."""
    head = source.read(_HEAD_BYTES)
    source.seek(0)
    if ingest_stage.is_archive(head):
        return {"status": "skipped", "code": "archive", "detail": "Zips are opened by `cauce import` only."}
    reason = ingest_stage.skip_reason(file.name, head, is_media_directory=validate_stage.is_directory_record(head))
    if reason is None:
        return None
    return {"status": "skipped", "code": reason.value, "detail": ingest_stage.skipped(file.name, reason).detail}


def _header(source: BinaryIO, file: FileToSend) -> Header:
    return validate_stage.read_header(source, size_bytes=file.size_bytes, limits=environment.current().limits)


class Patients:
    """Pseudonyms of one run: random, kept nowhere, so that nobody can be found again."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], Pseudonym] = {}

    def pseudonym(self, attributes: Attributes, study_instance_uid: str) -> Pseudonym:
        """Return what stands for the patient in this run."""
        key = patient_key(
            patient_id=attributes.patient_id,
            issuer_of_patient_id=attributes.issuer_of_patient_id,
            study_instance_uid=study_instance_uid,
        )
        if key not in self._known:
            days = (1 + secrets.randbelow(_DATE_OFFSET_DAYS_MAX)) * secrets.choice((-1, 1))
            self._known[key] = Pseudonym(
                name=f"P{secrets.token_hex(6).upper()}", uid_secret=secrets.token_bytes(32), date_offset_days=days
            )
        return self._known[key]


class Unwritable(CauceError):
    """Nothing more can be written: no room is left, or the folder may not be written to."""

    code = "unwritable"


def deidentified_files(
    files: Iterable[FileToSend], target: Path, *, profile: deidentify_stage.Profile, keep_names: bool
) -> Iterator[tuple[FileToSend, dict[str, Any]]]:
    """Write what remains of files below `target`, and yield the entry of each for the report.

    Once nothing more can be written, all that are left are held.
    """
    patients = Patients()
    unwritable: dict[str, Any] | None = None
    for file in files:
        if unwritable is None:
            try:
                entry = deidentify_file(file, target, patients, profile=profile, keep_names=keep_names)
            except Unwritable as error:
                unwritable = {"status": "held", "cause": error.code, "detail": error.detail}
        yield file, unwritable or entry


def deidentify_file(
    file: FileToSend, target: Path, patients: Patients, *, profile: deidentify_stage.Profile, keep_names: bool
) -> dict[str, Any]:
    """Write what remains of one file below `target`; return its entry of the report, `clean`, `skipped` or `held`.

    A file that something unforeseen goes wrong with is held, too: the others still are to be looked at.

    Raises:
        Unwritable: nothing more can be written. Nothing of this file was.
    """
    named = {"source": file.name} if keep_names else {}
    try:
        return {**named, **_deidentified(file, target, patients, profile=profile, keep_names=keep_names)}
    except OSError as error:
        if error.errno in _UNWRITABLE:
            raise Unwritable(f"{target} cannot be written to: {error.strerror}") from error
        return {**named, "status": "held", "cause": UNREADABLE, "detail": error.strerror or ""}
    except Refused as refusal:
        detail = f"{refusal.code}: {refusal.detail}"
    except Exception as error:  # noqa: BLE001 - whatever broke with one file, each of the others is accounted for
        detail = told_defect(error)
    return {**named, "status": "held", "cause": AttentionCause.DEIDENTIFICATION_FAILED.value, "detail": detail}


def _deidentified(
    file: FileToSend, target: Path, patients: Patients, *, profile: deidentify_stage.Profile, keep_names: bool
) -> dict[str, Any]:
    source = file.path.open("rb")
    partial = target / f".{new_public_id()}.part"
    try:
        with source, partial.open("wb") as sink:
            if skipped := passed_over(source, file):
                return skipped
            header = _header(source, file)
            pseudonym = patients.pseudonym(header.attributes, header.study_instance_uid)
            source.seek(0)
            output = _Digested(sink)
            outcome = deidentify_stage.deidentify_instance(
                source,
                output,
                pseudonym=pseudonym,
                profile=profile,
                spool=target,
                limits=environment.current().limits,
                pixels=flow.pixel_cleaner(profile, limits=environment.current().limits),
            )
        if outcome.cause is not None:
            return {"status": "held", "cause": outcome.cause.value, "detail": outcome.detail}
        place = Path(file.name) if keep_names else _free(target, Path(pseudonym.name, _new_name(outcome)))
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        partial.replace(target / place)
    finally:
        partial.unlink(missing_ok=True)
    made = {"path": place.as_posix(), "sha256": output.digest.hexdigest(), "actions": dict(outcome.actions)}
    boxes = {"boxes": [list(box) for box in outcome.boxes]} if outcome.boxes else {}
    return {"status": "clean", **made, **boxes}


class _Digested:
    """A file that is being written, and its digest."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> None:
        """Take the next bytes."""
        self.digest.update(data)
        self._file.write(data)


def try_file(file: FileToSend, patients: Patients, *, profile: deidentify_stage.Profile) -> dict[str, Any]:
    """Return what would become of one file: as `deidentify_file`, but compared; nothing stays."""
    named = {"source": file.name}
    limits = environment.current().limits
    try:
        with file.path.open("rb") as source, tempfile.SpooledTemporaryFile(limits.memory_instance_bytes_max) as made:
            if skipped := passed_over(source, file):
                return {**named, **skipped}
            before = _header(source, file)
            pseudonym = patients.pseudonym(before.attributes, before.study_instance_uid)
            source.seek(0)
            outcome = deidentify_stage.deidentify_instance(
                source,
                made,
                pseudonym=pseudonym,
                profile=profile,
                limits=limits,
                pixels=flow.pixel_cleaner(profile, limits=limits),
            )
            if outcome.cause is not None:
                return {**named, "status": "held", "cause": outcome.cause.value, "detail": outcome.detail}
            after = validate_stage.read_header(cast("BinaryIO", made), size_bytes=outcome.size_bytes, limits=limits)
    except Refused as refusal:
        cause = AttentionCause.DEIDENTIFICATION_FAILED.value
        return {**named, "status": "held", "cause": cause, "detail": f"{refusal.code}: {refusal.detail}"}
    except OSError as error:
        return {**named, "status": "held", "cause": UNREADABLE, "detail": error.strerror or ""}
    documents = json.loads(before.dicom_json), json.loads(after.dicom_json)
    return {
        **named,
        "status": "clean",
        "series": before.series_instance_uid,
        "actions": dict(outcome.actions),
        "kept": kept(*documents),
        "changes": [asdict(change) for change in changes(*documents)],
    }


def _new_name(outcome: Deidentified) -> str:
    return f"{outcome.series_instance_uid}/{outcome.sop_instance_uid}.dcm"


def _free(target: Path, place: Path) -> Path:
    """Return `place`, or another name beside it where an instance of the same UID has been written."""
    number, free = 1, place
    while (target / free).exists():
        number += 1
        free = place.with_stem(f"{place.stem}-{number}")
    return free


def process_files(files: Iterable[FileToSend], target: Path) -> Iterator[dict[str, Any]]:
    """Measure each file and render its preview below `target`; yield its entry of the results."""
    for file in files:
        try:
            opened = file.path.open("rb")
        except OSError as error:
            yield {"path": file.name, "outcome": "refused", "detail": f"{UNREADABLE}: {error.strerror}"}
            continue
        try:
            with opened:
                if skipped := passed_over(opened, file):
                    yield {"path": file.name, "outcome": "skipped", "detail": skipped["detail"]}
                    continue
                reader = process_stage.frames(opened, limits=environment.current().limits)
                measurement = process_stage.measure_instance(reader)
                picture = _picture(reader, target / f"{file.name}.png")
        except CauceError as error:
            yield {"path": file.name, "outcome": "refused", "detail": f"{error.code}: {error.detail}"}
        else:
            entry = {key: value for key, value in asdict(measurement).items() if value not in {None, ""}}
            yield {"path": file.name, **entry, "detail": measurement.detail, "preview": picture}


def _picture(reader: process_stage.FrameReader, path: Path) -> bool:
    try:
        png = process_stage.preview_png(reader)
    except (NotFound, Undecodable):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png)
    return True
