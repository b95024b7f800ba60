"""Made-up identities: 60 strings each, in the letters of one character set, and their attributes."""

import random
from dataclasses import dataclass, field

from pydicom.dataset import Dataset

STRINGS = 60
_LATIN = "abcdefghijklmnoprstuvwz"
_HAN = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗"
SCRIPTS = {
    "": "",
    "ISO_IR 100": "éèñçõàüöß",
    "ISO_IR 101": "łśćżřůőąę",
    "ISO_IR 144": "бгджзийклмнпрстуфхцчшэюя",
    "ISO_IR 126": "αβγδεζηθικλμνξπρστυφχψω",
    "ISO_IR 127": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
    "ISO_IR 138": "אבגדהוזחטיכלמנסעפצקרשת",
    "ISO_IR 148": "ğışöüç",
    "ISO_IR 192": _HAN,
    "GB18030": _HAN,
    "\\ISO 2022 IR 87": "山田太郎鈴木高橋伊藤渡辺中村小林加藤吉",
    "\\ISO 2022 IR 149": "김이박최정강조윤장임한오서신권황안송류홍",
}
"""Letters beyond ASCII, by Specific Character Set. In the last four a name has a second group in them."""
_GROUPED = frozenset(list(SCRIPTS)[-4:])


@dataclass
class Who:
    """One identity: `strings` holds each of its strings; the methods make more of them."""

    chance: random.Random
    character_set: str
    strings: list[str] = field(default_factory=list)

    def keep(self, text):
        self.strings.append(text)
        return text

    def word(self):
        letters = _LATIN + SCRIPTS[self.character_set] * (self.character_set not in _GROUPED)
        return "".join(self.chance.choices(letters, k=self.chance.randint(6, 9))).capitalize()

    def name(self):
        """Return a name of two components, each of which is to vanish."""
        text = f"{self.keep(self.word())}^{self.keep(self.word())}"
        if self.character_set in _GROUPED:
            letters = SCRIPTS[self.character_set]
            # Two ideographs may stand anywhere by chance: surname and given name together may not.
            surname, given = ("".join(self.chance.choices(letters, k=2)) for _ in range(2))
            self.keep(surname + given)
            text += f"={surname}^{given}"
        return text

    def number(self, length=8):
        return self.keep("".join(self.chance.choices("123456789", k=length)))

    def code(self):
        return self.keep(f"{self.chance.choice('QXZ')}{self.chance.choice('KVW')}{self.chance.randint(10**5, 10**6)}")

    def place(self):
        return self.keep(f"{self.word()} {self.word()} {self.chance.randint(10, 99)}")

    def uid(self):
        return self.keep(f"1.3.{self.chance.randint(10**8, 10**9)}.{self.chance.randint(10**8, 10**9)}")


def who(number):
    """Return the identity of that number, and a data set of what identifies it."""
    chance = random.Random(number)
    made = Who(chance, list(SCRIPTS)[number % len(SCRIPTS)])
    ds = Dataset()
    ds.SpecificCharacterSet = made.character_set.split("\\")
    for keyword in ("PatientName", "ReferringPhysicianName", "OperatorsName", "PatientMotherBirthName"):
        setattr(ds, keyword, made.name())
    for keyword in ("PerformingPhysicianName", "PhysiciansOfRecord", "NameOfPhysiciansReadingStudy"):
        setattr(ds, keyword, made.name())
    ds.OtherPatientNames, ds.RequestingPhysician = [made.name(), made.name()], made.name()
    for keyword in ("PatientID", "AccessionNumber", "MedicalRecordLocator", "AdmissionID", "StationName"):
        setattr(ds, keyword, made.code())
    for keyword in ("PerformedProcedureStepID", "ClinicalTrialSubjectID", "FillerOrderNumberImagingServiceRequest"):
        setattr(ds, keyword, made.code())
    for keyword in ("PatientAddress", "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName"):
        setattr(ds, keyword, made.place())
    ds.StudyID, ds.DeviceSerialNumber, ds.IssuerOfPatientID = made.number(), made.number(9), made.place()
    ds.PatientTelephoneNumbers = made.keep(f"+49 {chance.randint(100, 999)} {chance.randint(10**6, 10**7 - 1)}")
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "DeviceUID"):
        setattr(ds, keyword, made.uid())
    ds.PatientBirthDate = made.keep(f"19{chance.randint(20, 99)}{chance.randint(1, 12):02}{chance.randint(13, 28)}")
    ds.OtherPatientIDs = [made.code() for _ in range(STRINGS - len(made.strings))]
    return made, ds
