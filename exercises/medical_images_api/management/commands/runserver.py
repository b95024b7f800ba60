"""`manage.py runserver`: the platform's web server, as `cauce web` runs it."""

import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cauce.cli import start
from cauce.cli.web_server import serve_web
from cauce.settings import environment


class Command(BaseCommand):
    """Serves the API until Ctrl-C."""

    help = "Serves the API until Ctrl-C, at CAUCE_HTTP (127.0.0.1:8000) or at the address given."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take Django's arguments; there is no reloader here."""
        parser.add_argument("addrport", nargs="?", help="port, or address:port")
        parser.add_argument("--noreload", action="store_true", help="as it is anyway")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django's signature
        """Serve."""
        settings = environment.current()
        if given := options["addrport"]:
            host = settings.http_address[0]
            os.environ["CAUCE_HTTP"] = given if ":" in given else f"{host}:{given}"
            environment.current.cache_clear()
            settings = environment.current()
        start.require_free_port("CAUCE_HTTP", settings.http_address)
        if start.pending_migrations():
            raise CommandError("the tables are not up to date: python manage.py migrate")
        self.stdout.write(f"The API is at {settings.base_url}/api/\nQuit with CONTROL-C.")
        self.stdout.flush()
        serve_web(settings)
