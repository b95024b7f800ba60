"""Whatever a data set holds, it says the same after any two changes of its encoding."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from test_reencoding import EXPLICIT, NATIVE, anew, digest, read, saved, seen

TEXTS = st.text(st.characters(codec="ascii", exclude_characters="\\\0^="), max_size=20).map(str.strip)
DATA_SETS = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "PatientID": TEXTS,
            "PatientComments": TEXTS,
            "StudyInstanceUID": st.just("1.2.3"),
            "InstanceNumber": st.integers(-1000, 1000),
            "Rows": st.integers(0, 65535),
            "ReferencePixelX0": st.integers(-(1 << 31), (1 << 31) - 1),
            "RecommendedDisplayFrameRateInFloat": st.floats(width=32, allow_nan=False),
            "ExposureTimeInms": st.floats(allow_nan=False),
            "SelectorOWValue": st.binary(max_size=40).map(lambda value: value[: len(value) & ~1]),
            "SelectorATValue": st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=3),
        },
    ),
    lambda inner: st.fixed_dictionaries({"SourceImageSequence": st.lists(inner, max_size=3), "PatientID": TEXTS}),
    max_leaves=5,
)


def made_of(values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, Sequence(map(made_of, value)) if keyword == "SourceImageSequence" else value)
    return ds


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=DATA_SETS, stored=st.sampled_from(NATIVE), by=st.sampled_from(NATIVE), to=st.sampled_from(NATIVE))
def test_any_data_set_says_the_same_after_any_two_changes(values, stored, by, to):
    ds = made_of(values)
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", "1.2.826.0.1.7"
    sent = anew(saved(ds, EXPLICIT), stored)
    made = anew(anew(sent, by), to)
    assert digest(made) == digest(sent)
    assert seen(read(anew(made, EXPLICIT))) == seen(read(saved(ds, EXPLICIT)))
