"""`manage.py migrate`: Django's own; the first time it also makes the administrator."""

from typing import Any

from django.core.management.commands.migrate import Command as DjangoMigrate

from cauce.cli import start
from cauce.settings import environment


class Command(DjangoMigrate):
    """Brings the tables up to date and makes the first administrator, whose password is shown once."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate; where everything was asked for, look for an administrator."""
        super().handle(*args, **options)
        if options["app_label"] or options["plan"] or options["check_unapplied"]:
            return
        settings = environment.current()
        password = start.ensure_admin(settings)
        if password:
            self.stdout.write(f"administrator: {start.ADMIN}\npassword:      {password}   (shown once)")
