"""Django's settings: the platform's own, with the commands of this folder in front.

The database is PostgreSQL where `CAUCE_DATABASE_URL` names one, such as `postgres://user:password@localhost/cauce`, and
the embedded SQLite database (encrypted, in `cauce-data` beside this folder) where it does not, or where PostgreSQL does
not answer: `starting.prepare` looks before this file is read.
"""

from cauce.settings import django as platform
from cauce.settings.django import *  # noqa: F403 - all of them

INSTALLED_APPS = ["medical_images_api", *platform.INSTALLED_APPS]
