"""What lists show of a study beside its own row: counts, modalities, a picture. A fixed number of queries a page."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, QuerySet, Subquery

from cauce.records.models import (
    Artifact,
    DeidentifiedInstance,
    Job,
    ProcessingResult,
    Series,
    Study,
    Version,
    VersionHeader,
)
from cauce.records.visibility import Visible

PREVIEW_KIND = "preview"
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{1,16}")


@dataclass(frozen=True, kw_only=True, slots=True)
class SeriesLine:
    """A series as it is listed. `preview` is the id of its picture, if there is one."""

    series: Series
    instances: int
    preview: str | None = None
    result: ProcessingResult | None = None

    @property
    def modality(self) -> str:
        """The modality, if it is one: a code of at most 16 characters (PS3.5 6.2), never free text."""
        return code_string(self.series.modality)

    @property
    def figures(self) -> Mapping[str, Any] | None:
        """What processing measured on the series."""
        return self.result.measurements if self.result else None


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyLine:
    """A study as it is listed."""

    study: Study
    series: Sequence[SeriesLine] = field(default=())

    @property
    def modalities(self) -> list[str]:
        """The modalities of its series, each once."""
        return sorted({line.modality for line in self.series if line.modality})

    @property
    def instances(self) -> int:
        """How many instances it holds."""
        return sum(line.instances for line in self.series)

    @property
    def picture(self) -> SeriesLine | None:
        """The series whose preview stands for the study: the largest that has one."""
        pictured = [line for line in self.series if line.preview]
        return max(pictured, key=lambda line: (line.instances, -line.series.pk), default=None)


def code_string(text: str) -> str:
    """Return `text` if it has the form of a DICOM code string, else nothing."""
    return text if _CODE_STRING.fullmatch(text) else ""


def study_lines(studies: Sequence[Study], visible: Visible) -> list[StudyLine]:
    """Return the lines of a page of studies, in its order: two queries, whatever its length."""
    by_study: dict[int, list[SeriesLine]] = defaultdict(list)
    for line in series_lines(visible.series.filter(study__in=[study.pk for study in studies]), visible):
        by_study[line.series.study_id].append(line)
    return [StudyLine(study=study, series=by_study[study.pk]) for study in studies]


def series_lines(series: QuerySet[Series], visible: Visible, *, with_results: bool = False) -> list[SeriesLine]:
    """Return the lines of a query set of series, in the order of their numbers."""
    counted = list(series.annotate(instance_count=Count("instances")).order_by("study_id", "series_number", "id"))
    keys = [one.pk for one in counted]
    pictures = _pictures(visible, keys)
    results: dict[int, ProcessingResult] = {}
    if with_results:
        found = visible.results.filter(series__in=keys).select_related("revision")
        results = {one.series_id: one for one in found if one.series_id}
    return [
        SeriesLine(series=one, instances=one.instance_count, preview=pictures.get(one.pk), result=results.get(one.pk))
        for one in counted
    ]


def _pictures(visible: Visible, keys: Sequence[int]) -> dict[int, str]:
    found = visible.artifacts.filter(series__in=keys, kind=PREVIEW_KIND).order_by("id")
    return dict(found.values_list("series_id", "public_id"))


def picture_of(visible: Visible, series_id: str) -> Artifact | None:
    """Return the newest preview of the series with this public id."""
    return visible.artifacts.filter(series__public_id=series_id, kind=PREVIEW_KIND).order_by("-id").first()


def job_counts(study: Study) -> list[dict[str, Any]]:
    """Return how many jobs of a study are where: `{"step", "status", "count"}`."""
    grouped = Job.objects.filter(study=study).values("step", "status").annotate(count=Count("id"))
    return [dict(row) for row in grouped.order_by("step", "status")]


def warning_counts(study: Study) -> dict[str, int]:
    """Return how many instances of a study have which warning."""
    irregular = VersionHeader.objects.filter(version__instance__series__study=study).exclude(warnings=[])
    counted: Counter[str] = Counter()
    for warnings in irregular.values_list("warnings", flat=True).iterator(chunk_size=500):
        counted.update({str(one.get("code", "")) for one in warnings})
    return dict(counted.most_common())


def contested_count(study: Study) -> int:
    """Return how many versions of a study's instances wait for a person to settle a conflict."""
    return Version.objects.filter(instance__series__study=study, state=Version.State.CONFLICT).count()


def held_back_counts(study: Study) -> dict[str, int]:
    """Return how many instances of a study's newest revision did not enter the de-identified space, by cause."""
    newest = study.revisions.order_by("-number").values("profile_key")[:1]
    held = DeidentifiedInstance.objects.filter(version__instance__series__study=study).exclude(cause="")
    held = held.filter(version__state=Version.State.CURRENT, profile=Subquery(newest))
    return dict(held.values_list("cause").annotate(count=Count("id")).order_by("cause"))
