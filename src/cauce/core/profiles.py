"""Which outputs were made under which profile: by its name, its digest, and the version of what carried it out."""

from typing import Final

from cauce.core.messages import ProfileText

KEY_LENGTH_MAX: Final = 64
_NAME_LENGTH_MAX: Final = 36
_DIGEST_LENGTH: Final = 16


def output_key(profile: ProfileText, *, engine: str) -> str:
    """Return what tells outputs under `profile`, made by this version of the de-identifier, from all others."""
    return f"{profile.name[:_NAME_LENGTH_MAX]}@{profile.digest[:_DIGEST_LENGTH]}.{engine}"
