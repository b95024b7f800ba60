"""Studies to be searched, and a table of searches: level, query, and what is found by the studies' short names."""

from cauce import samples

REQUEST = {"ScheduledProcedureStepID": "STEP-1", "RequestedProcedureID": "PROC-9"}


def uid(*words):
    return samples.stable_uid("search", *words)


def studies():
    """Return (short name, files) of each study."""
    return [
        (
            "munoz",
            [
                instance(
                    "munoz", 1, PatientName="Muñoz^José María", PatientID="P-1", StudyDate="20240110", StudyTime="0930"
                ),
                instance(
                    "munoz", 2, PatientName="Muñoz^José María", PatientID="P-1", StudyDate="20240110", StudyTime="0930"
                ),
                instance(
                    "munoz",
                    3,
                    "MR",
                    PatientName="Muñoz^José María",
                    PatientID="P-1",
                    StudyDate="20240110",
                    StudyTime="0930",
                ),
            ],
        ),
        (
            "yamada",
            [
                instance(
                    "yamada",
                    1,
                    PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
                    PatientID="P-2",
                    StudyDate="20240215",
                    StudyTime="120000.5",
                )
            ],
        ),
        (
            "kim",
            [
                instance(
                    "kim",
                    1,
                    PatientName="Hong^Gildong=洪^吉洞=홍^길동",
                    PatientID="P_2",
                    StudyDate="20240301",
                    StudyTime="235959",
                )
            ],
        ),
        (
            "obrien",
            [
                instance(
                    "obrien",
                    1,
                    "MR",
                    PatientName="O'Brien^Seán^^Dr",
                    PatientID="P%3",
                    StudyDate="20231231",
                    StudyTime="10",
                    AccessionNumber="ACC*1",
                )
            ],
        ),
        (
            "empty",
            [
                instance(
                    "empty", 1, PatientName="", PatientID="", StudyDate="", StudyTime="", AccessionNumber="", StudyID=""
                )
            ],
        ),
    ]


def instance(name, number, kind="CT", **attributes):
    series = f"{name}-{kind}"
    if name == "munoz" and kind == "MR":
        attributes["RequestAttributesSequence"] = [
            samples_item(**REQUEST),
            samples_item(ScheduledProcedureStepID="STEP-2"),
        ]
    return samples.small_instance(
        kind,
        SpecificCharacterSet="ISO_IR 192",
        StudyInstanceUID=uid(name),
        SeriesInstanceUID=uid(series),
        SOPInstanceUID=uid(name, str(number)),
        InstanceNumber=number,
        SeriesNumber=2 if kind == "MR" else 1,
        StudyDescription=f"Study of {name}",
        **attributes,
    )


def samples_item(**attributes):
    from pydicom import Dataset

    item = Dataset()
    for keyword, value in attributes.items():
        setattr(item, keyword, value)
    return item


ALL = {"munoz", "yamada", "kim", "obrien", "empty"}
FUZZY = "fuzzymatching=true&PatientName="
STUDIES = [
    ("", ALL),
    # single values, in every way to name an attribute
    ("PatientID=P-1", {"munoz"}),
    ("00100020=P-1", {"munoz"}),
    ("PatientID=p-1", set()),
    ("PatientID=P-1%5CP_2", {"munoz", "kim"}),
    ("StudyID=", ALL),
    ("PatientID=*", ALL),
    ("StudyDescription=Study%20of%20kim", {"kim"}),
    ("StudyDescription=Study+of+kim", {"kim"}),
    ("PatientSex=O", ALL),
    ("PatientBirthDate=19700101", ALL),
    ("IssuerOfPatientID=nobody", set()),
    # wildcards
    ("PatientID=P*", {"munoz", "yamada", "kim", "obrien"}),
    ("PatientID=P%2A", {"munoz", "yamada", "kim", "obrien"}),
    ("PatientID=P?2", {"yamada", "kim"}),
    ("PatientID=P%3F2", {"yamada", "kim"}),
    ("PatientID=P_2", {"kim"}),
    ("PatientID=P%253", {"obrien"}),
    ("PatientID=*%253*", {"obrien"}),
    ("PatientID=%5B*", set()),
    ("StudyDescription=*OF*", set()),
    ("StudyDescription=*of*m*", {"munoz", "kim", "yamada", "empty"}),
    # names as they are written: case and accents are looked past
    ("PatientName=MU%C3%91OZ%5EJOS%C3%89%20MAR%C3%8DA", {"munoz"}),
    ("PatientName=munoz%5Ejose%20maria", {"munoz"}),
    ("PatientName=munoz", set()),
    ("PatientName=mun*", {"munoz"}),
    ("PatientName=*maria", {"munoz"}),
    ("PatientName=y?mada*", {"yamada"}),
    ("PatientName=%E5%B1%B1%E7%94%B0*", {"yamada"}),
    ("PatientName=yamada*=%E5%B1%B1*", {"yamada"}),
    ("PatientName=yamada*=%E6%B4%AA*", set()),
    ("PatientName=o'brien%5Esean%5E%5Edr", {"obrien"}),
    # names by words
    (FUZZY + "mun", {"munoz"}),
    (FUZZY + "MUNOZ", {"munoz"}),
    (FUZZY + "jose%20mu%C3%B1", {"munoz"}),
    (FUZZY + "maria%5Ejos", {"munoz"}),
    (FUZZY + "unoz", set()),
    (FUZZY + "obrien", {"obrien"}),
    (FUZZY + "Sean", {"obrien"}),
    (FUZZY + "%E5%A4%AA%E9%83%8E", {"yamada"}),
    (FUZZY + "%E5%B1%B1%E7%94%B0", {"yamada"}),
    (FUZZY + "%E9%83%8E", {"yamada"}),
    (FUZZY + "%E3%83%A4%E3%83%9E%E3%83%80", {"yamada"}),
    (FUZZY + "%ED%99%8D", {"kim"}),
    (FUZZY + "%EA%B8%B8%EB%8F%99", {"kim"}),
    (FUZZY + "%EA%B8%B0", set()),
    (FUZZY + "yam%20%E5%A4%AA", {"yamada"}),
    (FUZZY + "yam%20sean", set()),
    (FUZZY + "*", ALL),
    ("fuzzymatching=false&PatientName=mun", set()),
    ("fuzzymatching=true&ReferringPhysicianName=ursula", ALL),
    ("ReferringPhysicianName=modelo*", ALL),
    # dates and times
    ("StudyDate=20240110", {"munoz"}),
    ("StudyDate=20240110-20240215", {"munoz", "yamada"}),
    ("StudyDate=20240215-", {"yamada", "kim"}),
    ("StudyDate=-20240110", {"munoz", "obrien"}),
    ("StudyDate=20250101-20240101", set()),
    ("StudyTime=0930", {"munoz"}),
    ("StudyTime=093000", {"munoz"}),
    ("StudyTime=10", {"obrien"}),
    ("StudyTime=100000", {"obrien"}),
    ("StudyTime=120000.500", {"yamada"}),
    ("StudyTime=12", {"yamada"}),
    ("StudyTime=0930-12", {"munoz", "yamada", "obrien"}),
    ("StudyTime=-10:00", {"munoz", "obrien"}),
    ("StudyTime=2359-", {"kim"}),
    # a range of dates with one of times is one range of moments
    ("StudyDate=20231231-20240215&StudyTime=11-11", {"munoz"}),
    ("StudyDate=20231231-20240215&StudyTime=10-12", {"munoz", "obrien", "yamada"}),
    ("StudyDate=20240110-&StudyTime=1000-", {"yamada", "kim"}),
    ("StudyDate=-20240301&StudyTime=-2359", {"munoz", "obrien", "yamada", "kim"}),
    ("StudyDate=20231231-20240215&StudyTime=10-", {"yamada", "obrien"}),
    # UIDs and lists
    (f"StudyInstanceUID={uid('kim')}", {"kim"}),
    (f"StudyInstanceUID={uid('kim')},{uid('munoz')}", {"kim", "munoz"}),
    (f"StudyInstanceUID={uid('kim')}%5C{uid('munoz')}", {"kim", "munoz"}),
    (f"StudyInstanceUID={uid('kim')}&StudyInstanceUID={uid('munoz')}", {"kim", "munoz"}),
    ("StudyInstanceUID=1.2.3", set()),
    # what is below
    ("ModalitiesInStudy=MR", {"munoz", "obrien"}),
    ("ModalitiesInStudy=M*", {"munoz", "obrien"}),
    ("ModalitiesInStudy=MR%5CCT", ALL),
    ("ModalitiesInStudy=MR,XA", {"munoz", "obrien"}),
    ("00080061=MR", {"munoz", "obrien"}),
    ("SOPClassesInStudy=1.2.840.10008.5.1.4.1.1.4", {"munoz", "obrien"}),
    ("Modality=MR&SeriesNumber=2", {"munoz", "obrien"}),
    ("Modality=CT&SeriesNumber=2", set()),
    ("InstanceNumber=3&Modality=MR", {"munoz"}),
    ("InstanceNumber=2&Modality=MR", set()),
    (f"SOPInstanceUID={uid('kim', '1')}", {"kim"}),
    (f"SeriesInstanceUID={uid('munoz-MR')}", {"munoz"}),
    ("RequestAttributesSequence.ScheduledProcedureStepID=STEP-1", {"munoz"}),
    ("00400275.00400009=STEP-1", {"munoz"}),
    ("RequestAttributesSequence.00400009=STEP*", {"munoz"}),
    ("00400275.00400009=STEP-1&00400275.00401001=PROC-9", {"munoz"}),
    ("00400275.00400009=STEP-2&00400275.00401001=PROC-9", set()),
    # all together
    ("PatientName=mun*&StudyDate=2024-&ModalitiesInStudy=MR".replace("2024-", "20240101-"), {"munoz"}),
    (FUZZY + "mun&StudyDate=20240101-20241231&PatientID=P-1&ModalitiesInStudy=CT", {"munoz"}),
    ("PatientName=mun*&PatientID=P_2", set()),
    # empty values
    ("emptyvaluematching=true&PatientID=%22%22", {"empty"}),
    ("emptyvaluematching=true&PatientName=%22%22", {"empty"}),
    ("emptyvaluematching=true&StudyDate=%22%22", {"empty"}),
    ("emptyvaluematching=false&PatientID=%22%22", set()),
    ("multiplevaluematching=true&PatientID=P-1%5CP_2", {"munoz", "kim"}),
    # what is no attribute that can be matched is passed over
    ("unknown=1", ALL),
    ("PixelSpacing=1", ALL),
    ("00091001=1", ALL),
]
MUNOZ, ALL_SERIES = {"munoz-CT", "munoz-MR"}, {"munoz-CT", "munoz-MR", "yamada-CT", "kim-CT", "obrien-MR", "empty-CT"}
SERIES = [
    ("/series", "", ALL_SERIES),
    ("/series", "Modality=MR", {"munoz-MR", "obrien-MR"}),
    ("/series", "PatientID=P-1", MUNOZ),
    ("/series", "PatientID=P-1&Modality=MR", {"munoz-MR"}),
    ("/series", "SeriesNumber=2", {"munoz-MR", "obrien-MR"}),
    ("/series", "SeriesNumber=2,1", ALL_SERIES),
    ("/series", f"SeriesInstanceUID={uid('kim-CT')},{uid('munoz-MR')}", {"kim-CT", "munoz-MR"}),
    ("/series", "StudyDate=20240110-20240215", {*MUNOZ, "yamada-CT"}),
    ("/series", FUZZY + "sean", {"obrien-MR"}),
    ("/series", "ModalitiesInStudy=MR", {*MUNOZ, "obrien-MR"}),
    ("/series", "SOPClassUID=1.2.840.10008.5.1.4.1.1.4", {"munoz-MR", "obrien-MR"}),
    ("/series", "00400275.00400009=STEP-1", {"munoz-MR"}),
    ("/series", "PerformedProcedureStepStartDate=19000101-", set()),
    ("/series", "InstanceNumber=3", {"munoz-MR"}),
    (f"/studies/{uid('munoz')}/series", "", MUNOZ),
    (f"/studies/{uid('munoz')}/series", "Modality=CT", {"munoz-CT"}),
    (f"/studies/{uid('munoz')}/series", "PatientID=P-1", MUNOZ),
    (f"/studies/{uid('munoz')}/series", "PatientID=P_2", set()),
    ("/studies/1.2.3/series", "", set()),
]
INSTANCES = [
    ("/instances", "", {"munoz 1", "munoz 2", "munoz 3", "yamada 1", "kim 1", "obrien 1", "empty 1"}),
    ("/instances", "PatientID=P-1", {"munoz 1", "munoz 2", "munoz 3"}),
    ("/instances", "PatientID=P*&InstanceNumber=2", {"munoz 2"}),
    ("/instances", "InstanceNumber=2,3", {"munoz 2", "munoz 3"}),
    ("/instances", "Modality=MR", {"munoz 3", "obrien 1"}),
    ("/instances", "SOPClassUID=1.2.840.10008.5.1.4.1.1.4", {"munoz 3", "obrien 1"}),
    ("/instances", f"SOPInstanceUID={uid('kim', '1')},{uid('munoz', '2')}", {"kim 1", "munoz 2"}),
    ("/instances", FUZZY + "mun", {"munoz 1", "munoz 2", "munoz 3"}),
    ("/instances", "StudyDate=20240215-&Rows=32", {"yamada 1", "kim 1"}),
    ("/instances", "Rows=33", set()),
    ("/instances", "BitsAllocated=16&StudyDate=20240301", {"kim 1"}),
    ("/instances", "ImageType=PRIMARY&InstanceNumber=3", {"munoz 3"}),
    ("/instances", "ImageType=PRIM&InstanceNumber=3", set()),
    ("/instances", "00400275.00400009=STEP-2", {"munoz 3"}),
    (f"/studies/{uid('munoz')}/instances", "", {"munoz 1", "munoz 2", "munoz 3"}),
    (f"/studies/{uid('munoz')}/instances", "Modality=MR", {"munoz 3"}),
    (f"/studies/{uid('munoz')}/series/{uid('munoz-CT')}/instances", "", {"munoz 1", "munoz 2"}),
    (f"/studies/{uid('munoz')}/series/{uid('munoz-CT')}/instances", "InstanceNumber=2", {"munoz 2"}),
    (f"/studies/{uid('kim')}/series/{uid('munoz-CT')}/instances", "", set()),
]
MALFORMED = [
    "StudyDate=2024",
    "StudyDate=20240230",
    "StudyDate=-",
    "StudyDate=2024-01-01",
    "StudyTime=25",
    "StudyTime=1-2-3",
    "StudyInstanceUID=abc",
    "StudyInstanceUID=1.2*",
    "SeriesNumber=one",
    "SeriesNumber=1e3",
    "limit=-1",
    "limit=x",
    "limit=",
    "offset=1.5",
    "fuzzymatching=perhaps",
    "includefield=%3Cscript%3E",
    "PatientID=a%00b",
    "PatientID=a%0Ab",
    "PatientID=" + "a" * 10_000,
    "PatientID=" + "a*" * 100,
    "PatientName=a%5Cb",
    "PatientID=a*%5Cb",
    "PatientID=1&PatientID=2",
    "StudyInstanceUID=" + ",".join(["1.2"] * 5000),
    "&".join(["a=1"] * 1000),
    "PatientID=" + "a" * 300_000,
    "includefield=" + ",".join(f"{number:08X}" for number in range(2000)),
]
HOSTILE = [
    "PatientID='%20OR%201=1--",
    "PatientName=%27%3B%20DROP%20TABLE%20records_study%3B--*",
    "PatientID=%25s%7Bp0%7D",
    "PatientID={limit}",
    "PatientID=%ED%A0%80",
    "PatientName=%F0%9F%98%80*",
    "PatientID=%FF%FE*",
    "%ED%A0%80=%ED%A0%80",
    "PatientName=%E2%80%AE*&fuzzymatching=true",
    "offset=999999999999999999",
    "limit=999999999999999999",
    "PatientID=" + "?" * 16,
    "PatientName=" + "a" * 900 + "&fuzzymatching=true",
    "SeriesNumber=999999999999999999",
    "InstanceNumber=-999999999999999999",
    "RequestAttributesSequence.ScheduledProcedureStepID.RequestAttributesSequence=1",
    "a.b.c.d.e.f.g.h.i.j.k=1",
    "=",
    "&&&&",
    "%",
    "PatientName=%25%5F%5C",
]
