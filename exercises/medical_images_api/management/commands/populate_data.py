"""`manage.py populate_data`: what `medical_images_api/populate_data.py` does."""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from output import drop_output

from cauce.core.errors import CauceError
from medical_images_api.populate_data import SAMPLE, populate


class Command(BaseCommand):
    """Creates a result of each element of a file."""

    help = "Creates a result of each element of a file, through the API."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the file."""
        parser.add_argument("file", nargs="?", type=Path, default=SAMPLE, help="JSON of elements")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Fill the database.

        Raises:
            CommandError: some elements were not taken.
        """
        try:
            is_whole = populate(options["file"])
            sys.stdout.flush()
        except BrokenPipeError:  # who reads the output has seen enough
            drop_output()
            sys.exit(1)
        except (CauceError, OSError) as error:
            if isinstance(error, OSError) and error.filename is None:
                drop_output()
            raise CommandError(getattr(error, "detail", "") or str(error)) from error
        if not is_whole:
            raise CommandError("some elements were not taken")
