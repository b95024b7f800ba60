import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "rest"))

from rest_fixtures import *  # noqa: F403 - fixtures are found by name
