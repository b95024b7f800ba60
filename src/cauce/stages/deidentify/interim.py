"""Profiles as text, until the profile module reads them itself."""

from hashlib import sha256

import yaml

from cauce.core.errors import CauceError
from cauce.stages.deidentify import profile as profiles
from cauce.stages.deidentify.table import load_table

EDITION = load_table().edition


class ProfileError(CauceError):
    """A profile is none; `detail` names every fault."""

    code = "invalid_profile"


def parse_profile(text: str):
    try:
        held = yaml.safe_load(text)
        return {"Basic Profile": profiles.BASIC, "Basic Profile, Modified Dates": profiles.LONGITUDINAL}[held["name"]]
    except Exception as error:
        raise ProfileError("It is no profile.") from error


def profile_yaml(profile) -> str:
    return f"name: {profile.name}\nversion: '1'\n"


def digest_of(profile) -> str:
    return sha256(profile.name.encode()).hexdigest()
