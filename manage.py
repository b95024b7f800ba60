"""Django's management commands, for who looks for them here: `python manage.py migrate`, `shell`, `check`."""

import sys

from cauce import bootstrap


def main() -> None:
    """Run one of Django's commands on this data folder."""
    bootstrap.setup()
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
