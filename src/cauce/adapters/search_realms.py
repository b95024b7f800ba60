"""The two spaces as searches see them: which tables and columns an attribute is found in."""

from dataclasses import dataclass
from typing import Final

from cauce.core.searching import ATTRIBUTES, Level
from cauce.core.statuses import Space


@dataclass(frozen=True, kw_only=True, slots=True)
class Realm:
    """Tables of one space. Aliases are the same in all statements: `st`, `s`, `i`, and `v` for the stored version.

    `instance_joins` name and tie the tables of an instance to its series `s`; `instance_project` is the column of its
    project, where it has one; `is_served` is what else holds of an instance that is served.
    """

    study: str
    series: str
    names: str
    kinds: str
    requests: str
    instance: str
    instance_project: str
    instance_joins: tuple[str, ...]
    is_served: str
    instance_columns: dict[str, str]
    document: str

    def column(self, name: str) -> str:
        """Return where the values of an attribute are."""
        return _COLUMNS.get(name) or self.instance_columns[name]


_OURS: Final = {"study_timezone": "st.timezone_offset", "series_timezone": "s.timezone_offset"}
_COLUMNS: Final = {
    one.name: _OURS.get(one.name, f"{'st' if one.level is Level.STUDY else 's'}.{one.name}")
    for one in ATTRIBUTES
    if one.level is not Level.INSTANCE
}
_OF_VERSION: Final = {
    name: f"v.{name}"
    for name in (
        "image_type",
        "instance_number",
        "photometric_interpretation",
        "number_of_frames",
        "rows",
        "columns",
        "bits_allocated",
    )
}

ORIGINALS: Final = Realm(
    study="records_study",
    series="records_series",
    names="records_studyname",
    kinds="records_serieskind",
    requests="records_seriesrequest",
    instance="records_instance i",
    instance_project="i.project_id",
    instance_joins=("i.series_id = s.id", "v.instance_id = i.id", "v.state = 'current'"),
    is_served="",
    instance_columns={
        **_OF_VERSION,
        "sop_class_uid": "i.sop_class_uid",
        "sop_instance_uid": "i.sop_instance_uid",
        "content_date": "v.content_date",
        "content_time": "v.content_time",
        "instance_timezone": "v.timezone_offset",
    },
    document="SELECT h.version_id, h.dicom_json FROM records_versionheader h WHERE h.version_id IN {pks}",
)
CLEAN: Final = Realm(
    study="records_cleanstudy",
    series="records_cleanseries",
    names="records_cleanname",
    kinds="records_cleankind",
    requests="records_cleanrequest",
    instance="records_deidentifiedinstance i",
    instance_project="",
    instance_joins=("i.clean_series_id = s.id", "v.id = i.version_id", "v.state = 'current'"),
    is_served="i.object_id <> '' AND i.id = "
    "(SELECT max(d.id) FROM records_deidentifiedinstance d WHERE d.version_id = i.version_id)",
    instance_columns={
        **_OF_VERSION,
        "sop_class_uid": "(SELECT o.sop_class_uid FROM records_instance o WHERE o.id = v.instance_id)",
        "sop_instance_uid": "i.sop_instance_uid",
        "content_date": "i.content_date",
        "content_time": "i.content_time",
        "instance_timezone": "i.timezone_offset",
    },
    document="SELECT i.id, i.dicom_json FROM records_deidentifiedinstance i WHERE i.id IN {pks}",
)
REALMS: Final = {Space.ORIGINALS: ORIGINALS, Space.DEIDENTIFIED: CLEAN}
