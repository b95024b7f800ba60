"""Django's commands for the results API: `migrate`, `populate_data`, `runserver`, and all others."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))


def main() -> int:
    """Run one of them; return the exit status."""
    from medical_images_api import starting

    from cauce.core.errors import CauceError

    try:
        starting.prepare()
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except CauceError as error:
        print(error.detail, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
