"""What is damaged: objects of ours in every encoding, and the corpora where they are unpacked."""

import sys
from pathlib import Path

from cauce.samples import ct_slice, small_instance, to_part10, us_image

ROOT = Path(__file__).resolve().parents[2]
CORPORA = (ROOT / ".corpus" / "public", ROOT / ".corpus" / "malformed")
SEED_BYTES_MAX = 700_000


def made_seeds() -> list[bytes]:
    """Return small objects made by code alone."""
    sys.path.insert(0, str(ROOT / "tests" / "validate"))
    import validate_files as made

    table = b"\0\0\0\0\x0c\0\0\0"
    fragments = made.Encapsulated((table, b"\xff\xd8ab", b"\xff\xd8cd"))
    seeds = [made.part10(made.SUBJECT, syntax) for syntax in made.ENCODINGS]
    seeds += [
        made.part10(made.SUBJECT, encoding=made.Encoding(undefined_lengths=True, group_lengths=True)),
        made.part10(made.SUBJECT, encoding=made.Encoding(sequences_as_unknown=True)),
        made.part10(made.image(*made.RICH, frames=2, vr="OB", pixels=fragments), made.JPEG),
        made.part10(made.image(*made.RICH, frames=2, vr="OB", pixels=fragments), made.RLE),
        made.file_meta() + made.Encoding().data_set(made.SUBJECT),
        made.Encoding(implicit=True).data_set(made.SUBJECT),
        small_instance(),
        to_part10(ct_slice(0, seed=5)),
        to_part10(us_image(seed=5)),
    ]
    return seeds


def corpus_seeds() -> list[bytes]:
    """Return the files of the corpora that are not too long, in a fixed order; none where they are absent."""
    paths = [path for folder in CORPORA if folder.is_dir() for path in sorted(folder.rglob("*")) if path.is_file()]
    return [path.read_bytes() for path in paths if 0 < path.stat().st_size <= SEED_BYTES_MAX]
