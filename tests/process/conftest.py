"""Services on the test database, and series of clean instances put into it without going through the flow."""

from dataclasses import dataclass, field
from itertools import count

import pytest
from django.utils import timezone
from process_objects import PROFILE

from wiring import services_in

_numbers = count(1)


@dataclass
class CleanSeries:
    """A series whose instances are de-identified: one batch a call of `add`."""

    series: object
    revision: object
    objects: object
    batches: list = field(default_factory=list)

    def add(self, *contents, cause="", frames=1):
        """Store contents as the clean instances of a new batch; returns it."""
        from cauce.core.identifiers import new_object_id
        from cauce.core.statuses import Space
        from cauce.records.models import Batch, BatchItem, DeidentifiedInstance, Instance, Version

        study = self.series.study
        batch = Batch.objects.create(
            study=study, series=self.series, first_revision=1, instances=len(contents), size_bytes=0
        )
        for content in contents:
            number = next(_numbers)
            instance = Instance.objects.create(
                project=study.project,
                series=self.series,
                sop_instance_uid=f"1.2.826.0.1.{number}",
                sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
            )
            version = Version.objects.create(
                instance=instance,
                object_id=new_object_id(),
                state=Version.State.CURRENT,
                transfer_syntax_uid="1.2.840.10008.1.2.1",
                dataset_sha256=bytes(32),
                size_bytes=0,
                dataset_offset=0,
                instance_number=number,
                number_of_frames=frames,
                source="upload",
                received_at=timezone.now(),
            )
            BatchItem.objects.create(batch=batch, version=version)
            object_id = new_object_id()
            self.objects.write(Space.DEIDENTIFIED, object_id, [content], about={})
            DeidentifiedInstance.objects.create(
                version=version,
                profile=PROFILE,
                object_id="" if cause else object_id,
                sop_instance_uid=f"2.25.{number}",
                series_instance_uid="2.25.1",
                study_instance_uid="2.25.2",
                cause=cause,
            )
        self.batches.append(batch)
        return batch


@pytest.fixture
def services(tmp_path, db):
    return services_in(tmp_path)


@pytest.fixture
def clean_series(services):
    """An empty series of a study in its first revision."""
    from cauce.records.models import Project, Revision, Series, Study

    project, _ = Project.objects.get_or_create(slug="default")
    study = Study.objects.create(project=project, study_instance_uid="1.2.3", last_received_at=timezone.now())
    series = Series.objects.create(study=study, series_instance_uid="1.2.3.4", modality="CT", manufacturer="Maker")
    return CleanSeries(series, Revision.objects.create(study=study, number=1), services.objects)
